"""Records of services in LMDB (port ``Records``)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from cyfs_edge.core.ports import Durability
from cyfs_edge.store import rows
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import Writer


class LmdbRecords:
    __slots__ = ("_engine", "_pool", "_writer")

    def __init__(self, engine: Engine, writer: Writer, pool: IoPool) -> None:
        self._engine = engine
        self._writer = writer
        self._pool = pool

    async def get(self, space: str, key: str) -> bytes | None:
        at = rows.record_key(space, key)
        row = self._engine.get(Table.RECORDS, at)
        return None if row is None else rows.decode_record(at, row)

    async def put(self, space: str, key: str, value: bytes, durability: Durability = Durability.DURABLE) -> None:
        at = rows.record_key(space, key)
        row = rows.encode_record(at, value)

        def run(view: View) -> None:
            view.put(Table.RECORDS, at, row)

        await self._writer.submit(run, durability, len(row))

    async def delete(self, space: str, key: str, durability: Durability = Durability.DURABLE) -> bool:
        at = rows.record_key(space, key)

        def run(view: View) -> bool:
            there = view.get(Table.RECORDS, at) is not None
            if there:
                view.delete(Table.RECORDS, at)
            return there

        return await self._writer.submit(run, durability)

    async def spaces(self) -> AsyncIterator[str]:
        after: bytes | None = None
        while page := await self._pool.run(self._engine.keys, Table.RECORDS, b"", after, 1):
            space = page[0].partition(b"\0")[0]
            if space != rows.OWN_SPACE.encode():
                yield space.decode("utf-8")
            after = space + b"\x01"  # behind all keys of the space, before any other space

    async def list(self, space: str, prefix: str = "", after: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
        head = rows.record_prefix(space)
        begin = rows.record_key(space, prefix)
        last = None if after is None else rows.record_key(space, after)
        if last is not None and last < begin:
            last = None
        while page := await self._pool.run(self._engine.keys, Table.RECORDS, begin, last):
            for at in page:
                row = self._engine.get(Table.RECORDS, at)
                if row is not None:
                    yield at[len(head) :].decode("utf-8"), rows.decode_record(at, row)
            last = page[-1]
