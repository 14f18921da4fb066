"""What can be reached from a shared place: what is in Dirs and object maps, and nothing else (docs/door.md)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.core.ndn import Data, NdnService
from cyfs_edge.core.non import NonService, read_list_chunk
from cyfs_edge.core.ports import ChunkStore, Mutex, Worker
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange, dir_list
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import File
from cyfs_edge.objects.object_map import MapContentType, ObjectMap
from cyfs_edge.wire.data_range import parse_range
from cyfs_edge.wire.requests import GetData, NdnCommon, NonCommon
from cyfs_edge.wire.source import Source

DEPTH_MAX = 64
"""Most objects on the way to a place."""
ENTRIES_MAX = 200_000
"""Most entries of a Dir that is shown."""
KEPT_ENTRIES = 50_000
"""Entries of Dirs read last that are kept, all together."""
_IN_WORKER = 64 * 1024
"""Longer lists are decoded off the event loop."""
_PAUSE_EVERY = 50
_FOLDERS = (ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file, a chunk, a part of a chunk (``span``), or an object that is none of these."""

    name: str
    object_id: ObjectId
    span: tuple[int, int] | None = None

    @property
    def has_data(self) -> bool:
        return self.object_id.is_chunk or self.object_id.type_code == ObjectTypeCode.FILE

    @property
    def is_folder(self) -> bool:
        return self.object_id.type_code in _FOLDERS and not self.object_id.is_chunk

    @property
    def etag(self) -> str:
        """The id is the content: it never changes."""
        return f'"{self.object_id}"' if self.span is None else f'"{self.object_id}-{self.span[0]}-{self.span[1]}"'


class DirIndex:
    """A list of a Dir by path, in order. Names that no folder can have are not in it."""

    __slots__ = ("_entries", "object_id", "parent_chunk", "paths")

    def __init__(self, object_id: ObjectId, listing: DirList) -> None:
        self.object_id = object_id
        self.parent_chunk = listing.parent_chunk
        # Makers disagree about a slash in front of the names.
        self._entries = {
            path: entry for name, entry in listing.entries.items() if is_safe_path(path := name.removeprefix("/"))
        }
        self.paths = sorted(self._entries)

    def __len__(self) -> int:
        return len(self.paths)

    def get(self, path: str) -> DirEntry | None:
        return self._entries.get(path)

    def nodes(self) -> set[ObjectId]:
        """The objects and chunks that the list names."""
        return {entry.node for entry in self._entries.values() if not isinstance(entry.node, DirRange)}

    def has_folder(self, path: str) -> bool:
        at = bisect_left(self.paths, path + "/")
        return at < len(self.paths) and self.paths[at].startswith(path + "/")

    def children(self, prefix: str, after: str) -> Iterator[tuple[str, DirEntry | None]]:
        """Names directly below ``prefix`` (empty, or with a slash at its end); a folder has no entry.

        ``after``: goes on behind this name, which has a slash at its end when it was a folder.
        """
        if after.endswith("/"):
            # The character behind the slash: all that lies below the folder is passed over.
            at = bisect_left(self.paths, f"{prefix}{after[:-1]}0")
        elif after:
            at = bisect_right(self.paths, prefix + after)
        else:
            at = bisect_left(self.paths, prefix)
        while at < len(self.paths) and self.paths[at].startswith(prefix):
            name, slash, _ = self.paths[at][len(prefix) :].partition("/")
            if slash:
                yield name, None
                at = bisect_left(self.paths, f"{prefix}{name}0")
            else:
                yield name, self._entries[self.paths[at]]
                at += 1


@dataclass(frozen=True, slots=True)
class Folder:
    """A place in a Dir (below ``prefix``), or an object map."""

    name: str
    object_id: ObjectId
    inside: DirIndex | MapTree
    prefix: str = ""


