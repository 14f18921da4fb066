"""Scrub: reads everything and compares it with its hashes, a little at a time and beside all other work."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from itertools import islice

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import Durability, Pace, Problem, ScrubReport
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_files import ChunkFiles
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import Writer

_STEP_BYTES = 1 << 20
_STEP_ROWS = 64
_PIECE = 1 << 20


class Scrub:
    """One run. Cancelling the task stops it at the next step."""

    __slots__ = ("_engine", "_files", "_pool", "_writer")

    def __init__(self, engine: Engine, files: ChunkFiles, writer: Writer, pool: IoPool) -> None:
        self._engine = engine
        self._files = files
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
            inline = rows.chunk_place(key, row) == rows.INLINE
        except CyfsError as error:
            return error.message
        if inline:
            report.bytes += chunk_id.length
            digest = sha256(memoryview(row)[rows.CHUNK_HEAD :]).digest()
        else:
            try:
                fd = self._files.open(chunk_id)
            except FileNotFoundError:
                deleted = self._engine.get(Table.CHUNKS, key) is None
                return None if deleted else "its file is missing"
            except OSError as error:
                return f"its file cannot be opened: {error}"
            try:
                size = os.fstat(fd).st_size
                if size != chunk_id.length:
                    return f"its file has {size} bytes instead of {chunk_id.length}"
                hasher = sha256()
                while piece := os.read(fd, _PIECE):
                    hasher.update(piece)
                    report.bytes += len(piece)
                digest = hasher.digest()
            except OSError as error:
                return f"its file cannot be read: {error}"
            finally:
                os.close(fd)
        return None if digest[:27] == chunk_id.hash_head else "its bytes do not match the hash in its id"

    async def _remove_orphans(self, report: ScrubReport) -> None:
        """Removes chunk files that no row speaks of, in the writer's order: a file is there before its row is."""
        names = self._files.names()
        while batch := await self._pool.run(list, islice(names, 256)):
            strange = [chunk_id for chunk_id in batch if _is_orphan(self._engine.get(Table.CHUNKS, chunk_id))]
            if strange:
                report.orphans += await self._writer.submit(partial(self._remove, strange), Durability.DURABLE)

    def _remove(self, strange: list[ChunkId], view: View) -> int:
        orphans = [chunk_id for chunk_id in strange if _is_orphan(view.get(Table.CHUNKS, chunk_id))]
        for chunk_id in orphans:
            self._files.remove(chunk_id)
        return len(orphans)


def _is_orphan(row: bytes | None) -> bool:
    """Whether a file is of no use, seeing the row of its chunk."""
    return row is None or rows.is_inline(row)


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
