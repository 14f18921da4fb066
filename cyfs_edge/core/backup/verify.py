"""Looking at a repository: whether all that its snapshots need is there, and on request whether every byte is right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.backup.create import Progress
from cyfs_edge.core.backup.repository import Repository
from cyfs_edge.core.backup.restore import SnapshotReader
from cyfs_edge.core.ports import Worker
from cyfs_edge.wire.backup import layout
from cyfs_edge.wire.backup.layout import Blob, Entry, PackInfo, damaged
from cyfs_edge.wire.backup.rows import Snapshot

T = TypeVar("T")

_PIECE = 4 << 20
PROBLEMS_MAX = 1000
"""Most findings that are told one by one."""


@dataclass(slots=True)
class Verified:
    """``problems``: a sentence each, at most ``PROBLEMS_MAX``; ``more``: how many beyond them."""

    snapshots: int = 0
    packs: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    more: int = 0

    def add(self, problem: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)
        else:
            self.more += 1


class Verifier:
    """One look at a repository. Damage is a finding; a target that cannot be read is an error."""

    def __init__(self, repository: Repository, worker: Worker, report: Callable[[Progress], None]) -> None:
        self._repository = repository
        self._worker = worker
        self._report = report
        self._progress = Progress()
        self._found = Verified()
        self._bad: set[bytes] = set()
        self._sound: set[bytes] = set()
        """Segments all of whose chunks are there: snapshots share most of them."""

    async def run(self, *, read_data: bool, drop_damaged: bool = False) -> Verified:
        """``read_data``: every pack is read whole; without it their sizes and directories are compared.

        ``drop_damaged``: damaged packs are deleted, so that the next backup brings again what the node still has.
        """
        await self._packs(read_data)
        # Snapshots must not lean on a damaged pack.
        await self._repository.index.drop(sorted(self._bad))
        self._tell("snapshots", 0)
        async for name, _ in self._repository.files(layout.SNAPSHOTS):
            await self._guarded(partial(self._snapshot, name))
            self._found.snapshots += 1
        if drop_damaged:
            for name in sorted(self._bad):
                await self._repository.target.delete(layout.pack_path(name))
        return self._found

    async def _guarded(self, check: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await check()
        except CyfsError as error:
            if error.code not in (ErrorCode.INVALID_DATA, ErrorCode.NOT_FOUND):
                raise
            self._found.add(error.message)
            return None

    async def _packs(self, read_data: bool) -> None:
        """The index is made anew from what the index files say, so that a local copy hides nothing."""
        repository = self._repository
        self._tell("index", 0)
        await repository.index.clear()
        async for name, _ in repository.files(layout.INDEX):
            packs = await self._guarded(partial(repository.read_index, name))
            if packs is not None:
                await repository.index.add(packs, name)
        told = await repository.index.packs()
        there = {name: size async for name, size in repository.files(layout.PACKS)}
        for name in sorted(told.keys() - there.keys()):
            self._found.add(f"the backup is damaged: pack {name.hex()} is missing")
            self._bad.add(name)
        self._progress.total = len(there)
        for name in sorted(there):
            try:
                await self._pack(name, there[name], told.get(name), read_data)
            except CyfsError as error:
                if error.code not in (ErrorCode.INVALID_DATA, ErrorCode.NOT_FOUND):
                    raise
                self._found.add(error.message)
                self._bad.add(name)
            self._found.packs += 1
            self._tell("packs", 1)

    async def _pack(self, name: bytes, size: int, told: int | None, read_data: bool) -> None:
        try:
            await self._pack_content(name, size, told, read_data)
        except CyfsError as error:
            if error.code != ErrorCode.INVALID_DATA or name.hex() in error.message:
                raise
            raise damaged(f"pack {name.hex()}", error.message) from None

    async def _pack_content(self, name: bytes, size: int, told: int | None, read_data: bool) -> None:
        repository = self._repository
        if told not in (None, size):
            raise damaged(f"pack {name.hex()}", f"it has {size} bytes instead of {told}")
        info = await repository.read_directory(name, size)
        if told is None:
            # Left by a backup that was broken off; the next one takes it up.
            await repository.index.add([info], None)
        elif info.entries != await repository.index.blobs_of(name):
            raise damaged(f"pack {name.hex()}", "its directory is not what the index file says")
        if read_data:
            await self._whole(info)

    async def _whole(self, info: PackInfo) -> None:
        """Reads a pack in pieces that end where blobs end, and looks into each blob."""
        path, digest, position = layout.pack_path(info.name), sha256(), 0
        for entries in [*_grouped(info.entries), []]:
            end = entries[-1].offset + entries[-1].length if entries else info.size
            data = await self._repository.target.read(path, position, end - position)
            self._found.bytes += len(data)
            await self._worker.run(partial(self._check_blobs, entries, data, position))
            await self._worker.run(partial(digest.update, data))
            position = end
        if digest.digest() != info.name:
            raise damaged(f"pack {info.name.hex()}", "its content does not match its name")

    def _check_blobs(self, entries: list[Entry], data: bytes, start: int) -> None:
        for entry in entries:
            at = entry.offset - start
            plain = self._repository.open_blob(entry.kind, entry.id, data[at : at + entry.length])
            if entry.kind == Blob.CHUNK and ChunkId.of_data(plain) != entry.id:
                raise CyfsError(ErrorCode.INVALID_DATA, f"the bytes of chunk {entry.id.hex()} do not match its id")

    async def _snapshot(self, name: bytes) -> None:
        snapshot = await self._repository.read_snapshot(name)
        label = f"snapshot {name.hex()[:12]}"
        for kind in Blob:
            wanted = snapshot.listing(kind).segment_ids()
            missing = await self._repository.index.missing(kind, wanted)
            if missing:
                self._found.add(f"{label}: {len(missing)} of {len(wanted)} pieces with {kind.name.lower()} are lost")
            if kind is Blob.CHUNKS and not missing:
                await self._chunks(label, snapshot)

    async def _chunks(self, label: str, snapshot: Snapshot) -> None:
        lost = 0
        async for chunks in SnapshotReader(self._repository, snapshot, self._worker).chunks(self._sound):
            lost += len(await self._repository.index.missing(Blob.CHUNK, [chunk_id for chunk_id, _ in chunks]))
        if lost:
            self._found.add(f"{label}: {lost} chunks are lost")
        else:
            self._sound.update(snapshot.listing(Blob.CHUNKS).segment_ids())

    def _tell(self, phase: str, done: int) -> None:
        self._progress.phase = phase
        self._progress.done += done
        self._report(self._progress)


def _grouped(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Neighbours, some MB together."""
    group: list[Entry] = []
    for entry in entries:
        if group and entry.offset + entry.length - group[0].offset > _PIECE:
            yield group
            group = []
        group.append(entry)
    if group:
        yield group
