"""Byte ranges of data requests and replies (docs/protocol/http-api.md §7.2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode

RANGES_MAX = 256
"""Most ranges of one request."""


@dataclass(frozen=True, slots=True)
class DataRange:
    """``ranges``: half-open, clamped to ``total``; empty = none overlaps; ``None`` = the text was no range."""

    ranges: tuple[tuple[int, int], ...] | None
    total: int

    @property
    def length(self) -> int:
        return sum(end - start for start, end in self.ranges or ())

    def json_text(self) -> str:
        """The ``cyfs-data-range`` header."""
        value: object
        if self.ranges is None:
            value = "InvalidRange"
        elif not self.ranges:
            value = {"NoOverlap": self.total}
        else:
            value = {"Range": [[{"end": end, "start": start} for start, end in self.ranges], self.total]}
        return json.dumps(value, separators=(",", ":"))

    def content_range(self) -> str | None:
        """Only the first range is told, also when several were asked."""
        if self.ranges is None:
            return None
        if not self.ranges:
            return f"bytes */{self.total}"
        start, end = self.ranges[0]
        return f"bytes {start}-{end - 1}/{self.total or '*'}"

    def error(self) -> CyfsError:
        if self.ranges is None:
            return CyfsError(ErrorCode.RANGE_NOT_SATISFIABLE, "the Range header is not a byte range")
        return CyfsError(
            ErrorCode.RANGE_NOT_SATISFIABLE, f"no asked range lies inside the data, which has {self.total} bytes"
        )


def range_text(spans: Sequence[tuple[int, int | None]]) -> str | None:
    """A Range header for bytes ``[begin, end)``, an end of ``None`` being that of the data; ``None`` for no spans.

    ``INVALID_PARAM`` for a span without bytes.
    """
    if not all(begin >= 0 and (end is None or begin < end) for begin, end in spans):
        raise CyfsError(ErrorCode.INVALID_PARAM, "a range begins at 0 or later, and before its end")
    items = [f"{begin}-{'' if end is None else end - 1}" for begin, end in spans]
    return "bytes=" + ",".join(items) if items else None


def parse_range(text: str | None, total: int) -> DataRange | None:
    """``None`` when no range was asked. ``bytes=`` may be missing before ``a-b``, as one SDK sends it (§0.8)."""
    if text is None or not text.strip():
        return None
    items = text.strip()
    if items.startswith("bytes="):
        items = items.removeprefix("bytes=")
    elif not items[:1].isdigit():
        return DataRange(None, total)
    parts = items.split(",")
    if len(parts) > RANGES_MAX:
        return DataRange(None, total)
    ranges: list[tuple[int, int]] = []
    for part in parts:
        first, dash, last = part.strip().partition("-")
        if not dash or not (_number(first) or _number(last)) or (first and not _number(first)):
            return DataRange(None, total)
        if not first:
            start, end = max(0, total - int(last)), total
        else:
            if last and not _number(last):
                return DataRange(None, total)
            start = int(first)
            end = min(total, int(last) + 1) if last else total
            if last and int(last) < start:
                return DataRange(None, total)
        if start < end:
            ranges.append((start, end))
    return DataRange(tuple(ranges), total)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20
