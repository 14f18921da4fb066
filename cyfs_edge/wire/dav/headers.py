"""The headers of WebDAV and of conditional requests (RFC 4918 §10, RFC 9110 §13)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.wire.dav.errors import dav_error

CONDITIONS_MAX = 256
"""Most conditions of an ``If`` header, and most tags of ``If-Match`` and the like."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII).fullmatch
_TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*(?:,|$)').match
_SECONDS = re.compile(r"Second-(\d{1,10})", re.IGNORECASE | re.ASCII).fullmatch
_CODED_URL = re.compile(r"<([^<>\s]+)>").fullmatch
_IF_PART = re.compile(r'\s*(?:(<[^<>\s]+>)|(\()|(\))|(?i:(Not)(?=[\s<\[]))|\[((?:W/)?"[^"\]]*")\])').match


class Depth(Enum):
    ZERO = "0"
    ONE = "1"
    INFINITY = "infinity"


def parse_depth(text: str | None) -> Depth | None:
    """``None`` when it was not said."""
    if text is None:
        return None
    try:
        return Depth(text.strip().lower())
    except ValueError:
        raise dav_error(400, f"Depth is 0, 1 or infinity, not {text[:40]!r}") from None


def parse_overwrite(text: str | None) -> bool:
    """Whether what is at the destination may be replaced; it may when nothing is said."""
    value = "T" if text is None else text.strip().upper()
    if value not in ("T", "F"):
        raise dav_error(400, f"Overwrite is T or F, not {text or '':.40}")
    return value == "T"


def parse_timeout(text: str | None, usual: int, most: int) -> int:
    """Seconds: the first form that is understood counts, at most ``most`` of them."""
    for part in (text or "").split(","):
        part = part.strip()
        if part.lower() == "infinite":
            return most
        found = _SECONDS(part)
        if found is not None:
            return max(1, min(int(found[1]), most))
    return usual


def parse_lock_token(text: str | None) -> str:
    found = _CODED_URL(text.strip()) if text is not None else None
    if found is None:
        raise dav_error(400, "the Lock-Token header holds no token in angle brackets")
    return found[1]


@dataclass(frozen=True, slots=True)
class Tags:
    """Of If-Match and the like. ``any``: ``*``, anything that is there."""

    any: bool
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    def has(self, tag: str | None, *, weakly: bool) -> bool:
        """``weakly``: weak tags count as well, as for reading."""
        return self.any or (tag is not None and (tag in self.strong or (weakly and tag in self.weak)))


def parse_tags(lines: list[str]) -> Tags | None:
    """``None`` without a header; 400 for what is no list of tags."""
    if not lines:
        return None
    text = ",".join(lines)
    if text.strip() == "*":
        return Tags(True)
    strong: set[str] = set()
    weak: set[str] = set()
    pos = 0
    while pos < len(text):
        found = _TAG(text, pos)
        if found is None or len(strong) + len(weak) >= CONDITIONS_MAX:
            raise dav_error(400, "a list of entity tags cannot be read, or is too long")
        (weak if found[1] else strong).add(found[2])
        pos = found.end()
    return Tags(False, frozenset(strong), frozenset(weak))


def parse_http_date(text: str | None) -> int | None:
    """Unix seconds; ``None`` for what is no date in the customary form, which counts as not said."""
    found = _DATE(text.strip()) if text is not None else None
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[at]) for at in (1, 3, 4, 5, 6))
    try:
        return int(datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None


# ---- If -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """One of ``token`` (of a lock) and ``tag`` (of the content) is there."""

    negated: bool
    token: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class StateList:
    """Conditions that must all hold of ``resource``, an address; ``None``: what the request is about."""

    resource: str | None
    conditions: tuple[Condition, ...]


def parse_if(text: str | None) -> tuple[StateList, ...]:
    """The lists of an ``If`` header, one of which must hold; none without a header. 400 when it cannot be read."""
    if text is None:
        return ()
    lists: list[StateList] = []
    resource: str | None = None
    conditions: list[Condition] | None = None
    negated, used = False, True
    total = pos = 0
    text = text.rstrip()
    while pos < len(text):
        found = _IF_PART(text, pos)
        if found is None:
            raise _bad_if()
        pos = found.end()
        coded, opening, closing, negation, tag = found.groups()
        if conditions is None:
            if coded and used and (resource is not None or not lists):
                resource, used = coded[1:-1], False
            elif opening:
                conditions = []
            else:
                raise _bad_if()
        elif closing:
            if not conditions or negated:
                raise _bad_if()
            lists.append(StateList(resource, tuple(conditions)))
            conditions, used = None, True
        elif negation and not negated:
            negated = True
        elif coded or tag:
            total += 1
            if total > CONDITIONS_MAX:
                raise _bad_if()
            # A weak tag equals none here: the comparison is the strong one.
            plain = None if not tag else tag[1:-1] if tag.startswith('"') else ""
            conditions.append(Condition(negated, coded[1:-1] if coded else None, plain))
            negated = False
        else:
            raise _bad_if()
    if conditions is not None or not used or not lists:
        raise _bad_if()
    return tuple(lists)


def _bad_if() -> CyfsError:
    return dav_error(400, f"the If header cannot be read, or has more than {CONDITIONS_MAX} conditions")
