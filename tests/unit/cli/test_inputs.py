"""Objects from files and lines of hex, bounded whatever is fed in."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.cli import inputs
from cyfs_edge.cli.inputs import hex_lines, parse_hex, read_input


@pytest.mark.parametrize(
    ("line", "offset"),
    [(b"0g", 0), (b"0001zz", 2), (b"00010", 2), (b"00 01", 1), (b"\xff", 0), (b"00\x00", 1), (b"0x00", 0)],
)
def test_bad_hex_is_told_with_the_byte_where_it_breaks_off(line: bytes, offset: int) -> None:
    with pytest.raises(CodecError) as caught:
        parse_hex(line)
    assert (caught.value.code, caught.value.offset) == (ErrorCode.HEX_ERROR, offset)


def test_white_space_around_a_line_does_not_matter() -> None:
    assert parse_hex(b"  00ffAA\r\n") == b"\x00\xff\xaa"
    assert parse_hex(b"\n") == b""


def test_lines_come_as_they_are_with_or_without_an_end(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"00\n\n01\r\n02")
    assert list(hex_lines(str(tmp_path / "x"))) == [b"00\n", b"\n", b"01\r\n", b"02"]
    (tmp_path / "x").write_bytes(b"")
    assert list(hex_lines(str(tmp_path / "x"))) == []


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("excess", [1, 2, 500, 5_000_000])
def test_a_line_beyond_the_limit_is_one_bad_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, excess: int, end: bytes
) -> None:
    monkeypatch.setattr(inputs, "OBJECT_SIZE_MAX", 100)
    monkeypatch.setattr(inputs, "_LINE_MAX", 202)
    (tmp_path / "x").write_bytes(
        b"00" * 100 + b"\n" + b" " * 150 + b"0" * (52 + excess) + end + (b"07" if end else b"")
    )
    lines = list(hex_lines(str(tmp_path / "x")))
    assert parse_hex(lines[0]) == bytes(100)
    with pytest.raises(CodecError) as caught:
        parse_hex(lines[1])
    assert (caught.value.code, caught.value.offset) == (ErrorCode.OUT_OF_LIMIT, 100)
    assert lines[2:] == ([b"07"] if end else [])
    assert max(len(line) for line in lines) <= 203


def test_a_file_is_raw_or_hex(tmp_path: Path) -> None:
    raw = bytes.fromhex("0002000000")
    (tmp_path / "raw").write_bytes(raw)
    (tmp_path / "hex").write_bytes(b"00 02\n0000 00\n")
    assert read_input(str(tmp_path / "raw")) == read_input(str(tmp_path / "hex")) == raw


def test_a_file_larger_than_an_object_can_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "OBJECT_SIZE_MAX", 100)
    monkeypatch.setattr(inputs, "_LINE_MAX", 202)
    for data in (b"\0" * 101, b"00" * 101, b"\0" * 5000):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(CodecError) as caught:
            read_input(str(tmp_path / "x"))
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_standard_input_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"\x00\x02"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read_input("-") == b"\x00\x02"
    assert not stdin.closed
