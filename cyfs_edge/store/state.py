"""Global roots in LMDB, written together with their objects (port ``StateStore``)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cyfs_edge.core.ports import Durability, ObjectRecord, RootChange, RootRecord
from cyfs_edge.store import rows
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import Writer


class LmdbState:
    __slots__ = ("_engine", "_writer")

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer

    async def root(self, name: str) -> RootRecord | None:
        key = rows.root_key(name)
        row = self._engine.get(Table.ROOTS, key)
        return None if row is None else rows.decode_root(key, row)

    async def roots(self) -> AsyncIterator[tuple[str, RootRecord]]:
        after: bytes | None = None
        while page := self._engine.keys(Table.ROOTS, b"", after):
            for key in page:
                row = self._engine.get(Table.ROOTS, key)
                if row is not None:
                    yield key.decode("utf-8"), rows.decode_root(key, row)
            after = page[-1]

    async def commit(self, objects: Sequence[ObjectRecord], change: RootChange | None = None) -> bool:
        encoded = [(record, rows.encode_object(record)) for record in objects]

        def run(view: View) -> bool:
            if change is not None:
                key = rows.root_key(change.name)
                row = view.get(Table.ROOTS, key)
                if (None if row is None else rows.decode_root(key, row)) != change.held:
                    return False
                view.put(Table.ROOTS, key, rows.encode_root(key, change.new))
            for record, object_row in encoded:
                if view.get(Table.OBJECTS, record.object_id) is None:
                    view.put(Table.OBJECTS, record.object_id, object_row)
                    view.delta.objects += 1
                    view.delta.object_bytes += len(record.raw)
            return True

        return await self._writer.submit(run, Durability.DURABLE, sum(len(row) for _, row in encoded))
