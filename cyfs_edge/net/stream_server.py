"""What servers of connections have in common: listeners, the set of connections, one clock, an orderly end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.wire.message import Peer

if TYPE_CHECKING:
    from cyfs_edge.net.tls_listener import TlsListener, TlsSettings

BACKLOG = 256
REFUSED_MAX = 64
"""Connections above a server's limit that are told so at one time; more are dropped without a word."""


class Connection(Protocol):
    """A protocol object that a server keeps account of."""

    def check(self, now: float) -> None:
        """Enforce the time limits; called every ``sweep_interval``."""
        ...

    def drain(self) -> None:
        """Finish what is at hand and close; at once if there is nothing."""
        ...

    def abort(self) -> None:
        """Close now and cancel what is at hand."""
        ...


C = TypeVar("C", bound=Connection)


class StreamServer(Generic[C]):
    """A connection calls ``remember`` when it is made and ``forget`` when it is lost and its tasks have ended."""

    def __init__(self, sweep_interval: float, uids: PeerUids | None) -> None:
        """``uids``: tells the users of connections; without it they are not known."""
        self._sweep_interval = sweep_interval
        self._uids = uids
        self._listeners: list[asyncio.Server | TlsListener] = []
        self._connections: set[C] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def listen(
        self, sock: socket.socket, factory: Callable[[], asyncio.Protocol], tls: TlsSettings | None = None
    ) -> None:
        """Accept on a bound socket; with ``tls`` a connection is made when its handshake has succeeded."""
        if tls is not None:
            # Loads ssl, which a server without TLS does not need.
            from cyfs_edge.net.tls_listener import TlsListener

            self._listeners.append(TlsListener(sock, factory, tls))
            return
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(factory, sock=sock, backlog=BACKLOG))

    async def close(self, grace: float) -> None:
        """Stop accepting, close idle connections, let running requests finish; after ``grace`` seconds cancel them."""
        for listener in self._listeners:
            listener.close()
        tls = [
            listener.wait_closed() for listener in self._listeners if not isinstance(listener, asyncio.AbstractServer)
        ]
        await asyncio.gather(*tls)
        self._listeners.clear()
        for connection in list(self._connections):
            connection.drain()
        try:
            await asyncio.wait_for(self._empty.wait(), grace)
        except TimeoutError:
            for connection in list(self._connections):
                connection.abort()
            await self._empty.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    def remember(self, connection: C) -> int:
        """Add a connection; how many there are then."""
        self._connections.add(connection)
        self._empty.clear()
        if self._sweeper is None:
            self._schedule_sweep()
        return len(self._connections)

    def peer_of(self, transport: asyncio.BaseTransport, listener: str) -> Peer:
        """Who is at the other end of a connection that was accepted just now."""
        name = transport.get_extra_info("peername")
        address = f"{name[0]}:{name[1]}" if isinstance(name, tuple) and len(name) >= 2 else "unknown"
        uid = None if self._uids is None else self._uids.of(transport.get_extra_info("socket"))
        return Peer(address, listener, uid=uid)

    def forget(self, connection: C) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _schedule_sweep(self) -> None:
        self._sweeper = asyncio.get_running_loop().call_later(self._sweep_interval, self._sweep)

    def _sweep(self) -> None:
        """One timer for all connections costs a request nothing, and none runs while there is no connection."""
        self._sweeper = None
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            connection.check(now)
        if self._connections:
            self._schedule_sweep()
