"""The table of deliberate differences in ``docs/compatibility.md``: read by the replay, so it cannot rot.

Columns: *item* (a name of the recording, or a glob), *reference* (what the real gateway answered; several forms with
commas), *here* (what this gateway answers), *why*.

*here* is ``STATUS/CODE`` (the protocol's error JSON with that code), ``closed``, ``silent``, or ``STATUS`` followed by
the parts that differ, each after a ``;``: a part name of ``compare``, with ``=value`` when the value is promised too.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .compare import Difference, error_of, parse_json
from .rawhttp import Observed
from .recorded import Reply

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
HEADING = "| item | reference | here | why |"
FRAMING = {"content-length", "content-type", "date", "connection"}
OUTCOMES = ("closed", "silent")
STATUS = re.compile(r"(\d{3})(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class Row:
    """One deliberate difference. ``parts``: names that differ, with the promised value or ``None``."""

    item: str
    reference: tuple[str, ...]
    outcome: str
    code: str | None
    parts: tuple[tuple[str, str | None], ...]
    why: str
    line: int

    def covers(self, name: str) -> bool:
        return self.item == name or fnmatch.fnmatchcase(name, self.item)


class TableError(Exception):
    """A row that cannot be read, with its line."""


def read_rows(path: Path = DOCUMENT) -> list[Row]:
    """All rows of the tables that begin with ``HEADING``."""
    rows: list[Row] = []
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() == HEADING:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(line) <= set("|- :"):
            rows.append(_row(line, number))
    return rows


def rows_for(rows: Sequence[Row], name: str) -> list[Row]:
    """The rows that speak of an item. An exact name outranks globs."""
    exact = [row for row in rows if row.item == name]
    return exact or [row for row in rows if row.covers(name)]


def problems(row: Row, recorded: Reply, got: Observed, differences: Sequence[Difference]) -> list[str]:
    """Why the row does not describe what was seen; empty = it does, exactly."""
    found: list[str] = []
    if _form(recorded) not in row.reference:
        found.append(f"the reference gave {_form(recorded)}, the table says {', '.join(row.reference)}")
    if not differences:
        found.append("the reply is equal to the recorded one: the row has no cause any more")
    seen = got.outcome if got.outcome != "reply" else str(got.status)
    if seen != row.outcome:
        found.append(f"we gave {seen}, the table says {row.outcome}")
        return found
    if row.outcome in OUTCOMES:
        return found
    if row.code is not None:
        found += _error_problems(row, got)
    elif recorded.outcome == "reply" and recorded.status == got.status:
        names = {difference.part for difference in differences}
        stated = {name for name, _ in row.parts}
        found += [f"{name} differs and is not stated" for name in sorted(names - stated)]
        found += [f"{name} is stated and does not differ" for name in sorted(stated - names)]
    else:
        found += _other_status_problems(row, got)
    for name, value in row.parts:
        if value is not None and (actual := _value_of(name, got)) != value:
            found.append(f"{name} is {actual}, the table says {value}")
    return found


def _error_problems(row: Row, got: Observed) -> Iterable[str]:
    code = error_of(got.body)
    if code != row.code:
        yield f"the error code is {code}, the table says {row.code}"
    allowed = FRAMING | {name.removeprefix("header:") for name, _ in row.parts}
    yield from (f"header {name} is not stated" for name, _ in got.headers if name not in allowed)
    if got.header("content-type") != "application/json":
        yield f"an error of type {got.header('content-type')}"


def _other_status_problems(row: Row, got: Observed) -> Iterable[str]:
    stated = {name for name, _ in row.parts}
    for name, _ in got.headers:
        if name not in FRAMING and f"header:{name}" not in stated:
            yield f"header {name} is not stated"
    for name in stated:
        if name.startswith("header:") and got.header(name.removeprefix("header:")) is None:
            yield f"{name} is stated and absent"
    if got.body and not any(name == "body" or name.startswith("body.") for name in stated):
        yield "the reply has a body and the row says nothing of it"


def _value_of(name: str, got: Observed) -> str | None:
    if name.startswith("header:"):
        return got.header(name.removeprefix("header:"))
    if name == "body":
        return got.body.decode("utf-8", "replace")
    value = parse_json(got.body)
    for key in name.split(".")[1:]:
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _form(reply: Reply) -> str:
    if reply.outcome != "reply":
        return reply.outcome
    code = error_of(reply.body.data or b"")
    return f"{reply.status}/{code}" if code is not None else str(reply.status)


def _row(line: str, number: int) -> Row:
    cells = [cell.strip().replace("\\|", "|").strip("`") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
    if len(cells) != 4 or not all(cells):
        raise TableError(f"line {number}: four filled cells are needed: {line}")
    item, reference, here, why = cells
    first, *parts = (part.strip().strip("`") for part in here.split(";"))
    match = STATUS.fullmatch(first)
    if match is None and first not in OUTCOMES:
        raise TableError(f"line {number}: {first!r} is no status, no status/code, not closed or silent")
    named = tuple(_part(part) for part in parts)
    return Row(
        item=item,
        reference=tuple(form.strip().strip("`") for form in reference.split(",")),
        outcome=match[1] if match else first,
        code=match[2] if match else None,
        parts=named,
        why=why,
        line=number,
    )


def _part(text: str) -> tuple[str, str | None]:
    name, separator, value = text.partition("=")
    return name, value if separator else None
