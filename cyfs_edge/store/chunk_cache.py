"""Chunks of a remote engine that are kept here as well, for reading: bounded in bytes, verified, no loss when gone."""

from __future__ import annotations

import os
from collections import OrderedDict
from itertools import count
from pathlib import Path
from threading import Lock

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.store.chunk_files import chunk_of_name
from cyfs_edge.store.chunk_place import fault_of
from cyfs_edge.store.space import SpaceGuard

_NEW = "new-"


class ChunkCache:
    """Files of whole chunks in a folder of their own; the ones used longest ago go first. For any thread.

    Nothing is synced: what an earlier process left is compared with its id before it is used.
    """

    __slots__ = ("_folder", "_guard", "_held", "_limit", "_lock", "_new", "_size", "_unseen")

    def __init__(self, folder: Path, limit: int, guard: SpaceGuard) -> None:
        self._folder = folder
        self._limit = limit
        self._guard = guard
        self._new = count()
        self._lock = Lock()
        self._held: OrderedDict[ChunkId, int] = OrderedDict()
        self._unseen: set[ChunkId] = set()
        self._size = 0
        folder.mkdir(mode=0o700, exist_ok=True)
        for entry in sorted(os.scandir(folder), key=lambda one: one.stat().st_mtime):
            chunk_id = chunk_of_name(entry.name)
            if chunk_id is not None and entry.stat().st_size == chunk_id.length:
                self._held[chunk_id] = chunk_id.length
                self._size += chunk_id.length
                self._unseen.add(chunk_id)
            elif chunk_id is not None or entry.name.startswith(_NEW):
                os.unlink(entry.path)
        self._shrink(limit)

    @property
    def size(self) -> int:
        return self._size

    def open(self, chunk_id: ChunkId) -> int | None:
        """A file descriptor for reading, ``None`` when it is not here."""
        with self._lock:
            if chunk_id not in self._held:
                return None
            self._held.move_to_end(chunk_id)
            unseen = chunk_id in self._unseen
        try:
            if unseen and fault_of(self._open(chunk_id), chunk_id)[1] is not None:
                self.remove(chunk_id)
                return None
            fd = self._open(chunk_id)
        except OSError:
            self.remove(chunk_id)
            return None
        self._unseen.discard(chunk_id)
        return fd

    def _open(self, chunk_id: ChunkId) -> int:
        return os.open(self._folder / chunk_id.hex(), os.O_RDONLY | os.O_CLOEXEC)

    def add(self, chunk_id: ChunkId, data: bytes) -> int:
        """Keeps verified bytes if there is room; a descriptor of them in any case."""
        kept = self.open(chunk_id) if self._keep(chunk_id, data) else None
        return in_memory(data) if kept is None else kept

    def _keep(self, chunk_id: ChunkId, data: bytes) -> bool:
        if len(data) > self._limit:
            return False
        new = self._folder / f"{_NEW}{next(self._new)}"
        try:
            self._guard.check(len(data))
            new.write_bytes(data)
            os.chmod(new, 0o600)
            with self._lock:
                os.rename(new, self._folder / chunk_id.hex())
                self._size += len(data) - self._held.pop(chunk_id, 0)
                self._held[chunk_id] = len(data)
                self._unseen.discard(chunk_id)
                self._shrink(self._limit)
        except (OSError, CyfsError):
            new.unlink(missing_ok=True)
            return False
        return True

    def remove(self, chunk_id: ChunkId) -> None:
        with self._lock:
            self._drop(chunk_id)

    def clear(self) -> None:
        """Gives all of its room back."""
        with self._lock:
            self._shrink(0)

    def _shrink(self, limit: int) -> None:
        while self._size > limit:
            self._drop(next(iter(self._held)))

    def _drop(self, chunk_id: ChunkId) -> None:
        self._size -= self._held.pop(chunk_id, 0)
        self._unseen.discard(chunk_id)
        try:
            (self._folder / chunk_id.hex()).unlink(missing_ok=True)
        except OSError:
            return  # counted again at the next opening


def in_memory(data: bytes) -> int:
    """A descriptor of bytes that no disk has."""
    fd = os.memfd_create("chunk", os.MFD_CLOEXEC)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd
