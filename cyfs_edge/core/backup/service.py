"""The backups of a node: what its jobs and its timer do (docs/backup.md)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.backup.copies import RepositoryCopies
from cyfs_edge.core.backup.create import Creator, Progress
from cyfs_edge.core.backup.dec_restore import DecRestorer
from cyfs_edge.core.backup.pins import Pins
from cyfs_edge.core.backup.ports import RootFiles
from cyfs_edge.core.backup.repository import Found, Repository, find_snapshot
from cyfs_edge.core.backup.restore import Restorer, SnapshotReader
from cyfs_edge.core.backup.retention import Forgetter, Forgotten, Keeping, kept
from cyfs_edge.core.backup.verify import Verified, Verifier
from cyfs_edge.core.backup.walk import walk_maps
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import Clock, Mutex, Store, Worker
from cyfs_edge.core.scrub import SPACE, last_run
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.wire.backup import layout
from cyfs_edge.wire.backup.layout import Blob

LAST_BACKUP = "backup"
"""Where what is remembered of the last one is, beside the last scrub."""

OpenRepository = Callable[[str | None], Awaitable[Repository]]
"""Of a place, or of the one in the configuration."""


class Scratch(Protocol):
    """A store to try things in. ``discard`` closes it and removes it."""

    @property
    def store(self) -> Store: ...

    async def discard(self) -> None: ...


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What backups need of the node."""

    store: Store
    files: RootFiles
    device_id: ObjectId
    states: Mapping[str, StateRoots]
    clock: Clock
    worker: Worker
    pins: Pins


