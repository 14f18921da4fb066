"""What a command says: text for people, or one JSON document on standard output with ``--json``."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.times import unix_micros
from cyfs_edge.base.units import size_text as size_text

_WIDTH = 80


class Output:
    """Text and JSON of one command. ``as_json`` decides which of the two reaches standard output."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def line(self, text: str = "") -> None:
        """A line for people; with ``--json`` nothing."""
        if not self.as_json:
            sys.stdout.write(text + "\n")

    def note(self, text: str) -> None:
        """A remark beside the result, on standard error; with ``--json`` nothing."""
        if not self.as_json:
            sys.stdout.flush()
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def document(self, value: object) -> None:
        """The result for programs; without ``--json`` nothing."""
        if self.as_json:
            sys.stdout.write(json_text(value) + "\n")

    def fields(self, rows: Iterable[tuple[str, object]]) -> None:
        """Names and values in two columns; rows whose value is ``None`` are left out."""
        shown = [(name, value) for name, value in rows if value is not None]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.line(f"{name:<{width}}  {printable(str(value))}".rstrip())

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Columns as wide as their longest cell. For results that fit in memory."""
        cells = [list(head), *([printable(str(cell)) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
        for row in cells:
            self.line("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())

    def stream_list(self, name: str, items: Iterator[object]) -> None:
        """``{"<name>": [...]}`` written while ``items`` are made: for lists of any length. Only for ``--json``."""
        sys.stdout.write("{" + json.dumps(name) + ": [")
        for number, item in enumerate(items):
            sys.stdout.write((",\n" if number else "\n") + json_text(item))
        sys.stdout.write("]}\n")

    def error(self, error: BaseException) -> None:
        """The failure on standard error: ``{"error":{"code","msg"}}`` with ``--json``, else words and the next step."""
        code, message = describe(error)
        hint = getattr(error, "hint", "")
        sys.stdout.flush()
        if self.as_json:
            body: dict[str, object] = {"code": code, "msg": message}
            if hint:
                body["hint"] = hint
            sys.stderr.write(json_text({"error": body}) + "\n")
        else:
            sys.stderr.write(f"cyfs-edge: {printable(message)}\n")
            if hint:
                sys.stderr.write(f"  {hint}\n")
        sys.stderr.flush()


def describe(error: BaseException) -> tuple[int, str]:
    """Code and sentence of an expected failure."""
    if isinstance(error, CyfsError):
        return int(error.code), error.message
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return int(ErrorCode.IO_ERROR), where + (error.strerror or str(error))
    return int(ErrorCode.FAILED), str(error) or type(error).__name__


def json_text(value: object) -> str:
    """ASCII only: safe in any locale, and no character in it ends a line."""
    return json.dumps(value)


def printable(text: str) -> str:
    """Control characters escaped: names in objects come from strangers, and terminals obey what they print."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def wrapped(line: str, indent: int) -> str:
    """``line`` broken at 80 columns, what follows ``indent`` columns further in. Ids and the like stay whole."""
    if len(line) <= _WIDTH:
        return line
    pieces = textwrap.wrap(line, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(pieces)


def time_text(bucky: int) -> str:
    """Bucky µs → ``2023-05-31 09:46:40 UTC``; ``-`` for none, the number itself where the calendar ends."""
    if not bucky:
        return "-"
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_micros(bucky))
    except OverflowError:
        return str(bucky)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def duration_text(seconds: float) -> str:
    """``3 d 4 h``, ``5 min 6 s``, ``7 s``: the two largest units."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
