"""The kinds of values that protobuf fields hold; :mod:`cyfs_edge.base.proto` says how fields use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId

T = TypeVar("T")

_MASK32 = (1 << 32) - 1
_MASK64 = (1 << 64) - 1


class _NoZero:
    """Marks kinds that have no zero value: their plain fields are required."""

    def __repr__(self) -> str:
        return "NO_ZERO"


NO_ZERO: Final = _NoZero()


@dataclass(frozen=True, slots=True)
class VarintKind(Generic[T]):
    """A number: ``load`` gets it as unsigned 64 bits, ``dump`` gives it so. Both may raise ``ValueError``."""

    name: str
    zero: T
    load: Callable[[int], T]
    dump: Callable[[T], int]


@dataclass(frozen=True, slots=True)
class BytesKind(Generic[T]):
    """A length-delimited value: ``load(data, start, end)`` and ``dump(value)``.

    Both may raise ``ValueError``, and ``CyfsError`` where the code matters.
    """

    name: str
    zero: T | _NoZero
    load: Callable[[bytes, int, int], T]
    dump: Callable[[T], bytes]


Kind: TypeAlias = VarintKind[T] | BytesKind[T]


@dataclass(frozen=True, slots=True)
class MapKind(Generic[T]):
    """``map<string, value>``."""

    value: Kind[T]


def _unsigned(bits: int) -> Callable[[int], int]:
    def dump(value: int) -> int:
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit in {bits} unsigned bits")
        return value

    return dump


def _signed(bits: int) -> Callable[[int], int]:
    def dump(value: int) -> int:
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise ValueError(f"{value} does not fit in {bits} signed bits")
        return value & _MASK64

    return dump


def _load_int32(number: int) -> int:
    number &= _MASK32
    return number - (1 << 32) if number >> 31 else number


def _load_int64(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def fixed_bytes(name: str, size: int) -> BytesKind[bytes]:
    """Exactly ``size`` raw bytes, such as a hash."""

    def check(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{size} bytes expected, not {len(value)}")
        return value

    return BytesKind(name, NO_ZERO, lambda data, start, end: check(data[start:end]), check)


def _load_id(data: bytes, start: int, end: int) -> ObjectId:
    if end - start != ID_SIZE:
        raise ValueError(f"{ID_SIZE} bytes expected, not {end - start}")
    return ObjectId(data[start:end])


def _load_chunk_id(data: bytes, start: int, end: int) -> ChunkId:
    if not _load_id(data, start, end).is_chunk:
        raise ValueError("not a chunk id")
    return ChunkId(data[start:end])


def _identity(value: bytes) -> bytes:
    return value


UINT32: Final[VarintKind[int]] = VarintKind("uint32", 0, lambda number: number & _MASK32, _unsigned(32))
UINT64: Final[VarintKind[int]] = VarintKind("uint64", 0, lambda number: number, _unsigned(64))
INT32: Final[VarintKind[int]] = VarintKind("int32", 0, _load_int32, _signed(32))
INT64: Final[VarintKind[int]] = VarintKind("int64", 0, _load_int64, _signed(64))
ENUM: Final[VarintKind[int]] = VarintKind("enum", 0, _load_int32, _signed(32))
BOOL: Final[VarintKind[bool]] = VarintKind("bool", False, bool, int)
BYTES: Final[BytesKind[bytes]] = BytesKind("bytes", b"", lambda data, start, end: data[start:end], _identity)
STRING: Final[BytesKind[str]] = BytesKind("string", "", lambda data, start, end: data[start:end].decode(), str.encode)
ID: Final[BytesKind[ObjectId]] = BytesKind("id", NO_ZERO, _load_id, _identity)
CHUNK_ID: Final[BytesKind[ChunkId]] = BytesKind("chunk id", NO_ZERO, _load_chunk_id, _identity)
HASH: Final[BytesKind[bytes]] = fixed_bytes("hash", 32)
