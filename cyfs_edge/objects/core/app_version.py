"""Search for the version of an app that satisfies a semver request (docs/protocol/core-objects.md §3.4).

The rules are those of Cargo's requirements: ``^`` is the default (``1.2.3`` = ``^1.2.3``), and ``=``, ``<``, ``<=``,
``>``, ``>=``, ``~``, ``*`` and conjunctions with commas are known. Candidates are compared without their prerelease.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode

COMPARATORS_MAX: Final = 32
_NUMBER_MAX: Final = (1 << 64) - 1

_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_TAIL = rf"(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}{_TAIL}", re.ASCII)
_COMPARATOR = re.compile(
    rf"(=|>=|>|<=|<|~|\^|) *{_NUMBER}(?:\.(?:{_NUMBER}(?:\.(?:{_NUMBER}{_TAIL}|[*xX]))?|[*xX](?:\.[*xX])?))?", re.ASCII
)
_WILDCARDS = ("*", "x", "X")

_Numbers = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Comparator:
    """``parts``: one to three numbers; what is left out is free. ``prerelease``: whether the request names one."""

    operator: str
    parts: tuple[int, ...]
    prerelease: bool

    def matches(self, version: _Numbers) -> bool:
        head = version[: len(self.parts)]
        equal = head == self.parts
        # A release is above every prerelease of the same number.
        above = head > self.parts or (equal and self.prerelease)
        match self.operator:
            case "=":
                return equal and not self.prerelease
            case ">":
                return above
            case ">=":
                return above or equal
            case "<":
                return head < self.parts
            case "<=":
                return head < self.parts or (equal and not self.prerelease)
            case "~":
                return head[:2] == self.parts[:2] and head >= self.parts
            case _:
                fixed = next((place for place, number in enumerate(self.parts) if number), len(self.parts) - 1) + 1
                return head[:fixed] == self.parts[:fixed] and head >= self.parts


def find_version(keys: Iterable[str], request: str, tag: str | None = None) -> str:
    """The key with the highest version that satisfies ``request``.

    Keys with four numbers lose the third before they are compared (``1.4.1.21-preview`` → ``1.4.21-preview``). A key
    with a prerelease counts only if that is ``tag``. Of keys with one number the release, then the higher text wins.
    Raises ``CyfsError``: ``NOT_FOUND``; ``INVALID_FORMAT`` for a request or a key that is no semver.
    """
    comparators = _parse_request(request)
    found: list[tuple[_Numbers, bool, str]] = []
    for key in keys:
        version, prerelease = _parse_version(key)
        if prerelease in (None, tag) and all(one.matches(version) for one in comparators):
            found.append((version, prerelease is None, key))
    if not found:
        raise CyfsError(ErrorCode.NOT_FOUND, f"no version satisfies {request!r}", tag=tag)
    return max(found)[2]


def _parse_version(key: str) -> tuple[_Numbers, str | None]:
    head, dash, tail = key.partition("-")
    parts = head.split(".")
    if len(parts) == 4:
        del parts[2]
    match = _VERSION.fullmatch(".".join(parts) + dash + tail)
    if not match:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"not a version of an app: {key!r}")
    _check_prerelease(match[4], key)
    major, minor, patch = (_number(text, key) for text in match.group(1, 2, 3))
    return (major, minor, patch), match[4]


def _parse_request(request: str) -> list[_Comparator]:
    if request.strip(" ") in _WILDCARDS:
        return []
    texts = request.split(",", COMPARATORS_MAX)
    if len(texts) > COMPARATORS_MAX:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"more than {COMPARATORS_MAX} conditions in a semver request")
    return [_parse_comparator(text.strip(" "), request) for text in texts]


def _parse_comparator(text: str, request: str) -> _Comparator:
    match = _COMPARATOR.fullmatch(text)
    if not match:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"not a semver request: {request!r}")
    _check_prerelease(match[5], request)
    parts = tuple(_number(part, request) for part in match.group(2, 3, 4) if part is not None)
    operator = match[1]
    if not operator:
        operator = "=" if text.endswith(_WILDCARDS) else "^"
    return _Comparator(operator, parts, match[5] is not None)


def _number(text: str, whole: str) -> int:
    # Twenty digits hold any 64-bit number; longer texts are not worth converting.
    if len(text) > 20 or int(text) > _NUMBER_MAX:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"number out of range: {whole[:64]!r}")
    return int(text)


def _check_prerelease(prerelease: str | None, whole: str) -> None:
    for identifier in prerelease.split(".") if prerelease else ():
        if identifier.isdigit() and len(identifier) > 1 and identifier[0] == "0":
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"leading zero in {whole!r}")
