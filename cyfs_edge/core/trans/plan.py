"""What a task is made of: the files in a chunk, File, Dir or object map, each with its place below the target."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.objects.dir import DirBody, DirList, DirNode, DirRange, decode_body_chunk, dir_list
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import ChunkList, ChunkListKind, File, bundle_hash, total_length
from cyfs_edge.objects.object_map import HubEntries, MapEntries, ObjectMap

NAME_MAX = 255
"""Bytes of one name in a path."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the task. ``inner``: its path below the target, empty when it is the target itself; without ``node`` an
    empty folder. ``holder``: the Dir that lists it.
    """

    inner: str
    node: DirNode | None
    parent_chunk: ChunkId | None = None
    holder: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file: its chunks in order, of the first of which ``span`` is meant if it is not all. ``sha256``: of
    the whole, ``None`` where only the chunks are known.
    """

    length: int
    chunks: tuple[ChunkId, ...]
    sha256: bytes | None = None
    span: tuple[int, int] | None = None
    file: NamedObject | None = None


class Supply(Protocol):
    """Objects and chunks of the task, wherever they come from; they are kept here from then on."""

    async def object(self, object_id: ObjectId, holder: ObjectId | None) -> NamedObject: ...

    async def carried(self, obj: NamedObject) -> None:
        """Keeps an object that came inside another one."""
        ...

    async def chunk(self, chunk_id: ChunkId, holder: ObjectId | None, size_max: int) -> bytes:
        """The whole of a chunk of at most ``size_max`` bytes."""
        ...


