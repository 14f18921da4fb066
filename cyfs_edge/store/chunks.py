"""Chunks: small ones in LMDB, large ones in files of their own (port ``ChunkStore``)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.ports import LEASE, NO_CLAIM, Claim, Clock, Durability, FileRange, Keep
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_place import Written, verify_chunk
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.errors import translate
from cyfs_edge.store.places import Places
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.rows import ChunkHead
from cyfs_edge.store.view import Counters, View
from cyfs_edge.store.writer import Writer

INLINE_MAX = 64 * 1024
"""Chunks up to this many bytes are LMDB values; longer ones are files. Measured: docs/storage.md, "Where chunks go"."""

HASH_ON_LOOP_MAX = 64 * 1024
READ_ON_LOOP_MAX = 16 * 1024
RENEW_ON_LOOP_MAX = 16


class LmdbChunks:
    __slots__ = ("_clock", "_engine", "_inline_max", "_places", "_pool", "_writer", "file_bytes_written")

    def __init__(
        self,
        engine: Engine,
        places: Places,
        writer: Writer,
        pool: IoPool,
        clock: Clock,
        inline_max: int,
    ) -> None:
        self._engine = engine
        self._places = places
        self._writer = writer
        self._pool = pool
        self._clock = clock
        self._inline_max = inline_max
        self.file_bytes_written = 0

    async def put(
        self, chunk_id: ChunkId, data: bytes, durability: Durability = Durability.DURABLE, claim: Claim = NO_CLAIM
    ) -> bool:
        return await self.put_many([(chunk_id, data)], durability, claim) == 1

    async def put_many(
        self,
        chunks: list[tuple[ChunkId, bytes]],
        durability: Durability = Durability.DURABLE,
        claim: Claim = NO_CLAIM,
    ) -> int:
        wanted = dict(chunks)
        size = sum(len(data) for data in wanted.values())
        if size <= HASH_ON_LOOP_MAX:
            _verify(chunks)
        else:
            await self._pool.run(_verify, chunks)
        while True:
            temps = await self._write_files(wanted)
            new = await self._writer.submit(
                partial(self._index, wanted, temps, claim), durability, size, tuple(temps.values())
            )
            if new is not None:
                return new

    async def _write_files(self, wanted: dict[ChunkId, bytes]) -> dict[ChunkId, Written]:
        """Writes the large ones that are not here yet, each to its place."""
        temps: dict[ChunkId, Written] = {}
        places = self._places

        async def write(chunk_id: ChunkId, data: bytes) -> None:
            temps[chunk_id] = await places.write_pool.run_owned(partial(places.write, chunk_id, data), places.drop)
            if temps[chunk_id].number != rows.REMOTE:
                self.file_bytes_written += len(data)

        large = [
            write(chunk_id, data)
            for chunk_id, data in wanted.items()
            if len(data) > self._inline_max and self._engine.get(Table.CHUNKS, chunk_id) is None
        ]
        try:
            # Waits for all of them, failed or not, so that none is forgotten.
            for failed in await asyncio.gather(*large, return_exceptions=True):
                if failed is not None:
                    raise failed
        except BaseException as error:
            for temp in temps.values():
                places.drop(temp)
            if isinstance(error, OSError):
                raise translate(error, "writing a chunk") from error
            raise
        return temps

    def _index(
        self, wanted: dict[ChunkId, bytes], temps: dict[ChunkId, Written], claim: Claim, view: View
    ) -> int | None:
        """Runs as an operation: how many were new; ``None`` when a large one, or its place, went since we looked."""
        now = self._clock.now()
        new = 0
        for chunk_id, data in wanted.items():
            held = view.get(Table.CHUNKS, chunk_id)
            if held is not None:
                _renew(view, chunk_id, held, now, claim.keep)
                continue
            in_file = 0
            if len(data) <= self._inline_max:
                view.put(Table.CHUNKS, chunk_id, rows.encode_chunk(chunk_id, ChunkHead(rows.INLINE, now, claim), data))
            elif chunk_id in temps and self._places.accepts(temps[chunk_id]):
                temp = temps[chunk_id]
                head = ChunkHead(temp.number, now, claim)
                view.put(Table.CHUNKS, chunk_id, rows.encode_chunk(chunk_id, head, temp.note))
                view.place_file(temp)
                in_file = _bytes_in_file(temp.number, chunk_id)
            else:
                view.forget()
                return None
            new += 1
            view.count(Counters(0, 0, 1, len(data), in_file), rows.accounts_of(claim.dec, claim.owner))
        return new

    async def renew(self, chunk_id: ChunkId) -> bool:
        return (await self.renew_many([chunk_id]))[0]

    async def renew_many(self, chunk_ids: Sequence[ChunkId]) -> list[bool]:
        few = len(chunk_ids) <= RENEW_ON_LOOP_MAX
        there, due = self._look(chunk_ids) if few else await self._pool.run(self._look, chunk_ids)
        if not due:
            return there

        def run(view: View) -> set[ChunkId]:
            gone: set[ChunkId] = set()
            for chunk_id in due:
                held = view.get(Table.CHUNKS, chunk_id)
                if held is None:
                    gone.add(chunk_id)
                else:
                    _renew(view, chunk_id, held, self._clock.now(), Keep.REFERRED)
            return gone

        gone = await self._writer.submit(run, Durability.DURABLE)
        return [is_there and chunk_id not in gone for chunk_id, is_there in zip(chunk_ids, there, strict=True)]

    def _look(self, chunk_ids: Sequence[ChunkId]) -> tuple[list[bool], list[ChunkId]]:
        """Which are here, and whose leases are to be written anew."""
        there: list[bool] = []
        due: list[ChunkId] = []
        now = self._clock.now()
        for chunk_id in chunk_ids:
            row = self._engine.get(Table.CHUNKS, chunk_id)
            there.append(row is not None)
            if row is not None and _is_due(rows.decode_chunk_head(chunk_id, row), now):
                due.append(chunk_id)
        return there, due

    async def read(self, chunk_id: ChunkId, start: int = 0, end: int | None = None) -> bytes | FileRange | None:
        length = chunk_id.length
        end = length if end is None else min(end, length)
        if not 0 <= start <= end:
            raise CyfsError(
                ErrorCode.RANGE_NOT_SATISFIABLE, f"no bytes {start} to {end} in a chunk of {length}", length=length
            )
        if length <= READ_ON_LOOP_MAX:
            found = self._read(chunk_id, start, end, at_once=True)
        else:
            read = partial(self._read, chunk_id, start, end, at_once=True)
            found = await self._pool.run_owned(read, _close_range)
        if isinstance(found, IoPool):
            found = await found.run_owned(partial(self._read, chunk_id, start, end), _close_range)
        assert not isinstance(found, IoPool)
        return found

    def _read(
        self, chunk_id: ChunkId, start: int, end: int, *, at_once: bool = False
    ) -> bytes | FileRange | IoPool | None:
        """``at_once``: what only the network can give is not waited for; the threads that may are given instead."""
        tried: bytes | None = None
        while True:
            row = self._engine.get(Table.CHUNKS, chunk_id)
            if row is None:
                return None
            number = rows.chunk_place(chunk_id, row)
            if number == rows.INLINE:
                return row[rows.CHUNK_HEAD + start : rows.CHUNK_HEAD + end]
            place, note = self._places.get(number), row[rows.CHUNK_HEAD :]
            try:
                fd = place.open_now(chunk_id, note) if at_once else place.open(chunk_id, note)
                if fd is None:
                    return place.pool
            except FileNotFoundError:
                # Deleted or moved between the two looks, or lost: the index tells.
                if row == tried:
                    raise rows.damaged(f"the file of chunk {chunk_id} is missing") from None
                tried = row
                continue
            except OSError as error:
                raise translate(error, "reading a chunk") from error
            size = os.fstat(fd).st_size
            if size != chunk_id.length:
                os.close(fd)
                raise rows.damaged(f"the file of chunk {chunk_id} has {size} bytes instead of {chunk_id.length}")
            return FileRange(fd, start, end, _Closer(fd))

    async def read_whole(self, chunk_id: ChunkId) -> bytes | None:
        found = await self.read(chunk_id)
        return await self._pool.run(_bytes_of, found) if isinstance(found, FileRange) else found

    def read_now(self, chunk_id: ChunkId) -> bytes | None:
        """The same for threads that may wait for the disk, or the network."""
        found = self._read(chunk_id, 0, chunk_id.length)
        assert not isinstance(found, IoPool)
        return _bytes_of(found) if isinstance(found, FileRange) else found

    async def contains(self, chunk_id: ChunkId) -> bool:
        return self._engine.get(Table.CHUNKS, chunk_id) is not None

    async def delete(self, chunk_id: ChunkId) -> bool:
        def run(view: View) -> bool:
            row = view.get(Table.CHUNKS, chunk_id)
            if row is not None:
                drop_chunk(view, chunk_id, row)
            return row is not None

        return await self._writer.submit(run, Durability.DURABLE)

    async def claim(self, chunk_id: ChunkId) -> Claim | None:
        row = self._engine.get(Table.CHUNKS, chunk_id)
        return None if row is None else rows.decode_chunk_head(chunk_id, row).claim

    async def list_ids(self) -> AsyncIterator[ChunkId]:
        after: bytes | None = None
        while page := await self._pool.run(self._engine.keys, Table.CHUNKS, b"", after):
            for key in page:
                yield ChunkId(key)
            after = page[-1]


def drop_chunk(view: View, chunk_id: ChunkId, row: bytes) -> None:
    """Deletes a chunk that is here, its file after its row."""
    view.delete(Table.CHUNKS, chunk_id)
    number = rows.place_of(row)
    if number != rows.INLINE:
        view.remove_file(chunk_id, number, row[rows.CHUNK_HEAD :])
    in_file = _bytes_in_file(number, chunk_id)
    view.count(Counters(0, 0, -1, -chunk_id.length, -in_file), rows.chunk_accounts(chunk_id, row))


def _bytes_in_file(number: int, chunk_id: ChunkId) -> int:
    """What a chunk in that place takes of our own disks, outside of LMDB."""
    return 0 if number in (rows.INLINE, rows.REMOTE) else chunk_id.length


class _Closer:
    """Closes a descriptor once, however often it is called: the number may belong to another file afterwards."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _bytes_of(found: FileRange) -> bytes:
    """All of them; closes it."""
    try:
        return os.pread(found.fd, found.end - found.start, found.start)
    except OSError as error:
        raise translate(error, "reading a chunk") from error
    finally:
        found.close()


def _close_range(found: bytes | FileRange | IoPool | None) -> None:
    if isinstance(found, FileRange):
        found.close()


def _is_due(head: ChunkHead, now: int) -> bool:
    """Whether a lease is half over. Written anew each time it would wear the card for nothing."""
    return head.claim.keep is Keep.REFERRED and now - head.time > LEASE // 2


def _renew(view: View, chunk_id: ChunkId, row: bytes, now: int, keep: Keep) -> None:
    """Writes the row of a chunk that is here anew, when there is something new to say."""
    head = rows.decode_chunk_head(chunk_id, row)
    stays = head.claim.keep is Keep.REFERRED and keep is Keep.ALWAYS
    if stays or _is_due(head, now):
        claim = replace(head.claim, keep=min(head.claim.keep, keep))
        view.put(
            Table.CHUNKS,
            chunk_id,
            rows.encode_chunk(chunk_id, ChunkHead(head.place, now, claim), row[rows.CHUNK_HEAD :]),
        )


def _verify(chunks: list[tuple[ChunkId, bytes]]) -> None:
    for chunk_id, data in chunks:
        verify_chunk(chunk_id, data)
