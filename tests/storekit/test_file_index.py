"""What every store promises of the file index."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import FileIndexEntry, Store
from tests.storekit.kit import Bench, Maker, make_chunk, make_record


def make_entry(number: int) -> FileIndexEntry:
    chunks = tuple(make_chunk((number, part), 10)[0] for part in range(3))
    return FileIndexEntry(
        make_record(number).object_id,
        bytes((number,)) * 32,
        length=(1 << 62) + number,
        owner=make_record("owner").object_id if number % 2 else None,
        flags=number,
        quick_hash=(f"quick-{number}", "shared", "ü" * 1000),
        ref_dirs=((make_record("dir").object_id, f"/a/{number}"), (make_record("dir2").object_id, "")),
        chunks=(*chunks, make_chunk("shared", 10)[0]),
    )


async def test_an_entry_is_found_by_all_its_keys(store: Store) -> None:
    entries = sorted((make_entry(number) for number in range(1, 6)), key=lambda entry: entry.file_id)
    for entry in entries:
        await store.files.add(entry)
    for entry in entries:
        assert await store.files.by_id(entry.file_id) == entry
        assert await store.files.by_hash(entry.hash) == entry
        assert await store.files.by_quick_hash(entry.quick_hash[0]) == [entry]
        assert await store.files.by_chunk(entry.chunks[0]) == [entry]
    assert await store.files.by_quick_hash("shared") == entries
    assert await store.files.by_quick_hash("ü" * 1000) == entries
    assert await store.files.by_chunk(make_chunk("shared", 10)[0]) == entries


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    await store.files.add(make_entry(1))
    entry = make_entry(2)
    assert await store.files.by_id(entry.file_id) is None
    assert await store.files.by_hash(entry.hash) is None
    assert await store.files.by_hash(b"") is None
    assert await store.files.by_hash(bytes(5000)) is None
    assert await store.files.by_quick_hash("") == []
    assert await store.files.by_quick_hash("x" * 5000) == []
    assert await store.files.by_chunk(entry.chunks[0]) == []


async def test_adding_again_replaces_and_drops_the_old_keys(store: Store) -> None:
    old = make_entry(1)
    new = replace(old, hash=b"n" * 32, quick_hash=("shared", "new"), chunks=old.chunks[1:], owner=None, length=0)
    await store.files.add(old)
    await store.files.add(new)
    await store.files.add(new)
    assert await store.files.by_id(old.file_id) == new
    assert await store.files.by_hash(old.hash) is None
    assert await store.files.by_hash(new.hash) == new
    assert await store.files.by_quick_hash("quick-1") == []
    assert await store.files.by_quick_hash("shared") == [new]
    assert await store.files.by_chunk(old.chunks[0]) == []
    assert await store.files.by_chunk(old.chunks[1]) == [new]


async def test_of_two_files_with_one_hash_the_last_added_is_found(store: Store) -> None:
    one, two = make_entry(1), replace(make_entry(2), hash=make_entry(1).hash)
    await store.files.add(one)
    await store.files.add(two)
    assert await store.files.by_hash(one.hash) == two
    await store.files.add(one)
    assert await store.files.by_hash(one.hash) == one
    assert await store.files.by_id(two.file_id) == two


@pytest.mark.parametrize(
    "change", [{"hash": b""}, {"hash": bytes(65)}, {"length": 1 << 64}, {"quick_hash": ("x" * 70_000,)}], ids=str
)
async def test_what_does_not_fit_is_refused(store: Store, change: dict[str, object]) -> None:
    entry = replace(make_entry(1), **change)  # type: ignore[arg-type]
    with pytest.raises(CyfsError) as caught:
        await store.files.add(entry)
    assert caught.value.code == ErrorCode.INVALID_PARAM
    assert await store.files.by_id(entry.file_id) is None


async def test_below_the_floor_nothing_is_added(store: Store, maker: Maker, bench: Bench) -> None:
    maker.fill_disk(store, bench)
    with pytest.raises(CyfsError) as caught:
        await store.files.add(make_entry(1))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert await store.files.by_id(make_entry(1).file_id) is None
    maker.free_disk(store, bench)
    await store.files.add(make_entry(1))


async def test_entries_are_there_after_opening_anew(lasting: Maker, bench: Bench) -> None:
    entry = make_entry(1)
    store = lasting.make(bench)
    await store.files.add(entry)
    await store.close()
    store = lasting.make(bench)
    assert await store.files.by_hash(entry.hash) == entry
    assert await store.files.by_chunk(entry.chunks[0]) == [entry]
    await store.close()


async def test_all_entries_are_listed_in_the_order_of_their_ids(store: Store) -> None:
    entries = sorted((make_entry(number) for number in range(1, 6)), key=lambda entry: entry.file_id)
    for entry in reversed(entries):
        await store.files.add(entry)
    assert [entry async for entry in store.files.entries()] == entries
