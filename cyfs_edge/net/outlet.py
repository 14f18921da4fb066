"""The sending half of a connection: written at the pace of the one who takes it."""

from __future__ import annotations

import asyncio
import os

from cyfs_edge.base.errors import CyfsError, ErrorCode

WRITE_HIGH = 256 * 1024
"""Bytes waiting in a transport above which a sender waits."""


class Outlet:
    """Wraps a transport. Its protocol passes on ``pause_writing``, ``resume_writing`` and ``connection_lost``."""

    __slots__ = ("_blocked", "_lost", "_plain", "_progress_at", "_taken", "_waiters", "_written", "paused", "transport")

    def __init__(self, transport: asyncio.Transport, now: float) -> None:
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        self.transport = transport
        self.paused = False
        """Whether as much waits to be taken as there is room for."""
        self._lost = False
        self._blocked = False
        self._plain = transport.get_extra_info("sslcontext") is None
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
        if not (waiting or self._blocked) or taken > self._taken:
            self._progress_at = now
        self._taken = taken
        return now - self._progress_at >= limit

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        self._written += len(data)
        self.transport.write(data)

    def write_first(self, data: bytes) -> None:
        """As :meth:`write`, but straight into the socket if that may be: then a file can follow by :meth:`direct`."""
        sent = 0
        if self._is_free():
            try:
                sent = os.write(self._fileno(), data)
            except OSError:
                sent = 0  # no room, or the connection is lost: the transport finds out
        self._written += sent
        if sent < len(data):
            self.write(data[sent:])

    def direct(self) -> DirectSocket | None:
        """The socket itself, when nothing waits in the transport and nothing changes the bytes on their way (TLS)."""
        if not self._is_free():
            return None
        try:
            return DirectSocket(self, os.dup(self._fileno()))
        except OSError:
            return None  # out of descriptors: there is the transport

    def _is_free(self) -> bool:
        return self._plain and not self.transport.is_closing() and not self.transport.get_write_buffer_size()

    def _fileno(self) -> int:
        number: int = self.transport.get_extra_info("socket").fileno()
        return number

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


class DirectSocket:
    """The socket of a connection, by a descriptor of its own: loops let nobody else wait for that of a transport, and
    threads may use this one until it is closed, whatever becomes of the connection. Who has it sends nothing else.
    """

    __slots__ = ("_outlet", "fd")

    def __init__(self, outlet: Outlet, fd: int) -> None:
        self._outlet = outlet
        self.fd = fd

    def sent(self, count: int) -> None:
        """For the time limit of the connection: so many bytes were taken."""
        self._outlet._written += count

    async def writable(self) -> None:
        """Returns when there is room, or the connection is lost."""
        loop = asyncio.get_running_loop()
        room: asyncio.Future[None] = loop.create_future()
        loop.add_writer(self.fd, _finish, room)
        self._outlet._blocked = True
        try:
            await room
        finally:
            self._outlet._blocked = False
            loop.remove_writer(self.fd)

    def close(self) -> None:
        os.close(self.fd)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
