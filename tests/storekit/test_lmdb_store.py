"""What is the LMDB store's own: how commits are shared, what is lazy, a full map, a damaged row."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import lmdb
import pytest
import pytest_asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Change, Durability, ObjectRecord
from cyfs_edge.store.chunk_files import ChunkFiles
from cyfs_edge.store.chunks import drop_chunk
from cyfs_edge.store.data_file import DATA_NAME
from cyfs_edge.store.engine import Table
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import BatchLimits
from tests.storekit.kit import (
    Bench,
    delete_object,
    edit,
    gathered,
    make_chunk,
    make_lmdb,
    make_record,
    put_record,
    read_chunk,
)


@pytest_asyncio.fixture
async def store(bench: Bench) -> AsyncIterator[LmdbStore]:
    made = make_lmdb(bench)
    yield made
    await made.close()


def open_with(bench: Bench, options: StoreOptions) -> LmdbStore:
    return LmdbStore.open(bench.directory, clock=bench.clock, options=options)


class Gate:
    """Holds up the writer's thread inside a change, so that what comes meanwhile gathers."""

    def __init__(self, store: LmdbStore) -> None:
        self._store = store
        self._open = threading.Event()
        self._entered = asyncio.Event()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()

        def change(held: ObjectRecord | None) -> Change[None]:
            loop.call_soon_threadsafe(self._entered.set)
            self._open.wait(10)
            return Change(None, make_record("gate"))

        self._task = asyncio.ensure_future(self._store.objects.update(make_record("gate").object_id, change))
        await self._entered.wait()

    async def __aexit__(self, *exc: object) -> None:
        self._open.set()
        await self._task


# --- commits ---


async def test_those_that_wait_share_a_commit(store: LmdbStore) -> None:
    async with Gate(store):
        before = store.stat().commits
        puts = [asyncio.ensure_future(put_record(store, make_record(number))) for number in range(100)]
        chunks = [asyncio.ensure_future(store.chunks.put(*make_chunk(number, 50))) for number in range(50)]
        await asyncio.sleep(0)
    assert all(await asyncio.gather(*puts, *chunks))
    assert store.stat().commits == before + 2, "that of the gate and that of all the others"


async def test_a_batch_is_bounded(bench: Bench) -> None:
    store = open_with(bench, StoreOptions(floor=0, limits=BatchLimits(count=10)))
    async with Gate(store):
        before = store.stat().commits
        puts = [asyncio.ensure_future(put_record(store, make_record(number))) for number in range(100)]
        await asyncio.sleep(0)
    await asyncio.gather(*puts)
    assert store.stat().commits == before + 11
    await store.close()


async def test_what_changes_nothing_costs_no_commit(store: LmdbStore) -> None:
    await put_record(store, make_record(1))
    await store.chunks.put(*make_chunk(1, 10))
    before = store.stat()
    assert await store.objects.update(make_record(1).object_id, lambda held: Change(7)) == 7
    assert await store.chunks.put(*make_chunk(1, 10)) is False
    assert await delete_object(store, make_record(2).object_id) is False
    assert store.stat() == replace(before, free_space=store.stat().free_space)


async def test_the_first_durable_call_always_commits(bench: Bench) -> None:
    """What an earlier process left visible may not be synced; saying "it is there" again must make it so."""
    store = make_lmdb(bench)
    await put_record(store, make_record(1))
    await store.close()
    store = make_lmdb(bench)
    assert store.stat().commits == 0
    await store.objects.update(make_record(1).object_id, lambda held: Change(None))
    assert store.stat().commits == 1
    await store.close()


async def test_a_fault_of_the_writers_own_ends_writing_and_not_reading(bench: Bench) -> None:
    """Whatever goes wrong on the writer's thread, those who wait get an answer."""
    store = make_lmdb(bench)
    await put_record(store, make_record(1))

    def broken() -> float:
        raise RuntimeError("no clock")

    bench.clock.monotonic = broken  # type: ignore[method-assign]
    with pytest.raises(CyfsError) as caught:
        await put_record(store, make_record(2), Durability.LAZY)
    assert caught.value.code == ErrorCode.IO_ERROR
    assert "no clock" in caught.value.message
    assert store.failure is not None
    for attempt in (put_record(store, make_record(3)), store.chunks.put(*make_chunk(1, 10))):
        with pytest.raises(CyfsError) as caught:
            await attempt
        assert "restart the service" in caught.value.message
    assert await store.objects.get(make_record(1).object_id) == make_record(1)
    await store.close()


async def test_a_commit_needs_no_descriptor(store: LmdbStore) -> None:
    """When they have run out, what needs one fails with a clear text, and the store goes on."""
    chunk = make_chunk(1, 10_000)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    await put_record(store, make_record(0))
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    held = []
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(CyfsError) as caught:
            await store.chunks.put(*chunk)
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT
        assert "too many open files" in caught.value.message
        assert await put_record(store, make_record(1)) is True
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert store.failure is None
    assert await store.chunks.put(*chunk) is True


