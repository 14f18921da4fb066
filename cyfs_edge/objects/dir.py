"""Dir: names of files, dirs and chunks (docs/protocol/objects.md §7.8).

The desc holds the list of names, or the id of a chunk that holds it; both forms of one dir have the same id. The body
may carry listed objects and chunks along, the chunk of the list among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.base.proto import BYTES, CHUNK_ID, ENUM, ID, StandardMessage, pb
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, ContentFormat, DescFlag, Json
from cyfs_edge.objects.envelope import CONTENT_MAX, NamedObject

_NODE_OBJECT, _NODE_CHUNK, _NODE_RANGE = range(3)
_LISTED_IN_CHUNK, _LISTED_HERE = 0, 1
_BODY_CHUNK, _BODY_LIST = 0, 1
_ENTRY_SIZE_MIN = 2 + 4 + 1 + 8
_BODY_ITEM_SIZE_MIN = ID_SIZE + 1


@dataclass(frozen=True, slots=True)
class DirRange:
    """Bytes ``[begin, end)`` of the list's parent chunk."""

    begin: int
    end: int


DirNode = ObjectId | ChunkId | DirRange
"""A file, dir or diff; a single-chunk file (a ``ChunkId``); a part of the parent chunk."""


@dataclass(frozen=True, slots=True)
class DirEntry:
    node: DirNode
    attributes: int = 0

    @classmethod
    def read(cls, reader: Reader) -> DirEntry:
        attributes = reader.u32()
        start = reader.pos
        kind = reader.varint()
        node: DirNode
        if kind == _NODE_OBJECT:
            node = ObjectId.read(reader)
        elif kind == _NODE_CHUNK:
            node = ChunkId.read(reader)
        elif kind == _NODE_RANGE:
            node = DirRange(reader.u32(), reader.u32())
        else:
            raise CodecError(ErrorCode.INVALID_DATA, f"unknown kind of dir entry: {kind}", start)
        return cls(node, attributes)

    def write(self, writer: Writer) -> None:
        writer.u32(self.attributes)
        node = self.node
        if isinstance(node, DirRange):
            writer.varint(_NODE_RANGE).u32(node.begin).u32(node.end)
        else:
            writer.varint(_NODE_CHUNK if isinstance(node, ChunkId) else _NODE_OBJECT).raw(node)


@dataclass(frozen=True, slots=True)
class DirList:
    """``entries``: by inner path, with ``/`` inside and none in front."""

    entries: Mapping[str, DirEntry]
    parent_chunk: ChunkId | None = None

    def get(self, inner_path: str) -> DirEntry | None:
        """The entry of exactly this path; slashes in front do not matter."""
        return self.entries.get(inner_path.lstrip("/"))

    def object_ids(self) -> set[ObjectId]:
        """All objects and chunks that the list names."""
        named = {entry.node for entry in self.entries.values() if not isinstance(entry.node, DirRange)}
        return named if self.parent_chunk is None else named | {self.parent_chunk}

    @classmethod
    def read(cls, reader: Reader) -> DirList:
        parent_chunk = reader.option(ChunkId.read)
        entries = {reader.string(): DirEntry.read(reader) for _ in range(reader.count(_ENTRY_SIZE_MIN))}
        return cls(entries, parent_chunk)

    @classmethod
    def decode(cls, data: bytes) -> DirList:
        """From the chunk that a desc in chunk form names."""
        return cls.read(Reader(data))

    def encode(self) -> bytes:
        writer = Writer().option(self.parent_chunk, Writer.raw).varint(len(self.entries))
        for inner_path in sorted(self.entries):
            self.entries[inner_path].write(writer.string(inner_path))
        return writer.getvalue()


@dataclass(frozen=True, slots=True)
class Dir:
    """The desc content: a list, or the chunk that holds it."""

    content: DirList | ChunkId
    attributes: int = 0

    @property
    def listing(self) -> DirList | None:
        """``None`` in chunk form."""
        return self.content if isinstance(self.content, DirList) else None

    @classmethod
    def read(cls, reader: Reader) -> Dir:
        attributes = reader.u32()
        start = reader.pos
        form = reader.varint()
        if form == _LISTED_IN_CHUNK:
            return cls(ChunkId.read(reader), attributes)
        if form == _LISTED_HERE:
            return cls(DirList.read(reader), attributes)
        raise CodecError(ErrorCode.INVALID_DATA, f"unknown form of dir: {form}", start)

    def encode(self) -> bytes:
        writer = Writer().u32(self.attributes)
        if isinstance(self.content, DirList):
            return writer.varint(_LISTED_HERE).raw(self.content.encode()).getvalue()
        return writer.varint(_LISTED_IN_CHUNK).raw(self.content).getvalue()


def _hash_content(content: bytes, desc: Dir) -> bytes:
    """Attributes and the chunk id of the list, whether it is in a chunk or here (§7.8)."""
    reader = Reader(content)
    attributes = reader.take(4)
    reader.varint()
    return attributes + (reader.take(ID_SIZE) if desc.listing is None else ChunkId.of_data(reader.rest()))


# ---- body -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ObjItem(StandardMessage):
    obj_id: ObjectId = pb(1, ID)
    value: bytes = pb(2, BYTES)


@dataclass(frozen=True, slots=True)
class _DirBodyMessage(StandardMessage):
    type: int = pb(1, ENUM)
    chunk_id: ChunkId | None = pb(2, CHUNK_ID, optional=True)
    obj_list: tuple[_ObjItem, ...] = pb(3, _ObjItem, repeated=True)