class BackupService:
    """One action at a time: ``mutex`` is held by whoever uses the repository."""

    def __init__(
        self,
        node: NodeParts,
        open_repository: OpenRepository,
        open_scratch: Callable[[int], Awaitable[Scratch]],
        mutex: Mutex,
    ) -> None:
        """``open_scratch``: with room for so many bytes."""
        self._node = node
        self._open = open_repository
        self._open_scratch = open_scratch
        self._mutex = mutex

    @asynccontextmanager
    async def _repository(self, target: str | None, job: Job | None, *, sync: bool = True) -> AsyncIterator[Repository]:
        if job is not None:
            job.phase = "waiting"
        async with self._mutex:
            repository = await self._open(target)
            try:
                if sync:
                    if job is not None:
                        job.phase = "looking"
                    await repository.sync()
                yield repository
            finally:
                await repository.close()

    async def create(self, job: Job, target: str | None, *, secret: bool = False) -> dict[str, object]:
        """Takes a backup, and remembers how it went."""
        node = self._node
        try:
            async with self._repository(target, job) as repository:
                await _same_device(repository, node.device_id)
                creator = Creator(
                    node.store, node.files, repository, node.clock, node.worker, node.pins, _reporter(job)
                )
                found = await creator.run(node.device_id, secret=secret)
                result = {**snapshot_json(found), "target": repository.target.text, "problems": creator.problems}
        except CyfsError as error:
            await self._remember({"time": node.clock.now(), "target": target, "error": error.message})
            raise
        await self._remember({**result, "problems": len(creator.problems), "error": None})
        return result

    async def _remember(self, what: dict[str, object]) -> None:
        try:
            await self._node.store.records.put(SPACE, LAST_BACKUP, json.dumps(what).encode())
        except CyfsError as error:
            if error.code != ErrorCode.OUT_OF_LIMIT:
                raise

    async def list(self, target: str | None) -> dict[str, object]:
        async with self._repository(target, None, sync=False) as repository:
            found = await repository.snapshots()
            packs = [size async for _, size in repository.files(layout.PACKS)]
            return {
                "target": repository.target.text,
                "size": sum(packs),
                "snapshots": [snapshot_json(one) for one in found],
            }

    async def verify(
        self, job: Job, target: str | None, *, read_data: bool, drop_damaged: bool = False
    ) -> dict[str, object]:
        async with self._repository(target, job, sync=False) as repository:
            verifier = Verifier(repository, self._node.worker, _reporter(job))
            found = await verifier.run(read_data=read_data, drop_damaged=drop_damaged)
            await self._compare_with_memory(repository, found)
            return asdict(found)

    async def _compare_with_memory(self, repository: Repository, found: Verified) -> None:
        """A snapshot that is missing shows in nothing but that somebody remembers it."""
        last = await last_run(self._node.store, LAST_BACKUP)
        if last is None or last.get("target") != repository.target.text or not last.get("snapshot"):
            return
        names = [name.hex() async for name, _ in repository.files(layout.SNAPSHOTS)]
        if not any(name.startswith(str(last["snapshot"])) for name in names):
            found.add(f"the last backup, {last['snapshot']}, is not there any more")

    async def forget(
        self, job: Job, target: str | None, keeping: Keeping, *, lazily: bool = False
    ) -> dict[str, object]:
        """``lazily``: nothing is done when all snapshots stay, also no cleaning up after one that was broken off."""
        async with self._repository(target, job, sync=not lazily) as repository:
            found = await repository.snapshots()
            names = kept(found, keeping)
            if lazily:
                if len(names) == len(found):
                    return asdict(Forgotten(left=len(found)))
                await repository.sync()
            return asdict(await Forgetter(repository, self._node.worker, _reporter(job)).run(names))

    async def restore_dec(self, job: Job, target: str | None, wanted: str | None, dec: ObjectId) -> dict[str, object]:
        async with self._repository(target, job) as repository:
            found = find_snapshot(await repository.snapshots(), wanted)
            reader = SnapshotReader(repository, found.snapshot, self._node.worker)
            restorer = DecRestorer(reader, self._node.store, self._node.states, _reporter(job))
            with self._node.pins.restoring():
                return {"snapshot": found.id, **asdict(await restorer.run(dec))}

    async def rehearse(self, job: Job, target: str | None, wanted: str | None) -> dict[str, object]:
        """Restores a backup into a store beside the node's, compares everything, and throws it away."""
        async with self._repository(target, job) as repository:
            found = find_snapshot(await repository.snapshots(), wanted)
            size = sum(found.snapshot.listing(kind).size for kind in (Blob.OBJECTS, Blob.CHUNKS))
            scratch = await self._open_scratch(size)
            try:
                reader = SnapshotReader(repository, found.snapshot, self._node.worker)
                done = await Restorer(reader, scratch.store, _reporter(job)).all()
                job.phase = "comparing"
                report = await scratch.store.scrub()
                problems = [f"{one.kind} {one.object_id}: {one.what}" for one in report.problems]
                maps = 0
                for root in found.snapshot.roots:
                    held = await scratch.store.state.root(root.name)
                    if held is None or (held.root, held.revision) != (root.root, root.revision):
                        problems.append(f"the root {root.name} is another one after the restore")
                    count, missing = await walk_maps(scratch.store.objects, root.root)
                    maps += count
                    problems += [f"the map {one} of {root.name} is missing" for one in missing]
            finally:
                await scratch.discard()
            return {**snapshot_json(found), **asdict(done), "maps": maps, "problems": problems}

    @asynccontextmanager
    async def copies(self, target: str | None = None) -> AsyncIterator[RepositoryCopies]:
        """Good copies of what is damaged in the store."""
        async with self._repository(target, None) as repository:
            yield RepositoryCopies(repository, self._node.worker)


async def _same_device(repository: Repository, device_id: ObjectId) -> None:
    """Two boxes that clean up one repository would take from one another what they need."""
    found = await repository.snapshots()
    if found and found[-1].snapshot.device_id != device_id:
        raise CyfsError(
            ErrorCode.CONFLICT,
            f"the repository at {repository.target.text} holds the backups of device {found[-1].snapshot.device_id}; "
            "give each device a place of its own",
        )


def _reporter(job: Job) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        job.phase, job.done, job.total = progress.phase, progress.done, progress.total

    return report


def snapshot_json(found: Found) -> dict[str, object]:
    snapshot = found.snapshot
    objects, chunks = snapshot.listing(Blob.OBJECTS), snapshot.listing(Blob.CHUNKS)
    return {
        "snapshot": found.id,
        "time": snapshot.time,
        "device_id": str(snapshot.device_id),
        "release": snapshot.release,
        "objects": objects.rows,
        "chunks": chunks.rows,
        "size": objects.size + chunks.size,
        "added": snapshot.added,
        "roots": {root.name: {"root": str(root.root), "revision": root.revision} for root in snapshot.roots},
        "problems": list(snapshot.problems),
    }
