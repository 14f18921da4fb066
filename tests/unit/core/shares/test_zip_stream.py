"""Archives that other programs read, of exactly the announced length, small and beyond 4 GiB."""

from __future__ import annotations

import io
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.core.shares import zip_stream
from cyfs_edge.core.shares.zip_stream import Measure, dos_time, entry_name

TIME = bucky_from_unix(datetime(2026, 11, 28, 12, 34, 56, tzinfo=UTC).timestamp())


def archive(files: list[tuple[str, bytes]]) -> bytes:
    measure, place = Measure(), Measure()
    out = b""
    for path, data in files:
        measure.add(entry_name(path), len(data))
        out += zip_stream.local_header(entry_name(path), len(data), TIME) + data
        out += zip_stream.descriptor(zlib.crc32(data), len(data))
    for path, data in files:
        out += zip_stream.central_header(entry_name(path), len(data), TIME, zlib.crc32(data), place.offset)
        place.add(entry_name(path), len(data))
    out += zip_stream.end_records(place.count, place.offset, place.central)
    assert measure.total == len(out)
    return out


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=100)), max_size=5))
def test_what_is_packed_comes_out(files: list[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(files))) as opened:
        assert opened.testzip() is None
        assert [opened.read(info) for info in opened.infolist()] == [data for _, data in files]
        assert [info.filename for info in opened.infolist()] == [entry_name(path).decode() for path, _ in files]


def test_times_and_modes() -> None:
    with zipfile.ZipFile(io.BytesIO(archive([("ü/a.txt", b"abc")]))) as opened:
        (info,) = opened.infolist()
        assert info.filename == "ü/a.txt"
        assert info.date_time == (2026, 11, 28, 12, 34, 56)
        assert info.external_attr >> 16 == 0o100644
        assert info.compress_type == zipfile.ZIP_STORED


class Sparse(io.RawIOBase):
    """A file of parts at places, zeros between them: archives of terabytes fit into a test."""

    def __init__(self, parts: dict[int, bytes], size: int) -> None:
        self._parts = parts
        self._size = size
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = (0, self._at, self._size)[whence] + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self._size, self._size - self._at, 1 << 20)
        data = bytearray(size)
        for place, part in self._parts.items():
            low, high = max(place, self._at), min(place + len(part), self._at + size)
            if low < high:
                data[low - self._at : high - self._at] = part[low - place : high - place]
        self._at += size
        return bytes(data)


@pytest.mark.parametrize("length", [0xFFFF_FFFE, 0xFFFF_FFFF, 0x1_0000_0000, 5 << 40])
def test_more_than_4_gib_needs_zip64(length: int) -> None:
    """A huge file, and behind it a small one whose place needs more than 32 bits."""
    measure, place = Measure(), Measure()
    parts: dict[int, bytes] = {}
    files = [(b"huge", length, 0), (b"small", 5, zlib.crc32(b"hello"))]
    for name, size, crc in files:
        head = zip_stream.local_header(name, size, TIME)
        parts[measure.offset] = head + (b"hello" if size == 5 else b"")
        parts[measure.offset + len(head) + size] = zip_stream.descriptor(crc, size)
        measure.add(name, size)
    tail = b""
    for name, size, crc in files:
        tail += zip_stream.central_header(name, size, TIME, crc, place.offset)
        place.add(name, size)
    tail += zip_stream.end_records(2, place.offset, place.central)
    parts[measure.offset] = tail
    assert measure.total == measure.offset + len(tail)
    with zipfile.ZipFile(Sparse(parts, measure.total)) as opened:  # type: ignore[arg-type]
        assert [info.file_size for info in opened.infolist()] == [length, 5]
        assert opened.read("small") == b"hello"
        with opened.open("huge") as stream:
            assert stream.read(3) == b"\0\0\0"


def test_more_than_65535_files_need_zip64() -> None:
    opened = zipfile.ZipFile(io.BytesIO(archive([(f"{number:05}", b"") for number in range(65_536)][:3])))
    assert len(opened.infolist()) == 3
    place = Measure()
    place.count, place.offset = 65_535, 1000
    assert len(zip_stream.end_records(65_535, 1000, 1000)) == 22 + 56 + 20
    assert len(zip_stream.end_records(65_534, 1000, 1000)) == 22


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.txt", "a/b.txt"),
        ("../../etc/passwd", "_/_/etc/passwd"),
        ("/etc//x", "_/etc/_/x"),
        ("..\\..\\x", ".._.._x"),
        ("C:\\x", "C__x"),
        ("a\nb\0c\u202e", "a_b_c_"),
    ],
)
def test_names_lead_nowhere_else(path: str, name: str) -> None:
    assert entry_name(path).decode() == name


def test_times_that_the_format_has_not() -> None:
    first = 1 << 21 | 1 << 16
    assert dos_time(0) == first
    assert dos_time(1 << 63) == first
    assert dos_time(bucky_from_unix(100)) == first
