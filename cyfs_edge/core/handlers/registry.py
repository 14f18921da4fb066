"""All registered handlers, by chain and category, in the order of their turns (docs/protocol/websocket.md §4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.filter import Filter
from cyfs_edge.wire.handler import Category, Chain, HandlerKey, HandlerParam
from cyfs_edge.wire.req_path import ReqPath

HANDLERS_MAX = 4096
"""Handlers of all decs together."""


class Routine(Protocol):
    """A callback of a client."""

    async def call(self, key: HandlerKey, param: str) -> bytes:
        """The client's answer as JSON. Any failure is a ``CyfsError``, ``TIMEOUT`` among them."""
        ...


@dataclass(slots=True)
class Handler:
    """``path`` has its dec. ``restored``: known from before the start, its client has not come back.

    ``failures``: how often its routine gave no good answer; ``last_failure`` says why.
    """

    key: HandlerKey
    param: HandlerParam
    path: ReqPath | None
    filter: Filter | None
    routine: Routine | None
    restored: bool = False
    failures: int = 0
    last_failure: str = ""


Place = tuple[Chain, Category]


class HandlerRegistry:
    """Lists are replaced, never changed, so that a walk over one is not disturbed by who comes and goes meanwhile."""

    __slots__ = ("_count", "_lists")

    def __init__(self) -> None:
        self._lists: dict[Place, tuple[Handler, ...]] = {}
        self._count = 0

    @property
    def idle(self) -> bool:
        """Nobody is registered at all."""
        return not self._lists

    def at(self, place: Place) -> tuple[Handler, ...]:
        return self._lists.get(place, ())

    def add(self, handler: Handler) -> None:
        """Puts it behind all of its index; one with the same key keeps its place among those."""
        handlers = list(self.at(handler.key.place))
        for position, other in enumerate(handlers):
            if other.key == handler.key:
                handlers[position] = handler
                break
        else:
            if self._count >= HANDLERS_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {HANDLERS_MAX} handlers; remove some")
            handlers.append(handler)
            self._count += 1
        handlers.sort(key=lambda one: one.param.index)
        self._lists[handler.key.place] = tuple(handlers)

    def remove(self, key: HandlerKey) -> bool:
        """Whether it was there."""
        handlers = self.at(key.place)
        left = tuple(handler for handler in handlers if handler.key != key)
        if len(left) == len(handlers):
            return False
        self._count -= 1
        if left:
            self._lists[key.place] = left
        else:
            del self._lists[key.place]
        return True

    def __iter__(self) -> Iterator[Handler]:
        for handlers in list(self._lists.values()):
            yield from handlers
