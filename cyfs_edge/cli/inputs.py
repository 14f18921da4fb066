"""Objects from files and standard input: raw, or in hex, one a line; bounded whatever is fed in."""

from __future__ import annotations

import binascii
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from cyfs_edge.base.errors import CodecError, ErrorCode

OBJECT_SIZE_MAX = 16 << 20
"""Largest object that is read from a file or a line, in bytes."""

_LINE_MAX = 2 * OBJECT_SIZE_MAX + 2
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f]")
_HEX_TEXT = re.compile(rb"[0-9A-Fa-f\s]*")


def read_input(name: str) -> bytes:
    """The one object of a file, ``-`` for standard input. A file of hex digits is taken as hex."""
    with _opened(name) as stream:
        data = stream.read(_LINE_MAX + 1)
    if _HEX_TEXT.fullmatch(data):
        # No object is made of such bytes: its first two, the type, would be a number that is not in use.
        data = parse_hex(b"".join(data.split()))
    if len(data) > OBJECT_SIZE_MAX:
        raise CodecError(ErrorCode.OUT_OF_LIMIT, f"larger than {OBJECT_SIZE_MAX} bytes", OBJECT_SIZE_MAX)
    return data


def hex_lines(name: str) -> Iterator[bytes]:
    """Line by line, as they come. What goes beyond the limit of a line is thrown away, but for one byte that tells."""
    with _opened(name) as stream:
        while line := stream.readline(_LINE_MAX + 1):
            yield line
            rest = line if len(line) > _LINE_MAX else b""
            while rest and not rest.endswith(b"\n"):
                rest = stream.readline(1 << 20)


def parse_hex(line: bytes) -> bytes:
    """The bytes of one line. Raises ``HEX_ERROR`` with the offset of the byte that the digits break off at."""
    digits = line.strip()
    if len(line) > _LINE_MAX or len(digits) > 2 * OBJECT_SIZE_MAX:
        raise CodecError(ErrorCode.OUT_OF_LIMIT, f"larger than {OBJECT_SIZE_MAX} bytes", OBJECT_SIZE_MAX)
    try:
        return binascii.unhexlify(digits)
    except binascii.Error:
        wrong = _NOT_HEX.search(digits)
        if wrong is None:
            raise CodecError(ErrorCode.HEX_ERROR, "odd number of hex digits", len(digits) // 2) from None
        raise CodecError(ErrorCode.HEX_ERROR, f"not a hex digit: {wrong[0]!r}", wrong.start() // 2) from None


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """A file, or standard input, which stays open."""
    if name == "-":
        yield sys.stdin.buffer
    else:
        with open(name, "rb") as file:
            yield file
