"""The ports of backups: where they are kept, what is known of a repository, and the files of a root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cyfs_edge.wire.backup.layout import Entry, PackInfo


@dataclass(frozen=True, slots=True)
class TargetFile:
    """``path``: slashes between its parts; ``size``: bytes."""

    path: str
    size: int


class BackupTarget(Protocol):
    """A place for files that are written once. Paths are short, of ``a-z0-9/``.

    Errors: ``NOT_FOUND``, ``OUT_OF_LIMIT`` for no space, ``PERMISSION_DENIED``, ``CONNECT_FAILED`` when it cannot be
    reached, ``IO_ERROR`` for all else.
    """

    @property
    def text(self) -> str:
        """Its address as people write it, without secrets."""
        ...

    async def make(self) -> None:
        """Makes the place itself when it is new. ``write`` does not: a disk that is not mounted must not be missed."""
        ...

    def list(self, folder: str) -> AsyncIterator[TargetFile]:
        """All files below ``folder``, in no order; none when there is no such folder."""
        ...

    async def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        """Bytes from ``start`` on, at most ``size``. Fewer when the file ends."""
        ...

    async def write(self, path: str, parts: Sequence[bytes]) -> None:
        """The file is there whole and on stable storage when this returns, or not at all. Replaces an old one."""
        ...

    async def delete(self, path: str) -> None:
        """No error when it is not there."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a blob lies."""

    pack: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PackUse:
    """``used``: bytes of its blobs that are marked; ``blobs``: how many are not."""

    name: bytes
    size: int
    used: int
    unused: int


class BlobIndex(Protocol):
    """What is known of the packs of one repository, on this machine. Can always be made again from the repository."""

    async def index_files(self) -> set[bytes]:
        """The index files that have been read."""
        ...

    async def packs(self) -> dict[bytes, int]:
        """Names and sizes of all known packs."""
        ...

    async def add(self, packs: Sequence[PackInfo], index_file: bytes | None) -> None:
        """``index_file``: that of the repository which tells of them; ``None`` when none does yet."""
        ...

    async def drop(self, packs: Sequence[bytes]) -> None:
        """Forgets packs with their blobs."""
        ...

    async def clear(self) -> None: ...

    async def unindexed(self) -> dict[bytes, int]:
        """Names and sizes of the packs that no index file tells of."""
        ...

    async def blobs_of(self, pack: bytes) -> tuple[Entry, ...]: ...

    async def indexed(self, packs: Sequence[bytes], index_file: bytes) -> None:
        """From now on ``index_file`` tells of these packs."""
        ...

    async def missing(self, kind: int, ids: Sequence[bytes]) -> list[bytes]:
        """Those that no known pack has, in the order given."""
        ...

    async def find(self, kind: int, ids: Sequence[bytes]) -> dict[bytes, Place]: ...

    async def unmark(self) -> None:
        """Takes all marks away."""
        ...

    async def mark(self, kind: int, ids: Sequence[bytes]) -> None: ...

    async def is_marked(self, kind: int, ids: Sequence[bytes]) -> set[bytes]: ...

    async def use(self) -> list[PackUse]:
        """Of every pack."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RootFile:
    """A file below ``etc``; ``path`` from the root, ``mode``: permission bits."""

    path: str
    data: bytes
    mode: int


class RootFiles(Protocol):
    """The configuration, the identity and the like: what a root has beside its store."""

    async def read_all(self, *, secret: bool) -> list[RootFile]:
        """``secret``: the private key of the device too. Never the key of the backups."""
        ...

    async def write(self, file: RootFile) -> None:
        """Whole and durable when it returns. ``INVALID_PARAM`` for a path that is not below ``etc``."""
        ...

    async def read(self, path: str) -> bytes | None: ...
