"""Object ids of all kinds (docs/protocol/objects.md §2)."""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import lru_cache
from typing import Self

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.text import decode_base36, decode_base58, encode_base36, encode_base58

ID_SIZE = 32
UNIQUE_ID_SIZE = 16


class ObjectTypeCode(IntEnum):
    """Type codes of the standard objects. ``CUSTOM`` stands for every core and DecApp type."""

    UNKNOWN = 0
    DEVICE = 1
    PEOPLE = 2
    GROUP = 3
    RESERVED = 4
    APP_GROUP = 5
    UNION_ACCOUNT = 6
    CHUNK = 7
    FILE = 8
    DIR = 9
    DIFF = 10
    PROOF_OF_SERVICE = 11
    TX = 12
    ACTION = 13
    OBJECT_MAP = 14
    CONTRACT = 15
    CUSTOM = 16


STANDARD_TYPE_MAX = 16
CORE_TYPE_MAX = 32767
# Types 0, 4 and 16 have no standard header in the reference: their ids carry a core one.
_STANDARD_HEADER_TYPES = frozenset(range(1, 16)) - {4}


class ObjectCategory(IntEnum):
    DATA = 0
    STANDARD = 1
    CORE = 2
    DEC_APP = 3

    @property
    def text(self) -> str:
        return ("data", "standard", "core", "dec_app")[self]


