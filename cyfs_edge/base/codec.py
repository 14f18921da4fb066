"""The raw codec: a bounds-checked reader and a writer (docs/protocol/objects.md §1).

All integers are big endian unless a method says otherwise. Reading beyond the end is ``OUT_OF_LIMIT``; a count is
checked against what is left before anything is allocated for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct
from typing import Literal, TypeVar

from cyfs_edge.base.errors import CodecError, ErrorCode

T = TypeVar("T")

_U16 = Struct(">H").unpack_from
_U32 = Struct(">I").unpack_from
_U64 = Struct(">Q").unpack_from
_I32 = Struct(">i").unpack_from
_I64 = Struct(">q").unpack_from

VARINT_MAX = (1 << 62) - 1
STRING_MAX = 0xFFFF
VEC_MAX = 0xFFFF_FFFF


class Reader:
    """A cursor over ``data[pos:end]``. Every method advances it or raises :class:`CodecError`."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end

    @property
    def remaining(self) -> int:
        return self.end - self.pos

    def fail(self, code: int, message: str) -> CodecError:
        """The error to raise at the present position."""
        return CodecError(code, message, self.pos)

    def _advance(self, size: int) -> int:
        pos = self.pos
        if size > self.end - pos:
            raise CodecError(ErrorCode.OUT_OF_LIMIT, f"need {size} bytes, {self.end - pos} left", pos)
        self.pos = pos + size
        return pos

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, copied."""
        pos = self._advance(size)
        return self.data[pos : pos + size]

    def rest(self) -> bytes:
        """Everything up to the end."""
        return self.take(self.end - self.pos)

    def sub(self, size: int) -> Reader:
        """A reader of its own over the next ``size`` bytes, which this one skips. Offsets stay those of the buffer."""
        pos = self._advance(size)
        return Reader(self.data, pos, pos + size)

    def u8(self) -> int:
        return self.data[self._advance(1)]

    def u16(self) -> int:
        value: int = _U16(self.data, self._advance(2))[0]
        return value

    def u16_le(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        value: int = _U32(self.data, self._advance(4))[0]
        return value

    def u64(self) -> int:
        value: int = _U64(self.data, self._advance(8))[0]
        return value

    def u128(self) -> int:
        return int.from_bytes(self.take(16), "big")

    def i32(self) -> int:
        value: int = _I32(self.data, self._advance(4))[0]
        return value

    def i64(self) -> int:
        value: int = _I64(self.data, self._advance(8))[0]
        return value

    def boolean(self) -> bool:
        return self.u8() != 0

    def varint(self) -> int:
        """The 1/2/4/8 byte form whose top two bits give the width (§1.1; not LEB128)."""
        first = self.u8()
        kind = first >> 6
        if kind == 0:
            return first
        size = (0, 1, 7, 3)[kind]
        return (first & 0x3F) << (8 * size) | int.from_bytes(self.take(size), "big")

    def string(self) -> str:
        """u16 length + UTF-8."""
        return self._utf8(self.u16())

    def var_string(self) -> str:
        """varint length + UTF-8."""
        return self._utf8(self.varint())

    def _utf8(self, size: int) -> str:
        pos = self.pos
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError as error:
            raise CodecError(ErrorCode.CRYPTO_ERROR, "string is not UTF-8", pos + error.start) from None

    def var_bytes(self) -> bytes:
        """varint length + bytes (``Vec<u8>``)."""
        return self.take(self.varint())

    def count(self, least_item_size: int = 1) -> int:
        """A varint item count, refused when that many items of ``least_item_size`` bytes cannot follow."""
        pos = self.pos
        number = self.varint()
        if number > VEC_MAX or number * least_item_size > self.end - self.pos:
            raise CodecError(ErrorCode.OUT_OF_LIMIT, f"{number} items cannot fit in {self.end - self.pos} bytes", pos)
        return number

    def vec(self, item: Callable[[Reader], T], least_item_size: int = 1) -> list[T]:
        return [item(self) for _ in range(self.count(least_item_size))]

    def option(self, item: Callable[[Reader], T]) -> T | None:
        """Only a first byte of exactly 1 means present (§1)."""
        return item(self) if self.u8() == 1 else None


class Writer:
    """Appends to ``buffer``; ``getvalue()`` gives the bytes. Values out of range raise :class:`CodecError`."""

    __slots__ = ("buffer",)

    def __init__(self) -> None:
        self.buffer = bytearray()

    def getvalue(self) -> bytes:
        return bytes(self.buffer)

    def raw(self, data: bytes) -> Writer:
        self.buffer += data
        return self

    def _int(self, value: int, size: int, signed: bool = False, byteorder: Literal["big", "little"] = "big") -> Writer:
        try:
            self.buffer += value.to_bytes(size, byteorder, signed=signed)
        except OverflowError:
            raise CodecError(
                ErrorCode.OUT_OF_LIMIT, f"{value} does not fit in {8 * size} bits", len(self.buffer)
            ) from None
        return self

    def u8(self, value: int) -> Writer:
        return self._int(value, 1)

    def u16(self, value: int) -> Writer:
        return self._int(value, 2)

    def u16_le(self, value: int) -> Writer:
        return self._int(value, 2, byteorder="little")

    def u32(self, value: int) -> Writer:
        return self._int(value, 4)

    def u64(self, value: int) -> Writer:
        return self._int(value, 8)

    def u128(self, value: int) -> Writer:
        return self._int(value, 16)

    def i32(self, value: int) -> Writer:
        return self._int(value, 4, signed=True)

    def i64(self, value: int) -> Writer:
        return self._int(value, 8, signed=True)

    def boolean(self, value: bool) -> Writer:
        self.buffer.append(1 if value else 0)
        return self

    def varint(self, value: int) -> Writer:
        self.buffer += encode_varint(value)
        return self

    def string(self, text: str) -> Writer:
        data = text.encode("utf-8")
        if len(data) > STRING_MAX:
            raise CodecError(
                ErrorCode.OUT_OF_LIMIT, f"string of {len(data)} bytes, at most {STRING_MAX}", len(self.buffer)
            )
        self.buffer += len(data).to_bytes(2, "big")
        self.buffer += data
        return self

    def var_string(self, text: str) -> Writer:
        return self.var_bytes(text.encode("utf-8"))

    def var_bytes(self, data: bytes) -> Writer:
        self.buffer += encode_varint(len(data))
        self.buffer += data
        return self

    def vec(self, items: Iterable[T], item: Callable[[Writer, T], object]) -> Writer:
        values = list(items)
        self.varint(len(values))
        for value in values:
            item(self, value)
        return self

    def option(self, value: T | None, item: Callable[[Writer, T], object]) -> Writer:
        if value is None:
            self.buffer.append(0)
        else:
            self.buffer.append(1)
            item(self, value)
        return self


def encode_varint(value: int) -> bytes:
    """The shortest form; beyond 2^62-1 is ``NOT_SUPPORT``."""
    if 0 <= value < 1 << 6:
        return value.to_bytes(1, "big")
    if 0 <= value < 1 << 14:
        return (value | 1 << 14).to_bytes(2, "big")
    if 0 <= value < 1 << 30:
        return (value | 3 << 30).to_bytes(4, "big")
    if 0 <= value <= VARINT_MAX:
        return (value | 2 << 62).to_bytes(8, "big")
    raise CodecError(ErrorCode.NOT_SUPPORT, f"{value} is out of the varint range")
