"""What the crash tests put, and what may be found of it afterwards.

Everything follows from a seed, so the process that is killed and the one that looks afterwards agree on what was done.
Each key has a value: an object its version, a chunk 1; 0 is "not there". Each worker has keys of its own and does one
thing after the other, so at most one operation of a worker is under way when the process dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from random import Random

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import Change, Durability, FileIndexEntry, ObjectRecord, RootChange, RootRecord
from cyfs_edge.store.lmdb_store import LmdbStore
from tests.storekit.kit import gathered, make_chunk, make_record, read_chunk

OBJECTS = 40
CHUNK_SIZES = (10, 4096, 30_000, 70_000, 200_000)
CHUNKS = 20
FILES = 8
INLINE_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Op:
    """``values``: what the keys have afterwards. ``kind``: put, delete, check (a change that writes nothing)."""

    kind: str
    values: tuple[tuple[str, int], ...]
    durability: Durability = Durability.DURABLE


def operations(seed: int, worker: int, workers: int) -> Iterator[Op]:
    """Endless. Versions grow with the seed, so that each round's are new."""
    random = Random(f"{seed}/{worker}")
    mine = range(worker, OBJECTS, workers)
    my_chunks = range(worker, CHUNKS, workers)
    version = seed * 100_000
    while True:
        version += 1
        turn = random.random()
        if turn < 0.37:
            yield Op("put", ((f"object-{random.choice(mine)}", version),))
        elif turn < 0.45:
            yield Op("put", ((f"state-{worker}", version),))
        elif turn < 0.55:
            yield Op("put", ((f"object-{random.choice(mine)}", version),), Durability.LAZY)
        elif turn < 0.62:
            yield Op("delete", ((f"object-{random.choice(mine)}", 0),))
        elif turn < 0.68:
            yield Op("check", ((f"object-{random.choice(mine)}", -1),))
        elif turn < 0.80:
            yield Op("put", ((f"chunk-{random.choice(my_chunks)}", 1),))
        elif turn < 0.84:
            yield Op("put", ((f"chunk-{random.choice(my_chunks)}", 1),), Durability.LAZY)
        elif turn < 0.92:
            yield Op("delete", ((f"chunk-{random.choice(my_chunks)}", 0),))
        elif turn < 0.96:
            some = random.sample(my_chunks, min(3, len(my_chunks)))
            yield Op("put", tuple((f"chunk-{number}", 1) for number in some))
        else:
            yield Op("put", ((f"file-{random.choice(range(worker, FILES, workers))}", version),))


@lru_cache(maxsize=4096)
def record_of(key: str, version: int) -> ObjectRecord:
    size = Random(f"{key}/{version}").choice((50, 300, 300, 300, 2000, 9000))
    return make_record(key, size, update_time=version)


@lru_cache(maxsize=64)
def chunk_of(key: str) -> tuple[ChunkId, bytes]:
    return make_chunk(key, CHUNK_SIZES[int(key.removeprefix("chunk-")) % len(CHUNK_SIZES)])


def file_of(key: str, version: int) -> FileIndexEntry:
    chunks = (make_chunk((key, version), 10)[0], make_chunk(key, 10)[0])
    return FileIndexEntry(make_record(key).object_id, key.encode(), version, quick_hash=(str(version),), chunks=chunks)


def nodes_of(key: str, version: int) -> list[ObjectRecord]:
    """The objects that a root needs: new ones for each version, and one that all versions share."""
    return [record_of(f"{key}/{version}/{part}", version) for part in range(3)] + [record_of(key, 0)]


def root_of(key: str, version: int) -> RootRecord:
    return RootRecord(nodes_of(key, version)[0].object_id, version)


async def perform(store: LmdbStore, op: Op) -> None:
    key, value = op.values[0]
    if key.startswith("state-"):
        change = RootChange(key, await store.state.root(key), root_of(key, value))
        assert await store.state.commit(nodes_of(key, value), change)
        return
    if key.startswith("object-"):
        object_id = record_of(key, 0).object_id
        if op.kind == "check":
            await store.objects.update(object_id, lambda held: Change(None), op.durability)
        elif op.kind == "delete":
            await store.objects.update(object_id, lambda held: Change(None, delete=True), op.durability)
        else:
            await store.objects.update(object_id, lambda held: Change(None, record_of(key, value)), op.durability)
    elif key.startswith("file-"):
        await store.files.add(file_of(key, value))
    elif op.kind == "delete":
        await store.chunks.delete(chunk_of(key)[0])
    elif len(op.values) == 1:
        await store.chunks.put(*chunk_of(key), op.durability)
    else:
        await store.chunks.put_many([chunk_of(one) for one, _ in op.values], op.durability)


