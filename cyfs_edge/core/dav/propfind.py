"""PROPFIND and PROPPATCH (RFC 4918 §9.1, §9.2). A folder of any size is told with little memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.core.dav.conditions import Conditions
from cyfs_edge.core.dav.locks import Lock, LockTable, Touch
from cyfs_edge.core.dav.props import LIVE, Subject, changed_dead, decode_dead, propstats
from cyfs_edge.core.files.entry import Entry
from cyfs_edge.core.files.path import TreePath
from cyfs_edge.core.files.tree import FileTree, Listing
from cyfs_edge.core.ports import StoreStat
from cyfs_edge.wire.dav.bodies import PropChange, PropFind, Wanted
from cyfs_edge.wire.dav.errors import dav_error
from cyfs_edge.wire.dav.headers import Depth
from cyfs_edge.wire.dav.multistatus import (
    MULTISTATUS_END,
    MULTISTATUS_START,
    XML_TYPE,
    multistatus,
    propstat,
    response,
)
from cyfs_edge.wire.dav.paths import href_of
from cyfs_edge.wire.dav.xml import empty
from cyfs_edge.wire.message import BodyStream, HttpResponse

HELD_MAX = 256 * 1024
"""Bytes of a reply that are held in memory; a longer one is made twice, once to know its length, once to send it."""
_PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class PropFinder:
    """Answers one PROPFIND. All that it tells was so at one moment, however long the telling takes."""

    tree: FileTree
    path: TreePath
    prefix: str
    asked: PropFind
    stat: StoreStat
    locks: Sequence[Lock]
    locks_within: dict[str, list[Lock]]

    @classmethod
    def of(
        cls, tree: FileTree, locks: LockTable, path: TreePath, prefix: str, asked: PropFind, stat: StoreStat
    ) -> PropFinder:
        return cls(tree, path, prefix, asked, stat, locks.covering(path), locks.within(path))

    async def reply(self, depth: Depth | None) -> HttpResponse:
        """``NOT_FOUND`` when nothing is there. Depth infinity, also unsaid, is refused."""
        if depth not in (Depth.ZERO, Depth.ONE):
            raise dav_error(
                403,
                "PROPFIND needs Depth 0 or 1",
                condition="propfind-finite-depth",
                code=ErrorCode.NOT_SUPPORT,
            )
        entry = await self.tree.stat(self.path)
        if depth is Depth.ZERO or not entry.is_folder:
            dead = await self.tree.attributes(self.path) if self._wants_dead else None
            return multistatus([self._told(self.path, entry, self.locks, dead)])
        listing = await self.tree.list(self.path)
        held: list[bytes] = []
        length = 0
        async for piece in self._pieces(listing):
            length += len(piece)
            if length <= HELD_MAX:
                held.append(piece)
        if length <= HELD_MAX:
            return HttpResponse(207, [XML_TYPE], b"".join(held))
        held.clear()
        return HttpResponse(207, [XML_TYPE], BodyStream(length, self._pieces(listing)))

    @property
    def _wants_dead(self) -> bool:
        return self.asked.wanted is not Wanted.SOME or not LIVE.issuperset(self.asked.names)

    async def _pieces(self, listing: Listing) -> AsyncIterator[bytes]:
        texts = [MULTISTATUS_START]
        size = 0
        async for text in self._responses(listing):
            texts.append(text)
            size += len(text)
            if size >= _PIECE:
                yield "".join(texts).encode()
                texts.clear()
                size = 0
        yield "".join([*texts, MULTISTATUS_END]).encode()

    async def _responses(self, listing: Listing) -> AsyncIterator[str]:
        about = await listing.attributes() if self._wants_dead else None
        yield self._told(self.path, listing.entry, self.locks, about)
        within = await listing.attributes_within()
        deep = [lock for lock in self.locks if lock.deep]
        async for entry in listing.entries():
            about = await within(entry.name) if self._wants_dead else None
            locks = [*deep, *self.locks_within.get(entry.name, ())]
            yield self._told((*self.path, entry.name), entry, locks, about)

    def _told(self, path: TreePath, entry: Entry, locks: Sequence[Lock], dead: bytes | None) -> str:
        subject = Subject(entry, locks, decode_dead(dead), self.stat, self.prefix)
        return response(href_of(self.prefix, path, entry.is_folder), propstats(subject, self.asked))


async def patch(
    tree: FileTree,
    locks: LockTable,
    conditions: Conditions,
    prefix: str,
    changes: Sequence[PropChange],
) -> HttpResponse:
    """All changes or none; what follows from the file cannot be changed."""
    path = conditions.path
    check = conditions.check(locks, [Touch(path)])
    entry = await tree.stat(path)
    names = list(dict.fromkeys(change.name for change in changes))
    protected = [name for name in names if name in LIVE]
    if protected:
        await check(tree.look)
        others = [name for name in names if name not in LIVE]
        parts = [
            propstat(403, [empty(name) for name in protected], "cannot-modify-protected-property"),
            propstat(424, [empty(name) for name in others]),
        ]
    else:
        await tree.set_attributes(path, partial(changed_dead, changes=changes), check=check)
        parts = [propstat(200, [empty(name) for name in names])]
    return multistatus([response(href_of(prefix, path, entry.is_folder), parts)])
