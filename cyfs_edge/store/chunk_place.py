"""Where the bytes of large chunks are kept: the root's folder, further volumes, a remote engine (docs/storage.md).

A place gets bytes in three steps, and gives every step back: ``write`` makes them durable under a passing name,
``place`` gives them the name that a row will speak of, ``sync`` makes such names durable; then the row is committed.
They go the other way: the row first, ``remove`` after its commit. So a crash leaves at most bytes without a row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.store.pool import IoPool

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A chunk whose bytes are durable in the place ``number``. ``note``: what its row is to remember of it.

    ``path``: its passing name, where the place gives names.
    """

    number: int
    chunk_id: ChunkId
    path: Path
    note: bytes = b""


class ChunkPlace(Protocol):
    """``OSError`` where the disk fails, ``CyfsError`` where the place as a whole cannot be used.

    ``write``, ``drop``, ``open``, ``open_fresh`` and ``names`` run on any thread, the rest on the writer's.
    """

    @property
    def number(self) -> int:
        """What the rows call it."""
        ...

    @property
    def pool(self) -> IoPool:
        """The threads that may wait for it."""
        ...

    def write(self, chunk_id: ChunkId, data: bytes) -> Written:
        """``data`` is verified. An error leaves nothing behind."""
        ...

    def drop(self, written: Written) -> None:
        """What was not placed is not needed. Nothing happens to what was placed. Never raises."""
        ...

    def place(self, written: Written) -> None: ...

    def sync(self) -> None:
        """Makes durable what :meth:`place` did so far."""
        ...

    def take_back(self, written: Written) -> None:
        """Undoes :meth:`place`."""
        ...

    def copy_back(self, written: Written) -> None:
        """The bytes keep their name, and can be placed once more."""
        ...

    def remove(self, chunk_id: ChunkId, note: bytes) -> None: ...

    def holds(self, chunk_id: ChunkId, note: bytes) -> bool:
        """Of what :meth:`names` gave: whether it is there still, and nobody has begun to remove it since."""
        ...

    def open(self, chunk_id: ChunkId, note: bytes) -> int:
        """A file descriptor for reading; ``FileNotFoundError`` when the place works and has no such bytes."""
        ...

    def open_now(self, chunk_id: ChunkId, note: bytes) -> int | None:
        """The same without waiting for a network; ``None`` when only that has the bytes."""
        ...

    def open_fresh(self, chunk_id: ChunkId, note: bytes) -> int:
        """The same for one who wants to know what is really there, past every cache."""
        ...

    def names(self) -> Iterator[tuple[ChunkId, bytes]]:
        """Id and note of all that is there, in no order."""
        ...


def fault_of(fd: int, chunk_id: ChunkId) -> tuple[int, str | None]:
    """Reads all of an open chunk and closes it: bytes read, and what is wrong with them. ``OSError``."""
    size = 0
    hasher = sha256()
    try:
        found = os.fstat(fd).st_size
        if found != chunk_id.length:
            return 0, f"its file has {found} bytes instead of {chunk_id.length}"
        while piece := os.read(fd, _PIECE):
            hasher.update(piece)
            size += len(piece)
    finally:
        os.close(fd)
    matches = hasher.digest()[:27] == chunk_id.hash_head
    return size, None if matches else "its bytes do not match the hash in its id"


def verify_chunk(chunk_id: ChunkId, data: bytes) -> None:
    """``UNMATCH`` for a wrong length, ``INVALID_DATA`` for a wrong hash."""
    if len(data) != chunk_id.length:
        raise CyfsError(ErrorCode.UNMATCH, f"chunk {chunk_id} has {chunk_id.length} bytes, not {len(data)}")
    if sha256(data).digest()[:27] != chunk_id.hash_head:
        raise CyfsError(ErrorCode.INVALID_DATA, f"the data is not that of chunk {chunk_id}: its hash differs")