async def work(
    store: LmdbStore,
    seed: int,
    workers: int,
    acknowledge: Callable[[int, int], None],
    start: int = 0,
    end: int | None = None,
) -> None:
    """Runs ``workers`` at once, each its operations from ``start`` to ``end``; ``acknowledge`` for each answer."""

    async def run(worker: int) -> None:
        for index, op in islice(enumerate(operations(seed, worker, workers)), start, end):
            await perform(store, op)
            acknowledge(worker, index)

    await asyncio.gather(*(run(worker) for worker in range(workers)))


@dataclass(slots=True)
class Model:
    """For each key the values that may be found: the last durable one, and those that came or were under way since."""

    allowed: dict[str, list[int]] = field(default_factory=dict)
    groups: list[tuple[str, ...]] = field(default_factory=list)
    nodes: set[ObjectId] = field(default_factory=set)
    """Objects of all roots there have been."""

    def acknowledged(self, op: Op) -> None:
        self._ungroup(op)
        self._add_nodes(op)
        for key, value in op.values:
            values = self.allowed.setdefault(key, [0])
            if op.kind == "check":
                value = values[-1]
            if op.durability is Durability.DURABLE:
                values.clear()
            values.append(value)

    def attempted(self, op: Op) -> None:
        """It was not answered, or with an error: it may have been carried out or not, but not by halves."""
        if op.kind == "check":
            return
        self._ungroup(op)
        self._add_nodes(op)
        fresh = [key for key, _ in op.values if self.allowed.get(key, [0]) == [0]]
        for key, value in op.values:
            self.allowed.setdefault(key, [0]).append(value)
        self.groups.append(tuple(fresh))

    def _add_nodes(self, op: Op) -> None:
        for key, value in op.values:
            if key.startswith("state-"):
                self.nodes.update(node.object_id for node in nodes_of(key, value))

    def _ungroup(self, op: Op) -> None:
        """Keys that are changed again need not agree any more."""
        changed = {key for key, _ in op.values}
        self.groups = [group for group in self.groups if changed.isdisjoint(group)]

    def copy(self) -> Model:
        return Model({key: list(values) for key, values in self.allowed.items()}, list(self.groups), set(self.nodes))

    async def verify(self, store: LmdbStore) -> None:
        """Compares with what is there, and takes that as known from now on."""
        found: dict[str, int] = {}
        known = set(self.nodes)
        for key in self.allowed:
            if key.startswith("state-"):
                root = await store.state.root(key)
                found[key] = 0 if root is None else root.revision
                if root is not None:
                    assert root == root_of(key, root.revision)
                    for node in nodes_of(key, root.revision):
                        assert await store.objects.get(node.object_id) == node, f"{key} names what is not there"
            elif key.startswith("object-"):
                object_id = record_of(key, 0).object_id
                known.add(object_id)
                record = await store.objects.get(object_id)
                found[key] = 0 if record is None else record.object_update_time
                assert record is None or record == record_of(key, record.object_update_time), key
            elif key.startswith("file-"):
                entry = await store.files.by_id(make_record(key).object_id)
                found[key] = 0 if entry is None else entry.length
                if entry is not None:
                    assert entry == file_of(key, entry.length)
                    for chunk_id in entry.chunks:
                        assert await store.files.by_chunk(chunk_id) == [entry]
                    assert await store.files.by_hash(entry.hash) == entry
            else:
                chunk_id, data = chunk_of(key)
                known.add(chunk_id)
                held = await read_chunk(store, chunk_id)
                found[key] = 0 if held is None else 1
                assert held in (None, data), key
        for key, value in found.items():
            assert value in self.allowed[key], f"{key} is {value}, allowed are {self.allowed[key]}"
        for group in self.groups:
            assert len({found[key] for key in group}) <= 1, f"by halves: {group}"
        objects = await gathered(store.objects.list_ids())
        chunks = await gathered(store.chunks.list_ids())
        assert known >= {*objects, *chunks}
        stat = store.stat()
        assert (stat.object_count, stat.chunk_count) == (len(objects), len(chunks))
        assert stat.chunk_size == sum(ChunkId(one).length for one in chunks)
        report = await store.scrub()
        assert report.problems == []
        assert (report.objects, report.chunks) == (len(objects), len(chunks))
        again = await store.scrub()
        assert (again.problems, again.orphans) == ([], 0)
        self.allowed = {key: [value] for key, value in found.items()}
        self.groups.clear()


def take(model: Model, seed: int, workers: int, acknowledged: dict[int, int]) -> None:
    """Adds a run to the model: ``acknowledged`` operations of each worker, and one that was perhaps under way."""
    for worker in range(workers):
        ops = operations(seed, worker, workers)
        for _ in range(acknowledged.get(worker, 0)):
            model.acknowledged(next(ops))
        model.attempted(next(ops))
