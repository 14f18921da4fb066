"""Stored files as they are read to be written out: objects, lists and chunks, each verified against its id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.cli import calls
from cyfs_edge.cli.client import Client
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.objects.dir import DirBody, DirNode, DirRange, decode_body_chunk, dir_list
from cyfs_edge.objects.dir_list import LIST_MAX, read_list
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import ChunkList, ChunkListKind, File, bundle_hash

DEPTH_MAX = 64
"""How deep Dirs may be in Dirs. One that holds itself cannot be made: its id is the hash of its list."""
ENTRIES_MAX = 4_000_000
"""Entries of a Dir and all Dirs in it: Dirs that name one another repeatedly can stand for any number."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file is made of: its chunks in order, or ``span`` of the only one. ``digest``: its SHA-256 if known."""

    length: int
    chunks: tuple[ChunkId, ...]
    digest: bytes | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An entry by inner path. ``node`` ``None`` stands for a folder without entries; ``parent`` is of its list."""

    inner: str
    node: DirNode | None
    parent: ChunkId | None = None


class Stored:
    """What can be read through one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._near: dict[ObjectId, bytes] = {}
        """Files that are worked on next."""
        self._carried: dict[ObjectId, bytes] = {}
        """What the Dirs on the way carry in their bodies."""
        self._whole: tuple[ChunkId, bytes] | None = None

    # Objects.

    def object(self, object_id: ObjectId) -> NamedObject:
        raw = self._near.get(object_id) or self._carried.get(object_id)
        if raw is None:
            raw = calls.read_items(self._client, [object_id])[0]
        if raw is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{object_id} is not here")
        obj = decode_object(raw)
        if obj.object_id != object_id:
            raise bad(f"{object_id}: what is stored under it is the object {obj.object_id}")
        return obj

    def bring_near(self, object_ids: Sequence[ObjectId]) -> None:
        """Reads several objects at once for those who ask next."""
        wanted = [one for one in dict.fromkeys(object_ids) if one not in self._carried]
        self._near = {}
        try:
            found = calls.read_items(self._client, wanted)
        except CyfsError:
            # One of them is damaged, or nothing can be read at all: asking for them one by one tells.
            return
        self._near = {one: raw for one, raw in zip(wanted, found, strict=True) if raw is not None}

    def find(self, object_id: ObjectId, inner_path: str) -> Item | tuple[ObjectId, str]:
        """What ``object_id`` has at ``inner_path``: an entry, or the Dir and the prefix of the entries below it."""
        path = inner_path.strip("/")
        if not path:
            return Item("", object_id)
        if object_id.type_code != ObjectTypeCode.DIR:
            found, raw = calls.get_object(self._client, object_id, inner_path)
            self._carried[found] = raw
            return Item("", found)
        below = False
        for item in self._entries(object_id):
            if item.inner == path:
                return item
            below = below or item.inner.startswith(path + "/")
            if isinstance(item.node, ObjectId) and path.startswith(item.inner + "/"):
                return self.find(item.node, path[len(item.inner) + 1 :])
        if not below:
            raise CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"{object_id} has nothing at {inner_path!r}")
        return object_id, path + "/"

    def items(self, dir_id: ObjectId, below: str = "") -> Iterator[Item]:
        """Everything in a Dir and the Dirs in it, one after the other. ``below``: only entries that begin so."""
        entries = self._entries(dir_id)
        if below:
            entries = (
                Item(item.inner[len(below) :], item.node, item.parent)
                for item in entries
                if item.inner.startswith(below)
            )
        stack = [("", entries)]
        count = 0
        while stack:
            prefix, entries = stack[-1]
            item = next(entries, None)
            if item is None:
                stack.pop()
                continue
            count += 1
            if count > ENTRIES_MAX:
                raise bad(f"{dir_id}: more than {ENTRIES_MAX} entries")
            inner = prefix + item.inner
            if not isinstance(item.node, ObjectId) or item.node.type_code != ObjectTypeCode.DIR:
                yield Item(inner, item.node, item.parent)
                continue
            if len(stack) >= DEPTH_MAX:
                raise bad(f"{item.node}: dirs are nested more than {DEPTH_MAX} deep")
            inside = self._entries(item.node)
            first = next(inside, None)
            if first is None:
                yield Item(inner, None)
            else:
                stack.append((inner + "/", _joined(first, inside)))

    def _entries(self, dir_id: ObjectId) -> Iterator[Item]:
        """The list of one Dir, its entries as they stand there."""
        obj = self.object(dir_id)
        body = obj.body.value if obj.body else None
        if isinstance(body, DirBody):
            carried = body.objects if body.chunk_id is None else decode_body_chunk(self.whole_chunk(body.chunk_id))
            self._carried.update(carried)
        listing = dir_list(obj)
        if isinstance(listing, ChunkId):
            parent, entries = read_list(self.whole_chunk(listing))
        else:
            parent, entries = listing.parent_chunk, iter(listing.entries.items())
        return (Item(name, entry.node, parent) for name, entry in entries)

    # Content.

    def content(self, item: Item) -> Content:
        """What is to be written for an entry that is no folder."""
        node = item.node
        if isinstance(node, DirRange):
            if item.parent is None or not node.begin <= node.end <= item.parent.length:
                raise bad("a dir names a part of a chunk that is not there")
            return Content(node.end - node.begin, (item.parent,), span=(node.begin, node.end))
        if node is None:
            raise bad(f"{item.inner!r} is a folder")
        if node.is_chunk:
            return Content(ChunkId(node).length, (ChunkId(node),))
        obj = self.object(node)
        if not isinstance(obj.desc.value, File):
            raise CliError(
                ErrorCode.INVALID_PARAM,
                f"{node} is no file, folder or chunk.",
                Exit.USAGE,
                f"Write its bytes instead: cyfs-edge object get {node} -o PATH",
            )
        return self._file(obj, obj.desc.value)

    def _file(self, obj: NamedObject, file: File) -> Content:
        chunks = self._chunk_list(obj)
        length = sum(one.length for one in chunks.chunk_ids)
        if length != file.length:
            raise bad(f"{obj.object_id}: its chunks have {length} bytes, not {file.length}")
        if chunks.kind is not ChunkListKind.BUNDLE:
            return Content(length, chunks.chunk_ids, file.hash)
        if bundle_hash(chunks.chunk_ids) != file.hash:
            raise bad(f"{obj.object_id}: its list of chunks does not have its hash")
        return Content(length, chunks.chunk_ids)

    def _chunk_list(self, obj: NamedObject) -> ChunkList:
        for _ in range(DEPTH_MAX):
            chunks = obj.body.value if obj.body else None
            if not isinstance(chunks, ChunkList):
                raise bad(f"{obj.object_id} has no list of chunks")
            if chunks.file_id is None:
                return chunks
            obj = self.object(chunks.file_id)
        raise bad(f"{obj.object_id}: its list of chunks is always in another file")

    def whole_chunk(self, chunk_id: ChunkId) -> bytes:
        """A chunk in memory: a list, or one that holds several small files. The last one is kept."""
        if chunk_id.length > LIST_MAX:
            raise bad(f"chunk {chunk_id} has {chunk_id.length} bytes, more than {LIST_MAX} in a dir")
        if self._whole is None or self._whole[0] != chunk_id:
            self._whole = None
            data = self._carried.get(chunk_id)
            if data is None:
                data = b"".join(chunk_pieces(self._client, chunk_id))
            elif ChunkId.of_data(data) != chunk_id:
                raise bad(f"chunk {chunk_id}: the bytes in the dir do not have its hash")
            self._whole = chunk_id, data
        return self._whole[1]

    def chunks(self, chunk_ids: Sequence[ChunkId]) -> dict[ChunkId, bytes]:
        """Small chunks, several at once. One that is not here, or not what its id says, is not among them."""
        wanted = [one for one in dict.fromkeys(chunk_ids) if one.length]
        found = {one: data for one, data in self._carried.items() if one in wanted}
        missing = [one for one in wanted if one not in found]
        if missing:
            items = zip(missing, calls.read_items(self._client, missing), strict=True)
            found |= {one: data for one, data in items if data is not None}
        verified = {ChunkId(one): data for one, data in found.items() if ChunkId.of_data(data) == one}
        verified[ChunkId.of_data(b"")] = b""
        return verified


def chunk_pieces(client: Client, chunk_id: ChunkId) -> Iterator[bytes]:
    """The bytes of a chunk as they come; raises at the end when they are not what the id says."""
    digest = hashlib.sha256()
    length = 0
    if chunk_id.length:
        for piece in calls.read_chunk(client, chunk_id):
            digest.update(piece)
            length += len(piece)
            yield piece
    if ChunkId.of_hash(digest.digest(), length) != chunk_id:
        raise bad(f"chunk {chunk_id}: the stored bytes do not have its hash")


def _joined(first: Item, rest: Iterator[Item]) -> Iterator[Item]:
    yield first
    yield from rest


def bad(message: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, message[:1].upper() + message[1:] + ".")
