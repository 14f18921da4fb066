"""The listeners of router events, and telling them (docs/protocol/websocket.md §7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.access import require_category
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.router_event import EventAnswer, EventCategory, EventKey, role_changed
from cyfs_edge.wire.source import Source, ZoneCategory

LISTENERS_MAX = 4096
"""Listeners of all decs together."""


class Listener(Protocol):
    async def tell(self, key: EventKey, request: Members) -> EventAnswer:
        """Any failure is a ``CyfsError``."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    key: EventKey
    index: int
    listener: Listener


class RouterEvents:
    """Nothing is kept over a restart."""

    __slots__ = ("_count", "_lists")

    def __init__(self) -> None:
        self._lists: dict[EventCategory, tuple[_Entry, ...]] = dict.fromkeys(EventCategory, ())
        self._count = 0

    def add(self, source: Source, key: EventKey, index: int, listener: Listener) -> None:
        """Replaces an earlier listener with the same key; listeners are told in ascending order of ``index``."""
        require_category(source, ZoneCategory.CURRENT_ZONE, "event listener")
        entries = list(self._lists[key.category])
        entry = _Entry(key, index, listener)
        for position, other in enumerate(entries):
            if other.key == key:
                entries[position] = entry
                break
        else:
            if self._count >= LISTENERS_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {LISTENERS_MAX} event listeners; remove some")
            entries.append(entry)
            self._count += 1
        self._lists[key.category] = tuple(sorted(entries, key=lambda one: one.index))

    def remove(self, source: Source, key: EventKey) -> None:
        """``NOT_FOUND`` when there is none."""
        require_category(source, ZoneCategory.CURRENT_ZONE, "event listener")
        entries = self._lists[key.category]
        left = tuple(entry for entry in entries if entry.key != key)
        if len(left) == len(entries):
            raise CyfsError(ErrorCode.NOT_FOUND, "")
        self._lists[key.category] = left
        self._count -= 1

    def own_key(self, key: EventKey, is_own: Callable[[Listener], bool]) -> EventKey:
        """``key`` without dec made whole by a listener of the caller with the same id; as it is if there is none."""
        if key.dec is None:
            for entry in self._lists[key.category]:
                if entry.key.id == key.id and is_own(entry.listener):
                    return entry.key
        return key

    async def test_event(self) -> bool:
        return await self._emit(EventCategory.TEST_EVENT, {})

    async def zone_role_changed(self, current: str, new: str) -> bool:
        """Roles as ``ZoneManager.role`` has them."""
        return await self._emit(EventCategory.ZONE_ROLE_CHANGED, role_changed(current, new))

    async def _emit(self, category: EventCategory, request: Members) -> bool:
        """Tells one after the other, until one wants no other to be told. Whether any took care of it."""
        handled = False
        for entry in self._lists[category]:
            try:
                answer = await entry.listener.tell(entry.key, request)
            except CyfsError:
                continue  # counts as not handled; the next one is told
            handled = handled or answer.handled
            if not answer.call_next:
                break
        return handled
