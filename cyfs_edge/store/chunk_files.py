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

_TEMP = "tmp"


class ChunkFiles:
    """The folder ``root``. ``write_temp`` and ``open`` run on any thread; the writer's makes and removes names."""

    __slots__ = ("_folder", "_number", "root")

    def __init__(self, root: Path) -> None:
        """Makes the folder when it is new and drops what a crash left half written."""
        self.root = root
        self._number = count()
        temp = root / _TEMP
        root.mkdir(mode=0o700, exist_ok=True)
        temp.mkdir(mode=0o700, exist_ok=True)
        for left in os.scandir(temp):
            os.unlink(left.path)
        # Also when all was there: who made it may have died before it was synced.
        sync_directory(root)
        sync_directory(root.parent)
        # Kept open: a commit must not fail for want of a descriptor.
        self._folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def path_of(self, chunk_id: bytes) -> Path:
        return self.root / chunk_id.hex()

    def write_temp(self, data: bytes) -> Path:
        """Writes and syncs ``data`` under a passing name. ``OSError`` leaves nothing behind."""
        path = self.root / _TEMP / str(next(self._number))
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
        return path

    def place(self, temp: Path, chunk_id: bytes) -> None:
        """Gives a written file its name, which is yet to be made durable by :meth:`sync`."""
        os.rename(temp, self.path_of(chunk_id))

    def sync(self) -> None:
        """Makes all names durable."""
        os.fsync(self._folder)

    def take_back(self, chunk_id: bytes, temp: Path) -> None:
        """Undoes :meth:`place`."""
        os.rename(self.path_of(chunk_id), temp)

    def copy_back(self, chunk_id: bytes, temp: Path) -> None:
        """The file has its passing name as well, for another :meth:`place`."""
        os.link(self.path_of(chunk_id), temp)

    def remove(self, chunk_id: bytes) -> None:
        self.path_of(chunk_id).unlink(missing_ok=True)

    def open(self, chunk_id: bytes) -> int:
        """A file descriptor for reading; ``FileNotFoundError`` when there is no such file."""
        return os.open(self.path_of(chunk_id), os.O_RDONLY | os.O_CLOEXEC)

    def names(self) -> Iterator[ChunkId]:
        """The ids of all files that are there, in no order."""
        for entry in os.scandir(self.root):
            try:
                raw = bytes.fromhex(entry.name)
            except ValueError:
                continue
            if len(raw) == ID_SIZE and raw[0] >> 2 == 0b010111 and entry.name == raw.hex():
                yield ChunkId(raw)


def sync_directory(path: Path) -> None:
    """Makes the names in ``path`` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
