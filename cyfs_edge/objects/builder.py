"""Making new objects (docs/protocol/objects.md §3). Whatever is built has gone through the decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.keys import PublicKey, PublicKeyValue
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.objects.content import ContentFormat, DescFlag
from cyfs_edge.objects.envelope import (
    BODY_EXT,
    BODY_PREV_VERSION,
    BODY_USER_DATA,
    CONTENT_MAX,
    FLAG_BODY,
    FLAG_NONCE,
    Body,
    BodyExt,
    Desc,
    NamedObject,
    decode_object,
    read_body,
)


@dataclass(frozen=True, slots=True)
class BodyParts:
    """What a new body is made of. ``update_time``: bucky µs. ``object_id``: that of its object, usually left out."""

    content: bytes = b""
    update_time: int = 0
    version: int = 0
    format: int = ContentFormat.RAW
    prev_version: bytes | None = None
    object_id: ObjectId | None = None
    user_data: bytes | None = None

    def encode(self) -> bytes:
        writer = Writer()
        writer.u8(
            (BODY_PREV_VERSION if self.prev_version is not None else 0)
            | (BODY_USER_DATA if self.user_data is not None else 0)
            | (BODY_EXT if self.object_id is not None else 0)
        )
        if self.prev_version is not None:
            writer.raw(_sized(self.prev_version, 32, "prev_version"))
        writer.u64(self.update_time)
        if self.object_id is not None:
            ext = BodyExt(object_id=self.object_id).encode()
            writer.u16(len(ext)).raw(ext)
        writer.u8(self.version).u8(self.format).var_bytes(self.content)
        if self.user_data is not None:
            writer.u64(len(self.user_data)).raw(self.user_data)
        return writer.getvalue()


def build_object(
    obj_type: int,
    *,
    desc_content: bytes = b"",
    desc_version: int = 0,
    desc_format: int = ContentFormat.RAW,
    dec_id: ObjectId | None = None,
    ref_objects: Sequence[ObjectLink] | None = None,
    prev: ObjectId | None = None,
    create_timestamp: bytes | None = None,
    create_time: int | None = None,
    expired_time: int | None = None,
    owner: ObjectId | None = None,
    area: Area | None = None,
    author: ObjectId | None = None,
    public_key: PublicKeyValue | None = None,
    body: BodyParts | None = None,
    nonce: int | None = None,
) -> NamedObject:
    """An unsigned object with the fields given and no others. Times are bucky µs.

    Raises ``CyfsError``: ``OUT_OF_LIMIT`` for a desc content above 65535 bytes, ``INVALID_DATA`` for fields or contents
    that a standard type does not have.
    """
    if len(desc_content) > CONTENT_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"desc content of {len(desc_content)} bytes, at most {CONTENT_MAX}")
    fields = Writer()
    flags = 0
    if dec_id is not None:
        flags |= DescFlag.DEC_ID
        fields.raw(dec_id)
    if ref_objects is not None:
        flags |= DescFlag.REF_OBJECTS
        fields.vec(ref_objects, lambda writer, link: link.write(writer))
    if prev is not None:
        flags |= DescFlag.PREV
        fields.raw(prev)
    if create_timestamp is not None:
        flags |= DescFlag.CREATE_TIMESTAMP
        fields.raw(_sized(create_timestamp, 32, "create_timestamp"))
    if create_time is not None:
        flags |= DescFlag.CREATE_TIME
        fields.u64(create_time)
    if expired_time is not None:
        flags |= DescFlag.EXPIRED_TIME
        fields.u64(expired_time)
    if owner is not None:
        flags |= DescFlag.OWNER
        fields.raw(owner)
    if area is not None:
        flags |= DescFlag.AREA
        area.write(fields)
    if author is not None:
        flags |= DescFlag.AUTHOR
        fields.raw(author)
    if public_key is not None:
        flags |= DescFlag.PUBLIC_KEY
        fields.u8(1 if isinstance(public_key, PublicKey) else 2)
        public_key.write(fields)
    fields.u8(desc_version).u8(desc_format).u16(len(desc_content)).raw(desc_content)
    if body is not None:
        flags |= FLAG_BODY
        fields.raw(body.encode())
    if nonce is not None:
        flags |= FLAG_NONCE
        fields.u128(nonce)
    return decode_object(Writer().u16(obj_type).u16(flags).getvalue() + fields.getvalue(), exact=True)


def build_body(desc: Desc, parts: BodyParts) -> Body:
    """A body for the object with this desc, for ``NamedObject.with_parts``."""
    return read_body(Reader(parts.encode()), desc)


def next_update_time(current: int, now: int) -> int:
    """The update time of a changed body: never at or below the current one (§3.3)."""
    return now if now > current else current + 1


def _sized(value: bytes, size: int, name: str) -> bytes:
    if len(value) != size:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{name} has {size} bytes, not {len(value)}")
    return value
