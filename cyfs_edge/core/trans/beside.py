"""Work beside one another, bounded: over all tasks (:class:`FetchGate`) and within one (:class:`Window`)."""

from __future__ import annotations

from bisect import insort
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Bell, Waits
from cyfs_edge.core.trans.ports import Activities, Activity

Work = Callable[[], Coroutine[object, object, None]]

WAIT = 60.0
"""Seconds after which a waiting one looks again by itself, though it is woken when there is something to see."""


class FetchGate:
    """Lets in so many at a time, and so many bytes. The highest priority first, then who came first."""

    __slots__ = ("_bell", "_bytes", "_bytes_max", "_count", "_inside", "_inside_max", "_waiting")

    def __init__(self, bell: Bell, inside: int, bytes: int) -> None:
        self._bell = bell
        self._inside_max = inside
        self._bytes_max = bytes
        self._inside = 0
        self._bytes = 0
        self._count = 0
        self._waiting: list[tuple[int, int]] = []

    @asynccontextmanager
    async def enter(self, priority: int, size: int) -> AsyncIterator[None]:
        self._count += 1
        ticket = (-priority, self._count)
        insort(self._waiting, ticket)
        try:
            while self._waiting[0] != ticket or not self._has_room(size):
                await self._bell.wait(WAIT)
        finally:
            self._waiting.remove(ticket)
            self._bell.ring()
        self._inside += 1
        self._bytes += size
        try:
            yield
        finally:
            self._inside -= 1
            self._bytes -= size
            self._bell.ring()

    @property
    def is_full(self) -> bool:
        """Whether who comes now has to wait."""
        return bool(self._waiting) or self._inside >= self._inside_max

    def _has_room(self, size: int) -> bool:
        if self._inside == 0:
            return True
        return self._inside < self._inside_max and self._bytes + size <= self._bytes_max


class Window:
    """Runs works beside one another, at most ``size`` of them. The first error ends it."""

    __slots__ = ("_activities", "_bell", "_error", "_running", "_size")

    def __init__(self, activities: Activities, waits: Waits, size: int) -> None:
        self._activities = activities
        self._bell = waits.bell()
        self._size = size
        self._running: dict[object, Activity] = {}
        self._error: CyfsError | None = None

    async def add(self, work: Work) -> None:
        """Begins ``work`` as soon as there is room. Raises what an earlier one failed with."""
        while self._error is None and len(self._running) >= self._size:
            await self._bell.wait(WAIT)
        if self._error is not None:
            raise self._error
        token = object()
        self._running[token] = self._activities.start(self._run(token, work))

    async def _run(self, token: object, work: Work) -> None:
        try:
            await work()
        except CyfsError as error:
            self._error = self._error or error
        except Exception:
            self._error = self._error or CyfsError(ErrorCode.INTERNAL_ERROR, "internal error; the log says more")
            raise
        finally:
            self._running.pop(token, None)
            self._bell.ring()

    async def join(self) -> None:
        """Until all have ended. Raises what the first one failed with."""
        while self._running and self._error is None:
            await self._bell.wait(WAIT)
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        for activity in list(self._running.values()):
            activity.cancel()
