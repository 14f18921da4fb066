"""What is known of a backup repository's packs, in an SQLite file (port ``BlobIndex``).

A million blobs take about 100 MB of disk and a few MB of memory. The file is a copy of what the repository says: one
that is damaged or missing is made again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import PackUse, Place
from cyfs_edge.wire.backup.layout import Entry, PackInfo

T = TypeVar("T")

_VERSION = 1
_BATCH = 256
_CACHE_KIB = 4096

_TABLES = """
CREATE TABLE packs (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, index_file BLOB);
CREATE TABLE blobs (kind INTEGER NOT NULL, id BLOB NOT NULL, pack INTEGER NOT NULL, start INTEGER NOT NULL,
    length INTEGER NOT NULL, PRIMARY KEY (kind, id, pack)) WITHOUT ROWID;
CREATE INDEX blobs_by_pack ON blobs (pack, start);
CREATE TABLE index_files (name BLOB PRIMARY KEY) WITHOUT ROWID;
"""


class SqliteBlobIndex:
    """Calls run one after the other on a thread of its own."""

    __slots__ = ("_db", "_path", "_thread")

    def __init__(self, path: Path | None, db: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        """Use :meth:`open`."""
        self._path = path
        self._db = db
        self._thread = thread

    @classmethod
    async def open(cls, path: Path | None) -> SqliteBlobIndex:
        """``None``: in memory, for one use."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="backup-index")
        try:
            db = await asyncio.get_running_loop().run_in_executor(thread, _open, path)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(path, db, thread)

    async def _run(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return work()
            except sqlite3.Error as error:
                self._db.rollback()
                raise _error(error, self._path) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, guarded)

    async def index_files(self) -> set[bytes]:
        return await self._run(lambda: {row[0] for row in self._db.execute("SELECT name FROM index_files")})

    async def packs(self) -> dict[bytes, int]:
        return await self._run(lambda: dict(self._db.execute("SELECT name, size FROM packs")))

    async def add(self, packs: Sequence[PackInfo], index_file: bytes | None) -> None:
        def work() -> None:
            with self._db:
                for pack in packs:
                    self._add(pack, index_file)
                if index_file is not None:
                    self._db.execute("INSERT OR IGNORE INTO index_files VALUES (?)", (index_file,))

        await self._run(work)

    def _add(self, pack: PackInfo, index_file: bytes | None) -> None:
        known = self._db.execute("SELECT number FROM packs WHERE name = ?", (pack.name,)).fetchone()
        if known is not None:
            self._db.execute(
                "UPDATE packs SET index_file = coalesce(?, index_file) WHERE number = ?", (index_file, known[0])
            )
            return
        number = self._db.execute(
            "INSERT INTO packs (name, size, index_file) VALUES (?, ?, ?)", (pack.name, pack.size, index_file)
        ).lastrowid
        self._db.executemany(
            "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?)",
            ((entry.kind, entry.id, number, entry.offset, entry.length) for entry in pack.entries),
        )

    async def drop(self, packs: Sequence[bytes]) -> None:
        def work() -> None:
            with self._db:
                for name in packs:
                    self._db.execute(
                        "DELETE FROM blobs WHERE pack = (SELECT number FROM packs WHERE name = ?)", (name,)
                    )
                    self._db.execute("DELETE FROM packs WHERE name = ?", (name,))

        await self._run(work)

    async def clear(self) -> None:
        def work() -> None:
            with self._db:
                for table in ("blobs", "packs", "index_files"):
                    self._db.execute(f"DELETE FROM {table}")  # noqa: S608

        await self._run(work)

    async def unindexed(self) -> dict[bytes, int]:
        return await self._run(
            lambda: dict(self._db.execute("SELECT name, size FROM packs WHERE index_file IS NULL ORDER BY number"))
        )

    async def blobs_of(self, pack: bytes) -> tuple[Entry, ...]:
        def work() -> tuple[Entry, ...]:
            rows = self._db.execute(
                "SELECT kind, id, start, length FROM blobs WHERE pack = (SELECT number FROM packs WHERE name = ?) "
                "ORDER BY start",
                (pack,),
            )
            return tuple(Entry(*row) for row in rows)

        return await self._run(work)

    async def indexed(self, packs: Sequence[bytes], index_file: bytes) -> None:
        def work() -> None:
            with self._db:
                self._db.executemany(
                    "UPDATE packs SET index_file = ? WHERE name = ?", ((index_file, name) for name in packs)
                )
                self._db.execute("INSERT OR IGNORE INTO index_files VALUES (?)", (index_file,))

        await self._run(work)

    async def missing(self, kind: int, ids: Sequence[bytes]) -> list[bytes]:
        found = await self._run(lambda: set(self._ids("blobs", kind, ids)))
        return [one for one in ids if one not in found]

    async def find(self, kind: int, ids: Sequence[bytes]) -> dict[bytes, Place]:
        def work() -> dict[bytes, Place]:
            found: dict[bytes, Place] = {}
            for batch in _batches(ids):
                rows = self._db.execute(
                    "SELECT id, name, start, length FROM blobs JOIN packs ON number = pack "  # noqa: S608
                    f"WHERE kind = ? AND id IN ({_marks(batch)})",
                    (kind, *batch),
                )
                found.update((row[0], Place(row[1], row[2], row[3])) for row in rows)
            return found

        return await self._run(work)

    async def unmark(self) -> None:
        def work() -> None:
            with self._db:
                self._db.execute(
                    "CREATE TEMP TABLE IF NOT EXISTS marks "
                    "(kind INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"
                )
                self._db.execute("DELETE FROM marks")

        await self._run(work)

    async def mark(self, kind: int, ids: Sequence[bytes]) -> None:
        def work() -> None:
            with self._db:
                self._db.executemany("INSERT OR IGNORE INTO marks VALUES (?, ?)", ((kind, one) for one in ids))

        await self._run(work)

    async def is_marked(self, kind: int, ids: Sequence[bytes]) -> set[bytes]:
        return await self._run(lambda: set(self._ids("marks", kind, ids)))

    def _ids(self, table: str, kind: int, ids: Sequence[bytes]) -> Iterator[bytes]:
        for batch in _batches(ids):
            query = f"SELECT id FROM {table} WHERE kind = ? AND id IN ({_marks(batch)})"  # noqa: S608
            for row in self._db.execute(query, (kind, *batch)):
                yield row[0]

    async def use(self) -> list[PackUse]:
        def work() -> list[PackUse]:
            rows = self._db.execute(
                "SELECT name, size, "
                "coalesce(sum(CASE WHEN marks.id IS NOT NULL THEN length END), 0), "
                "coalesce(sum(CASE WHEN marks.id IS NULL AND blobs.id IS NOT NULL THEN 1 END), 0) "
                "FROM packs LEFT JOIN blobs ON pack = number "
                "LEFT JOIN marks ON marks.kind = blobs.kind AND marks.id = blobs.id GROUP BY number ORDER BY number"
            )
            return [PackUse(*row) for row in rows]

        return await self._run(work)

    async def close(self) -> None:
        await self._run(self._db.close)
        self._thread.shutdown(wait=False)


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return _connect(":memory:")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return _connect(str(path))
        except sqlite3.DatabaseError:
            # Whatever is wrong with it: it is only a copy.
            for name in (path, *(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))):
                name.unlink(missing_ok=True)
            return _connect(str(path))
    except (sqlite3.Error, OSError) as error:
        raise _error(error, path) from error


def _connect(name: str) -> sqlite3.Connection:
    # A power cut may leave less in it than was written; then packs are found to be unknown, and read anew.
    db = sqlite3.connect(name, check_same_thread=False)
    try:
        db.executescript(f"PRAGMA cache_size = -{_CACHE_KIB}; PRAGMA temp_store = FILE; PRAGMA synchronous = NORMAL;")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            raise sqlite3.DatabaseError("made by another release")
        db.execute("SELECT count(*) FROM index_files").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _batches(ids: Sequence[bytes]) -> Iterator[tuple[bytes, ...]]:
    for start in range(0, len(ids), _BATCH):
        yield tuple(bytes(one) for one in ids[start : start + _BATCH])


def _marks(batch: Sequence[bytes]) -> str:
    return ",".join("?" * len(batch))


def _error(error: Exception, path: Path | None) -> CyfsError:
    where = "in memory" if path is None else str(path)
    full = "full" in str(error) or getattr(error, "errno", None) in (28, 122)
    code = ErrorCode.OUT_OF_LIMIT if full else ErrorCode.IO_ERROR
    return CyfsError(code, f"the list of what is in the backup repository ({where}) cannot be used: {error}")
