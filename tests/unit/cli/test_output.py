"""Texts for people and documents for programs."""

from __future__ import annotations

import io
import json
import sys

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.times import BUCKY_OFFSET
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import Output, duration_text, json_text, printable, size_text, time_text, wrapped

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (102_400, "100 KiB"),
        (1 << 20, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (7 << 50, "7168 TiB"),
    ],
)
def test_size_text(size: int, text: str) -> None:
    assert size_text(size) == text


def test_time_text_of_no_time_a_time_and_one_beyond_the_calendar() -> None:
    assert time_text(0) == "-"
    assert time_text(BUCKY_OFFSET + 1_685_526_400_000_005) == "2023-05-31 09:46:40 UTC"
    assert time_text((1 << 64) - 1) == str((1 << 64) - 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.4, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h"), (86405, "1 d 5 s")],
)
def test_duration_text_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_control_characters_never_reach_a_terminal() -> None:
    assert printable("na\x1b[31mme\r\n\x9b\u202e") == "na\\x1b[31mme\\r\\n\\x9b\\u202e"
    assert printable("Grüße 家") == "Grüße 家"


def test_json_text_is_ascii_on_one_line() -> None:
    text = json_text({"name": "ä\u2028\n", "lone": "\ud800"})
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["name"] == "ä\u2028\n"


def test_long_lines_are_broken_and_ids_stay_whole() -> None:
    line = "FAIL  check  " + "word " * 20 + "x" * 90
    assert max(len(part) for part in wrapped(line, 4).split("\n")[:-1]) <= 80
    assert wrapped(line, 4).split("\n")[1].startswith("    word")
    assert wrapped(line, 4).endswith("x" * 90)
    assert wrapped("short", 4) == "short"


def test_text_output_shows_no_document_and_json_output_no_text(capsys: Captured) -> None:
    for out in (Output(False), Output(True)):
        out.line("text")
        out.note("note")
        out.table(("A", "B"), [("long cell", "\x1b")])
        out.fields([("name", 1), ("absent", None)])
        out.document({"a": 1})
    text, notes = capsys.readouterr()
    assert text == 'text\nA          B\nlong cell  \\x1b\nname  1\n{"a": 1}\n'
    assert notes == "note\n"


def test_a_streamed_list_is_one_document(capsys: Captured) -> None:
    for items in ([], [1], [{"a": 1}, {"b": 2}]):
        Output(True).stream_list("objects", iter(items))
        assert json.loads(capsys.readouterr().out) == {"objects": items}


def test_an_error_says_what_and_the_next_step(capsys: Captured) -> None:
    error = CliError(ErrorCode.NOT_FOUND, "No such\nthing.", Exit.NOT_FOUND, "Make one.")
    Output(False).error(error)
    assert capsys.readouterr() == ("", "cyfs-edge: No such\\nthing.\n  Make one.\n")
    Output(True).error(error)
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {"error": {"code": 4, "msg": "No such\nthing.", "hint": "Make one."}}


def test_errors_of_the_system_name_the_file(capsys: Captured) -> None:
    Output(True).error(FileNotFoundError(2, "No such file or directory", "/x/y"))
    assert json.loads(capsys.readouterr().err) == {"error": {"code": 110, "msg": "/x/y: No such file or directory"}}
    Output(True).error(CyfsError(15001, "of a DecApp"))
    assert json.loads(capsys.readouterr().err) == {"error": {"code": 15001, "msg": "of a DecApp"}}


def test_an_error_comes_after_the_text_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    both = io.StringIO()
    monkeypatch.setattr(sys, "stdout", both)
    monkeypatch.setattr(sys, "stderr", both)
    Output(False).line("first")
    Output(False).error(CyfsError(ErrorCode.FAILED, "second"))
    assert both.getvalue() == "first\ncyfs-edge: second\n"
