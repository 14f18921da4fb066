"""The conformance kit: what its tests run on and with. A store passes when every test of this folder passes on it.

To put another store through it, add a :class:`Maker` to ``MAKERS``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import lmdb

from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.core.ports import Change, Durability, FileRange, ObjectRecord, Store
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.store.lmdb_store import LmdbStore, RemoteOptions, StoreOptions
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.store.space import MIB, Space
from tests.storekit.faulty import FaultyStore, Jitter

APP_TYPE = 40_000


class ManualClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.micros = 13_000_000_000_000_000
        self.seconds = 0.0

    def now(self) -> int:
        return self.micros

    def monotonic(self) -> float:
        return self.seconds


@dataclass(slots=True)
class Disk:
    """How much room the store is told there is."""

    free: int = 1 << 40

    def space(self, path: Path) -> Space:
        return Space(self.free, 1 << 41)


@dataclass(slots=True)
class Bench:
    """What a maker gets: a folder of its own, a clock and a disk."""

    directory: Path
    clock: ManualClock = field(default_factory=ManualClock)
    disk: Disk = field(default_factory=Disk)


@dataclass(frozen=True, slots=True)
class Maker:
    """``make`` opens the store of the bench; ``lasting`` when a second ``make`` finds what the first one left."""

    name: str
    make: Callable[[Bench], Store]
    fill_disk: Callable[[Store, Bench], None]
    free_disk: Callable[[Store, Bench], None]
    lasting: bool


def make_lmdb(bench: Bench, remote: RemoteOptions | None = None) -> LmdbStore:
    # A low threshold, so that small chunks of the tests go both ways.
    options = StoreOptions(floor=MIB, space=bench.disk.space, inline_max=4096, collect_rest=0.0, remote=remote)
    return LmdbStore.open(bench.directory, clock=bench.clock, options=options)


def make_with_volume(bench: Bench) -> LmdbStore:
    """Large chunks go to a volume beside the store."""
    if not volume_path(bench).exists():
        volume_path(bench).mkdir(parents=True)
        run_apart(_add_volume(bench))
    return make_lmdb(bench)


def volume_path(bench: Bench) -> Path:
    return bench.directory.parent / "disk"


async def _add_volume(bench: Bench) -> None:
    store = make_lmdb(bench)
    await store.volumes.add(str(volume_path(bench)), same_disk=True)
    await store.close()


def run_apart(coroutine: Coroutine[Any, Any, None]) -> None:
    """Runs it on a loop of another thread, for those who are on a loop themselves and must not await."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, coroutine).result()


def _make_faulty(bench: Bench) -> FaultyStore:
    return FaultyStore(make_lmdb(bench), Jitter(Random(1)))


def _make_memory(bench: Bench) -> MemoryStore:
    return MemoryStore(now=bench.clock.now)


def _fill_memory(store: Store, bench: Bench) -> None:
    assert isinstance(store, MemoryStore)
    store.room = 0


def _free_memory(store: Store, bench: Bench) -> None:
    assert isinstance(store, MemoryStore)
    store.room = 1 << 40


def fill_disk(store: Store, bench: Bench) -> None:
    bench.disk.free = MIB // 2
    bench.clock.seconds += 2


def free_disk(store: Store, bench: Bench) -> None:
    bench.disk.free = 1 << 40
    bench.clock.seconds += 2


MAKERS = (
    Maker("memory", _make_memory, _fill_memory, _free_memory, lasting=False),
    Maker("lmdb", make_lmdb, fill_disk, free_disk, lasting=True),
    Maker("volume", make_with_volume, fill_disk, free_disk, lasting=True),
    Maker("faulty", _make_faulty, fill_disk, free_disk, lasting=True),
)


def make_record(seed: object, size: int = 100, *, update_time: int = 0, access: int = 0o777) -> ObjectRecord:
    """A real object, the same for the same ``seed``; ``size`` bytes of body."""
    obj = build_object(
        APP_TYPE,
        desc_content=str(seed).encode(),
        body=BodyParts(content=Random(f"{seed}/{update_time}").randbytes(size), update_time=update_time),
    )
    return ObjectRecord(obj.object_id, obj.raw, NULL_ID, 1, 2, object_update_time=update_time, access=access)


def make_chunk(seed: object, size: int) -> tuple[ChunkId, bytes]:
    data = Random(str(seed)).randbytes(size)
    return ChunkId.of_data(data), data


async def put_record(store: Store, record: ObjectRecord, durability: Durability = Durability.DURABLE) -> bool:
    """Stores it as it is; True when there was none."""
    return await store.objects.update(record.object_id, lambda held: Change(held is None, record), durability)


async def delete_object(store: Store, object_id: ObjectId, durability: Durability = Durability.DURABLE) -> bool:
    return await store.objects.update(object_id, lambda held: Change(held is not None, delete=True), durability)


async def read_chunk(store: Store, chunk_id: ChunkId, start: int = 0, end: int | None = None) -> bytes | None:
    """The bytes, whichever way the store gives them."""
    return load(await store.chunks.read(chunk_id, start, end))


def load(found: bytes | FileRange | None) -> bytes | None:
    if not isinstance(found, FileRange):
        return found
    data = os.pread(found.fd, found.end - found.start, found.start)
    found.close()
    return data


async def gathered(items: AsyncIterator[ObjectId]) -> list[ObjectId]:
    return [item async for item in items]


Step = Callable[[Store], Awaitable[object]]


def edit(bench: Bench, key: bytes, row: bytes | None, table: bytes | None = None) -> None:
    """Changes a closed store behind its back."""
    env = lmdb.open(str(bench.directory), max_dbs=8, map_size=1 << 30)
    handle = env.open_db(table) if table else None
    with env.begin(write=True, db=handle) as txn:
        if row is None:
            assert txn.delete(key)
        else:
            txn.put(key, row)
    env.close()
