"""The little of DER that PKCS#1 keys and ECDSA signatures need: sequences of non-negative integers."""

from __future__ import annotations

from collections.abc import Iterable

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, ErrorCode

_SEQUENCE = 0x30
_INTEGER = 0x02


def encode_integers(values: Iterable[int]) -> bytes:
    """A SEQUENCE of INTEGERs."""
    body = b"".join(_element(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in values)
    return _element(_SEQUENCE, body)


def decode_integers(data: bytes, number: int) -> list[int]:
    """The first ``number`` integers of a SEQUENCE; whatever follows them or the sequence is ignored.

    Raises ``INVALID_DATA`` when it is not that; ``OUT_OF_LIMIT`` when it is cut short.
    """
    sequence = _open(Reader(data), _SEQUENCE)
    values: list[int] = []
    for _ in range(number):
        content = _open(sequence, _INTEGER).rest()
        if not content or content[0] & 0x80:
            raise CodecError(ErrorCode.INVALID_DATA, "not a non-negative DER integer", sequence.pos)
        values.append(int.from_bytes(content, "big"))
    return values


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _open(reader: Reader, tag: int) -> Reader:
    start = reader.pos
    if reader.u8() != tag:
        raise CodecError(ErrorCode.INVALID_DATA, f"DER tag {tag:#x} expected", start)
    size = reader.u8()
    if size & 0x80:
        size = int.from_bytes(reader.take(size & 0x7F), "big")
    return reader.sub(size)
