"""What every store promises of global roots: they change in one with their objects, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import RootChange, RootRecord, Store
from tests.storekit.kit import Bench, Maker, delete_object, make_record, put_record


def root(number: int) -> RootRecord:
    return RootRecord(make_record(f"root {number}").object_id, number)


def change(held: int, new: int, name: str = "root-state/a") -> RootChange:
    return RootChange(name, root(held) if held else None, root(new))


async def test_a_root_comes_with_its_objects(store: Store) -> None:
    records = [make_record(number) for number in range(3)]
    assert await store.state.root("root-state/a") is None
    assert await store.state.commit(records, change(0, 1)) is True
    assert await store.state.root("root-state/a") == root(1)
    assert await store.state.root("root-state/b") is None
    for record in records:
        assert await store.objects.get(record.object_id) == record
    assert store.stat().object_count == 3
    assert store.stat().storage_size == sum(len(record.raw) for record in records)


async def test_another_root_than_expected_keeps_everything_as_it_is(store: Store) -> None:
    await store.state.commit([], change(0, 1))
    record = make_record(1)
    for wrong in (change(0, 2), change(2, 3)):
        assert await store.state.commit([record], wrong) is False
    assert await store.state.root("root-state/a") == root(1)
    assert await store.objects.get(record.object_id) is None
    assert await store.state.commit([record], change(1, 2)) is True


async def test_of_commits_at_the_same_time_one_wins(store: Store) -> None:
    records = [make_record(number) for number in range(8)]
    done = await asyncio.gather(
        *(store.state.commit([record], change(0, number + 1)) for number, record in enumerate(records))
    )
    assert sum(done) == 1
    winner = done.index(True)
    assert await store.state.root("root-state/a") == root(winner + 1)
    assert [await store.objects.get(record.object_id) is not None for record in records] == done


async def test_objects_that_are_there_stay_as_they_are(store: Store) -> None:
    held, same = make_record(1, access=0o700), make_record(1, access=0o777)
    await put_record(store, held)
    assert await store.state.commit([same, make_record(2)]) is True
    assert await store.objects.get(held.object_id) == held
    assert store.stat().object_count == 2


async def test_objects_alone_change_no_root(store: Store) -> None:
    await store.state.commit([], change(0, 1))
    assert await store.state.commit([make_record(1)]) is True
    assert await store.state.root("root-state/a") == root(1)


async def test_states_have_roots_of_their_own(store: Store) -> None:
    await store.state.commit([], change(0, 1, "root-state/a"))
    await store.state.commit([], change(0, 2, "local-cache/a"))
    assert await store.state.root("root-state/a") == root(1)
    assert await store.state.root("local-cache/a") == root(2)


@pytest.mark.parametrize("name", ["", "n" * 201])
async def test_names_have_1_to_200_bytes(store: Store, name: str) -> None:
    for call in (store.state.root(name), store.state.commit([], change(0, 1, name))):
        with pytest.raises(CyfsError) as raised:
            await call
        assert raised.value.code == ErrorCode.INVALID_PARAM


async def test_a_full_disk_refuses_the_commit_whole(store: Store, maker: Maker, bench: Bench) -> None:
    await store.state.commit([], change(0, 1))
    maker.fill_disk(store, bench)
    record = make_record(1)
    with pytest.raises(CyfsError) as raised:
        await store.state.commit([record], change(1, 2))
    assert raised.value.code == ErrorCode.OUT_OF_LIMIT
    assert await store.state.root("root-state/a") == root(1)
    assert await store.objects.get(record.object_id) is None
    maker.free_disk(store, bench)
    assert await store.state.commit([record], change(1, 2)) is True


async def test_a_commit_sees_the_updates_before_it(store: Store) -> None:
    record = make_record(1)
    await put_record(store, record)
    removing = asyncio.create_task(delete_object(store, record.object_id))
    await asyncio.sleep(0)
    committing = asyncio.create_task(store.state.commit([record], change(0, 1)))
    assert await removing is True
    assert await committing is True


async def test_roots_outlive_the_store(maker: Maker, bench: Bench) -> None:
    if not maker.lasting:
        pytest.skip("nothing outlives a store in memory")
    store = maker.make(bench)
    record = make_record(1)
    await store.state.commit([record], change(0, 1))
    await store.close()
    again = maker.make(bench)
    assert await again.state.root("root-state/a") == root(1)
    assert await again.objects.get(record.object_id) == record
    await again.close()


async def test_a_closed_store_says_so(maker: Maker, bench: Bench) -> None:
    store = maker.make(bench)
    await store.close()
    for call in (store.state.root("root-state/a"), store.state.commit([], change(0, 1))):
        with pytest.raises(CyfsError) as raised:
            await call
        assert raised.value.code == ErrorCode.ERROR_STATE


async def test_all_roots_are_listed_by_name(store: Store) -> None:
    assert [item async for item in store.state.roots()] == []
    for number, name in enumerate(("root-state/b", "local-cache/a", "root-state/\u00fc")):
        await store.state.commit([], change(0, number + 1, name))
    assert [item async for item in store.state.roots()] == [
        ("local-cache/a", root(2)),
        ("root-state/b", root(1)),
        ("root-state/\u00fc", root(3)),
    ]
