"""Objects in LMDB (port ``ObjectStore``)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.ports import Change, Durability, ObjectRecord
from cyfs_edge.store import rows
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.view import Counters, View
from cyfs_edge.store.writer import Writer

T = TypeVar("T")

# What an update is taken to write when batches are cut: it is not known before it has run.
_SIZE_GUESS = 1024


class LmdbObjects:
    __slots__ = ("_engine", "_pool", "_writer")

    def __init__(self, engine: Engine, writer: Writer, pool: IoPool) -> None:
        self._engine = engine
        self._writer = writer
        self._pool = pool

    async def get(self, object_id: ObjectId) -> ObjectRecord | None:
        row = self._engine.get(Table.OBJECTS, object_id)
        if row is None or self._engine.hides(object_id, row):
            return None
        return rows.decode_object(object_id, row)

    async def update(
        self,
        object_id: ObjectId,
        change: Callable[[ObjectRecord | None], Change[T]],
        durability: Durability = Durability.DURABLE,
    ) -> T:
        def run(view: View) -> T:
            held = view.get(Table.OBJECTS, object_id)
            decision = change(None if held is None else rows.decode_object(object_id, held))
            if decision.delete:
                if held is not None:
                    drop_object(view, object_id, held)
            elif decision.record is not None:
                record = decision.record
                if record.object_id != object_id:
                    raise CyfsError(ErrorCode.INTERNAL_ERROR, f"an update of {object_id} gave {record.object_id}")
                put_object(view, record, rows.encode_object(record), held)
                self._engine.wrote(object_id)
            elif held is not None:
                # Who was told that it is there builds on that as much as who wrote it.
                self._engine.wrote(object_id)
            return decision.result

        return await self._writer.submit(run, durability, _SIZE_GUESS)

    async def replace(self, record: ObjectRecord) -> None:
        row = rows.encode_object(record)

        def run(view: View) -> None:
            put_object(view, record, row, view.get(Table.OBJECTS, record.object_id))
            self._engine.wrote(record.object_id)

        await self._writer.submit(run, Durability.DURABLE, len(row))

    async def list_ids(self, prefix: bytes = b"", after: ObjectId | None = None) -> AsyncIterator[ObjectId]:
        last: bytes | None = after
        while page := await self._pool.run(self._engine.keys, Table.OBJECTS, prefix, last):
            for key in page:
                yield ObjectId(key)
            last = page[-1]


def drop_object(view: View, object_id: ObjectId, row: bytes) -> None:
    """Deletes an object that is here."""
    view.delete(Table.OBJECTS, object_id)
    view.count(Counters(-1, -rows.object_raw_size(row)), rows.object_accounts(object_id, row))


def put_object(view: View, record: ObjectRecord, row: bytes, held: bytes | None) -> None:
    """Writes a row in the place of ``held``, and settles the accounts."""
    view.put(Table.OBJECTS, record.object_id, row)
    accounts = rows.accounts_of(record.create_dec_id, record.owner)
    size = len(record.raw)
    if held is None:
        view.count(Counters(1, size), accounts)
    elif (before := rows.object_accounts(record.object_id, held)) in (accounts, ()):
        # Of a damaged row nobody can tell its accounts: most likely they are those of what takes its place.
        view.count(Counters(0, size - rows.object_raw_size(held)), accounts)
    else:
        view.count(Counters(-1, -rows.object_raw_size(held)), before)
        view.count(Counters(1, size), accounts)
