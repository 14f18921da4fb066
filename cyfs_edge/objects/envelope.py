"""The named object: desc, body, signatures (docs/protocol/objects.md §3).

What was received is kept: ``raw`` of an object and of its parts are the bytes that were read, ids and hashes are
computed from them, and changing one part leaves the bytes of the others as they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode, make_object_id
from cyfs_edge.base.keys import MNPublicKey, PublicKey, PublicKeyValue
from cyfs_edge.base.object_link import OBJECT_LINK_SIZE_MIN
from cyfs_edge.base.object_link import ObjectLink as ObjectLink
from cyfs_edge.base.proto import ID, StandardMessage, pb
from cyfs_edge.base.signatures import SIGNATURE_SIZE_MIN, Signature
from cyfs_edge.objects.content import ContentCodec, DescFlag
from cyfs_edge.objects.registry import STANDARD_TYPES, standard_codec

FLAG_ENCRYPTED = 0x0001
FLAG_BODY = 0x0002
FLAG_DESC_SIGNS = 0x0004
FLAG_BODY_SIGNS = 0x0008
FLAG_NONCE = 0x0010
OBJECT_FLAGS = 0x001F
"""The bits of ``obj_flags`` that tell of the object; the others tell of its desc."""

BODY_PREV_VERSION = 0x01
BODY_USER_DATA = 0x02
BODY_EXT = 0x04

CONTENT_MAX = 0xFFFF
"""Most bytes of a desc content."""
HEAD_SIZE = 4
NONCE_SIZE = 16

_SUB_DESC = DescFlag.OWNER | DescFlag.AREA | DescFlag.AUTHOR | DescFlag.PUBLIC_KEY
_CHUNK = 7


@dataclass(frozen=True, slots=True)
class BodyExt(StandardMessage):
    """``object_id``: the object that a body belongs to."""

    object_id: ObjectId | None = pb(1, ID, optional=True)


@dataclass(frozen=True, slots=True)
class Desc:
    """The part that makes the id.

    raw: the stand-alone form (§3.1): type, flags without the object's bits, fields. hash: SHA-256 of its *Hash* form,
    which lacks ``ext`` (§3.2). Times are bucky µs; an absent create_time is 0. value: the typed content of standard
    objects, else ``None``.
    """

    raw: bytes
    obj_type: int
    flags: int
    dec_id: ObjectId | None
    ref_objects: tuple[ObjectLink, ...]
    prev: ObjectId | None
    create_timestamp: bytes | None
    create_time: int
    expired_time: int | None
    owner: ObjectId | None
    area: Area | None
    author: ObjectId | None
    public_key: PublicKeyValue | None
    version: int
    format: int
    content: bytes
    value: Any
    hash: bytes
    object_id: ObjectId


@dataclass(frozen=True, slots=True)
class Body:
    """The part that changes. raw: exactly its bytes. value: the typed content of standard objects, else ``None``."""

    raw: bytes
    prev_version: bytes | None
    update_time: int
    object_id: ObjectId | None
    version: int
    format: int
    content: bytes
    user_data: bytes | None
    value: Any

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.raw).digest()


class _Keep(Enum):
    KEEP = 0


KEEP: Final = _Keep.KEEP
Keep = Literal[_Keep.KEEP]


@dataclass(frozen=True, slots=True, eq=False)
class NamedObject:
    """One object. Equal when the bytes are. Signatures: ``()`` is a list that is there but empty, ``None`` no list."""

    raw: bytes
    obj_type: int
    obj_flags: int
    desc: Desc
    body: Body | None
    desc_signs: tuple[Signature, ...] | None
    body_signs: tuple[Signature, ...] | None
    nonce: int | None
    _body_signs_at: int = field(repr=False)
    """Where in ``raw`` the body signatures begin: what is before them and after the body are the desc signatures."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedObject) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    @property
    def object_id(self) -> ObjectId:
        return self.desc.object_id

    @property
    def size(self) -> int:
        return len(self.raw)

    @property
    def type_code(self) -> ObjectTypeCode:
        """``CUSTOM`` for everything that is not a standard object."""
        return ObjectTypeCode(self.obj_type) if self.obj_type in STANDARD_TYPES else ObjectTypeCode.CUSTOM

    @property
    def owner(self) -> ObjectId | None:
        return self.desc.owner

    @property
    def author(self) -> ObjectId | None:
        return self.desc.author

    @property
    def dec_id(self) -> ObjectId | None:
        return self.desc.dec_id

    @property
    def desc_hash(self) -> bytes:
        return self.desc.hash

    @property
    def body_hash(self) -> bytes | None:
        return self.body.hash if self.body else None

    @property
    def update_time(self) -> int:
        """That of the body; 0 without one."""
        return self.body.update_time if self.body else 0

    @property
    def latest_update_time(self) -> int:
        """The update time or the newest signature's, whichever is later (§3.3)."""
        times = [one.sign_time for signs in (self.desc_signs, self.body_signs) for one in signs or ()]
        return max(self.update_time, *times) if times else self.update_time

    def with_parts(
        self,
        *,
        body: Body | None | Keep = KEEP,
        desc_signs: tuple[Signature, ...] | None | Keep = KEEP,
        body_signs: tuple[Signature, ...] | None | Keep = KEEP,
        nonce: int | None | Keep = KEEP,
    ) -> NamedObject:
        """This object with other parts; ``None`` drops one. The rest is taken over byte for byte."""
        held_body = self.body.raw if self.body else b""
        desc_end = len(self.desc.raw)
        nonce_at = len(self.raw) - (NONCE_SIZE if self.nonce is not None else 0)
        parts = (
            held_body if body is KEEP else body.raw if body else b"",
            self.raw[desc_end + len(held_body) : self._body_signs_at] if desc_signs is KEEP else _signs(desc_signs),
            self.raw[self._body_signs_at : nonce_at] if body_signs is KEEP else _signs(body_signs),
            self.raw[nonce_at:] if nonce is KEEP else b"" if nonce is None else Writer().u128(nonce).getvalue(),
        )
        flags = self.desc.flags
        for part, flag in zip(parts, (FLAG_BODY, FLAG_DESC_SIGNS, FLAG_BODY_SIGNS, FLAG_NONCE), strict=True):
            if part:
                flags |= flag
        raw = self.desc.raw[:2] + flags.to_bytes(2, "big") + self.desc.raw[HEAD_SIZE:] + b"".join(parts)
        return NamedObject(
            raw,
            self.obj_type,
            flags,
            self.desc,
            self.body if body is KEEP else body,
            self.desc_signs if desc_signs is KEEP else desc_signs,
            self.body_signs if body_signs is KEEP else body_signs,
            self.nonce if nonce is KEEP else nonce,
            desc_end + len(parts[0]) + len(parts[1]),
        )


