"""One WebSocket connection: handshake, packets in and out, liveness, close (docs/protocol/websocket.md §1–§2).

Frames are wsproto's work. Measured on a desktop core: 7 µs to receive 300 bytes and 1.1 GB/s for large messages,
2 µs and more than 2 GB/s to send; nothing to gain by replacing it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Protocol, cast

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.net.http_answer import head_of
from cyfs_edge.net.outlet import Outlet
from cyfs_edge.net.sending import AnyBody, body_length, release, send_body
from cyfs_edge.net.stream_server import REFUSED_MAX
from cyfs_edge.net.ws_calls import WsCalls
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.http_head import find_head_end, parse_head
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.ws_handshake import accept_handshake
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, decode_packet

if TYPE_CHECKING:
    from cyfs_edge.net.ws_server import WsServer

log = logging.getLogger(__name__)


class WsHandler(Protocol):
    """What the packets of all sessions are for."""

    async def on_packet(self, session: WsSession, packet: WsPacket) -> None:
        """Called for every packet, many at a time; cancelled when the session ends."""
        ...

    def on_close(self, session: WsSession) -> None:
        """Called once for every session that was open."""
        ...


class _State(Enum):
    HANDSHAKE = auto()
    REFUSED = auto()  # the handshake got an HTTP error; what still comes is dropped
    OPEN = auto()
    CLOSING = auto()  # our close frame is sent; the client's is awaited
    CLOSED = auto()


class WsSession(asyncio.Protocol):
    """Made by :class:`WsServer`. ``peer``, ``origin`` and ``host`` (header values) are fixed by the handshake.

    ``calls``: requests of ours to the client.
    """

    __slots__ = (
        "_deadline",
        "_draining",
        "_head",
        "_limits",
        "_listener",
        "_loop",
        "_message",
        "_outlet",
        "_reading_paused",
        "_received_at",
        "_running",
        "_sending",
        "_sent_at",
        "_server",
        "_state",
        "_transport",
        "_ws",
        "calls",
        "host",
        "origin",
        "peer",
    )

    def __init__(self, server: WsServer, listener: str) -> None:
        self._server = server
        self._limits = server.limits
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._state = _State.HANDSHAKE
        self._deadline = inf
        self._head = b""
        self._ws = Connection(ConnectionType.SERVER)
        self._message = bytearray()
        self._received_at = self._sent_at = self._loop.time()
        self._reading_paused = False
        self._draining = False
        self._running: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self.calls = WsCalls(self._send_call, server.limits.calls)
        self.origin: str | None = None
        self.host: str | None = None

    # For handlers.

    @property
    def is_open(self) -> bool:
        return self._state is _State.OPEN

    async def send(self, packet: bytes, body: AnyBody = b"") -> None:
        """Send one message: ``packet``, and ``body`` behind it, which is released whatever happens.

        Returns when there is room for more. Raises ``NOT_CONNECTED`` when the session has ended, ``CONNECTION_RESET``
        when it ends meanwhile, and what the body raises; that ends the session, as a message cannot be taken back.
        """
        begun = False
        try:
            async with self._sending:
                if self._state is not _State.OPEN:
                    raise CyfsError(ErrorCode.NOT_CONNECTED, "the WebSocket session has ended")
                begun = True
                await self._send_message(packet, body)
        finally:
            if not begun:
                await release(body)

    async def _send_call(self, packet: bytes) -> None:
        if self._reading_paused:
            self._pump()  # its answer must be read, whatever else waits
        await self.send(packet)

    async def _send_message(self, packet: bytes, body: AnyBody) -> None:
        left = len(packet) + body_length(body)

        async def send_frames(data: bytes) -> None:
            nonlocal left
            size = self._limits.frame_size
            for start in range(0, len(data), size):
                piece = data[start : start + size]
                left -= len(piece)
                if self._state is not _State.OPEN:
                    raise CyfsError(ErrorCode.CONNECTION_RESET, "the WebSocket session was closed while sending")
                self._sent_at = self._loop.time()
                await self._outlet.send(self._ws.send(BytesMessage(piece, message_finished=not left)))

        try:
            if isinstance(body, bytes):
                await send_frames(packet + body)
            else:
                await send_frames(packet)
                await send_body(body, send_frames, self._server.executor)
        except BaseException:
            if left:
                self._transport.abort()
            raise

    def close(self, code: int = CloseReason.NORMAL_CLOSURE, reason: str = "") -> None:
        """Begin the closing handshake."""
        if self._state is _State.OPEN:
            self._outlet.write(self._ws.send(CloseConnection(code=code, reason=reason or None)))
            self._await_end(_State.CLOSING)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._transport, self._loop.time())
        self.peer = self._server.peer_of(self._transport, self._listener)
        self._deadline = self._loop.time() + self._limits.handshake_timeout
        number = self._server.remember(self)
        if number > self._limits.sessions + REFUSED_MAX:
            self._transport.abort()
        elif number > self._limits.sessions:
            text = f"more than {self._limits.sessions} WebSocket sessions; close some and try again"
            self._refuse(error_to_response(CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=503)))

    def data_received(self, data: bytes) -> None:
        self._received_at = self._loop.time()
        if self._state is _State.HANDSHAKE:
            data = self._receive_handshake(data)
        if data and self._state in (_State.OPEN, _State.CLOSING):
            self._ws.receive_data(data)
            self._pump()

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        opened = self._state in (_State.OPEN, _State.CLOSING)
        self._state = _State.CLOSED
        self._outlet.lost()
        self._drop_message()
        self.calls.close()
        for task in self._running:
            task.cancel()
        if opened:
            self._server.handler.on_close(self)
        if not self._running:
            self._server.forget(self)

    # Called by the server.

    def check(self, now: float) -> None:
        """Enforce the time limits, and keep an idle session known to be alive."""
        limits = self._limits
        if self._reading_paused:
            self._received_at = now
        if self._outlet.stalled(now, limits.send_stall):
            self._transport.abort()
        elif now >= self._deadline:
            self._deadline = inf
            if self._state is _State.HANDSHAKE:
                text = f"the handshake was not complete after {limits.handshake_timeout:g} s"
                self._refuse(error_to_response(CyfsError(ErrorCode.TIMEOUT, text, status=408)))
            else:
                self._transport.abort()
        elif self._state is _State.OPEN:
            if now - self._received_at >= limits.silence:
                self._transport.abort()
            elif now - max(self._received_at, self._sent_at) >= limits.ping_after:
                self._sent_at = now
                self._outlet.write(self._ws.send(Ping()))

    def drain(self) -> None:
        """Take no more packets; close when those at hand are done."""
        self._draining = True
        if self._state is _State.HANDSHAKE:
            self._transport.close()
        elif self._state is _State.OPEN:
            self._pump()

    def abort(self) -> None:
        """Close now and cancel what is worked on."""
        self._transport.abort()

    # Handshake.

    def _receive_handshake(self, data: bytes) -> bytes:
        """Take the part of ``data`` that belongs to the handshake; what is behind it comes back."""
        seen = len(self._head)
        self._head += data
        try:
            end = find_head_end(self._head, seen)
            if not end:
                return b""
            head = parse_head(self._head[:end])
            reply = accept_handshake(head)
        except CodecError as error:
            self._refuse(error_to_response(error))
            return b""
        refusal = self._server.check_handshake(head.headers, self.peer)
        if refusal is not None:
            self._refuse(refusal)
            return b""
        rest, self._head = self._head[end:], b""
        self.origin = head.headers.get("origin")
        self.peer = replace(self.peer, page=self.origin)
        self.host = head.headers.get("host")
        self._state = _State.OPEN
        self._deadline = inf
        self._outlet.write(reply)
        return rest

    def _refuse(self, response: HttpResponse) -> None:
        assert isinstance(response.body, bytes)
        self._outlet.write(head_of(response, self._server.date(), close=True) + response.body)
        self._transport.write_eof()
        self._await_end(_State.REFUSED)

    def _await_end(self, state: _State) -> None:
        self._state = state
        self.calls.close()
        self._deadline = self._loop.time() + self._limits.linger
        self._drop_message()
        self._resume_reading()

    # Packets.

    def _pump(self) -> None:
        """Handle what has arrived, as far as more packets may be worked on."""
        while self._state is _State.OPEN:
            if self._draining:
                self._pause_reading()
                if not self._running:
                    self.close(CloseReason.GOING_AWAY, "the gateway stops")
                return
            if len(self._running) >= self._limits.in_flight * (2 if self.calls.waiting else 1):
                self._pause_reading()
                return
            event = next(self._ws.events(), None)
            if event is None:
                self._resume_reading()
                return
            self._handle(event)
        while self._state is _State.CLOSING:
            event = next(self._ws.events(), None)
            if event is None:
                return
            if isinstance(event, CloseConnection):
                self._transport.close()
                return

    def _handle(self, event: Event) -> None:
        if isinstance(event, BytesMessage):
            self._receive_message(event)
        elif isinstance(event, TextMessage):
            self.close(CloseReason.UNSUPPORTED_DATA, "packets come in binary messages")
        elif isinstance(event, Ping):
            # To a client that takes nothing, nothing more is owed: it may skip pongs but not make us hoard them.
            if not self._outlet.paused:
                self._outlet.write(self._ws.send(event.response()))
        elif isinstance(event, CloseConnection):
            # Of the client, or of wsproto for a client that breaks the protocol.
            self._outlet.write(self._ws.send(event.response()))
            self._await_end(_State.CLOSING)
            if self._ws.state is ConnectionState.CLOSED:
                self._transport.close()

    def _receive_message(self, event: BytesMessage) -> None:
        self._message += event.data
        self._server.buffered += len(event.data)
        if len(self._message) > self._limits.message_size:
            self.close(CloseReason.MESSAGE_TOO_BIG, f"messages may have {self._limits.message_size} bytes")
        elif self._server.buffered > self._limits.buffered:
            log.warning("too many bytes of messages at once; the session with %s is closed", self.peer.address)
            self.close(CloseReason.TRY_AGAIN_LATER, "too many large messages at once")
        elif event.message_finished:
            message, self._message = self._message, bytearray()
            try:
                packet = decode_packet(message)
            except CodecError as error:
                log.debug("a message of %s is no packet: %s", self.peer.address, error)
                self._server.buffered -= len(message)
                return
            if packet.cmd in (WsCommand.ANSWER, WsCommand.ERROR):
                # At once: who waits for it must not wait for the requests before it.
                self._server.buffered -= len(message)
                if not self.calls.answer(packet):
                    log.debug("%s answers %d, which was not asked", self.peer.address, packet.seq)
                return
            task = self._loop.create_task(self._run(packet, len(message)))
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _drop_message(self) -> None:
        self._server.buffered -= len(self._message)
        self._message.clear()

    async def _run(self, packet: WsPacket, size: int) -> None:
        try:
            await self._server.handler.on_packet(self, packet)
        except CyfsError as error:
            if self._state is _State.OPEN:
                log.warning("a packet of %s was not answered: %s", self.peer.address, error)
        except Exception:
            log.exception("a packet of %s was not answered", self.peer.address)
        finally:
            self._server.buffered -= size

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._state is not _State.CLOSED:
            if self._reading_paused:
                self._pump()
        elif not self._running:
            self._server.forget(self)

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
