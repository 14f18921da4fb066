"""What every store promises of records: what services remember beside objects, by space and key."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Store
from tests.storekit.kit import Bench, Maker


async def listed(store: Store, space: str, prefix: str = "", after: str | None = None) -> list[tuple[str, bytes]]:
    return [item async for item in store.records.list(space, prefix, after)]


async def test_a_record_is_what_was_put_last(store: Store) -> None:
    assert await store.records.get("tasks", "a") is None
    await store.records.put("tasks", "a", b"one")
    await store.records.put("tasks", "a", b"two")
    assert await store.records.get("tasks", "a") == b"two"
    assert await store.records.get("task", "sa") is None
    assert await store.records.delete("tasks", "a") is True
    assert await store.records.delete("tasks", "a") is False
    assert await store.records.get("tasks", "a") is None


async def test_a_space_is_listed_in_order_by_prefix_and_from_a_key_on(store: Store) -> None:
    for key in ("b2", "a", "b10", "b1", "\u00fc", ""):
        await store.records.put("tasks", key, key.encode())
    await store.records.put("tasks2", "b3", b"")
    assert [key for key, _ in await listed(store, "tasks")] == ["", "a", "b1", "b10", "b2", "\u00fc"]
    assert await listed(store, "tasks", "b") == [("b1", b"b1"), ("b10", b"b10"), ("b2", b"b2")]
    assert [key for key, _ in await listed(store, "tasks", "b", "b1")] == ["b10", "b2"]
    assert [key for key, _ in await listed(store, "tasks", "b", "a")] == ["b1", "b10", "b2"]
    assert [key for key, _ in await listed(store, "tasks", "b", "c")] == []


async def test_many_records_are_listed_once_each(store: Store) -> None:
    for number in range(600):
        await store.records.put("many", f"{number:04}", b"")
    assert [key for key, _ in await listed(store, "many")] == [f"{number:04}" for number in range(600)]


@pytest.mark.parametrize(("space", "key"), [("", "a"), ("s", "k" * 400), ("s" * 401, ""), ("a\0b", "c"), ("a", "b\0")])
async def test_names_are_short_and_have_no_nul(store: Store, space: str, key: str) -> None:
    with pytest.raises(CyfsError) as raised:
        await store.records.put(space, key, b"")
    assert raised.value.code == ErrorCode.INVALID_PARAM


async def test_a_full_disk_takes_no_record_and_deletes_them(store: Store, maker: Maker, bench: Bench) -> None:
    await store.records.put("tasks", "a", b"one")
    maker.fill_disk(store, bench)
    with pytest.raises(CyfsError) as raised:
        await store.records.put("tasks", "a", b"two")
    assert raised.value.code == ErrorCode.OUT_OF_LIMIT
    assert await store.records.get("tasks", "a") == b"one"
    assert await store.records.delete("tasks", "a") is True


async def test_records_outlive_the_store(maker: Maker, bench: Bench) -> None:
    if not maker.lasting:
        pytest.skip("nothing outlives a store in memory")
    store = maker.make(bench)
    await store.records.put("tasks", "a", b"one")
    await store.close()
    again = maker.make(bench)
    assert await again.records.get("tasks", "a") == b"one"
    await again.close()


async def test_the_spaces_that_have_records_are_listed_once_each(store: Store) -> None:
    assert [space async for space in store.records.spaces()] == []
    for space, key in (("tasks", "b"), ("a", "z"), ("tasks", "a"), ("a\x01", ""), ("task", ""), ("gone", "x")):
        await store.records.put(space, key, b"")
    await store.records.delete("gone", "x")
    assert [space async for space in store.records.spaces()] == ["a", "a\x01", "task", "tasks"]
