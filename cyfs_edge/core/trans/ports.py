"""How trans tasks reach the world: other devices, local folders, and coroutines beside one another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Coroutine
from dataclasses import dataclass
from typing import Protocol

from cyfs_edge.base.ids import ChunkId, ObjectId


class Activity(Protocol):
    """A coroutine that runs beside others."""

    def cancel(self) -> None: ...

    async def join(self) -> None:
        """Until it has ended, however it did."""
        ...


class Activities(Protocol):
    def start(self, work: Coroutine[object, object, None]) -> Activity:
        """An error that ``work`` raises is logged."""
        ...

    async def close(self) -> None:
        """Cancels what runs, and waits for it."""
        ...


@dataclass(frozen=True, slots=True)
class PeerAsk:
    """On whose account, and by which right, another device is asked: what the request for data carries there."""

    dec: ObjectId
    referers: tuple[str, ...] = ()
    req_path: str | None = None


class PeerData(Protocol):
    """Objects and chunks of other devices. Nothing that they give is to be believed.

    ``NOT_FOUND`` when the device does not have it; ``CONNECT_FAILED``, ``CONNECTION_ABORTED`` or ``TIMEOUT`` when it
    may have it another time; ``INVALID_DATA`` for an answer that is none.
    """

    def knows(self, device: ObjectId) -> bool:
        """Whether there is a way to the device."""
        ...

    def read_chunk(self, device: ObjectId, ask: PeerAsk, chunk_id: ChunkId, start: int) -> AsyncGenerator[bytes, None]:
        """The bytes of a chunk from ``start`` on, in pieces as they come; its user closes it."""
        ...

    async def get_object(self, device: ObjectId, ask: PeerAsk, object_id: ObjectId, size_max: int) -> bytes:
        """``OUT_OF_LIMIT`` with ``size_max`` in its context when it has more bytes."""
        ...

    def close(self) -> None: ...


class FileSink(Protocol):
    """A file that is being written under a passing name beside its own."""

    async def write(self, data: bytes) -> None: ...

    async def finish(self, sha256: bytes | None) -> None:
        """Gives the file its name, its content being on the disk. ``INVALID_DATA``, and no file, for another hash."""
        ...

    def abandon(self) -> None:
        """Removes what was written, unless it is finished."""
        ...


class LocalTargets(Protocol):
    """Files of this machine that a local caller wants written. None leaves the folder it is written below.

    ``PERMISSION_DENIED`` where the process may not write and in what is the node's own, ``OUT_OF_LIMIT`` when the disk
    is full, ``ALREADY_EXISTS`` when something of another kind has the name, ``IO_ERROR`` for the rest.
    """

    async def holds(self, folder: str, inner: str, length: int, sha256: bytes) -> bool:
        """Whether the file is there already, with this content."""
        ...

    async def make_folder(self, folder: str, inner: str) -> None:
        """The folder ``inner`` below ``folder``, and all folders above it."""
        ...

    async def settle(self, folder: str, inner_folders: Collection[str]) -> None:
        """The names of the files in these folders below ``folder`` (empty: itself) are on the disk afterwards."""
        ...

    async def create(self, folder: str, inner: str, tag: str) -> FileSink:
        """A file below ``folder``, whose folders are made. ``tag``: tells its passing name from those of others."""
        ...
