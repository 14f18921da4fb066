"""Port of the places where large chunks are kept, and of the volumes among them (docs/storage.md, "Volumes")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId

OK = "ok"
DRAINING = "draining"
"""It gets nothing new; what it has can be read and moves elsewhere when asked to."""
MISSING = "missing"
"""Its disk, or its server, is not there."""
FAILING = "failing"
"""It does not take anything. What it has can perhaps be read."""

ROOT_NAME = "root"
REMOTE_NAME = "remote"


@dataclass(frozen=True, slots=True)
class PlaceState:
    """``name``: ``root``, ``remote``, or the id of a volume. ``where``: its folder or address. ``why``: of a bad state.

    ``free``: bytes, as last seen; ``None`` where nobody can tell.
    """

    name: str
    where: str
    state: str
    why: str = ""
    free: int | None = None


@dataclass(slots=True)
class PlaceUse:
    """Chunks in one place, and their bytes."""

    chunks: int = 0
    bytes: int = 0


@dataclass(slots=True)
class DrainReport:
    """``left``: the first ``LEFT_LISTED`` of the ``failed`` that could not be moved, with what is wrong with each."""

    total: int = 0
    chunks: int = 0
    bytes: int = 0
    failed: int = 0
    left: list[tuple[ChunkId, str]] = field(default_factory=list)


LEFT_LISTED = 100


class Volumes(Protocol):
    """Folders on further disks that take large chunks. Names are ids of volumes: ``NOT_FOUND`` for others."""

    def states(self) -> list[PlaceState]:
        """Of all places, as last seen."""
        ...

    async def refresh(self) -> list[PlaceState]:
        """The same, after looking at each."""
        ...

    async def use(self) -> dict[str, PlaceUse]:
        """By the name of the place. Reads an entry for each chunk of the store."""
        ...

    async def add(self, path: str, *, same_disk: bool = False) -> PlaceState:
        """From now on large chunks go to the folder ``path``. Made durable before it returns.

        ``INVALID_PARAM``: not a folder, or (without ``same_disk``) on the disk of the store itself, as an empty mount
        point is. ``ALREADY_EXISTS``: a volume of this or of another store. ``OUT_OF_LIMIT``: there are too many.
        """
        ...

    async def set_draining(self, name: str, draining: bool) -> None:
        """Whether the volume gets nothing new. Durable."""
        ...

    async def drain(self, name: str, progress: Callable[[DrainReport], None] | None = None) -> DrainReport:
        """Moves all chunks of the volume elsewhere, each verified. Stopped at any point, it goes on when called again.

        ``ERROR_STATE``: the volume is missing. ``OUT_OF_LIMIT``: no room elsewhere.
        """
        ...

    async def remove(self, name: str, progress: Callable[[int], None] | None = None, *, lost: bool = False) -> PlaceUse:
        """Forgets the volume; gives what was lost. ``ERROR_STATE``: it still has chunks.

        ``lost`` is for one that does not come back (``ERROR_STATE`` when it is there): its chunks are dropped.
        """
        ...

    def chunks(self, name: str, after: ChunkId | None = None) -> AsyncIterator[ChunkId]:
        """Of the volume, in byte order."""
        ...


class NoVolumes:
    """For a store that keeps all in one place."""

    def states(self) -> list[PlaceState]:
        return []

    async def refresh(self) -> list[PlaceState]:
        return []

    async def use(self) -> dict[str, PlaceUse]:
        return {}

    async def add(self, path: str, *, same_disk: bool = False) -> PlaceState:
        raise CyfsError(ErrorCode.NOT_SUPPORT, "this store has no volumes")

    async def set_draining(self, name: str, draining: bool) -> None:
        raise unknown_volume(name)

    async def drain(self, name: str, progress: Callable[[DrainReport], None] | None = None) -> DrainReport:
        raise unknown_volume(name)

    async def remove(self, name: str, progress: Callable[[int], None] | None = None, *, lost: bool = False) -> PlaceUse:
        raise unknown_volume(name)

    async def chunks(self, name: str, after: ChunkId | None = None) -> AsyncIterator[ChunkId]:
        raise unknown_volume(name)
        yield  # makes it a generator


def unknown_volume(name: str) -> CyfsError:
    return CyfsError(ErrorCode.NOT_FOUND, f"no volume {name!r}; cyfs-edge volume list shows them")