@dataclass(frozen=True, slots=True)
class DirBody:
    """Objects and chunks that come along, by id; or the chunk that holds them (:func:`decode_body_chunk`)."""

    objects: Mapping[ObjectId, bytes] = field(default_factory=lambda: MappingProxyType({}))
    chunk_id: ChunkId | None = None

    @classmethod
    def read(cls, reader: Reader) -> DirBody:
        start = reader.pos
        message = _DirBodyMessage.decode(reader.data, start, reader.end)
        if message.type == _BODY_LIST:
            return cls({item.obj_id: item.value for item in message.obj_list})
        if message.type != _BODY_CHUNK or message.chunk_id is None:
            raise CodecError(ErrorCode.INVALID_DATA, f"dir body of type {message.type} without what it needs", start)
        return cls(chunk_id=message.chunk_id)

    def encode(self) -> bytes:
        if self.chunk_id is not None:
            return _DirBodyMessage(_BODY_CHUNK, self.chunk_id).encode()
        items = tuple(_ObjItem(object_id, self.objects[object_id]) for object_id in sorted(self.objects))
        return _DirBodyMessage(_BODY_LIST, None, items).encode()


def decode_body_chunk(data: bytes) -> dict[ObjectId, bytes]:
    """What the chunk of a body in chunk form holds. Raises :class:`CodecError`."""
    reader = Reader(data)
    return {ObjectId.read(reader): reader.var_bytes() for _ in range(reader.count(_BODY_ITEM_SIZE_MIN))}


def encode_body_chunk(objects: Mapping[ObjectId, bytes]) -> bytes:
    writer = Writer().varint(len(objects))
    for object_id in sorted(objects):
        writer.raw(object_id).var_bytes(objects[object_id])
    return writer.getvalue()


# ---- objects --------------------------------------------------------------------------------------------------------


def make_dir(
    owner: ObjectId | None,
    content: DirList | ChunkId,
    *,
    update_time: int,
    attributes: int = 0,
    create_time: int | None = None,
    author: ObjectId | None = None,
    dec_id: ObjectId | None = None,
    body: DirBody | None = None,
) -> NamedObject:
    """A dir. A list too long for a desc goes into the body as a chunk; the id stays the same. Times are bucky µs.

    ``OUT_OF_LIMIT`` when the list is too long and the body is in chunk form.
    """
    body = body or DirBody()
    desc = Dir(content, attributes).encode()
    if len(desc) > CONTENT_MAX and isinstance(content, DirList) and body.chunk_id is None:
        desc, body = _carried(content.encode(), attributes, body)
    return build_object(
        ObjectTypeCode.DIR,
        desc_content=desc,
        dec_id=dec_id,
        create_time=create_time,
        owner=owner,
        author=author,
        body=BodyParts(body.encode(), update_time, format=ContentFormat.PROTOBUF),
    )


def make_dir_of_list(owner: ObjectId | None, listed: bytes, *, update_time: int, carry: bool = True) -> NamedObject:
    """The dir with an encoded list. One that is too long for a desc comes along in the body, unless ``carry`` is false:
    then it is to be stored as the chunk that the desc names. The id is the same in all three forms.
    """
    desc, body = Writer().u32(0).varint(_LISTED_HERE).raw(listed).getvalue(), DirBody()
    if len(desc) > CONTENT_MAX:
        desc, body = _carried(listed, 0, body) if carry else (Dir(ChunkId.of_data(listed)).encode(), body)
    parts = BodyParts(body.encode(), update_time, format=ContentFormat.PROTOBUF)
    return build_object(ObjectTypeCode.DIR, desc_content=desc, owner=owner, body=parts)


def _carried(listed: bytes, attributes: int, body: DirBody) -> tuple[bytes, DirBody]:
    chunk_id = ChunkId.of_data(listed)
    return Dir(chunk_id, attributes).encode(), DirBody({**body.objects, chunk_id: listed})


def dir_list(obj: NamedObject) -> DirList | ChunkId:
    """The list of a dir object, from its desc or the chunk in its body; else the id of the chunk to load for it."""
    desc: Dir = obj.desc.value
    if isinstance(desc.content, DirList):
        return desc.content
    body: DirBody | None = obj.body.value if obj.body else None
    data = body.objects.get(desc.content) if body else None
    if data is None or ChunkId.of_data(data) != desc.content:
        return desc.content
    return DirList.decode(data)


def _desc_json(desc: Dir) -> Json:
    return {"attributes": {"flags": desc.attributes}, "object_list": _content_json(desc.content)}


def _content_json(content: DirList | ChunkId) -> Json:
    if not isinstance(content, DirList):
        return {"chunk": str(content)}
    view: dict[str, Json] = {
        "object_map": [
            {"name": name, "attributes": {"flags": entry.attributes}, "node": _node_json(entry.node)}
            for name, entry in sorted(content.entries.items())
        ]
    }
    if content.parent_chunk is not None:
        view["parent_chunk"] = str(content.parent_chunk)
    return {"object_list": view}


def _node_json(node: DirNode) -> Json:
    if isinstance(node, DirRange):
        return {"index_in_parent_chunk": f"[{node.begin},{node.end})"}
    return {"chunk" if isinstance(node, ChunkId) else "object_id": str(node)}


def _body_json(body: DirBody) -> Json:
    if body.chunk_id is not None:
        return {"chunk": str(body.chunk_id)}
    return {"object_list": [str(object_id) for object_id in sorted(body.objects)]}


CODECS: Final = {
    ObjectTypeCode.DIR: ContentCodec(
        "Dir",
        Dir.read,
        DirBody.read,
        sub_desc=DescFlag.OWNER | DescFlag.AUTHOR,
        hash_content=_hash_content,
        desc_json=_desc_json,
        body_json=_body_json,
    )
}