# --- lazy values ---


async def test_lazy_calls_write_nothing_at_once(store: LmdbStore) -> None:
    await put_record(store, make_record(0))
    before = store.stat()
    for number in range(1, 50):
        await put_record(store, make_record(1, update_time=number), Durability.LAZY)
        await store.chunks.put(*make_chunk(number, 100), Durability.LAZY)
    after = store.stat()
    assert (after.commits, after.bytes_written) == (before.commits, before.bytes_written)
    assert await store.objects.get(make_record(1).object_id) == make_record(1, update_time=49)


async def committed(bench: Bench, store: LmdbStore) -> set[bytes]:
    """What a process that looks at the file sees."""
    script = f"""
import lmdb
env = lmdb.open({str(bench.directory)!r}, max_dbs=8, readonly=True)
for name in (b"objects", b"chunks"):
    with env.begin(db=env.open_db(name)) as txn:
        for key, _ in txn.cursor():
            print(key.hex())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    return {bytes.fromhex(line) for line in output.decode().split()}


async def test_a_durable_call_takes_the_lazy_values_along(store: LmdbStore, bench: Bench) -> None:
    lazy, chunk = make_record(1), make_chunk(1, 5000)
    await put_record(store, lazy, Durability.LAZY)
    await store.chunks.put(*chunk, Durability.LAZY)
    assert not {lazy.object_id, chunk[0]} & await committed(bench, store)
    assert await put_record(store, make_record(2)) is True
    assert {lazy.object_id, chunk[0], make_record(2).object_id} <= await committed(bench, store)


@pytest.mark.parametrize("again", ["update", "chunk"])
async def test_a_durable_call_that_finds_a_lazy_value_makes_it_durable(
    store: LmdbStore, bench: Bench, again: str
) -> None:
    """It answers "already there" and means durably so."""
    await put_record(store, make_record(0))
    record, chunk = make_record(1), make_chunk(1, 100)
    await put_record(store, record, Durability.LAZY)
    await store.chunks.put(*chunk, Durability.LAZY)
    if again == "update":
        assert await store.objects.update(record.object_id, lambda held: Change(held)) == record
    else:
        assert await store.chunks.put(*chunk) is False
    assert {record.object_id, chunk[0]} <= await committed(bench, store)


async def test_lazy_values_are_committed_after_their_time(bench: Bench) -> None:
    limits = BatchLimits(lazy_seconds=5.0)
    store = open_with(bench, StoreOptions(floor=0, limits=limits))
    await put_record(store, make_record(1), Durability.LAZY)
    assert store.stat().commits == 0
    bench.clock.seconds += 6
    await put_record(store, make_record(2), Durability.LAZY)  # wakes the thread, which then sees that it is time
    for _ in range(1000):
        if store.stat().commits:
            break
        await asyncio.sleep(0.005)
    assert store.stat().commits == 1
    assert {make_record(1).object_id, make_record(2).object_id} <= await committed(bench, store)
    await store.close()


async def test_lazy_values_are_bounded_in_bytes(bench: Bench) -> None:
    store = open_with(bench, StoreOptions(floor=0, limits=BatchLimits(lazy_bytes=10_000)))
    for number in range(100):
        await put_record(store, make_record(number, 1000), Durability.LAZY)
    assert 5 <= store.stat().commits <= 15
    await store.close()


async def test_lazy_values_behind_a_durable_one_wait_for_it(store: LmdbStore, bench: Bench) -> None:
    """In one batch they see what is not committed yet, so they are answered with it."""
    object_id = make_record("gate").object_id
    async with Gate(store):
        lazy = asyncio.ensure_future(
            store.objects.update(object_id, lambda held: Change(held is not None), Durability.LAZY)
        )
        await asyncio.sleep(0)
    assert await lazy is True


# --- a full map, damage ---


async def test_a_full_map_refuses_writes_and_goes_on(bench: Bench) -> None:
    store = open_with(bench, StoreOptions(floor=0, map_size=256 * 1024, inline_max=1 << 20))
    kept: list[ObjectRecord] = []

    async def fill() -> None:
        for number in range(1000):
            record = make_record(number, 3000)
            await put_record(store, record)
            kept.append(record)

    with pytest.raises(CyfsError) as caught:
        await fill()
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert len(kept) > 10
    assert store.failure is None
    # Those that do not fit fail alone, the others beside them do not.
    big = make_record("big", 100_000)
    async with Gate(store):
        doomed = asyncio.ensure_future(put_record(store, big))
        deleted = [asyncio.ensure_future(delete_object(store, one.object_id)) for one in kept[:10]]
        await asyncio.sleep(0)
    with pytest.raises(CyfsError):
        await doomed
    assert all(await asyncio.gather(*deleted))
    for record in kept[10:]:
        assert await store.objects.get(record.object_id) == record
    assert await put_record(store, make_record("small")) is True
    assert (await store.scrub()).problems == []
    assert store.stat().object_count == len(await gathered(store.objects.list_ids()))
    await store.close()


async def test_lazy_values_without_room_do_not_block_a_delete(bench: Bench) -> None:
    store = open_with(bench, StoreOptions(floor=0, map_size=256 * 1024, inline_max=1 << 20))
    await put_record(store, make_record(1))
    await put_record(store, make_record("big", 500_000), Durability.LAZY)
    assert await delete_object(store, make_record(1).object_id) is True
    assert await store.objects.get(make_record(1).object_id) is None
    assert await store.objects.get(make_record("big").object_id) is None, "it is the one that was lost"
    stat = store.stat()
    assert (stat.object_count, stat.storage_size) == (0, 0)
    await store.close()


async def test_a_durable_put_without_room_does_not_drop_the_lazy_values_before_it(bench: Bench) -> None:
    """What it builds on may be among them (ports: a durable change makes it durable too)."""
    store = open_with(bench, StoreOptions(floor=0, map_size=256 * 1024, inline_max=1 << 20))
    part = make_record("big", 500_000)
    await put_record(store, part, Durability.LAZY)
    with pytest.raises(CyfsError) as caught:
        await put_record(store, make_record("whole"))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert await store.objects.get(part.object_id) == part
    assert await store.objects.get(make_record("whole").object_id) is None
    with pytest.raises(CyfsError):
        await store.records.put("space", "key", b"value")
    assert store.failure is None
    await store.close()


async def test_a_record_that_ends_something_does_not_drop_the_lazy_values_before_it(bench: Bench) -> None:
    """A share that was taken back stays taken back: its last change is a delete of a record."""
    store = open_with(bench, StoreOptions(floor=0, map_size=256 * 1024, inline_max=1 << 20))
    await store.records.put("space", "key", b"value")
    await put_record(store, make_record("big", 500_000), Durability.LAZY)
    with pytest.raises(CyfsError):
        await store.records.delete("space", "key")
    assert await store.records.get("space", "key") == b"value"
    assert await store.objects.get(make_record("big").object_id) is not None
    await store.close()


async def test_a_chunk_that_comes_back_while_it_is_deleted_lazily_keeps_its_file(
    store: LmdbStore, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is still in the database: a put that fails for want of room must not take the file from under it."""
    chunk_id, data = make_chunk("large", 100_000)
    await store.chunks.put(chunk_id, data)

    def drop(view: View) -> None:
        row = view.get(Table.CHUNKS, chunk_id)
        assert row is not None
        drop_chunk(view, chunk_id, row)

    await store._writer.submit(drop, Durability.LAZY)  # as a collection does
    path = bench.directory / "chunks" / chunk_id.hex()

    def sync(self: ChunkFiles) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(ChunkFiles, "sync", sync)
        with pytest.raises(CyfsError) as caught:
            await store.chunks.put(chunk_id, data)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    # A crash now would bring the row back.
    assert store._engine.get_committed(Table.CHUNKS, chunk_id) is not None
    assert path.read_bytes() == data
    await put_record(store, make_record(1))
    assert await read_chunk(store, chunk_id) is None
    assert not path.exists()
    assert await store.chunks.put(chunk_id, data) is True
    assert await read_chunk(store, chunk_id) == data
    assert (await store.scrub()).problems == []


