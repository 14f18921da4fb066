"""What a core object type is: how its contents are read, shown and built (docs/protocol/core-objects.md §1 and §2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.builder import BodyParts, build_body, build_object, next_update_time
from cyfs_edge.objects.content import ContentCodec, ContentFormat, DescFlag, EmptyContent, Json
from cyfs_edge.objects.core.json_view import show
from cyfs_edge.objects.envelope import NamedObject

_SUB_DESC = DescFlag.OWNER | DescFlag.AREA | DescFlag.AUTHOR | DescFlag.PUBLIC_KEY


class Content(Protocol):
    """A desc or body content. Protobuf messages are contents."""

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        """The content in ``data[pos:end]``. Raises ``CodecError``, its offset counted from the start of ``data``."""

    def encode(self) -> bytes: ...


D = TypeVar("D", bound=Content)
B = TypeVar("B", bound=Content)


@dataclass(frozen=True, slots=True)
class NoContent(EmptyContent):
    """A content without fields: zero bytes; what else is there is ignored."""

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        return cls()


@dataclass(frozen=True, slots=True)
class CoreContent(Generic[D, B]):
    """The contents of one object. ``body`` is ``None`` when the object has none."""

    desc: D
    body: B | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreCodec(ContentCodec[D, B]):
    """One core type. ``code``: as it stands in the header. The formats are what builders write; readers take any."""

    code: int
    desc_format: int
    body_format: int

    def decode(self, obj: NamedObject) -> CoreContent[D, B]:
        """The contents of an object of this type.

        Raises :class:`CodecError`; offsets count from the start of the content. ``INVALID_DATA`` also when the object
        has another type or header fields that this type does not have.
        """
        if obj.obj_type != self.code:
            raise CodecError(ErrorCode.INVALID_DATA, f"{self.name} has type {self.code}, the object {obj.obj_type}")
        refused = obj.desc.flags & _SUB_DESC & ~self.sub_desc
        if refused:
            names = ", ".join(flag.name.lower() for flag in DescFlag if flag & refused)
            raise CodecError(ErrorCode.INVALID_DATA, f"{self.name} does not support {names}")
        desc = self.read_desc(Reader(obj.desc.content))
        return CoreContent(desc, self.read_body(Reader(obj.body.content), desc) if obj.body else None)

    def build(
        self,
        desc: D,
        body: B | None = None,
        *,
        update_time: int = 0,
        create_time: int | None = None,
        owner: ObjectId | None = None,
        author: ObjectId | None = None,
        area: Area | None = None,
        dec_id: ObjectId | None = None,
    ) -> NamedObject:
        """An unsigned object; without ``body`` it serves to compute ids. Times are bucky µs.

        Raises ``CyfsError``: ``OUT_OF_LIMIT`` for a desc content above 65535 bytes (§4.8).
        """
        return build_object(
            self.code,
            desc_content=desc.encode(),
            desc_format=self.desc_format,
            dec_id=dec_id,
            create_time=create_time,
            owner=owner,
            area=area,
            author=author,
            body=None if body is None else BodyParts(body.encode(), update_time, format=self.body_format),
        )

    def with_body(self, obj: NamedObject, body: B, now: int) -> NamedObject:
        """The object with another body content: the update time is raised (§2), body signatures are void and gone."""
        held = obj.body
        parts = BodyParts(
            body.encode(),
            next_update_time(obj.update_time, now),
            format=self.body_format,
            object_id=held.object_id if held else None,
            user_data=held.user_data if held else None,
        )
        return obj.with_parts(body=build_body(obj.desc, parts), body_signs=None)


def core_type(
    code: int,
    name: str,
    desc: type[D],
    body: type[B],
    *,
    sub_desc: int = 0,
    desc_format: int = ContentFormat.PROTOBUF,
    body_format: int = ContentFormat.PROTOBUF,
    desc_json: Callable[[D], Json] | None = show,
    body_json: Callable[[B], Json] | None = show,
    agree: Callable[[D, B], None] | None = None,
) -> CoreCodec[D, B]:
    """An entry of the type table. Views: ``None`` for the types that the reference has none for (§5)."""
    return CoreCodec(
        name,
        lambda reader: desc.decode(reader.data, reader.pos, reader.end),
        lambda reader: body.decode(reader.data, reader.pos, reader.end),
        sub_desc=sub_desc,
        agree=agree,
        desc_json=desc_json,
        body_json=body_json,
        code=code,
        desc_format=desc_format,
        body_format=body_format,
    )