class ObjectId(bytes):
    """32 bytes. A ``bytes`` in every respect; ``str()`` is the base58 text."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Self:
        if len(raw) != ID_SIZE:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"an object id has {ID_SIZE} bytes, not {len(raw)}")
        return super().__new__(cls, raw)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Lengths 49 and 50 are base36, all others base58. ``INVALID_FORMAT`` when it is neither."""
        parsed: Self = _parse(text)  # type: ignore[assignment]  # of the base class, which most callers want
        return parsed if cls is ObjectId else cls(parsed)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.take(ID_SIZE))

    def __str__(self) -> str:
        return _text58(bytes(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    @property
    def base36(self) -> str:
        return encode_base36(self)

    @property
    def category(self) -> ObjectCategory:
        return ObjectCategory(self[0] >> 6)

    @property
    def type_code(self) -> ObjectTypeCode:
        """The standard type of the header; ``CUSTOM`` for core and DecApp ids, ``UNKNOWN`` for data ids."""
        kind = self[0] >> 6
        if kind == ObjectCategory.STANDARD:
            return ObjectTypeCode(self[0] >> 2 & 0xF)
        return ObjectTypeCode.UNKNOWN if kind == ObjectCategory.DATA else ObjectTypeCode.CUSTOM

    @property
    def is_chunk(self) -> bool:
        return self[0] >> 2 == 0b010111

    @property
    def is_data(self) -> bool:
        return self[0] >> 6 == ObjectCategory.DATA

    @property
    def data(self) -> bytes | None:
        """The bytes carried by a data id, else ``None`` (§2.5)."""
        return bytes(self[1 : 1 + self[0]]) if self.is_data and self[0] < ID_SIZE else None

    @property
    def has_owner(self) -> bool | None:
        """For core and DecApp ids; ``None`` where the header does not tell."""
        return bool(self[0] & 0b100) if self[0] >> 7 else None

    @property
    def has_single_key(self) -> bool | None:
        return bool(self[0] & 0b10000) if self[0] >> 7 else None

    @property
    def has_mn_key(self) -> bool | None:
        return bool(self[0] & 0b1000) if self[0] >> 7 else None

    @property
    def area(self) -> Area | None:
        """The area of the header (§2.2). A standard id whose area bits are all zero reads as having none."""
        kind = self[0] >> 6
        if kind == ObjectCategory.DATA or self.is_chunk:
            return None
        if kind == ObjectCategory.STANDARD:
            if not any(self[1:5]):
                return None
        elif not self[0] & 0b100000:
            return None
        bits = int.from_bytes(self[:5], "big")
        return Area(bits >> 25 & 0x1FF, bits >> 21 & 0xF, bits >> 8 & 0x1FFF, bits & 0xFF)


NULL_ID = ObjectId(bytes(ID_SIZE))


class ChunkId(ObjectId):
    """The id of a chunk: its length and the first 27 bytes of its SHA-256 (§2.6)."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Self:
        if len(raw) != ID_SIZE or raw[0] >> 2 != 0b010111:
            raise CyfsError(ErrorCode.UN_SUPPORT, "not a chunk id")
        return super().__new__(cls, raw)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        start = reader.pos
        try:
            return cls(reader.take(ID_SIZE))
        except CodecError:
            raise
        except CyfsError as error:
            raise CodecError(error.code, error.message, start) from None

    @classmethod
    def of_hash(cls, digest: bytes, length: int) -> ChunkId:
        """``digest``: SHA-256 of the chunk; ``length`` < 2^32 bytes."""
        return cls(b"\x5c" + length.to_bytes(4, "little") + digest[:27])

    @classmethod
    def of_data(cls, data: bytes) -> ChunkId:
        return cls.of_hash(hashlib.sha256(data).digest(), len(data))

    @property
    def length(self) -> int:
        return int.from_bytes(self[1:5], "little")

    @property
    def hash_head(self) -> bytes:
        """The 27 bytes of the hash that the id keeps."""
        return bytes(self[5:])


def data_id(data: bytes) -> ObjectId:
    """An id that carries up to 31 bytes itself (§2.5)."""
    if len(data) >= ID_SIZE:
        raise CyfsError(ErrorCode.INVALID_DATA, f"a data id carries at most 31 bytes, not {len(data)}")
    return ObjectId(bytes((len(data),)) + data + bytes(ID_SIZE - 1 - len(data)))


def make_object_id(
    desc_hash: bytes,
    obj_type: int,
    *,
    area: Area | None = None,
    single_key: bool = False,
    mn_key: bool = False,
    owner: bool = False,
) -> ObjectId:
    """The id of a desc: its SHA-256 with the first 40 bits replaced by the header (§2.2)."""
    if obj_type in _STANDARD_HEADER_TYPES:
        kind = 0b010000 | obj_type
    else:
        kind = 0b110000 if obj_type > CORE_TYPE_MAX else 0b100000
        kind |= (area is not None) << 3 | single_key << 2 | mn_key << 1 | owner
    bits = kind << 34
    if area is not None:
        bits |= area.country << 25 | area.carrier << 21 | area.city << 8 | area.inner
    return ObjectId(bits.to_bytes(5, "big") + desc_hash[5:])


class UniqueId(bytes):
    """16 bytes, text base58 (§1.7)."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Self:
        if len(raw) != UNIQUE_ID_SIZE:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"a unique id has {UNIQUE_ID_SIZE} bytes, not {len(raw)}")
        return super().__new__(cls, raw)

    @classmethod
    def create(cls, source: bytes) -> Self:
        """The first 16 bytes of ``source``, zero padded."""
        return cls(source[:UNIQUE_ID_SIZE].ljust(UNIQUE_ID_SIZE, b"\0"))

    @classmethod
    def create_with_hash(cls, source: bytes) -> Self:
        return cls(hashlib.sha256(source).digest()[:UNIQUE_ID_SIZE])

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls(decode_base58(text))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.take(UNIQUE_ID_SIZE))

    def __str__(self) -> str:
        return encode_base58(self)


@lru_cache(maxsize=8192)
def _text58(raw: bytes) -> str:
    return encode_base58(raw)


@lru_cache(maxsize=8192)
def _parse(text: str) -> ObjectId:
    if not text:
        raise CyfsError(ErrorCode.INVALID_FORMAT, "empty object id")
    raw = decode_base36(text) if len(text) in (49, 50) else decode_base58(text)
    if len(raw) != ID_SIZE:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"not an object id ({len(raw)} bytes instead of {ID_SIZE}): {text!r}")
    return ObjectId(raw)