def decode_object(data: bytes, *, exact: bool = False) -> NamedObject:
    """The object at the beginning of ``data``. With ``exact``, bytes after it are ``INVALID_DATA``.

    Contents of standard objects are read, and so checked; all others stay opaque (``registry.decode_typed``).
    Any bytes give an object or :class:`CodecError`.
    """
    reader = Reader(data)
    obj = read_object(reader)
    if exact and reader.remaining:
        raise CodecError(ErrorCode.INVALID_DATA, f"{reader.remaining} bytes after the object", reader.pos)
    return obj


def read_object(reader: Reader) -> NamedObject:
    start = reader.pos
    desc, flags = _read_desc(reader)
    if flags & FLAG_ENCRYPTED:
        raise CodecError(ErrorCode.INVALID_DATA, "encrypted objects are not defined", start + 2)
    body = desc_signs = body_signs = nonce = None
    if flags & FLAG_BODY:
        body = read_body(reader, desc)
    if flags & FLAG_DESC_SIGNS:
        desc_signs = tuple(reader.vec(Signature.read, SIGNATURE_SIZE_MIN))
    body_signs_at = reader.pos - start
    if flags & FLAG_BODY_SIGNS:
        body_signs = tuple(reader.vec(Signature.read, SIGNATURE_SIZE_MIN))
    if flags & FLAG_NONCE:
        nonce = reader.u128()
    raw = reader.data[start : reader.pos]
    return NamedObject(raw, desc.obj_type, flags, desc, body, desc_signs, body_signs, nonce, body_signs_at)


def read_desc(reader: Reader) -> Desc:
    """A desc that stands alone (§3.1)."""
    return _read_desc(reader)[0]


