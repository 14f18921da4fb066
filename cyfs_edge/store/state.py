"""Global roots in LMDB, written together with their objects (port ``StateStore``)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from cyfs_edge.core.ports import MADE_HERE, OBJECT_LEASE, Durability, ObjectRecord, RootChange, RootRecord
from cyfs_edge.store import rows
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.objects import put_object
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
                held = view.get(Table.OBJECTS, record.object_id)
                if held is None or _is_stale(record, held):
                    put_object(view, record, object_row, held)
                self._engine.wrote(record.object_id)
            return True

        return await self._writer.submit(run, Durability.DURABLE, sum(len(row) for _, row in encoded))


def _is_stale(record: ObjectRecord, held: bytes) -> bool:
    """Whether what is here was made here as well, and its lease has run for too long; or is now to stay for good."""
    if not rows.is_made_here(held):
        return False
    if record.context != MADE_HERE:
        return True
    return record.insert_time - rows.insert_time(held) > OBJECT_LEASE // 2
