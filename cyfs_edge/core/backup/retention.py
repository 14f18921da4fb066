"""Which backups stay, and making room: snapshots are forgotten, and packs of which too little is needed go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyfs_edge.base.times import unix_micros
from cyfs_edge.core.backup.create import Progress
from cyfs_edge.core.backup.ports import PackUse, Place
from cyfs_edge.core.backup.repository import Found, Repository
from cyfs_edge.core.backup.restore import SnapshotReader
from cyfs_edge.core.ports import Worker
from cyfs_edge.wire.backup import layout
from cyfs_edge.wire.backup.layout import Blob

_DAY = 86_400 * 1_000_000
_WASTE_SHARE = 2
"""A pack is written anew when less than 1/2 of it is needed."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The ``last`` ones stay, and the last one of each of so many days and weeks that have any (UTC)."""

    last: int = 7
    daily: int = 14
    weekly: int = 8


def kept(found: Sequence[Found], keeping: Keeping) -> set[bytes]:
    """Names of the snapshots that stay; the newest always does."""
    newest_first = sorted(found, key=lambda one: (one.snapshot.time, one.name), reverse=True)
    names = {one.name for one in newest_first[: max(1, keeping.last)]}
    # Weeks begin on Monday; day 0 of unix time was a Thursday.
    for count, length, shift in ((keeping.daily, _DAY, 0), (keeping.weekly, 7 * _DAY, 3 * _DAY)):
        periods: set[int] = set()
        for one in newest_first:
            period = (unix_micros(one.snapshot.time) + shift) // length
            if period not in periods and len(periods) < count:
                periods.add(period)
                names.add(one.name)
    return names


@dataclass(slots=True)
class Forgotten:
    snapshots: int = 0
    left: int = 0
    packs: int = 0
    bytes: int = 0
    """Freed: what was deleted less what was written anew."""


class Forgetter:
    """Makes room in a repository that is in step with its index."""

    def __init__(self, repository: Repository, worker: Worker, report: Callable[[Progress], None]) -> None:
        self._repository = repository
        self._worker = worker
        self._report = report
        self._progress = Progress()

    async def run(self, keep: set[bytes]) -> Forgotten:
        """Forgets all snapshots but ``keep``, then deletes what none of those needs.

        Broken off at any point it leaves a repository with all of ``keep`` whole: nothing is deleted before what
        replaces it is there.
        """
        done = Forgotten()
        found = await self._repository.snapshots()
        staying = [one for one in found if one.name in keep]
        # Before anything is deleted: a snapshot that cannot be read stops it here.
        await self._mark(staying)
        for one in found:
            if one.name not in keep:
                await self._repository.target.delete(layout.file_path(layout.SNAPSHOTS, one.name))
                done.snapshots += 1
        done.left = len(staying)
        await self._prune(done)
        return done

    async def _mark(self, staying: list[Found]) -> None:
        index = self._repository.index
        await index.unmark()
        seen: set[bytes] = set()
        for found in staying:
            self._tell("looking", 0)
            reader = SnapshotReader(self._repository, found.snapshot, self._worker)
            await reader.check_complete()
            for kind in Blob:
                await index.mark(kind, found.snapshot.listing(kind).segment_ids())
            # Snapshots share most of their segments.
            async for chunks in reader.chunks(seen):
                await index.mark(Blob.CHUNK, [chunk_id for chunk_id, _ in chunks])
            seen.update(found.snapshot.listing(Blob.CHUNKS).segment_ids())

    async def _prune(self, done: Forgotten) -> None:
        repository, index = self._repository, self._repository.index
        doomed = [pack for pack in await index.use() if pack.unused and pack.used * _WASTE_SHARE < pack.size]
        if not doomed:
            return
        before = repository.written
        self._progress.total = len(doomed)
        for pack in doomed:
            if pack.used:
                await self._save(pack)
            self._tell("packs", 1)
        await repository.flush()
        old_files = await index.index_files()
        gone = {pack.name for pack in doomed}
        left = {name: size for name, size in (await index.packs()).items() if name not in gone}
        new_files = await repository.write_indexes(left)
        for name in sorted(old_files - new_files):
            await repository.target.delete(layout.file_path(layout.INDEX, name))
        for name in sorted(gone):
            await repository.target.delete(layout.pack_path(name))
        await index.clear()
        await repository.sync()
        done.packs = len(doomed)
        done.bytes = sum(pack.size for pack in doomed) - (repository.written - before)

    async def _save(self, pack: PackUse) -> None:
        """Writes what is needed of a pack into another one."""
        repository = self._repository
        entries = await repository.index.blobs_of(pack.name)
        for kind in Blob:
            ids = [entry.id for entry in entries if entry.kind == kind]
            needed = await repository.index.is_marked(kind, ids)
            for entry in entries:
                if entry.kind == kind and entry.id in needed:
                    plain = await repository.read_blob(kind, entry.id, Place(pack.name, entry.offset, entry.length))
                    await repository.add_blob(kind, entry.id, plain)

    def _tell(self, phase: str, done: int) -> None:
        self._progress.phase = phase
        self._progress.done += done
        self._report(self._progress)
