"""The error object in the raw codec, where codes are ordinals (docs/protocol/objects.md §10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import (
    DEC_ERROR_BASE,
    DEC_ERROR_END,
    META_ERROR_BASE,
    META_ERROR_END,
    CodecError,
    ErrorCode,
    normalize_code,
)

_CODES: Final = tuple(ErrorCode)
_ORDINALS: Final = {int(code): ordinal for ordinal, code in enumerate(_CODES)}
_META_ERROR: Final = len(_CODES)
_DEC_ERROR: Final = _META_ERROR + 1
_ORIGIN_CODE, _ORIGIN_TEXT, _ORIGIN_NOTHING = 1, 2, 3


@dataclass(frozen=True, slots=True)
class ErrorOrigin:
    """The failure beneath: a number (u32), a text, or neither."""

    code: int | None = None
    text: str | None = None

    @classmethod
    def read(cls, reader: Reader) -> ErrorOrigin:
        start = reader.pos
        kind = reader.varint()
        if kind == _ORIGIN_CODE:
            return cls(code=reader.u32())
        if kind == _ORIGIN_TEXT:
            return cls(text=reader.string())
        if kind == _ORIGIN_NOTHING:
            return cls()
        raise CodecError(ErrorCode.NOT_SUPPORT, f"unknown origin of an error: {kind}", start)

    def write(self, writer: Writer) -> None:
        if self.code is not None:
            writer.varint(_ORIGIN_CODE).u32(self.code)
        elif self.text is not None:
            writer.varint(_ORIGIN_TEXT).string(self.text)
        else:
            writer.varint(_ORIGIN_NOTHING)


@dataclass(frozen=True, slots=True)
class BuckyError:
    """``code``: the number of JSON, HTTP and BDT. Numbers and ordinals without a meaning count as ``UNKNOWN``."""

    code: int
    message: str = ""
    origin: ErrorOrigin | None = None

    @classmethod
    def read(cls, reader: Reader) -> BuckyError:
        return cls(_read_code(reader), reader.string(), reader.option(ErrorOrigin.read))

    def write(self, writer: Writer) -> None:
        code = normalize_code(self.code)
        if META_ERROR_BASE <= code <= META_ERROR_END:
            writer.varint(_META_ERROR).u16(code - META_ERROR_BASE)
        elif DEC_ERROR_BASE <= code <= DEC_ERROR_END:
            writer.varint(_DEC_ERROR).u16(code - DEC_ERROR_BASE)
        else:
            writer.varint(_ORDINALS[code])
        writer.string(self.message).option(self.origin, lambda out, origin: origin.write(out))

    def encode(self) -> bytes:
        writer = Writer()
        self.write(writer)
        return writer.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> BuckyError:
        """The error at the beginning of ``data``; what follows is ignored."""
        return cls.read(Reader(data))


def _read_code(reader: Reader) -> int:
    ordinal = reader.varint()
    if ordinal < len(_CODES):
        return _CODES[ordinal]
    if ordinal == _META_ERROR:
        return normalize_code(META_ERROR_BASE + reader.u16())
    if ordinal == _DEC_ERROR:
        return normalize_code(DEC_ERROR_BASE + reader.u16())
    return ErrorCode.UNKNOWN
