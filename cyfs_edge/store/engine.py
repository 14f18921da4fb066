"""The LMDB environment: its tables, short reads, and the values that are acknowledged but not yet committed.

A read transaction never leaves the method that began it, and what it gives is copied out of it.
"""

from __future__ import annotations

from enum import Enum
from heapq import merge
from typing import Any

import lmdb

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.store import rows
from cyfs_edge.store.collection import Collection
from cyfs_edge.store.errors import translate


class Table(Enum):
    """Named databases. The value is the name on disk."""

    OBJECTS = b"objects"
    CHUNKS = b"chunks"
    FILES = b"files"
    FILES_BY_HASH = b"files-by-hash"
    FILES_BY_QUICK_HASH = b"files-by-quick-hash"
    FILES_BY_CHUNK = b"files-by-chunk"
    ROOTS = b"roots"
    RECORDS = b"records"


PAGE_KEYS = 256
"""Keys listed in one read transaction."""


class _Absent(Enum):
    ABSENT = 0


class Engine:
    """Reads for any thread. Only the writer's thread calls :meth:`begin_write` and changes ``pending``."""

    __slots__ = ("_closed", "_env", "_tables", "collection", "pending")

    def __init__(self, env: lmdb.Environment) -> None:
        self._env = env
        self._closed = False
        # A missing table is damage.
        self._tables = {table: env.open_db(table.value, create=False) for table in Table}
        # Lazy values by table, newest first served; ``None`` = deleted. Emptied by the commit that holds them.
        self.pending: dict[Table, dict[bytes, bytes | None]] = {table: {} for table in Table}
        self.collection: Collection | None = None
        """The one that is running."""

    def handle(self, table: Table) -> Any:
        return self._tables[table]

    def begin_write(self) -> lmdb.Transaction:
        return self._env.begin(write=True)

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The row as last acknowledged."""
        waiting = self.pending[table]
        if waiting:
            row = waiting.get(key, _Absent.ABSENT)
            if row is not _Absent.ABSENT:
                return row
        return self.get_committed(table, key)

    def hides(self, object_id: ObjectId, row: bytes) -> bool:
        """Whether a running collection has given up the object. Tells the collection that it was read if not."""
        collection = self.collection
        return collection is not None and not collection.read(object_id, rows.is_made_here(row))

    def wrote(self, object_id: ObjectId) -> None:
        """Tells a running collection of an object that was written, or is to stay. On the writer's thread."""
        if self.collection is not None:
            self.collection.wrote(object_id)

    def get_committed(self, table: Table, key: bytes) -> bytes | None:
        try:
            with self._env.begin(self._tables[table]) as txn:
                row: bytes | None = txn.get(key)
                return row
        except lmdb.Error as error:
            raise self._error(error) from error

    def keys(self, table: Table, prefix: bytes, after: bytes | None, limit: int = PAGE_KEYS) -> list[bytes]:
        """Up to ``limit`` keys with ``prefix`` after ``after``, in byte order. An empty list means the end."""
        # Pending first: what is committed in between is then seen twice rather than never.
        waiting = self.pending[table]
        changed = dict(waiting) if waiting else {}
        found: list[bytes] = []
        try:
            with self._env.begin(self._tables[table]) as txn, txn.cursor() as cursor:
                there = cursor.set_range(prefix if after is None else after + b"\0")
                while there and len(found) < limit:
                    key = cursor.key()
                    if not key.startswith(prefix):
                        break
                    if key not in changed:
                        found.append(key)
                    there = cursor.next()
        except lmdb.Error as error:
            raise self._error(error) from error
        if not changed:
            return found
        added = sorted(
            key
            for key, row in changed.items()
            if row is not None and key.startswith(prefix) and (after is None or key > after)
        )
        return list(merge(found, added))[:limit]

    def rows(
        self, table: Table, after: bytes | None, limit_bytes: int, limit: int = PAGE_KEYS
    ) -> list[tuple[bytes, bytes]]:
        """Committed rows after ``after``, until ``limit`` rows or ``limit_bytes`` are reached."""
        found: list[tuple[bytes, bytes]] = []
        size = 0
        try:
            with self._env.begin(self._tables[table]) as txn, txn.cursor() as cursor:
                there = cursor.first() if after is None else cursor.set_range(after + b"\0")
                while there and len(found) < limit and size < limit_bytes:
                    key, row = cursor.item()
                    found.append((key, row))
                    size += len(row)
                    there = cursor.next()
        except lmdb.Error as error:
            raise self._error(error) from error
        return found

    def heads(self, table: Table, after: bytes | None, size: int, limit: int = 4096) -> list[tuple[bytes, bytes]]:
        """Keys after ``after`` with the first ``size`` bytes of their committed rows, at most ``limit``."""
        found: list[tuple[bytes, bytes]] = []
        try:
            with self._env.begin(self._tables[table], buffers=True) as txn, txn.cursor() as cursor:
                there = cursor.first() if after is None else cursor.set_range(after + b"\0")
                while there and len(found) < limit:
                    key, row = cursor.item()
                    found.append((bytes(key), bytes(row[:size])))
                    there = cursor.next()
        except lmdb.Error as error:
            raise self._error(error) from error
        return found

    def entries(self, table: Table) -> int:
        """Rows committed."""
        try:
            with self._env.begin() as txn:
                return int(txn.stat(self._tables[table])["entries"])
        except lmdb.Error as error:
            raise self._error(error) from error

    def _error(self, error: lmdb.Error) -> CyfsError:
        if self._closed:
            return CyfsError(ErrorCode.ERROR_STATE, "the store is closed")
        return translate(error, "reading from the store")

    def close(self) -> None:
        self._closed = True
        self._env.close()

    def is_panicking(self) -> bool:
        """Whether LMDB refuses even reads: it does after a failed write of a meta page."""
        try:
            self._env.begin().abort()
        except lmdb.Error:
            return True
        return False
