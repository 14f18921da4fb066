"""Scrub: reads everything and compares it with its hashes, a little at a time and beside all other work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import islice

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import Durability, Pace, Problem, ScrubReport
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_place import ChunkPlace, fault_of
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.places import Places
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import Writer

_STEP_BYTES = 1 << 20
_STEP_ROWS = 64


class Scrub:
    """One run. Cancelling the task stops it at the next step."""

    __slots__ = ("_engine", "_places", "_pool", "_writer")

    def __init__(self, engine: Engine, places: Places, writer: Writer, pool: IoPool) -> None:
        self._engine = engine
        self._places = places
        self._writer = writer
        self._pool = pool

    async def run(self, progress: Callable[[ScrubReport], None] | None, pace: Pace | None) -> ScrubReport:
        """``progress`` is called on the loop after each step, with the same report that is given at the end."""
        report = ScrubReport()
        await self._remove_orphans(report)
        for table, check in (
            (Table.OBJECTS, _check_objects),
            (Table.CHUNKS, self._check_chunks),
            (Table.FILES, _check_files),
        ):
            after: bytes | None = None
            while page := await self._pool.run(self._engine.rows, table, after, _STEP_BYTES, _STEP_ROWS):
                await self._pool.run(check, page, report)
                after = page[-1][0]
                if progress is not None:
                    progress(report)
                if pace is not None:
                    await pace(report.bytes)
        return report

    def _check_chunks(self, page: list[tuple[bytes, bytes]], report: ScrubReport) -> None:
        for key, row in page:
            report.chunks += 1
            what = self._chunk_problem(key, row, report)
            if what is not None:
                report.problems.append(Problem("chunk", ObjectId(key), what))

    def _chunk_problem(self, key: bytes, row: bytes, report: ScrubReport) -> str | None:
        chunk_id = ChunkId(key)
        try:
            number = rows.chunk_place(key, row)
        except CyfsError as error:
            return error.message
        if number == rows.INLINE:
            report.bytes += chunk_id.length
            digest = sha256(memoryview(row)[rows.CHUNK_HEAD :]).digest()
            return None if digest[:27] == chunk_id.hash_head else "its bytes do not match the hash in its id"
        try:
            fd = self._places.get(number).open_fresh(chunk_id, row[rows.CHUNK_HEAD :])
        except FileNotFoundError:
            changed = self._engine.get(Table.CHUNKS, key) != row
            return None if changed else "its file is missing"
        except OSError as error:
            return f"its file cannot be opened: {error}"
        except CyfsError:
            report.unreachable += 1
            return None
        try:
            size, fault = fault_of(fd, chunk_id)
        except OSError as error:
            return f"its file cannot be read: {error}"
        report.bytes += size
        return fault

    async def _remove_orphans(self, report: ScrubReport) -> None:
        """Removes chunk files that no row speaks of, in the writer's order: a file is there before its row is."""
        for place in self._places.each():
            names = place.names()
            while batch := await self._some(place, names):
                strange = [one for one in batch if self._is_orphan(self._engine.get, place, *one)]
                if strange:
                    remove = partial(self._remove, place, strange)
                    report.orphans += await self._writer.submit(remove, Durability.DURABLE)

    @staticmethod
    async def _some(place: ChunkPlace, names: Iterator[tuple[ChunkId, bytes]]) -> list[tuple[ChunkId, bytes]]:
        try:
            return await place.pool.run(list, islice(names, 256))
        except CyfsError as error:
            if "place" not in error.context:
                raise
            return []  # it is not there now; its chunks count as unreachable

    def _remove(self, place: ChunkPlace, strange: list[tuple[ChunkId, bytes]], view: View) -> int:
        orphans = [one for one in strange if self._is_orphan(view.get, place, *one) and place.holds(*one)]
        for chunk_id, note in orphans:
            place.remove(chunk_id, note)
        return len(orphans)

    @staticmethod
    def _is_orphan(
        get: Callable[[Table, bytes], bytes | None], place: ChunkPlace, chunk_id: ChunkId, note: bytes
    ) -> bool:
        """Whether what the place has is of no use."""
        return not rows.names_place(get(Table.CHUNKS, chunk_id), place.number, note)


def _check_objects(page: list[tuple[bytes, bytes]], report: ScrubReport) -> None:
    for key, row in page:
        report.objects += 1
        try:
            raw = rows.decode_object(key, row).raw
            report.bytes += len(raw)
            found = decode_object(raw).object_id
        except CyfsError as error:
            report.problems.append(Problem("object", ObjectId(key), error.message))
            continue
        if found != key:
            report.problems.append(Problem("object", ObjectId(key), f"its bytes are those of object {found}"))


def _check_files(page: list[tuple[bytes, bytes]], report: ScrubReport) -> None:
    for key, row in page:
        try:
            rows.decode_file(key, row)
        except CyfsError as error:
            report.problems.append(Problem("file", ObjectId(key), error.message))
