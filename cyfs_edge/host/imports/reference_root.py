"""The data folder of a reference node (docs/protocol/access-and-zone.md §12.1, §13.1, §13.3), only read."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cyfs_edge.base.access import ACCESS_DEFAULT, ACCESS_MASK
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.importing import Found, FoundChunk, FoundFile, FoundObject, FoundProblem, object_id_of
from cyfs_edge.core.ports import FileIndexEntry, ObjectRecord, StorageCategory
from cyfs_edge.host.imports.pulling import pulled
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID

OBJECT_MAX = 16 << 20
"""Largest object that is taken over, in bytes."""
CHUNK_MAX = 64 << 20
"""Largest chunk that is taken over."""
ROWS_PER_FILE_MAX = 1000
"""Most folders and quick hashes of one file."""
_CELL_MAX = 1 << 20
_ISOLATE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_TIME_MAX = (1 << 63) - 1

_FAULTS = (sqlite3.Error, OverflowError, UnicodeError, MemoryError)
"""What damaged files make SQLite raise: sizes that lie are a want of memory to it."""
_META_COLUMNS = (
    "object_id, create_dec_id, insert_time, update_time, storage_category, context, last_access_rpath, access"
)


class ReferenceRoot:
    """``root``: what the reference calls its cyfs root. ``isolate``: its instance, nearly always none."""

    def __init__(self, root: Path, isolate: str | None = None) -> None:
        """``INVALID_PARAM`` for a name of an instance that is none, ``NOT_FOUND`` when there is no such data."""
        if isolate is not None and not _ISOLATE.fullmatch(isolate):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"no name of an instance: {isolate!r}")
        data = root / "data"
        own = data / isolate if isolate else data
        self._objects = own / "named-object-cache"
        self._files = own / "named-data-cache" / "data.db"
        self._chunks = data / "chunk-cache" / (isolate or "default")
        if not (self._objects / "meta.db").is_file() and not self._chunks.is_dir():
            raise CyfsError(
                ErrorCode.NOT_FOUND,
                f"{root} is not the root of a reference node: neither {self._objects / 'meta.db'} nor {self._chunks} "
                "is there",
            )

    def items(self) -> AsyncIterator[Found]:
        return pulled(self._items())

    def _items(self) -> Iterator[Found]:
        """Objects before the files that are made of them."""
        if (self._objects / "meta.db").is_file():
            yield from self._object_items()
        if self._chunks.is_dir():
            yield from self._chunk_items()
        if self._files.is_file():
            yield from self._file_items()

    def _object_items(self) -> Iterator[Found]:
        with closing(_open(self._objects / "meta.db", "data_namedobject_meta")) as db:
            for row in _rows(db, f"SELECT {_META_COLUMNS} FROM data_namedobject_meta"):  # noqa: S608
                object_id = object_id_of(_text(row[0]) or "")
                if object_id is None:
                    yield FoundProblem(f"a row of meta.db has no id: {row[0]!r:.80}")
                    continue
                yield self._object(object_id, row)

    def _object(self, object_id: ObjectId, row: tuple[Any, ...]) -> Found:
        text = str(object_id)
        path = self._objects / "objects" / text[-2:] / text[-4:-2] / text
        raw = _read(path, OBJECT_MAX)
        if isinstance(raw, str):
            return FoundProblem(f"object {object_id}: {raw}")
        access = _number(row[7])
        return FoundObject(
            ObjectRecord(
                object_id,
                raw,
                object_id_of(_text(row[1]) or "") or SYSTEM_DEC_ID,
                _number(row[2]) or 0,
                _number(row[3]) or 0,
                access=ACCESS_DEFAULT if access is None else access & ACCESS_MASK,
                storage_category=StorageCategory.CACHE if _number(row[4]) == 1 else StorageCategory.STORAGE,
                context=_text(row[5]),
                last_access_rpath=_text(row[6]),
            )
        )

    def _chunk_items(self) -> Iterator[Found]:
        """``{last two}/{the two before}/{the rest}`` of the id."""
        for last in _folders(self._chunks):
            for middle in _folders(last):
                with os.scandir(middle) as entries:
                    names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
                for name in names:
                    found = object_id_of(name + middle.name + last.name)
                    if found is None or not found.is_chunk:
                        yield FoundProblem(f"{middle / name} is not named after a chunk")
                        continue
                    yield _chunk(ChunkId(found), middle / name)

    def _file_items(self) -> Iterator[Found]:
        with closing(_open(self._files, "file")) as db, closing(_open(self._files, "file")) as others:
            for digest, file_id, length, flags in _rows(db, "SELECT hash, file_id, length, flags FROM file"):
                found = object_id_of(_text(file_id) or "")
                value = _digest(_text(digest) or "")
                if found is None or value is None:
                    yield FoundProblem(f"a row of data.db is no file: {file_id!r:.80}")
                    continue
                yield FoundFile(
                    FileIndexEntry(
                        found,
                        value,
                        _number(length) or 0,
                        flags=(_number(flags) or 0) & 0xFFFF_FFFF,
                        quick_hash=tuple(self._quick_hashes(others, file_id)),
                        ref_dirs=tuple(self._dirs(others, file_id)),
                    )
                )

    @staticmethod
    def _quick_hashes(db: sqlite3.Connection, file_id: bytes) -> Iterator[str]:
        rows = _rows(db, "SELECT hash FROM file_quick_hash WHERE file_id = ? LIMIT ?", _key(file_id))
        for (value,) in rows:
            text = _text(value)
            if text is not None:
                yield text

    @staticmethod
    def _dirs(db: sqlite3.Connection, file_id: bytes) -> Iterator[tuple[ObjectId, str]]:
        rows = _rows(db, "SELECT dir_id, inner_path FROM file_dirs WHERE file_id = ? LIMIT ?", _key(file_id))
        for dir_id, inner_path in rows:
            found, text = object_id_of(_text(dir_id) or ""), _text(inner_path)
            if found is not None and text is not None:
                yield found, text


def _key(file_id: bytes) -> tuple[str, int]:
    return file_id.decode("utf-8", "replace"), ROWS_PER_FILE_MAX


def _open(path: Path, table: str) -> sqlite3.Connection:
    """Read only, as the file lies there: nothing is written beside it, not even a lock."""
    for end in ("-wal", "-journal"):
        beside = path.with_name(path.name + end)
        if beside.is_file() and beside.stat().st_size:
            raise CyfsError(
                ErrorCode.ERROR_STATE,
                f"{path} was not closed in order ({beside.name} is there). Start the reference node once and stop it, "
                "then import again",
            )
    try:
        db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        try:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_MAX)
            db.text_factory = bytes
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cell_size_check = ON")
            kind = db.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            if kind is None or kind[0] != b"table":
                raise CyfsError(ErrorCode.INVALID_FORMAT, f"{path} has no table {table}")
        except BaseException:
            db.close()
            raise
    except _FAULTS as error:
        raise _damaged(error) from None
    return db


def _rows(db: sqlite3.Connection, query: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    try:
        yield from db.execute(query, values)
    except _FAULTS as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> CyfsError:
    return CyfsError(
        ErrorCode.INVALID_DATA,
        f"the SQLite file of the reference node cannot be read: {error}. What was taken over so far stays",
    )


def _chunk(chunk_id: ChunkId, path: Path) -> Found:
    if chunk_id.length > CHUNK_MAX:
        return FoundProblem(f"chunk {chunk_id}: larger than {CHUNK_MAX} bytes")
    data = _read(path, chunk_id.length)
    if isinstance(data, str):
        return FoundProblem(f"chunk {chunk_id}: {data}")
    return FoundChunk(chunk_id, data)


def _read(path: Path, most: int) -> bytes | str:
    """The content of a regular file, or what is wrong with it. Links are not followed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return f"{path.name}: {error.strerror}"
    with os.fdopen(fd, "rb") as file:
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                return f"{path.name} is no regular file"
            if info.st_size > most:
                return f"{path.name} has {info.st_size} bytes, at most {most} are right"
            return file.read(most + 1)
        except OSError as error:
            return f"{path.name}: {error.strerror}"


def _folders(path: Path) -> list[Path]:
    with os.scandir(path) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))


def _text(value: Any) -> str | None:
    if not isinstance(value, bytes):
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= _TIME_MAX else None


def _digest(text: str) -> bytes | None:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        return None
    return value if len(value) == 32 else None