def _read_desc(reader: Reader) -> tuple[Desc, int]:
    """A desc, and the flags of the object that it begins."""
    start = reader.pos
    data = reader.data
    obj_type = reader.u16()
    obj_flags = reader.u16()
    if obj_type == _CHUNK:
        raise CodecError(ErrorCode.INVALID_DATA, "a chunk is no named object", start)
    codec = standard_codec(obj_type)
    flags = obj_flags & ~OBJECT_FLAGS
    if codec is not None:
        _check_flags(codec, flags, start + 2)

    dec_id = ObjectId.read(reader) if flags & DescFlag.DEC_ID else None
    links = reader.vec(ObjectLink.read, OBJECT_LINK_SIZE_MIN) if flags & DescFlag.REF_OBJECTS else ()
    prev = ObjectId.read(reader) if flags & DescFlag.PREV else None
    create_timestamp = reader.take(32) if flags & DescFlag.CREATE_TIMESTAMP else None
    create_time = reader.u64() if flags & DescFlag.CREATE_TIME else 0
    expired_time = reader.u64() if flags & DescFlag.EXPIRED_TIME else None
    owner = ObjectId.read(reader) if flags & DescFlag.OWNER else None
    area = Area.read(reader) if flags & DescFlag.AREA else None
    author = ObjectId.read(reader) if flags & DescFlag.AUTHOR else None
    public_key = _read_public_key(reader, codec) if flags & DescFlag.PUBLIC_KEY else None
    ext_at = reader.pos
    if flags & DescFlag.EXT:
        reader.take(reader.u16())
    ext_end = reader.pos
    version = reader.u8()
    content_format = reader.u8()
    size = reader.u16()
    content_at = reader.pos
    content = reader.take(size)
    value = None if codec is None else codec.read_desc(Reader(data, content_at, reader.pos))

    raw = data[start : start + 2] + flags.to_bytes(2, "big") + data[start + HEAD_SIZE : reader.pos]
    hashed = raw
    if flags & DescFlag.EXT:
        # The reference forgets ext when it computes the id.
        head = raw[:2] + (flags & ~DescFlag.EXT).to_bytes(2, "big")
        hashed = head + data[start + HEAD_SIZE : ext_at] + data[ext_end : reader.pos]
    if codec is not None and codec.hash_content is not None:
        shrunk = codec.hash_content(content, value)
        hashed = hashed[: len(hashed) - size - 2] + len(shrunk).to_bytes(2, "big") + shrunk
    digest = hashlib.sha256(hashed).digest()
    object_id = make_object_id(
        digest,
        obj_type,
        area=area,
        single_key=isinstance(public_key, PublicKey),
        mn_key=isinstance(public_key, MNPublicKey),
        owner=owner is not None,
    )
    desc = Desc(
        raw,
        obj_type,
        flags,
        dec_id,
        tuple(links),
        prev,
        create_timestamp,
        create_time,
        expired_time,
        owner,
        area,
        author,
        public_key,
        version,
        content_format,
        content,
        value,
        digest,
        object_id,
    )
    return desc, obj_flags


def _check_flags(codec: ContentCodec[Any, Any], flags: int, offset: int) -> None:
    refused = flags & _SUB_DESC & ~codec.sub_desc
    if refused:
        names = ", ".join(flag.name.lower() for flag in DescFlag if flag & refused)
        raise CodecError(ErrorCode.INVALID_DATA, f"{codec.name} does not support {names}", offset)
    if codec.key_required and not flags & DescFlag.PUBLIC_KEY:
        raise CodecError(ErrorCode.INVALID_DATA, f"{codec.name} without a public key", offset)


def _read_public_key(reader: Reader, codec: ContentCodec[Any, Any] | None) -> PublicKeyValue | None:
    start = reader.pos
    kind = reader.u8()
    if kind == 1:
        return PublicKey.read(reader)
    # Standard objects that have a key have a single one.
    if codec is None:
        if kind == 2:
            return MNPublicKey.read(reader)
        if kind == 0:
            return None
    raise CodecError(ErrorCode.INVALID_DATA, f"public key of kind {kind}", start)


def read_body(reader: Reader, desc: Desc) -> Body:
    """The body of the object with this desc.

    Short data is ``INVALID_DATA`` here (§1.3), only a content longer than what is left is ``OUT_OF_LIMIT``.
    """
    start = reader.pos
    data = reader.data
    prev_version = object_id = user_data = None
    try:
        flags = reader.u8()
        if flags & BODY_PREV_VERSION:
            prev_version = reader.take(32)
        update_time = reader.u64()
        if flags & BODY_EXT:
            ext = reader.sub(reader.u16())
            object_id = BodyExt.decode(data, ext.pos, ext.end).object_id
        version = reader.u8()
        content_format = reader.u8()
        size = reader.varint()
    except CodecError as error:
        raise _in_body(error) from None
    content_at = reader.pos
    content = reader.take(size)
    codec = standard_codec(desc.obj_type)
    try:
        value = None if codec is None else codec.read_body(Reader(data, content_at, reader.pos), desc.value)
        if flags & BODY_USER_DATA:
            user_data = reader.take(reader.u64())
    except CodecError as error:
        raise _in_body(error) from None
    raw = data[start : reader.pos]
    return Body(raw, prev_version, update_time, object_id, version, content_format, content, user_data, value)


def _in_body(error: CodecError) -> CodecError:
    code = ErrorCode.INVALID_DATA if error.code == ErrorCode.OUT_OF_LIMIT else error.code
    return CodecError(code, f"in the body: {error.message}", error.offset)


def _signs(signs: tuple[Signature, ...] | None) -> bytes:
    if signs is None:
        return b""
    return Writer().vec(signs, lambda writer, one: one.write(writer)).getvalue()
