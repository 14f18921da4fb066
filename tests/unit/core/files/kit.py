"""A file tree on a store of its own, and short ways to fill it and to look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from cyfs_edge.core.files.path import TreePath
from cyfs_edge.core.files.tree import FileTree, Written
from cyfs_edge.core.ports import Store
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.host.waits import AsyncWaits
from cyfs_edge.host.worker import ThreadWorker
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock
from tests.storekit.kit import load
from tests.unit.core.maps.kit import OWNER


def at(path: str) -> TreePath:
    """``a/b`` as a path of the tree."""
    return tuple(path.split("/")) if path else ()


async def pieces_of(data: bytes | Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in [data] if isinstance(data, bytes) else data:
        yield piece


class Files:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = TestClock()
        self.worker = ThreadWorker()
        waits, maps = AsyncWaits(), MapCache(self.store.objects)
        self.roots = StateRoots("root-state/test", OWNER, self.store.state, maps, self.clock, waits)
        self.tree = FileTree(self.roots, self.store.objects, self.store.chunks, OWNER, self.clock, self.worker, waits)

    async def put(self, path: str, data: bytes | Iterable[bytes], modified: int | None = None) -> Written:
        return await self.tree.write(at(path), pieces_of(data), modified=modified)

    async def get(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        file = await self.tree.open(at(path))
        return b"".join([load(piece) or b"" async for piece in await self.tree.read(file, start, end)])

    async def names(self, path: str = "") -> list[str]:
        listing = await self.tree.list(at(path))
        return sorted([entry.name + "/" * entry.is_folder async for entry in listing.entries()])

    async def all(self, path: str = "") -> dict[str, bytes | None]:
        """Every path below a folder with its content, ``None`` for folders."""
        found: dict[str, bytes | None] = {}
        for name in await self.names(path):
            inner = f"{path}/{name}".removeprefix("/")
            if name.endswith("/"):
                found[inner] = None
                found.update(await self.all(inner[:-1]))
            else:
                found[inner] = await self.get(inner)
        return found

    async def close(self) -> None:
        self.worker.close()
        await self.store.close()


async def make_files(store: Store | None = None) -> Files:
    """As a node has them when it has started."""
    files = Files(store or MemoryStore())
    await files.roots.make_dec_root(SYSTEM_DEC_ID)
    return files
