"""The WebSocket server: sessions that carry packets (docs/protocol/websocket.md §1–§2)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Executor

from cyfs_edge.net.http_answer import HttpDate
from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.net.stream_server import StreamServer
from cyfs_edge.net.ws_limits import WsLimits
from cyfs_edge.net.ws_session import WsHandler, WsSession
from cyfs_edge.wire.message import Headers, HttpResponse, Peer

HandshakeCheck = Callable[[Headers, Peer], HttpResponse | None]
"""Given the headers of a handshake and who sends it: the refusal, or ``None`` to accept."""


class WsServer(StreamServer[WsSession]):
    """Hands every packet to ``handler``. ``check_handshake`` decides on Host, Origin and user before that."""

    def __init__(
        self,
        handler: WsHandler,
        *,
        check_handshake: HandshakeCheck,
        limits: WsLimits | None = None,
        executor: Executor | None = None,
        uids: PeerUids | None = None,
    ) -> None:
        self.handler = handler
        self.check_handshake = check_handshake
        self.limits = limits or WsLimits()
        self.executor = executor
        self.date = HttpDate()
        self.buffered = 0
        """Bytes of messages that are coming or being worked on, of all sessions."""
        super().__init__(self.limits.sweep_interval, uids)

    async def start(self, sock: socket.socket, *, listener: str = "http-local") -> None:
        """Accept on a bound socket. ``listener``: the protocol tag that its sessions carry in ``peer.listener``."""
        await self.listen(sock, lambda: WsSession(self, listener))
