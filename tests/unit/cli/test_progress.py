"""The progress bar: what it shows, when it is drawn, and that it stays away from files and pipes."""

from __future__ import annotations

import io
import os

import pytest

from cyfs_edge.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")


def test_a_line_has_share_amounts_rate_and_time_left() -> None:
    time = Time()
    bar = Progress("put film.mkv", 4 << 30, stream=Terminal(), monotonic=time)
    time.now += 10
    bar.set(1 << 30)
    line = bar.line(79)
    assert line.startswith("put film.mkv [#")
    assert "25%, 1.0 GiB of 4.0 GiB, 102 MiB/s, 30 s left" in line
    assert len(line) == 79


def test_full_and_empty_bars() -> None:
    time = Time()
    bar = Progress("x", 10, stream=Terminal(), monotonic=time, text=None)
    assert bar.line(40) == "x [" + " " * 30 + "]   0%"
    time.now += 1
    bar.set(10)
    assert bar.line(40) == "x [" + "#" * 30 + "] 100%"
    bar.set(11)
    assert bar.line(40) == "x [" + "#" * 30 + "] 100%"


def test_without_a_total_there_is_no_share() -> None:
    time = Time()
    bar = Progress("scrub", 0, stream=Terminal(), monotonic=time, text=str)
    assert bar.line(80) == "scrub 0"
    time.now += 2
    bar.set(10)
    assert bar.line(80) == "scrub 10, 5/s"


@pytest.mark.parametrize("width", range(1, 80, 6))
def test_a_line_never_exceeds_the_terminal(width: int) -> None:
    time = Time()
    bar = Progress("a rather long label \x1b[31m" * 3, 1 << 40, stream=Terminal(), monotonic=time)
    time.now += 1
    bar.set(5 << 20)
    assert len(bar.line(width)) <= width
    assert "\x1b" not in bar.line(width)


def test_a_terminal_sees_some_lines_and_a_clean_one_at_the_end() -> None:
    time, terminal = Time(), Terminal()
    with Progress("x", 1000, stream=terminal, monotonic=time) as bar:
        for _ in range(1000):
            time.now += 0.001
            bar.advance(1)
    drawn = terminal.getvalue().split("\r")[1:]
    assert 9 <= len(drawn) - 1 <= 11  # the first, and one each 0.1 s
    assert drawn[0].startswith("x [")
    assert drawn[-1] == "\x1b[K"
    assert "\n" not in terminal.getvalue()


def test_pipes_quiet_commands_and_dumb_terminals_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, quiet, dumb = io.StringIO(), Terminal(), Terminal()
    time = Time()
    bars = [Progress("x", 2, stream=pipe, monotonic=time), Progress("x", 2, stream=quiet, quiet=True, monotonic=time)]
    monkeypatch.setitem(os.environ, "TERM", "dumb")
    bars.append(Progress("x", 2, stream=dumb, monotonic=time))
    for bar in bars:
        with bar:
            time.now += 1
            bar.advance(1)
    assert [one.getvalue() for one in (pipe, quiet, dumb)] == ["", "", ""]