Place = Leaf | Folder


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a listing. ``length``: bytes; ``time``: bucky µs, 0 when it is not known.

    ``cursor``: what the next part of the listing goes on behind.
    """

    name: str
    is_folder: bool
    length: int | None = None
    time: int = 0
    has_data: bool = False
    cursor: str = ""


class ShareTree:
    """Reads with the rights of ``source``; what is shared has been decided before."""

    __slots__ = ("_chunks", "_common", "_context", "_kept", "_ndn", "_non", "_turn", "_worker", "source")

    def __init__(
        self, non: NonService, ndn: NdnService, chunks: ChunkStore, worker: Worker, turn: Mutex, source: Source
    ) -> None:
        """``turn``: held while a long list is read, so that there is one at a time in memory."""
        self._non = non
        self._ndn = ndn
        self._chunks = chunks
        self._worker = worker
        self._turn = turn
        self.source = source
        self._common = NonCommon(source)
        self._context = MapContext(self._load_map, int)
        self._kept: dict[ObjectId, DirIndex] = {}

    async def find(self, base: ObjectId, name: str, segments: tuple[str, ...]) -> Place | None:
        """What ``segments`` lead to from an object; ``None`` when nothing is there. ``name``: of the object itself."""
        current, rest = base, segments
        for _ in range(DEPTH_MAX):
            here = Leaf(name, current)
            if not here.is_folder:
                return None if rest else here
            if current.type_code == ObjectTypeCode.OBJECT_MAP:
                tree = await MapTree.load(self._context, current)
                if not rest:
                    return Folder(name, current, tree)
                found = await _in_map(tree, rest[0])
                if found is None:
                    return None
                name, current, rest = rest[0], found, rest[1:]
                continue
            index = await self.index_of(current)
            if not rest:
                return Folder(name, current, index)
            entry, used = _in_dir(index, rest)
            if entry is None:
                path = "/".join(rest)
                return Folder(rest[-1], current, index, path + "/") if index.has_folder(path) else None
            place = leaf_of(rest[used - 1], entry, index)
            if place is None or place.span is not None:
                return None if rest[used:] else place
            name, current, rest = place.name, place.object_id, rest[used:]
        return None

    async def index_of(self, dir_id: ObjectId) -> DirIndex:
        """``OUT_OF_LIMIT`` for a Dir of too many entries, ``NOT_FOUND`` when it, or its list, is not here."""
        kept = self._kept.pop(dir_id, None)
        if kept is None:
            obj = await self._non.load(self._common, dir_id)
            if len(obj.raw) <= _IN_WORKER and isinstance(listing := dir_list(obj), DirList):
                kept = DirIndex(dir_id, listing)
            else:
                async with self._turn:
                    kept = await self._long_index(obj)
        self._kept[dir_id] = kept
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT_ENTRIES:
            del self._kept[next(iter(self._kept))]
        if len(kept) > KEPT_ENTRIES:
            del self._kept[dir_id]
        return kept

    async def _long_index(self, obj: NamedObject) -> DirIndex:
        listing = await self._worker.run(lambda: dir_list(obj))
        if not isinstance(listing, DirList):
            data = await read_list_chunk(self._chunks, listing)
            if data is None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"the chunk {listing} that lists {obj.object_id} is not here")
            listing = await self._worker.run(lambda: DirList.decode(data))
        if len(listing.entries) > ENTRIES_MAX:
            text = f"{obj.object_id} has {len(listing.entries)} entries, more than {ENTRIES_MAX} can be shown"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)
        return await self._worker.run(lambda: DirIndex(obj.object_id, listing))

    async def items(self, folder: Folder, after: str, most: int) -> list[Item]:
        """At most ``most`` lines behind ``after``, as :meth:`DirIndex.children` has it."""
        found: list[Item] = []
        async for name, leaf in self.names(folder, after):
            if len(found) == most:
                break
            if leaf is None:
                found.append(Item(name, True, cursor=name + "/"))
            elif leaf.is_folder:
                found.append(Item(name, True, cursor=name))
            else:
                length, time = await self.size_of(leaf)
                found.append(Item(name, False, length, time, leaf.has_data and length is not None, name))
        return found

    async def files(self, folder: Folder, pause: Callable[[], Awaitable[None]]) -> AsyncIterator[tuple[str, Leaf]]:
        """Everything with data below a folder, by path, in an order that is the same each time.

        ``pause`` is awaited now and then, so that a large tree does not keep the event loop from others.
        """
        waiting: list[tuple[str, Folder]] = [("", folder)]
        steps = 0
        while waiting:
            path, current = waiting.pop()
            async for name, leaf in self.names(current):
                steps += 1
                if steps % _PAUSE_EVERY == 0:
                    await pause()
                if leaf is not None and not leaf.is_folder:
                    if leaf.has_data:
                        yield path + name, leaf
                    continue
                if path.count("/") >= DEPTH_MAX:
                    continue
                below = await self._below(current, name, leaf)
                if below is not None:
                    waiting.append((f"{path}{name}/", below))

    async def objects(self, base: ObjectId) -> AsyncIterator[ObjectId]:
        """An object, and every object that it leads to through Dirs and object maps, each once. No chunks."""
        seen = {base}
        waiting = [base]
        while waiting:
            object_id = waiting.pop()
            yield object_id
            for inner in await self._parts_of(object_id):
                if not (inner.is_chunk or inner.is_data or inner in seen):
                    seen.add(inner)
                    waiting.append(inner)

    async def _parts_of(self, object_id: ObjectId) -> Collection[ObjectId]:
        """What is directly in it, sub-maps included; nothing when it is not here."""
        if object_id.type_code not in _FOLDERS:
            return ()
        obj = await self.load(object_id)
        if obj is None:
            return ()
        if isinstance(obj.desc.value, ObjectMap):
            return obj.desc.value.object_ids()
        return (await self.index_of(object_id)).nodes()

    async def _below(self, folder: Folder, name: str, leaf: Leaf | None) -> Folder | None:
        if leaf is None:
            assert isinstance(folder.inside, DirIndex)
            return Folder(name, folder.object_id, folder.inside, f"{folder.prefix}{name}/")
        try:
            place = await self.find(leaf.object_id, name, ())
        except CyfsError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            return None
        return place if isinstance(place, Folder) else None

    async def names(self, folder: Folder, after: str = "") -> AsyncIterator[tuple[str, Leaf | None]]:
        """Everything directly in a folder; ``None`` for a folder that is only a part of paths."""
        inside = folder.inside
        if isinstance(inside, DirIndex):
            for name, entry in inside.children(folder.prefix, after):
                yield name, None if entry is None else leaf_of(name, entry, inside)
            return
        kind = inside.kind.content_type
        if kind is MapContentType.MAP:
            async for key, value in inside.items(after or None):
                if is_safe_path(key) and "/" not in key and isinstance(value, ObjectId):
                    yield key, Leaf(key, value)
        elif kind is MapContentType.SET:
            start = _id_or_none(after)
            async for value, _ in inside.items(start):
                yield str(value), Leaf(str(value), value)

    async def size_of(self, leaf: Leaf) -> tuple[int | None, int]:
        """Bytes and time; ``None`` when the object is not here or has no data."""
        if leaf.span is not None:
            return leaf.span[1] - leaf.span[0], 0
        if leaf.object_id.is_chunk:
            return ChunkId(leaf.object_id).length, 0
        if leaf.object_id.is_data:
            return None, 0
        obj = await self.load(leaf.object_id)
        if obj is None:
            return None, 0
        content = obj.desc.value
        return (content.length if isinstance(content, File) else None), obj.update_time

    async def data_of(self, leaf: Leaf, range_text: str | None = None) -> Data:
        """Its bytes, or the range of them. ``NOT_FOUND`` when any of it is not here."""
        data = await self._ndn.get_data(
            GetData(NdnCommon(self.source), leaf.object_id, None, None if leaf.span else range_text)
        )
        if leaf.span is None:
            return data
        begin, end = leaf.span
        if not 0 <= begin <= end <= data.total:
            raise CyfsError(ErrorCode.INVALID_DATA, f"bytes {begin} to {end} are outside chunk {leaf.object_id}")
        wanted = parse_range(range_text, end - begin)
        spans = ((0, end - begin),) if wanted is None else wanted.ranges or ()
        parts = tuple((ChunkId(leaf.object_id), begin + start, begin + stop) for start, stop in spans)
        return replace(data, total=end - begin, range=wanted, chunks=parts)

    async def load(self, object_id: ObjectId) -> NamedObject | None:
        """``None`` when it is not here."""
        try:
            return await self._non.load(self._common, object_id)
        except CyfsError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            return None

    async def _load_map(self, object_id: ObjectId) -> NamedObject | None:
        return await self.load(object_id)


def leaf_of(name: str, entry: DirEntry, index: DirIndex) -> Leaf | None:
    """``None`` for a range without the chunk that it is of."""
    node = entry.node
    if not isinstance(node, DirRange):
        return Leaf(name, node)
    if index.parent_chunk is None:
        return None
    return Leaf(name, index.parent_chunk, (node.begin, node.end))


def _in_dir(index: DirIndex, segments: tuple[str, ...]) -> tuple[DirEntry | None, int]:
    """The entry of the longest path that has one, and how many segments that are: a Dir may have Dirs in it."""
    for used in range(len(segments), 0, -1):
        entry = index.get("/".join(segments[:used]))
        if entry is not None:
            return entry, used
    return None, 0


async def _in_map(tree: MapTree, key: str) -> ObjectId | None:
    kind = tree.kind.content_type
    if kind is MapContentType.MAP:
        return await operations.get_by_key(tree, key)
    if kind is MapContentType.SET:
        value = _id_or_none(key)
        return value if value is not None and await operations.contains(tree, value) else None
    return None


def _id_or_none(text: str) -> ObjectId | None:
    try:
        return ObjectId.from_text(text) if text else None
    except CyfsError:
        return None


def is_safe_path(path: str) -> bool:
    """Whether every segment can be the name of a file: nothing that leads elsewhere."""
    return "\0" not in path and not any(part in ("", ".", "..") for part in path.split("/"))
