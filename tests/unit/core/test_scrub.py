"""Scrub as the node runs it: slow when it runs by itself, what it finds is remembered, and repaired from copies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import lmdb
import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import Claim, FileIndexEntry, Keep, ObjectRecord, Store
from cyfs_edge.core.scrub import LAST_SCRUB, Copies, ScrubService, last_run
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.memory import MemoryStore
from tests.storekit.kit import Bench, ManualClock, make_chunk, make_lmdb, make_record, put_record


class Bell:
    """Remembers how long it was waited for, and lets the clock go on."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock

    def ring(self) -> None:
        raise AssertionError

    async def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.clock.seconds += seconds


class Held:
    """Copies in memory; ``wrong`` gives other bytes than it should."""

    text = "memory"

    def __init__(self, records: Collection[ObjectRecord], chunks: dict[ChunkId, bytes], *, wrong: bool = False) -> None:
        self.records = {record.object_id: record for record in records}
        self.chunks = chunks
        self.wrong = wrong
        self.opened = 0

    async def chunk(self, chunk_id: ChunkId) -> bytes | None:
        data = self.chunks.get(chunk_id)
        return data if data is None or not self.wrong else bytes(len(data))

    async def objects(self, ids: Collection[ObjectId]) -> dict[ObjectId, ObjectRecord]:
        return {} if self.wrong else {one: self.records[one] for one in ids if one in self.records}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Copies]:
        self.opened += 1
        yield self


@asynccontextmanager
async def unreachable() -> AsyncIterator[Copies]:
    raise CyfsError(ErrorCode.CONNECT_FAILED, "the disk is not there")
    yield


def service(store: Store, *sources: Held, clock: ManualClock | None = None) -> ScrubService:
    clock = clock or ManualClock()
    return ScrubService(store, clock, Bell(clock), [unreachable, *(one.open for one in sources)])


RECORDS = [make_record(number, 300) for number in range(6)]
CHUNKS = dict(make_chunk(number, size) for number, size in enumerate((100, 3000, 5000, 9000)))


async def filled(tmp_path: Path) -> LmdbStore:
    store = make_lmdb(Bench(tmp_path / "store"))
    for record in RECORDS:
        await put_record(store, record)
    await store.chunks.put_many(list(CHUNKS.items()), claim=Claim(RECORDS[0].object_id, Keep.REFERRED))
    return store


def damage(folder: Path) -> tuple[list[ObjectRecord], list[ChunkId]]:
    """Rows and files that are not what was written; gives what is hurt."""
    env = lmdb.open(
        str(folder),
        max_dbs=20,
        map_size=1 << 30,
        **({"lib_version": 0} if hasattr(lmdb.Environment, "lib_version") else {}),
    )
    inline, _, in_file, missing = CHUNKS
    with env.begin(write=True) as txn:
        for table, key in ((b"objects", RECORDS[1].object_id), (b"objects", RECORDS[2].object_id), (b"chunks", inline)):
            db = env.open_db(table, txn=txn, create=False)
            row = bytearray(txn.get(key, db=db))
            row[-1 if key != RECORDS[2].object_id else 20] ^= 1
            txn.put(key, bytes(row), db=db)
    env.close()
    (folder / "chunks" / missing.hex()).unlink()
    path = folder / "chunks" / in_file.hex()
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    return [RECORDS[1], RECORDS[2]], [inline, in_file, missing]


