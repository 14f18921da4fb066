"""Protobuf kinds of core contents: decimal text, enumerations, embedded objects (docs/protocol/core-objects.md §1)."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum
from typing import Final, TypeVar

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.proto import BytesKind, VarintKind
from cyfs_edge.base.proto_kinds import NO_ZERO
from cyfs_edge.base.signatures import Signature
from cyfs_edge.objects.envelope import Desc, NamedObject, read_desc, read_object

I = TypeVar("I", bound=IntEnum)  # noqa: E741
S = TypeVar("S", bound=StrEnum)

_DECIMAL = re.compile(rb"[+-]?[0-9]{1,32}")


def _decimal(name: str, least: int, most: int) -> BytesKind[int]:
    def check(number: int) -> int:
        if not least <= number <= most:
            raise ValueError(f"{number} is out of the range of {name}")
        return number

    def load(data: bytes, start: int, end: int) -> int:
        if not _DECIMAL.fullmatch(data, start, end):
            raise ValueError("not a decimal number")
        return check(int(data[start:end]))

    return BytesKind(name, NO_ZERO, load, lambda number: b"%d" % check(number))


DECIMAL_U64: Final = _decimal("u64", 0, (1 << 64) - 1)
"""``str(u64)``. Absent is not zero: a plain field of this kind is required."""
DECIMAL_I64: Final = _decimal("i64", -(1 << 63), (1 << 63) - 1)
"""``str(i64)``, likewise."""


def int_enum(enum: type[I], *, unknown: I | None = None) -> VarintKind[I]:
    """A number of ``enum``. Any other reads as ``unknown``; without that it is refused."""

    def load(number: int) -> I:
        number &= 0xFFFF_FFFF
        try:
            return enum(number - (1 << 32) if number >> 31 else number)
        except ValueError:
            if unknown is None:
                raise ValueError(f"{number} is no {enum.__name__}") from None
            return unknown

    return VarintKind(enum.__name__, enum(0), load, lambda member: member & 0xFFFF_FFFF_FFFF_FFFF)


def str_enum(enum: type[S], code: ErrorCode) -> BytesKind[S]:
    """A text of ``enum``; any other is refused with ``code``."""

    def load(data: bytes, start: int, end: int) -> S:
        text = data[start:end].decode()
        try:
            return enum(text)
        except ValueError:
            raise CyfsError(code, f"{text!r} is no {enum.__name__}") from None

    return BytesKind(enum.__name__, NO_ZERO, load, lambda member: member.value.encode())


def object_of_type(obj_type: int, name: str) -> BytesKind[NamedObject]:
    """A whole object of this type. Its bytes are kept; core contents in it stay opaque, so nothing nests deeper."""

    def load(data: bytes, start: int, end: int) -> NamedObject:
        obj = read_object(Reader(data, start, end))
        if obj.obj_type != obj_type:
            raise ValueError(f"object of type {obj.obj_type} instead of {name}")
        return obj

    return BytesKind(name, NO_ZERO, load, lambda obj: obj.raw)


def desc_of_type(obj_type: int, name: str) -> BytesKind[Desc]:
    """A desc that stands alone, of this type."""

    def load(data: bytes, start: int, end: int) -> Desc:
        desc = read_desc(Reader(data, start, end))
        if desc.obj_type != obj_type:
            raise ValueError(f"desc of type {desc.obj_type} instead of {name}")
        return desc

    return BytesKind(name, NO_ZERO, load, lambda desc: desc.raw)


def _load_signature(data: bytes, start: int, end: int) -> Signature:
    return Signature.read(Reader(data, start, end))


def _dump_signature(signature: Signature) -> bytes:
    writer = Writer()
    signature.write(writer)
    return writer.getvalue()


SIGNATURE: Final[BytesKind[Signature]] = BytesKind("signature", NO_ZERO, _load_signature, _dump_signature)
