"""The index of published files (port ``FileIndex``). Index rows are keyed by what is looked for, then the file's id."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256

from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId
from cyfs_edge.core.ports import Durability, FileIndexEntry
from cyfs_edge.store import rows
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.view import View
from cyfs_edge.store.writer import Writer


class LmdbFileIndex:
    __slots__ = ("_engine", "_pool", "_writer")

    def __init__(self, engine: Engine, writer: Writer, pool: IoPool) -> None:
        self._engine = engine
        self._writer = writer
        self._pool = pool

    async def add(self, entry: FileIndexEntry) -> None:
        """Adds or replaces the entry of its file. Of several files with one hash, the last added is found by it."""
        row = rows.encode_file(entry)
        keys = _index_keys(entry)

        def run(view: View) -> None:
            held = view.get(Table.FILES, entry.file_id)
            if held == row and view.get(Table.FILES_BY_HASH, entry.hash) == entry.file_id:
                return
            if held is not None:
                old = rows.decode_file(entry.file_id, held)
                for table, key in _index_keys(old) - keys:
                    view.delete(table, key)
                if old.hash != entry.hash and view.get(Table.FILES_BY_HASH, old.hash) == entry.file_id:
                    view.delete(Table.FILES_BY_HASH, old.hash)
            view.put(Table.FILES, entry.file_id, row)
            view.put(Table.FILES_BY_HASH, entry.hash, bytes(entry.file_id))
            for table, key in keys:
                view.put(table, key, b"")

        await self._writer.submit(run, Durability.DURABLE, len(row) + ID_SIZE * 2 * len(keys))

    async def by_id(self, file_id: ObjectId) -> FileIndexEntry | None:
        row = self._engine.get(Table.FILES, file_id)
        return None if row is None else rows.decode_file(file_id, row)

    async def by_hash(self, digest: bytes) -> FileIndexEntry | None:
        if not 0 < len(digest) <= rows.FILE_HASH_MAX:
            return None
        file_id = self._engine.get(Table.FILES_BY_HASH, digest)
        return None if file_id is None else await self.by_id(ObjectId(file_id))

    async def by_quick_hash(self, quick_hash: str) -> list[FileIndexEntry]:
        return await self._pool.run(self._find, Table.FILES_BY_QUICK_HASH, _quick_key(quick_hash))

    async def by_chunk(self, chunk_id: ChunkId) -> list[FileIndexEntry]:
        return await self._pool.run(self._find, Table.FILES_BY_CHUNK, chunk_id)

    async def entries(self) -> AsyncIterator[FileIndexEntry]:
        after: bytes | None = None
        while page := await self._pool.run(self._engine.keys, Table.FILES, b"", after):
            for key in page:
                row = self._engine.get(Table.FILES, key)
                if row is not None:
                    yield rows.decode_file(key, row)
            after = page[-1]

    def _find(self, table: Table, prefix: bytes) -> list[FileIndexEntry]:
        found: list[FileIndexEntry] = []
        after: bytes | None = None
        while page := self._engine.keys(table, prefix, after):
            for key in page:
                file_id = key[len(prefix) :]
                row = self._engine.get(Table.FILES, file_id)
                if row is not None:
                    found.append(rows.decode_file(file_id, row))
            after = page[-1]
        return found


def _quick_key(quick_hash: str) -> bytes:
    # Hashed: a text from outside is of any length, a key of LMDB is not.
    return sha256(quick_hash.encode("utf-8")).digest()


def _index_keys(entry: FileIndexEntry) -> set[tuple[Table, bytes]]:
    keys = {(Table.FILES_BY_QUICK_HASH, _quick_key(text) + entry.file_id) for text in entry.quick_hash}
    keys.update((Table.FILES_BY_CHUNK, chunk_id + entry.file_id) for chunk_id in entry.chunks)
    return keys
