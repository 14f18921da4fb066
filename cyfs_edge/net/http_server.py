"""The HTTP server of the contract in :mod:`cyfs_edge.wire.message`.

It knows HTTP and no rule of the protocol. Its limits are in docs/limits.md.
"""

from __future__ import annotations

import socket
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from cyfs_edge.net.http_answer import HttpDate
from cyfs_edge.net.http_connection import HttpConnection
from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.net.stream_server import StreamServer
from cyfs_edge.wire.message import HttpHandler

if TYPE_CHECKING:
    from cyfs_edge.net.tls_listener import TlsSettings


class HttpServer(StreamServer[HttpConnection]):
    """Serves ``handler`` on every socket given to :meth:`start`. ``executor`` reads files (default: the loop's)."""

    def __init__(
        self,
        handler: HttpHandler,
        *,
        limits: HttpLimits | None = None,
        executor: Executor | None = None,
        uids: PeerUids | None = None,
    ) -> None:
        self.handler = handler
        self.limits = limits or HttpLimits()
        self.executor = executor
        self.date = HttpDate()
        super().__init__(self.limits.sweep_interval, uids)

    async def start(self, sock: socket.socket, *, listener: str = "http-local", tls: TlsSettings | None = None) -> None:
        """Accept on a bound socket. ``listener``: the protocol tag that its requests carry in ``Peer.listener``."""
        await self.listen(sock, lambda: HttpConnection(self, listener), tls)