async def test_a_damaged_row_is_an_error_and_found_by_scrub(bench: Bench) -> None:
    store = make_lmdb(bench)
    good, bad = make_record(1), make_record(2)
    chunk, data = make_chunk(1, 100)
    await put_record(store, good)
    await put_record(store, bad)
    await store.chunks.put(chunk, data)
    await store.close()
    for table, key in ((b"objects", bad.object_id), (b"chunks", chunk)):
        env = lmdb.open(str(bench.directory), max_dbs=8)
        with env.begin(db=env.open_db(table)) as txn:
            row = bytearray(txn.get(key))
        env.close()
        row[-1] ^= 1
        edit(bench, key, bytes(row), table)
    store = make_lmdb(bench)
    for attempt in (store.objects.get(bad.object_id), store.chunks.read(chunk)):
        with pytest.raises(CyfsError) as caught:
            await attempt
        assert caught.value.code == ErrorCode.IO_ERROR
        assert "damaged" in caught.value.message
    with pytest.raises(CyfsError):
        await put_record(store, bad)
    assert await store.objects.get(good.object_id) == good
    report = await store.scrub()
    assert {(problem.kind, problem.object_id) for problem in report.problems} == {
        ("object", bad.object_id),
        ("chunk", chunk),
    }
    assert store.failure is None
    await store.close()


