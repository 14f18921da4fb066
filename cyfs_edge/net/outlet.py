"""The sending half of a connection: written at the pace of the one who takes it."""

from __future__ import annotations

import asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode

WRITE_HIGH = 256 * 1024
"""Bytes waiting in a transport above which a sender waits."""


class Outlet:
    """Wraps a transport. Its protocol passes on ``pause_writing``, ``resume_writing`` and ``connection_lost``."""

    __slots__ = ("_lost", "_progress_at", "_taken", "_waiters", "_written", "paused", "transport")

    def __init__(self, transport: asyncio.Transport, now: float) -> None:
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        self.transport = transport
        self.paused = False
        """Whether as much waits to be taken as there is room for."""
        self._lost = False
        self._waiters: list[asyncio.Future[None]] = []
        self._written = 0
        self._taken = 0
        self._progress_at = now

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        self._wake()

    def lost(self) -> None:
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def stalled(self, now: float, limit: float) -> bool:
        """Whether bytes wait and none was taken for ``limit`` seconds, as seen at the calls of this method."""
        waiting = self.transport.get_write_buffer_size()
        taken = self._written - waiting
        if not waiting or taken > self._taken:
            self._progress_at = now
        self._taken = taken
        return now - self._progress_at >= limit

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        self._written += len(data)
        self.transport.write(data)

    async def send(self, data: bytes) -> None:
        """Send, then wait until there is room for more; ``CONNECTION_RESET`` if there will be none."""
        # A transport tells of its loss only when the loop runs again; a sender that never waits must see it before.
        if not self.transport.is_closing():
            self.write(data)
        while self.paused and not self._lost:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self.transport.is_closing():
            raise CyfsError(ErrorCode.CONNECTION_RESET, "the connection was lost while sending")
