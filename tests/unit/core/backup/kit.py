"""A small node's store to back up, and repositories in folders."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.backup.create import Creator, Progress
from cyfs_edge.core.backup.pins import Pins
from cyfs_edge.core.backup.ports import BackupTarget, RootFile
from cyfs_edge.core.backup.repository import Found, Repository, create_repository, open_head
from cyfs_edge.core.backup.restore import Restored, Restorer, SnapshotReader
from cyfs_edge.core.backup.verify import Verified, Verifier
from cyfs_edge.core.ports import Claim, FileIndexEntry, Keep, RootChange, RootRecord, Store
from cyfs_edge.host.backup.blob_index import SqliteBlobIndex
from cyfs_edge.host.backup.folder import FolderTarget
from cyfs_edge.host.worker import SystemRandom, ThreadWorker
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.wire.backup.keys import BackupKey
from tests.storekit.kit import ManualClock, make_chunk, make_record, put_record

KEY = BackupKey(bytes(range(32)))
DEVICE = make_record("device").object_id
DEC = make_record("dec").object_id


@dataclass
class Files:
    """The files of a root, in memory."""

    files: dict[str, RootFile] = field(default_factory=dict)

    async def read_all(self, *, secret: bool) -> list[RootFile]:
        return [file for file in self.files.values() if secret or not file.path.endswith(".sec")]

    async def write(self, file: RootFile) -> None:
        self.files[file.path] = file

    async def read(self, path: str) -> bytes | None:
        return self.files[path].data if path in self.files else None


def some_files() -> Files:
    named = {"etc/cyfs-edge.toml": b"a", "etc/desc/device.desc": b"device", "etc/desc/device.sec": b"secret"}
    return Files({path: RootFile(path, data, 0o600) for path, data in named.items()})


WORKER = ThreadWorker()
_TICKS = count(1)
"""No two backups are taken at one moment."""


async def fill(store: Store, *, objects: int = 400, chunks: int = 12, seed: str = "") -> None:
    """Objects, chunks on two accounts, an indexed file, records and a root."""
    for number in range(objects):
        await put_record(store, make_record(f"{seed}{number}", Random(number).randrange(2000), update_time=number))
    for number in range(chunks):
        claim = Claim(DEC, Keep.REFERRED) if number % 2 else Claim()
        await store.chunks.put(*make_chunk(f"{seed}{number}", Random(number).randrange(1, 200_000)), claim=claim)
    chunk_id = make_chunk(f"{seed}0", Random(0).randrange(1, 200_000))[0]
    await store.files.add(FileIndexEntry(make_record(f"{seed}0").object_id, bytes(32), 5, chunks=(chunk_id,)))
    await store.records.put("tasks", f"{seed}one", b"record")
    held = await store.state.root("root-state/a")
    new = RootRecord(make_record(f"{seed}1").object_id, (held.revision if held else 0) + 1)
    await store.state.commit([], RootChange("root-state/a", held, new))


async def content(store: Store) -> dict[str, object]:
    """All that a store has, to compare."""
    chunk_ids = [one async for one in store.chunks.list_ids()]
    return {
        "objects": [await store.objects.get(one) async for one in store.objects.list_ids()],
        "chunks": [(one, await store.chunks.claim(one), await store.chunks.read_whole(one)) for one in chunk_ids],
        "files": [one async for one in store.files.entries()],
        "records": [(s, k, v) async for s in store.records.spaces() async for k, v in store.records.list(s)],
        "roots": [one async for one in store.state.roots()],
    }


async def make_repository(folder: Path) -> None:
    await create_repository(FolderTarget(folder), KEY, SystemRandom())


@asynccontextmanager
async def opened(
    target: Path | BackupTarget, index: Path | None = None, key: BackupKey = KEY, *, sync: bool = True
) -> AsyncIterator[Repository]:
    place = FolderTarget(target) if isinstance(target, Path) else target
    head = await open_head(place, key)
    repository = Repository(place, head, await SqliteBlobIndex.open(index), SystemRandom(), WORKER)
    try:
        if sync:
            await repository.sync()
        yield repository
    finally:
        await repository.close()


def quiet(progress: Progress) -> None:
    assert progress.done >= 0


async def create(
    store: Store,
    repository: Repository,
    *,
    files: Files | None = None,
    clock: ManualClock | None = None,
    pins: Pins | None = None,
    secret: bool = False,
    device: ObjectId = DEVICE,
) -> Found:
    clock = clock or ManualClock()
    clock.micros += next(_TICKS)
    creator = Creator(store, files or some_files(), repository, clock, WORKER, pins or Pins(), quiet)
    return await creator.run(device, secret=secret)


async def back_up(store: Store, target: Path | BackupTarget, **options: object) -> Found:
    async with opened(target) as repository:
        return await create(store, repository, **options)  # type: ignore[arg-type]


async def restore(target: Path | BackupTarget, store: Store | None = None) -> tuple[Store, Restored]:
    """The last backup of ``target`` in a store."""
    made = MemoryStore() if store is None else store
    async with opened(target) as repository:
        found = (await repository.snapshots())[-1]
        done = await Restorer(SnapshotReader(repository, found.snapshot, WORKER), made, quiet).all()
    return made, done


async def verify(target: Path, *, read_data: bool = True, drop_damaged: bool = False) -> Verified:
    async with opened(target, sync=False) as repository:
        return await Verifier(repository, WORKER, quiet).run(read_data=read_data, drop_damaged=drop_damaged)


def repository_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def size_of(folder: Path) -> int:
    return sum(os.stat(path).st_size for path in repository_files(folder))