class BadContent(CyfsError):
    """An object of the task that makes up no file."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INVALID_DATA, message)


Refuse = Callable[[str, CyfsError], None]


class Planner:
    """``refuse``: told of entries that are left out. ``names``: whether names matter, because files are written."""

    def __init__(self, supply: Supply, limits: TransLimits, refuse: Refuse, *, names: bool) -> None:
        self._supply = supply
        self._limits = limits
        self._refuse = refuse
        self._names = names
        self._steps = 0
        self._items: list[Item] = []
        self._seen: set[str] = set()

    async def plan(self, object_id: ObjectId) -> list[Item]:
        if object_id.type_code in (ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP):
            await self._folder(object_id, "", None, 0)
        else:
            self._items.append(Item("", ChunkId(object_id) if object_id.is_chunk else object_id))
        return self._items

    async def _folder(self, object_id: ObjectId, prefix: str, holder: ObjectId | None, depth: int) -> None:
        if depth > self._limits.depth:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{object_id}: more than {self._limits.depth} folders deep")
        self._step()
        obj = await self._supply.object(object_id, holder)
        before = len(self._items)
        if obj.type_code == ObjectTypeCode.DIR:
            await self._dir(obj, prefix, depth)
        else:
            await self._map(obj, prefix, depth)
        if len(self._items) == before and prefix:
            self._add(Item(prefix.rstrip("/"), None))

    async def _dir(self, obj: NamedObject, prefix: str, depth: int) -> None:
        listing = await self._listing(obj)
        for name, entry in listing.entries.items():
            await self._entry(prefix + name, entry.node, listing.parent_chunk, obj.object_id, depth)

    async def _map(self, obj: NamedObject, prefix: str, depth: int) -> None:
        self._step()
        content = obj.desc.value
        held = content.content if isinstance(content, ObjectMap) else None
        if isinstance(held, HubEntries):
            for sub_id in held.values.values():
                if depth >= self._limits.depth:
                    raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{obj.object_id}: maps nested too deep")
                await self._map(await self._supply.object(sub_id, None), prefix, depth + 1)
        elif isinstance(held, MapEntries):
            for name, value in held.values.items():
                await self._entry(prefix + name, ChunkId(value) if value.is_chunk else value, None, None, depth)
        else:
            raise CyfsError(ErrorCode.INVALID_DATA, f"{obj.object_id} is no map of names")

    async def _entry(
        self, inner: str, node: DirNode, parent: ChunkId | None, holder: ObjectId | None, depth: int
    ) -> None:
        self._step()
        fault = name_fault(inner) if self._names else None
        if fault is not None:
            self._refuse(inner, CyfsError(ErrorCode.INVALID_DATA, f"{inner!r} is no safe path: {fault}"))
        elif isinstance(node, DirRange) or node.type_code in (ObjectTypeCode.CHUNK, ObjectTypeCode.FILE):
            self._add(Item(inner, node, parent, holder))
        elif node.type_code in (ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP):
            await self._folder(node, f"{inner}/", holder, depth + 1)
        else:
            text = f"{inner!r} is {node}, which is no file, folder or chunk"
            self._refuse(inner, CyfsError(ErrorCode.NOT_SUPPORT, text))

    def _add(self, item: Item) -> None:
        if self._names:
            if item.inner in self._seen:
                text = f"{item.inner!r} is there twice"
                self._refuse(item.inner, CyfsError(ErrorCode.ALREADY_EXISTS, text))
                return
            self._seen.add(item.inner)
        if len(self._items) >= self._limits.entries:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {self._limits.entries} files in one task")
        self._items.append(item)

    def _step(self) -> None:
        """Few objects can name one another so often that walking them has no end."""
        self._steps += 1
        if self._steps > 4 * self._limits.entries:
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT, f"more than {4 * self._limits.entries} entries and folders to look at"
            )

    async def _listing(self, obj: NamedObject) -> DirList:
        """The list of a Dir. What the Dir carries along is kept first, for its entries."""
        list_size = self._limits.list_size
        body = obj.body.value if obj.body else None
        if isinstance(body, DirBody):
            carried: Mapping[ObjectId, bytes] = body.objects
            if body.chunk_id is not None:
                carried = decode_body_chunk(await self._supply.chunk(body.chunk_id, obj.object_id, list_size))
            for object_id, raw in carried.items():
                if not object_id.is_chunk:
                    held = decode_object(raw)
                    if held.object_id != object_id:
                        text = f"{obj.object_id} carries {held.object_id} under the id {object_id}"
                        raise CyfsError(ErrorCode.INVALID_DATA, text)
                    await self._supply.carried(held)
        listing = dir_list(obj)
        if isinstance(listing, DirList):
            return listing
        return DirList.decode(await self._supply.chunk(listing, obj.object_id, list_size))


def name_fault(inner: str) -> str | None:
    """Why a path of a Dir cannot be a path below a folder; ``None`` when it can."""
    for part in inner.split("/"):
        if part == "":
            return "it has an empty name"
        if part in (".", ".."):
            return "it leads elsewhere"
        if "\0" in part:
            return "it holds NUL"
        if len(part.encode("utf-8", "surrogateescape")) > NAME_MAX:
            return f"a name has more than {NAME_MAX} bytes"
    return None


async def content_of(
    item: Item, load: Callable[[ObjectId, ObjectId | None], Awaitable[NamedObject]], limits: TransLimits
) -> Content:
    """What is in the file of an item; ``BadContent`` when its parts do not make it up."""
    node = item.node
    if node is None:
        return Content(0, ())
    if isinstance(node, DirRange):
        parent = item.parent_chunk
        if parent is None or not node.begin <= node.end <= parent.length:
            raise BadContent(f"{item.inner!r} is a part of a chunk that is not there")
        return Content(node.end - node.begin, (parent,), span=(node.begin, node.end))
    if node.is_chunk:
        return Content(ChunkId(node).length, (ChunkId(node),))
    obj = await load(node, item.holder)
    file = obj.desc.value
    if not isinstance(file, File):
        raise BadContent(f"{node} is no readable file")
    chunks = await _chunk_list(obj, load, limits)
    if total_length(chunks.chunk_ids) != file.length:
        text = f"the chunks of {node} have {total_length(chunks.chunk_ids)} bytes, not {file.length}"
        raise BadContent(text)
    if chunks.kind is ChunkListKind.BUNDLE:
        if bundle_hash(chunks.chunk_ids) != file.hash:
            raise BadContent(f"the chunks of {node} do not have its hash")
        return Content(file.length, chunks.chunk_ids, file=obj)
    return Content(file.length, chunks.chunk_ids, file.hash, file=obj)


async def _chunk_list(
    obj: NamedObject, load: Callable[[ObjectId, ObjectId | None], Awaitable[NamedObject]], limits: TransLimits
) -> ChunkList:
    for _ in range(limits.depth):
        chunks = obj.body.value if obj.body else None
        if not isinstance(chunks, ChunkList):
            raise BadContent(f"{obj.object_id} has no list of chunks")
        if chunks.file_id is None:
            return chunks
        obj = await load(chunks.file_id, None)
    raise BadContent(f"the chunks of {obj.object_id} are always listed in another file")
