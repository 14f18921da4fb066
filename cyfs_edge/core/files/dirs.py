"""Dir objects as folders: their flat lists of paths made into trees (docs/protocol/objects.md §7.8)."""

from __future__ import annotations

from functools import partial

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.files.entry import DirFolder, Node, Span, modified_of
from cyfs_edge.core.files.path import NAMES_MAX, name_fault
from cyfs_edge.core.object_cache import decode_held
from cyfs_edge.core.ports import ChunkStore, ObjectStore, Worker
from cyfs_edge.objects.dir import DirList, DirRange, dir_list

DIR_ENTRIES_MAX = 100_000
"""A Dir of more entries is not opened as a folder."""
DIR_LIST_MAX = 16 << 20
"""Bytes of the longest list that is read."""
KEPT_ENTRIES = 20_000
"""Entries of all Dirs kept for the next look."""


class DirFolders:
    """Opens Dirs. Objects never change under their id, so what is kept never goes stale."""

    __slots__ = ("_chunks", "_kept", "_kept_entries", "_objects", "_worker")

    def __init__(self, objects: ObjectStore, chunks: ChunkStore, worker: Worker) -> None:
        self._objects = objects
        self._chunks = chunks
        self._worker = worker
        self._kept: dict[ObjectId, tuple[DirFolder, int]] = {}
        self._kept_entries = 0

    async def open(self, dir_id: ObjectId) -> DirFolder:
        """``NOT_FOUND`` when it, or the chunk with its list, is not here; ``OUT_OF_LIMIT`` when it is too large."""
        found = self._kept.pop(dir_id, None)
        if found is None:
            found = await self._load(dir_id)
            self._kept_entries += found[1]
        self._kept[dir_id] = found
        while self._kept_entries > KEPT_ENTRIES:
            self._kept_entries -= self._kept.pop(next(iter(self._kept)))[1]
        return found[0]

    async def _load(self, dir_id: ObjectId) -> tuple[DirFolder, int]:
        record = await self._objects.get(dir_id)
        if record is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the Dir {dir_id} is not here")
        obj = decode_held(record)
        listing = dir_list(obj)
        if isinstance(listing, ChunkId):
            listing = await self._load_list(dir_id, listing)
        if len(listing.entries) > DIR_ENTRIES_MAX:
            raise _too_large(dir_id)
        folder = await self._worker.run(partial(folder_of, listing, modified_of(obj)))
        return folder, len(listing.entries)

    async def _load_list(self, dir_id: ObjectId, chunk_id: ChunkId) -> DirList:
        if chunk_id.length > DIR_LIST_MAX:
            raise _too_large(dir_id)
        data = await self._chunks.read_whole(chunk_id)
        if data is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the chunk {chunk_id} that lists the Dir {dir_id} is not here")
        return await self._worker.run(partial(DirList.decode, data))


def folder_of(listing: DirList, modified: int) -> DirFolder:
    """The tree of a list. What has no usable name, or the name of a folder, is left out and counted as odd."""
    top: dict[str, Node] = {}
    odd = 0
    folders: dict[tuple[str, ...], dict[str, Node]] = {(): top}
    files: list[tuple[tuple[str, ...], Node]] = []
    for text, entry in listing.entries.items():
        node: Node
        if isinstance(entry.node, DirRange):
            span = entry.node
            if listing.parent_chunk is None or not span.begin <= span.end <= listing.parent_chunk.length:
                odd += 1
                continue
            node = Span(listing.parent_chunk, span.begin, span.end)
        else:
            node = entry.node
        # Makers disagree about a slash in front.
        path = tuple(text.removeprefix("/").split("/"))
        if len(path) > NAMES_MAX or any(name_fault(name) for name in path):
            odd += 1
            continue
        files.append((path, node))
        at = top
        for depth, name in enumerate(path[:-1], 1):
            held = folders.get(path[:depth])
            if held is None:
                held = folders[path[:depth]] = {}
                at[name] = DirFolder(held, modified)
            at = held
    for path, node in files:
        if folders[path[:-1]].setdefault(path[-1], node) is not node:
            odd += 1
    return DirFolder(top, modified, odd)


def _too_large(dir_id: ObjectId) -> CyfsError:
    return CyfsError(
        ErrorCode.OUT_OF_LIMIT,
        f"the Dir {dir_id} has too long a list to be opened as a folder (more than {DIR_ENTRIES_MAX} entries or "
        f"{DIR_LIST_MAX} bytes); `cyfs-edge file get` writes it to a disk",
    )
