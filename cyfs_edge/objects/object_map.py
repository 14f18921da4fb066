"""ObjectMap: maps, sets and differences of object ids (docs/protocol/objects.md §7.13, object-map.md §1).

Contents as values; a map that grew large is a *hub* of sub maps, found by the hash of the key.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ObjectId, ObjectTypeCode
from cyfs_edge.base.siphash import siphash13
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, DescFlag, Json, read_nothing, show_nothing
from cyfs_edge.objects.envelope import NamedObject

E = TypeVar("E", bound=IntEnum)

HUB_BUCKETS = 1900

_SIMPLE, _HUB = 0, 1
_BUCKET = struct.Struct(f">H{ID_SIZE}s")
_U16 = struct.Struct(">H").unpack_from
_KEY_SIZE_MIN = 2


class MapClass(IntEnum):
    ROOT = 0
    SUB = 1
    DEC_ROOT = 2
    GLOBAL_ROOT = 3

    @property
    def text(self) -> str:
        return self.name.lower().replace("_", "-")


class MapContentType(IntEnum):
    MAP = 0
    DIFFMAP = 1
    SET = 2
    DIFFSET = 3

    @property
    def text(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class DiffMapItem:
    """Without ``prev`` the key is new, without ``altered`` it is gone. ``diff``: the difference of the two."""

    prev: ObjectId | None = None
    altered: ObjectId | None = None
    diff: ObjectId | None = None

    @classmethod
    def read(cls, reader: Reader) -> DiffMapItem:
        return cls(reader.option(ObjectId.read), reader.option(ObjectId.read), reader.option(ObjectId.read))

    def write(self, writer: Writer) -> None:
        writer.option(self.prev, Writer.raw).option(self.altered, Writer.raw).option(self.diff, Writer.raw)


@dataclass(frozen=True, slots=True)
class DiffSetItem:
    prev: ObjectId | None = None
    altered: ObjectId | None = None

    @classmethod
    def read(cls, reader: Reader) -> DiffSetItem:
        return cls(reader.option(ObjectId.read), reader.option(ObjectId.read))

    def write(self, writer: Writer) -> None:
        writer.option(self.prev, Writer.raw).option(self.altered, Writer.raw)

    def order(self) -> tuple[bytes, bytes]:
        """None before some, field by field."""
        return self.prev or b"", self.altered or b""


@dataclass(frozen=True, slots=True)
class MapEntries:
    values: Mapping[str, ObjectId]


@dataclass(frozen=True, slots=True)
class DiffMapEntries:
    values: Mapping[str, DiffMapItem]


@dataclass(frozen=True, slots=True)
class SetEntries:
    values: frozenset[ObjectId]


@dataclass(frozen=True, slots=True)
class DiffSetEntries:
    values: frozenset[DiffSetItem]


@dataclass(frozen=True, slots=True)
class HubEntries:
    """Sub maps by bucket; empty buckets are left out."""

    values: Mapping[int, ObjectId]


Entries = MapEntries | DiffMapEntries | SetEntries | DiffSetEntries


@dataclass(frozen=True, slots=True)
class ObjectMap:
    """The desc content. ``total``: entries in the whole tree; ``size``: the sum of theirs; ``depth``: 0 at the root."""

    map_class: MapClass
    total: int
    size: int
    depth: int
    content_type: MapContentType
    content: Entries | HubEntries

    @property
    def is_hub(self) -> bool:
        return isinstance(self.content, HubEntries)

    def get(self, key: str) -> ObjectId | None:
        """The value of a key. ``NOT_SUPPORT`` when this is not a simple map."""
        if not isinstance(self.content, MapEntries):
            raise CyfsError(ErrorCode.NOT_SUPPORT, "keys are looked up in simple maps only")
        return self.content.values.get(key)

    def sub_map_of(self, key: str | bytes) -> ObjectId | None:
        """The sub map that holds ``key`` if any does. ``NOT_SUPPORT`` when this is not a hub.

        ``key``: text for maps; for sets the id, for diffsets ``prev`` or else ``altered``.
        """
        if not isinstance(self.content, HubEntries):
            raise CyfsError(ErrorCode.NOT_SUPPORT, "only hubs have sub maps")
        return self.content.values.get(hub_index(key, self.depth))

    def object_ids(self) -> set[ObjectId]:
        """All ids in this content; of a hub those of its sub maps."""
        content = self.content
        if isinstance(content, HubEntries | MapEntries):
            return set(content.values.values())
        if isinstance(content, SetEntries):
            return set(content.values)
        named: set[ObjectId | None] = set()
        if isinstance(content, DiffSetEntries):
            named.update(one for item in content.values for one in (item.prev, item.altered))
        else:
            named.update(one for item in content.values.values() for one in (item.prev, item.altered, item.diff))
        return {one for one in named if one is not None}

    @classmethod
    def read(cls, reader: Reader) -> ObjectMap:
        map_class = _member(MapClass, reader.u8(), reader)
        total, size, depth = reader.u64(), reader.u64(), reader.u8()
        content_type = _member(MapContentType, reader.varint(), reader)
        mode = reader.varint()
        if mode not in (_SIMPLE, _HUB):
            raise reader.fail(ErrorCode.INVALID_DATA, f"unknown mode of object map: {mode}")
        if reader.u8() != depth:
            raise reader.fail(ErrorCode.INVALID_DATA, "object map with two different depths")
        if mode == _HUB:
            block = reader.take(reader.count(_BUCKET.size) * _BUCKET.size)
            buckets = {index: ObjectId(raw) for index, raw in _BUCKET.iter_unpack(block)}
            return cls(map_class, total, size, depth, content_type, HubEntries(buckets))
        if reader.varint() != content_type:
            raise reader.fail(ErrorCode.INVALID_DATA, "object map with two different content types")
        return cls(map_class, total, size, depth, content_type, _ENTRIES_READERS[content_type](reader))

    def encode(self) -> bytes:
        writer = Writer().u8(self.map_class).u64(self.total).u64(self.size).u8(self.depth).varint(self.content_type)
        content = self.content
        if isinstance(content, HubEntries):
            writer.varint(_HUB).u8(self.depth).varint(len(content.values))
            for index in sorted(content.values):
                writer.u16(index).raw(content.values[index])
            return writer.getvalue()
        writer.varint(_SIMPLE).u8(self.depth).varint(self.content_type).varint(len(content.values))
        if isinstance(content, MapEntries):
            for key in sorted(content.values):
                writer.string(key).raw(content.values[key])
        elif isinstance(content, DiffMapEntries):
            for key in sorted(content.values):
                content.values[key].write(writer.string(key))
        elif isinstance(content, SetEntries):
            for object_id in sorted(content.values):
                writer.raw(object_id)
        else:
            for item in sorted(content.values, key=DiffSetItem.order):
                item.write(writer)
        return writer.getvalue()


def _read_map(reader: Reader) -> MapEntries:
    count = reader.count(_KEY_SIZE_MIN + ID_SIZE)
    values = _scan_map(reader, count)
    if values is None:  # the reader says what is wrong
        values = {reader.string(): ObjectId.read(reader) for _ in range(count)}
    return MapEntries(values)


def _scan_map(reader: Reader, count: int) -> dict[str, ObjectId] | None:
    """The entries, in half the time that the reader takes; ``None`` when they are not whole."""
    data, at = reader.data, reader.pos
    values: dict[str, ObjectId] = {}
    try:
        for _ in range(count):
            key_at = at + _KEY_SIZE_MIN
            id_at = key_at + _U16(data, at)[0]
            at = id_at + ID_SIZE
            values[data[key_at:id_at].decode()] = ObjectId(data[id_at:at])
    except (struct.error, UnicodeDecodeError, CyfsError):
        return None
    if at > reader.end:
        return None
    reader.pos = at
    return values


def _read_diffmap(reader: Reader) -> DiffMapEntries:
    return DiffMapEntries({reader.string(): DiffMapItem.read(reader) for _ in range(reader.count(_KEY_SIZE_MIN + 3))})


def _read_set(reader: Reader) -> SetEntries:
    return SetEntries(frozenset(reader.vec(ObjectId.read, ID_SIZE)))


def _read_diffset(reader: Reader) -> DiffSetEntries:
    return DiffSetEntries(frozenset(reader.vec(DiffSetItem.read, 2)))


_ENTRIES_READERS: Final[dict[MapContentType, Callable[[Reader], Entries]]] = {
    MapContentType.MAP: _read_map,
    MapContentType.DIFFMAP: _read_diffmap,
    MapContentType.SET: _read_set,
    MapContentType.DIFFSET: _read_diffset,
}


def _member(kind: type[E], number: int, reader: Reader) -> E:
    try:
        return kind(number)
    except ValueError:
        raise reader.fail(ErrorCode.INVALID_DATA, f"unknown {kind.__name__}: {number}") from None


def hub_index(key: str | bytes, depth: int) -> int:
    """The bucket of ``key`` in a hub at ``depth``."""
    key_bytes = key.encode() if isinstance(key, str) else key
    return siphash13(hashlib.sha256(key_bytes + bytes((depth,))).digest()) % HUB_BUCKETS


def make_object_map(
    content: ObjectMap,
    *,
    owner: ObjectId | None = None,
    dec_id: ObjectId | None = None,
    update_time: int | None = None,
) -> NamedObject:
    """Never with a create_time. ``update_time`` (bucky µs): with it the object gets an empty body, as new maps have."""
    return build_object(
        ObjectTypeCode.OBJECT_MAP,
        desc_content=content.encode(),
        dec_id=dec_id,
        owner=owner,
        body=None if update_time is None else BodyParts(update_time=update_time),
    )


def _desc_json(desc: ObjectMap) -> Json:
    return {
        "class": desc.map_class.text,
        "content_mode": "hub" if desc.is_hub else "simple",
        "content_type": desc.content_type.text,
        "count": str(desc.total),
        "size": str(desc.size),
        "depth": desc.depth,
        "content": _content_json(desc.content),
    }


def _content_json(content: Entries | HubEntries) -> Json:
    if isinstance(content, SetEntries):
        return [str(one) for one in sorted(content.values)]
    if isinstance(content, DiffSetEntries):
        return [_item_json(item.prev, item.altered) for item in sorted(content.values, key=DiffSetItem.order)]
    if isinstance(content, DiffMapEntries):
        return {
            key: {**_item_json(item.prev, item.altered), "diff": _id_json(item.diff)}
            for key, item in content.values.items()
        }
    return {str(key): str(value) for key, value in content.values.items()}


def _item_json(prev: ObjectId | None, altered: ObjectId | None) -> dict[str, Json]:
    return {"prev": _id_json(prev), "altered": _id_json(altered)}


def _id_json(object_id: ObjectId | None) -> Json:
    return None if object_id is None else str(object_id)


CODECS: Final = {
    ObjectTypeCode.OBJECT_MAP: ContentCodec(
        "ObjectMap", ObjectMap.read, read_nothing, sub_desc=DescFlag.OWNER, desc_json=_desc_json, body_json=show_nothing
    )
}
