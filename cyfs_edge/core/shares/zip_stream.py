"""A ZIP archive whose length is known before its first byte, and whose bytes are made while they are sent.

Files are stored, not compressed: what people share is mostly pictures and films, which do not get smaller. Their CRC
follows them in a data descriptor (bit 3 of the flags), their length stands before them, so that a reader may stream
too. Zip64 is used where a length or a place needs more than 32 bits. APPNOTE.TXT 6.3.10 of PKWARE describes the format.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

from cyfs_edge.base.times import unix_micros

_LOCAL, _DESCRIPTOR, _CENTRAL = 0x04034B50, 0x08074B50, 0x02014B50
_END, _END64, _LOCATOR64 = 0x06054B50, 0x06064B50, 0x07064B50
_FLAGS = 0x0808
"""A descriptor follows the data; names are UTF-8."""
_STORED = 0
_VERSION, _VERSION64 = 20, 45
_MADE_BY_UNIX = 3 << 8
_MODE = 0o100644 << 16
_ZIP64_EXTRA = 1
_BIG = 0xFFFF_FFFF
_MANY = 0xFFFF
_NAME_MAX = 0xFFFF
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_header(name: bytes, length: int, time: int) -> bytes:
    """Goes before the ``length`` bytes of a file. ``time``: bucky µs, 0 when there is none."""
    extra = struct.pack("<HHQQ", _ZIP64_EXTRA, 16, length, length) if length >= _BIG else b""
    shown = min(length, _BIG)
    head = struct.pack(
        "<IHHHIIIIHH",
        _LOCAL,
        _VERSION64 if extra else _VERSION,
        _FLAGS,
        _STORED,
        dos_time(time),
        0,
        shown,
        shown,
        len(name),
        len(extra),
    )
    return head + name + extra


def descriptor(crc: int, length: int) -> bytes:
    """Goes behind the bytes of a file."""
    return struct.pack("<IIQQ" if length >= _BIG else "<IIII", _DESCRIPTOR, crc, length, length)


def central_header(name: bytes, length: int, time: int, crc: int, offset: int) -> bytes:
    """One line of the directory at the end. ``offset``: where the local header begins."""
    big = [number for number in (length, length, offset) if number >= _BIG]
    extra = struct.pack(f"<HH{len(big)}Q", _ZIP64_EXTRA, 8 * len(big), *big) if big else b""
    version = _VERSION64 if big else _VERSION
    shown = min(length, _BIG)
    head = struct.pack(
        "<IHHHHIIIIHHHHHII",
        _CENTRAL,
        version | _MADE_BY_UNIX,
        version,
        _FLAGS,
        _STORED,
        dos_time(time),
        crc,
        shown,
        shown,
        len(name),
        len(extra),
        0,
        0,
        0,
        _MODE,
        min(offset, _BIG),
    )
    return head + name + extra


def end_records(count: int, offset: int, length: int) -> bytes:
    """The end of the archive. ``offset``, ``length``: of the directory."""
    end = struct.pack(
        "<IHHHHIIH", _END, 0, 0, min(count, _MANY), min(count, _MANY), min(length, _BIG), min(offset, _BIG), 0
    )
    if count < _MANY and offset < _BIG and length < _BIG:
        return end
    end64 = struct.pack(
        "<IQHHIIQQQQ", _END64, 44, _VERSION64 | _MADE_BY_UNIX, _VERSION64, 0, 0, count, count, length, offset
    )
    return end64 + struct.pack("<IIQI", _LOCATOR64, 0, offset + length, 1) + end


class Measure:
    """How long an archive will be, file by file in their order."""

    __slots__ = ("_central", "count", "offset")

    def __init__(self) -> None:
        self._central = 0
        self.count = 0
        self.offset = 0
        """Where the next local header begins."""

    def add(self, name: bytes, length: int) -> None:
        self._central += len(central_header(name, length, 0, 0, self.offset))
        self.offset += len(local_header(name, length, 0)) + length + len(descriptor(0, length))
        self.count += 1

    @property
    def central(self) -> int:
        """Length of the directory."""
        return self._central

    @property
    def total(self) -> int:
        return self.offset + self._central + len(end_records(self.count, self.offset, self._central))


def entry_name(path: str) -> bytes:
    """A path as it stands in an archive: it leads nowhere but below the folder that is unpacked into."""
    parts = ["_" if part in (".", "..", "") else part for part in path.replace("\\", "_").split("/")]
    text = "/".join("".join(char if char.isprintable() else "_" for char in part) for part in parts)
    # A drive of Windows is a folder as well.
    return text.replace(":", "_").encode("utf-8", "replace")[:_NAME_MAX]


def dos_time(time: int) -> int:
    """Bucky µs → time and date of MS-DOS, in UTC; its first day when there is none, or it cannot be told."""
    try:
        at = _EPOCH + timedelta(microseconds=unix_micros(time))
    except OverflowError:
        at = _EPOCH
    if not 1980 <= at.year <= 2107:
        return 1 << 21 | 1 << 16
    return (at.year - 1980) << 25 | at.month << 21 | at.day << 16 | at.hour << 11 | at.minute << 5 | at.second // 2