async def test_damaged_counters_are_said_at_opening(bench: Bench) -> None:
    await make_lmdb(bench).close()
    edit(bench, b"counters", bytes(44))
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.IO_ERROR


# --- chunk files ---


def chunk_file(bench: Bench, chunk_id: bytes) -> Path:
    (found,) = bench.directory.glob(f"chunks/{chunk_id.hex()}")
    return found


async def test_a_chunk_file_that_is_not_what_it_was_is_found(store: LmdbStore, bench: Bench) -> None:
    cut, changed, lost = (make_chunk(number, 10_000) for number in range(3))
    await store.chunks.put_many([cut, changed, lost])
    os.truncate(chunk_file(bench, cut[0]), 9_999)
    chunk_file(bench, changed[0]).write_bytes(bytes(10_000))
    chunk_file(bench, lost[0]).unlink()
    for chunk_id, what in ((cut[0], "9999 bytes"), (lost[0], "missing")):
        with pytest.raises(CyfsError) as caught:
            await store.chunks.read(chunk_id)
        assert caught.value.code == ErrorCode.IO_ERROR
        assert what in caught.value.message
    report = await store.scrub()
    assert {problem.object_id for problem in report.problems} == {cut[0], changed[0], lost[0]}


async def test_files_without_a_row_are_removed(bench: Bench) -> None:
    store = make_lmdb(bench)
    chunk_id, data = make_chunk(1, 10_000)
    await store.chunks.put(chunk_id, data)
    held = chunk_file(bench, chunk_id)
    stray_id, stray = make_chunk(2, 10_000)
    (held.parent / stray_id.hex()).write_bytes(stray)
    (held.parent / "not an id").write_bytes(b"")
    await store.close()
    (bench.directory / "chunks" / "tmp" / "77").write_bytes(b"half a ch")
    store = make_lmdb(bench)
    assert list((bench.directory / "chunks" / "tmp").iterdir()) == []
    report = await store.scrub()
    assert (report.orphans, report.problems) == (1, [])
    assert sorted(path.name for path in held.parent.iterdir()) == sorted([held.name, "not an id", "tmp"])
    assert await read_chunk(store, chunk_id) == data
    await store.close()


async def test_a_file_without_a_row_does_not_stand_in_the_way(store: LmdbStore, bench: Bench) -> None:
    chunk_id, data = make_chunk(1, 10_000)
    await store.chunks.put(chunk_id, data)
    path = chunk_file(bench, chunk_id)
    await store.chunks.delete(chunk_id)
    path.write_bytes(bytes(10_000))
    assert await store.chunks.contains(chunk_id) is False
    assert await store.chunks.put(chunk_id, data) is True
    assert await read_chunk(store, chunk_id) == data


@pytest.mark.parametrize("durability", list(Durability), ids=lambda value: value.value)
async def test_no_put_leaves_a_temporary_file(store: LmdbStore, bench: Bench, durability: Durability) -> None:
    same, other = make_chunk(1, 50_000), make_chunk(2, 50_000)
    await asyncio.gather(*(store.chunks.put(*same, durability) for _ in range(10)))
    await store.chunks.put(*same, durability)
    with pytest.raises(CyfsError):
        await store.chunks.put(other[0], same[1])
    bench.disk.free = 0
    bench.clock.seconds += 2
    with pytest.raises(CyfsError):
        await store.chunks.put_many([same, other], durability)
    assert list((bench.directory / "chunks" / "tmp").iterdir()) == []


async def test_delete_removes_the_file(store: LmdbStore, bench: Bench) -> None:
    chunk_id, data = make_chunk(1, 10_000)
    await store.chunks.put(chunk_id, data)
    path = chunk_file(bench, chunk_id)
    await store.chunks.delete(chunk_id)
    assert not path.exists()
    assert store.stat().file_size == (bench.directory / DATA_NAME).stat().st_blocks * 512


async def test_what_is_repaired_counts_once(bench: Bench) -> None:
    store = make_lmdb(bench)
    record = replace(make_record(1), owner=make_record("owner").object_id)
    await put_record(store, record)
    usage = store.space.usage()
    await store.close()
    env = lmdb.open(str(bench.directory), max_dbs=8)
    with env.begin(db=env.open_db(b"objects")) as txn:
        row = bytearray(txn.get(record.object_id))
    env.close()
    row[-1] ^= 1
    edit(bench, record.object_id, bytes(row), b"objects")
    store = make_lmdb(bench)
    await store.objects.replace(record)
    assert await store.objects.get(record.object_id) == record
    assert store.space.usage() == usage
    assert await delete_object(store, record.object_id) is True
    assert store.space.usage() == {}
    await store.close()
