"""Collection in the LMDB store, and the accounts (port ``Space``; docs/storage.md, "Collection")."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import LEASE, OBJECT_LEASE, Account, Clock, CollectReport, Durability, Keep, Usage
from cyfs_edge.core.references import is_container
from cyfs_edge.store import rows
from cyfs_edge.store.chunks import LmdbChunks, drop_chunk
from cyfs_edge.store.collection import Collection
from cyfs_edge.store.committer import Committer
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.objects import drop_object
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import Writer

_STEP_BYTES = 1 << 20
_STEP_ROWS = 256
_DELETES = 64
"""Rows deleted in one operation, so that no put waits long behind it."""
REST = 3.0
"""How much longer than it works a collection rests after each step."""

_KINDS = {b"d": "dec", b"o": "owner"}


class LmdbSpace:
    __slots__ = ("_chunks", "_clock", "_committer", "_engine", "_pool", "_rest", "_writer")

    def __init__(
        self,
        engine: Engine,
        committer: Committer,
        writer: Writer,
        pool: IoPool,
        chunks: LmdbChunks,
        clock: Clock,
        rest: float = REST,
    ) -> None:
        self._engine = engine
        self._committer = committer
        self._writer = writer
        self._pool = pool
        self._chunks = chunks
        self._clock = clock
        self._rest = rest

    def usage(self) -> dict[Account, Usage]:
        held, quotas = self._committer.usage, self._committer.quotas
        found: dict[Account, Usage] = {}
        for key in held.keys() | quotas.keys():
            counters = held.get(key)
            limit = quotas.get(key)
            if counters is None:
                usage = Usage(0, 0, 0, 0, limit)
            else:
                usage = Usage(counters.objects, counters.object_bytes, counters.chunks, counters.chunk_bytes, limit)
            found[Account(_KINDS[key[:1]], ObjectId(key[1:]))] = usage
        return found

    def set_quota(self, account: Account, limit: int | None) -> None:
        key = account.kind[:1].encode() + account.id
        if limit is None:
            self._committer.quotas.pop(key, None)
        else:
            self._committer.quotas[key] = limit

    async def collect(
        self,
        roots: Callable[[], Iterable[ObjectId]],
        progress: Callable[[CollectReport], None] | None = None,
    ) -> CollectReport:
        if self._engine.collection is not None:
            raise CyfsError(ErrorCode.ERROR_STATE, "a collection is running; wait for it or stop it")
        collection = self._engine.collection = Collection()
        try:
            return await _Run(self, collection, roots, progress).run()
        finally:
            self._engine.collection = None


def _nothing(view: View) -> None:
    """An operation that changes nothing."""


class _Run:
    """One run, step by step in the pool and in the writer's order."""

    def __init__(
        self,
        space: LmdbSpace,
        collection: Collection,
        roots: Callable[[], Iterable[ObjectId]],
        progress: Callable[[CollectReport], None] | None,
    ) -> None:
        self._engine = space._engine
        self._writer = space._writer
        self._pool = space._pool
        self._clock = space._clock
        self._rest = space._rest
        self._read_chunk = space._chunks.read_now
        self._collection = collection
        self._roots = roots
        self._progress = progress
        self._report = CollectReport()

    async def run(self) -> CollectReport:
        await self._mark_roots()
        await self._each_page(Table.OBJECTS, self._mark_page)
        await self._mark_what_came()
        self._report.phase, self._report.seen = "sweep", 0
        await self._each_page(Table.OBJECTS, self._sweep_objects)
        await self._each_page(Table.CHUNKS, self._sweep_chunks)
        return self._report

    # -- mark ---------------------------------------------------------------------------------------------------------

    async def _mark_roots(self) -> None:
        # What the writer had begun before it was told of the collection is committed after this, and those who waited
        # for it have gone on. Whatever comes later is told of as it is written.
        await self._writer.submit(_nothing, Durability.LAZY)
        wanted = list(self._roots())
        after: bytes | None = None
        while page := self._engine.keys(Table.ROOTS, b"", after):
            held = ((key, self._engine.get(Table.ROOTS, key)) for key in page)
            wanted += (rows.decode_root(key, row).root for key, row in held if row is not None)
            after = page[-1]
        await self._pool.run(self._mark, wanted)

    async def _mark_page(self, page: list[tuple[bytes, bytes]]) -> None:
        """All objects that stay of themselves: of others than these nothing depends on it."""
        since = self._clock.now() - OBJECT_LEASE
        wanted = [
            ObjectId(key)
            for key, row in page
            if (rows.insert_time(row) >= since if rows.is_made_here(row) else is_container(key))
        ]
        await self._pool.run(self._mark, wanted)

    def _mark(self, wanted: Iterable[ObjectId]) -> None:
        self._collection.mark(wanted, self._read_object, self._read_chunk)

    def _read_object(self, object_id: ObjectId) -> bytes | None:
        row = self._engine.get(Table.OBJECTS, object_id)
        return None if row is None else rows.decode_object(object_id, row).raw

    async def _mark_what_came(self) -> None:
        """Returns in the step of the loop in which the sweep begins."""
        collection = self._collection
        while True:
            await self._pool.run(collection.mark_reads, self._read_object, self._read_chunk)
            while not await self._writer.submit(self._mark_writes, Durability.LAZY):
                await asyncio.sleep(0)
            late = [object_id for object_id in self._roots() if not collection.is_live(object_id)]
            if late:
                await self._pool.run(self._mark, late)
            elif not collection.has_reads:
                collection.sweeping = True
                return

    def _mark_writes(self, view: View) -> bool:
        def read_object(object_id: ObjectId) -> bytes | None:
            row = view.get(Table.OBJECTS, object_id)
            return None if row is None else rows.decode_object(object_id, row).raw

        return self._collection.mark_writes(read_object, self._read_chunk)

    # -- sweep --------------------------------------------------------------------------------------------------------

    async def _sweep_objects(self, page: list[tuple[bytes, bytes]]) -> None:
        doomed = [ObjectId(key) for key, row in page if self._is_doomed_object(key, row)]
        for start in range(0, len(doomed), _DELETES):
            sizes = await self._delete(partial(self._delete_objects, doomed[start : start + _DELETES]))
            self._report.objects += len(sizes)
            self._report.bytes += sum(sizes)

    async def _sweep_chunks(self, page: list[tuple[bytes, bytes]]) -> None:
        doomed = [ChunkId(key) for key, row in page if self._is_doomed_chunk(key, row)]
        for start in range(0, len(doomed), _DELETES):
            sizes = await self._delete(partial(self._delete_chunks, doomed[start : start + _DELETES]))
            self._report.chunks += len(sizes)
            self._report.bytes += sum(sizes)

    async def _delete(self, delete: Callable[[View], list[int] | None]) -> list[int]:
        """The sizes of what was deleted. They are counted here: an operation may run more than once."""
        while (sizes := await self._writer.submit(delete, Durability.LAZY)) is None:
            await asyncio.sleep(0)
        return sizes

    def _delete_objects(self, doomed: list[ObjectId], view: View) -> list[int] | None:
        """``None`` when what was written since then is to be marked first."""
        if not self._mark_writes(view):
            return None
        sizes = []
        for object_id in doomed:
            row = view.get(Table.OBJECTS, object_id)
            if row is not None and self._is_doomed_object(object_id, row):
                sizes.append(rows.object_raw_size(row))
                drop_object(view, object_id, row)
        return sizes

    def _delete_chunks(self, doomed: list[ChunkId], view: View) -> list[int] | None:
        if not self._mark_writes(view):
            return None
        sizes = []
        for chunk_id in doomed:
            row = view.get(Table.CHUNKS, chunk_id)
            if row is not None and self._is_doomed_chunk(chunk_id, row):
                sizes.append(chunk_id.length)
                drop_chunk(view, chunk_id, row)
        return sizes

    def _is_doomed_object(self, key: bytes, row: bytes) -> bool:
        return rows.is_made_here(row) and not self._collection.is_live(ObjectId(key))

    def _is_doomed_chunk(self, key: bytes, row: bytes) -> bool:
        if self._collection.is_live(ObjectId(key)):
            return False
        head = rows.decode_chunk_head(key, row)
        return head.claim.keep is Keep.REFERRED and self._clock.now() - head.time > LEASE

    # -- both ---------------------------------------------------------------------------------------------------------

    async def _each_page(self, table: Table, work: Callable[[list[tuple[bytes, bytes]]], Awaitable[None]]) -> None:
        after: bytes | None = None
        while True:
            start = time.monotonic()
            page = await self._pool.run(self._engine.rows, table, after, _STEP_BYTES, _STEP_ROWS)
            if not page:
                return
            await work(page)
            after = page[-1][0]
            self._report.seen += len(page)
            if self._progress is not None:
                self._progress(self._report)
            await asyncio.sleep((time.monotonic() - start) * self._rest)