async def test_what_is_damaged_is_replaced_from_the_first_good_copy(tmp_path: Path) -> None:
    await (await filled(tmp_path)).close()
    records, chunks = damage(tmp_path / "store")
    store = make_lmdb(Bench(tmp_path / "store"))
    found = await service(store).run(Job("1", "scrub"))
    hurt = {str(one.object_id) for one in records} | {str(one) for one in chunks}
    assert {one["object_id"] for one in found["problems"]} == hurt  # type: ignore[attr-defined,index]
    wrong, good = Held(RECORDS, CHUNKS, wrong=True), Held(RECORDS, CHUNKS)
    done = await service(store, wrong, good).run(Job("2", "scrub"), repair=True)
    assert done["problems"] == []
    assert {one["object_id"] for one in done["repaired"]} == hurt  # type: ignore[attr-defined,index]
    assert done["notes"] == ["the disk is not there"]
    for record in RECORDS:
        assert await store.objects.get(record.object_id) == record
    for chunk_id, data in CHUNKS.items():
        assert await store.chunks.read_whole(chunk_id) == data
    # The one whose row could be read is kept as before; of the other it is not known.
    assert await store.chunks.claim(chunks[1]) == Claim(RECORDS[0].object_id, Keep.REFERRED)
    assert await store.chunks.claim(chunks[0]) == Claim()
    again = await service(store, good).run(Job("3", "scrub"), repair=True)
    assert (again["problems"], again["repaired"]) == ([], [])
    assert good.opened == 1
    assert store.stat().object_count == len(RECORDS)
    assert store.stat().chunk_size == sum(map(len, CHUNKS.values()))
    await store.close()


async def test_what_cannot_be_repaired_is_told_with_the_files_that_need_it(tmp_path: Path) -> None:
    await (await filled(tmp_path)).close()
    _, chunks = damage(tmp_path / "store")
    store = make_lmdb(Bench(tmp_path / "store"))
    file_id = make_record("a file").object_id
    await store.files.add(FileIndexEntry(file_id, bytes(32), 1, chunks=(chunks[2],)))
    few = Held(RECORDS, {chunks[0]: CHUNKS[chunks[0]]})
    done = await service(store, few).run(Job("1", "scrub"), repair=True)
    told = {one["object_id"]: one for one in done["problems"]}  # type: ignore[attr-defined,index]
    assert set(told) == {str(chunks[1]), str(chunks[2])}
    assert told[str(chunks[2])]["files"] == [str(file_id)]
    assert told[str(chunks[1])]["files"] == []
    last = await last_run(store, LAST_SCRUB)
    assert last is not None
    assert (last["problem_count"], last["repaired"]) == (2, 3)
    await store.close()


async def test_a_scrub_with_a_rate_takes_its_time() -> None:
    store, clock = MemoryStore(), ManualClock()
    await store.chunks.put(*make_chunk("x", 1_000_000))
    await service(store, clock=clock).run(Job("1", "scrub"))
    assert clock.seconds == 0
    await service(store, clock=clock).run(Job("2", "scrub"), rate=100_000)
    assert clock.seconds == pytest.approx(10, abs=0.1)


async def test_an_lmdb_store_is_scrubbed_in_steps(tmp_path: Path) -> None:
    clock = ManualClock()
    store = make_lmdb(Bench(tmp_path / "store"))
    for number in range(8):
        await store.chunks.put(*make_chunk(number, 1_000_000))
    await service(store, clock=clock).run(Job("1", "scrub"), rate=1_000_000)
    assert clock.seconds == pytest.approx(8, abs=0.1)
    await store.close()


async def test_the_last_run_is_remembered_also_when_the_disk_is_full() -> None:
    store = MemoryStore()
    await put_record(store, replace(make_record(1), raw=b"junk"))
    result = await service(store).run(Job("1", "scrub"))
    last = await last_run(store, LAST_SCRUB)
    assert last is not None
    assert last["problems"] == result["problems"]
    assert last["time"] == ManualClock().now()
    assert json.dumps(last)
    store.room = 0
    await service(store).run(Job("2", "scrub"))


async def test_findings_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cyfs_edge.core.scrub.TOLD_MAX", 2)
    store = MemoryStore()
    for number in range(5):
        await put_record(store, replace(make_record(number), raw=b"junk"))
    result = await service(store).run(Job("1", "scrub"))
    last = await last_run(store, LAST_SCRUB)
    assert last is not None
    assert (len(result["problems"]), len(last["problems"]), last["problem_count"]) == (5, 2, 5)  # type: ignore[arg-type]
