"""Large chunks, one file each: ``chunks/<id in hex>`` (docs/storage.md, "Chunk files").

A file gets its name only when its bytes are whole, verified and synced, and a row of the index speaks of it only after
the name is synced too. What a crash leaves behind is therefore at most a file without a row. All names are in one
folder, so that one sync is enough for all that a commit brings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from cyfs_edge.base.ids import ID_SIZE, ChunkId
from cyfs_edge.store.chunk_place import Written
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.rows import IN_FILE

_TEMP = "tmp"


class ChunkFiles:
    """The folder ``root`` as a :class:`ChunkPlace`: the one of the store itself, or that of a volume."""

    __slots__ = ("_folder", "_temps", "number", "pool", "root")

    def __init__(self, root: Path, pool: IoPool, number: int = IN_FILE) -> None:
        """Use :meth:`make` or :meth:`find`."""
        self.root = root
        self.pool = pool
        self.number = number
        self._temps = count()
        self._folder = -1

    @classmethod
    def make(cls, root: Path, pool: IoPool) -> ChunkFiles:
        """Makes the folder when it is new and drops what a crash left half written."""
        files = cls(root, pool)
        make_layout(root)
        files.sweep()
        # Also when all was there: who made it may have died before it was synced.
        sync_directory(root)
        sync_directory(root.parent)
        # Kept open: a commit must not fail for want of a descriptor.
        files._folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return files

    @classmethod
    def find(cls, root: Path, pool: IoPool, number: int) -> ChunkFiles:
        """The folder of a volume. Makes nothing, and keeps nothing open, so that its disk can be unmounted."""
        files = cls(root, pool, number)
        os.stat(root / _TEMP)
        return files

    def sweep(self) -> None:
        """Drops what a crash left half written."""
        for left in os.scandir(self.root / _TEMP):
            os.unlink(left.path)

    def close(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def path_of(self, chunk_id: bytes) -> Path:
        return self.root / chunk_id.hex()

    def write(self, chunk_id: ChunkId, data: bytes) -> Written:
        path = self.root / _TEMP / str(next(self._temps))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
            os.fdatasync(fd)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        return Written(self.number, chunk_id, path)

    def drop(self, written: Written) -> None:
        try:
            written.path.unlink(missing_ok=True)
        except OSError:
            return  # swept when the store is opened next

    def place(self, written: Written) -> None:
        os.rename(written.path, self.path_of(written.chunk_id))

    def sync(self) -> None:
        if self._folder >= 0:
            os.fsync(self._folder)
        else:
            sync_directory(self.root)

    def take_back(self, written: Written) -> None:
        os.rename(self.path_of(written.chunk_id), written.path)

    def copy_back(self, written: Written) -> None:
        os.link(self.path_of(written.chunk_id), written.path)

    def remove(self, chunk_id: ChunkId, note: bytes) -> None:
        self.path_of(chunk_id).unlink(missing_ok=True)

    def holds(self, chunk_id: ChunkId, note: bytes) -> bool:
        return self.path_of(chunk_id).exists()

    def open(self, chunk_id: ChunkId, note: bytes) -> int:
        return os.open(self.path_of(chunk_id), os.O_RDONLY | os.O_CLOEXEC)

    open_now = open_fresh = open

    def names(self) -> Iterator[tuple[ChunkId, bytes]]:
        for entry in os.scandir(self.root):
            chunk_id = chunk_of_name(entry.name)
            if chunk_id is not None:
                yield chunk_id, b""


def make_layout(root: Path) -> None:
    """The folder and what is in it, yet to be synced."""
    root.mkdir(mode=0o700, exist_ok=True)
    (root / _TEMP).mkdir(mode=0o700, exist_ok=True)


def remove_layout(root: Path) -> None:
    """``OSError`` when there is something in it."""
    (root / _TEMP).rmdir()
    root.rmdir()


def chunk_of_name(name: str) -> ChunkId | None:
    """The chunk that a file of this name holds; ``None`` for other files."""
    try:
        raw = bytes.fromhex(name)
    except ValueError:
        return None
    return ChunkId(raw) if len(raw) == ID_SIZE and raw[0] >> 2 == 0b010111 and name == raw.hex() else None


def sync_directory(path: Path) -> None:
    """Makes the names in ``path`` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
