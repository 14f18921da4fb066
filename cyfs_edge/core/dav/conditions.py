"""Under which conditions a request is carried out: If, If-Match and the like, and the locks (RFC 4918 §10.4, §7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.times import unix_micros
from cyfs_edge.core.dav.locks import LockTable, Touch
from cyfs_edge.core.files.entry import Entry
from cyfs_edge.core.files.path import TreePath
from cyfs_edge.core.files.tree import Check, Look
from cyfs_edge.wire.dav.errors import dav_error
from cyfs_edge.wire.dav.headers import Condition, StateList, Tags, parse_http_date, parse_if, parse_tags
from cyfs_edge.wire.dav.paths import parse_reference
from cyfs_edge.wire.message import Headers


@dataclass(frozen=True, slots=True)
class Conditions:
    """Those of one request. ``tokens``: all that it has sent, which is how it shows that it holds them.

    ``lists``: of the If header, each with the path that it is about, ``None`` where that is not here.
    """

    path: TreePath
    lists: tuple[tuple[TreePath | None, StateList], ...]
    tokens: frozenset[str]
    match: Tags | None
    none_match: Tags | None
    unmodified_since: int | None
    modified_since: int | None

    @classmethod
    def of(cls, headers: Headers, path: TreePath, prefix: str) -> Conditions:
        host = headers.get("host") or ""
        lists = [
            (path if one.resource is None else parse_reference(one.resource, host, prefix), one)
            for one in parse_if(headers.get("if"))
        ]
        tokens = (condition.token for _, one in lists for condition in one.conditions)
        return cls(
            path,
            tuple(lists),
            frozenset(token for token in tokens if token is not None),
            parse_tags(headers.get_all("if-match")),
            parse_tags(headers.get_all("if-none-match")),
            parse_http_date(headers.get("if-unmodified-since")),
            parse_http_date(headers.get("if-modified-since")),
        )

    def is_unchanged(self, entry: Entry) -> bool:
        """Whether a reader has it already."""
        if self.none_match is not None:
            return self.none_match.has(entry.tag, weakly=True)
        return self.modified_since is not None and 0 < _seconds(entry) <= self.modified_since

    async def verify(self, look: Look, locks: LockTable, *, reading: bool = False) -> None:
        """412 when they do not hold. ``reading``: If-None-Match is not for refusing then."""
        entry = await look(self.path)
        if self.match is not None:
            if entry is None or not self.match.has(entry.tag, weakly=False):
                raise _not_met("If-Match")
        elif self.unmodified_since is not None and entry is not None and _seconds(entry) > self.unmodified_since:
            raise _not_met("If-Unmodified-Since")
        refused = self.none_match is not None and entry is not None and self.none_match.has(entry.tag, weakly=True)
        if refused and not reading:
            raise _not_met("If-None-Match")
        if not self.lists:
            return
        for path, one in self.lists:
            if await _holds(path, one.conditions, look, locks):
                return
        raise _not_met("If")

    def check(self, locks: LockTable, touches: Sequence[Touch], also: frozenset[str] = frozenset()) -> Check:
        """For the tree: conditions and locks, on what is there at the moment of the change. ``also``: more tokens."""

        async def check(look: Look) -> None:
            await self.verify(look, locks)
            for touch in touches:
                is_new = await look(touch.path) is None
                locks.require(self.tokens | also, Touch(touch.path, touch.deep, touch.member or is_new))

        return check


async def _holds(path: TreePath | None, conditions: tuple[Condition, ...], look: Look, locks: LockTable) -> bool:
    entry = None if path is None else await look(path)
    held = () if path is None else locks.covering(path)
    for condition in conditions:
        if condition.token is not None:
            met = any(lock.token == condition.token for lock in held)
        else:
            met = entry is not None and entry.tag is not None and entry.tag == condition.tag
        if met is condition.negated:
            return False
    return True


def _seconds(entry: Entry) -> int:
    return unix_micros(entry.modified) // 1_000_000


def _not_met(header: str) -> CyfsError:
    return dav_error(412, f"the condition in {header} does not hold", code=ErrorCode.NOT_MATCH)
