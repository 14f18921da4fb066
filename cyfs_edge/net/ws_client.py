"""The client's end of a WebSocket to a gateway, and HTTP requests in it (docs/protocol/websocket.md §1-§3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_client import BODY_MAX, HttpReply
from cyfs_edge.net.ws_calls import WsCalls
from cyfs_edge.wire.errors import error_json
from cyfs_edge.wire.http_head import encode_request_head
from cyfs_edge.wire.http_message import parse_reply
from cyfs_edge.wire.ws_packet import HEADER_SIZE, WsCommand, WsPacket, decode_packet

log = logging.getLogger(__name__)

MESSAGE_MAX = 64 * 1024 * 1024
"""Bytes of a message in either direction, as on the gateway's side."""
PIECE = 64 * 1024
CALLS = 64
"""Requests that await their answer at a time; further ones wait for their turn, within their own time."""
TIMEOUT = 300.0
"""Seconds that an answer may take."""
CONNECT_TIMEOUT = 20.0

Answer = Callable[[WsPacket], Awaitable[bytes]]


class WsClient:
    """One connection. ``answer`` gives the content of the answer to a request of the gateway; a ``CyfsError`` that it
    raises is told the gateway. Whoever connects must also ``run``.
    """

    __slots__ = ("_answer", "_calls", "_message", "_reader", "_sending", "_tasks", "_writer", "_ws", "open")

    def __init__(
        self, ws: WSConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
    ) -> None:
        self._ws = ws
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._calls = WsCalls(self._send, CALLS)
        self._message = bytearray()
        self._sending = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = True

    @classmethod
    async def connect(cls, host: str, port: int, answer: Answer) -> WsClient:
        """``CONNECT_FAILED`` when there is nobody or it speaks something else."""
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    ws = await _handshake(authority, reader, writer)
                except BaseException:
                    writer.transport.abort()
                    raise
        except (OSError, TimeoutError, RemoteProtocolError) as error:
            text = f"no WebSocket at {authority}: {error or 'no answer'}; is the gateway running?"
            raise CyfsError(ErrorCode.CONNECT_FAILED, text) from None
        return cls(ws, reader, writer, answer)

    async def ask(self, cmd: WsCommand, content: bytes, timeout: float = TIMEOUT) -> bytes:
        """The content of the answer. ``NOT_CONNECTED`` when the connection has ended, ``ABORTED`` when it ends
        meanwhile, ``TIMEOUT``, ``OUT_OF_LIMIT`` for more than a message takes, and the gateway's own error answer.
        """
        if len(content) > MESSAGE_MAX - HEADER_SIZE:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a WebSocket message has at most {MESSAGE_MAX} bytes")
        return await self._calls.ask(cmd, content, timeout)

    async def run(self) -> None:
        """Reads until the connection ends; ``CONNECTION_ABORTED`` when it does so without the closing handshake."""
        try:
            while True:
                for event in self._ws.events():
                    if isinstance(event, BytesMessage):
                        self._take(event)
                    elif isinstance(event, Ping):
                        self._writer.write(self._ws.send(event.response()))
                    elif isinstance(event, CloseConnection):
                        self._writer.write(self._ws.send(event.response()))
                        return
                data = await self._reader.read(PIECE)
                if not data:
                    raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the gateway broke off the WebSocket")
                self._ws.receive_data(data)
        except (OSError, RemoteProtocolError, LocalProtocolError) as error:
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"the WebSocket broke: {error}") from None
        finally:
            self.close()

    def close(self) -> None:
        """At once; what is under way is cancelled."""
        self.open = False
        self._calls.close()
        for task in self._tasks:
            task.cancel()
        self._writer.transport.close()

    def _take(self, event: BytesMessage) -> None:
        self._message += event.data
        if len(self._message) > MESSAGE_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a message of more than {MESSAGE_MAX} bytes")
        if not event.message_finished:
            return
        message, self._message = self._message, bytearray()
        try:
            packet = decode_packet(message)
        except CyfsError as error:
            log.warning("a message that is no packet: %s", error)
            return
        if packet.cmd in (WsCommand.ANSWER, WsCommand.ERROR):
            self._calls.answer(packet)
            return
        task = asyncio.create_task(self._serve(packet))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, packet: WsPacket) -> None:
        try:
            answer = WsPacket(packet.seq, WsCommand.ANSWER, await self._answer(packet))
        except CyfsError as error:
            answer = WsPacket(packet.seq, WsCommand.ERROR, error_json(error.code, error.message))
        if packet.seq:
            with contextlib.suppress(CyfsError):  # the connection is gone, and with it who asked
                await self._send(answer.encode())

    async def _send(self, message: bytes) -> None:
        try:
            async with self._sending:
                self._writer.write(self._ws.send(BytesMessage(message)))
                await self._writer.drain()
        except (OSError, LocalProtocolError) as error:
            raise CyfsError(ErrorCode.NOT_CONNECTED, f"the WebSocket has ended: {error}") from None


class WsHttp:
    """HTTP requests over one WebSocket, opened by the first of them, and again by the first one after it broke.

    ``timeout``: seconds that a reply may take.
    """

    __slots__ = ("_client", "_connecting", "_host", "_port", "_reading", "_timeout")

    def __init__(self, host: str, port: int, *, timeout: float = TIMEOUT) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout
        self._connecting = asyncio.Lock()
        self._client: WsClient | None = None
        self._reading: asyncio.Task[None] | None = None

    async def send(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | None = None,
        limit: int = BODY_MAX,
    ) -> HttpReply:
        """As :meth:`HttpClient.send`."""
        length = [] if body is None else [("content-length", str(len(body)))]
        lines = [("host", f"{self._host}:{self._port}"), *headers, *length]
        content = encode_request_head(method, target, lines) + (body or b"")
        client = await self._open()
        try:
            answer = await client.ask(WsCommand.HTTP, content, self._timeout)
        except CyfsError as error:
            if client.open or error.code not in (ErrorCode.NOT_CONNECTED, ErrorCode.ABORTED):
                raise
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the gateway closed the WebSocket") from None
        head, data = parse_reply(answer)
        if len(data) > limit:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"the reply has more than {limit} bytes")
        return HttpReply(head.status, head.headers, data)

    async def close(self) -> None:
        reading, self._reading, self._client = self._reading, None, None
        if reading is not None:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _open(self) -> WsClient:
        async with self._connecting:
            if self._client is None or not self._client.open:
                await self.close()
                self._client = await WsClient.connect(self._host, self._port, _refuse)
                self._reading = asyncio.create_task(_read(self._client))
            return self._client


async def _read(client: WsClient) -> None:
    try:
        await client.run()
    except CyfsError as error:
        log.info("%s", error.message)


async def _refuse(packet: WsPacket) -> bytes:
    raise CyfsError(ErrorCode.UN_SUPPORT, f"nothing here takes command {packet.cmd}")


async def _handshake(authority: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> WSConnection:
    ws = WSConnection(ConnectionType.CLIENT)
    writer.write(ws.send(Request(host=authority, target="/")))
    while True:
        data = await reader.read(PIECE)
        if not data:
            raise ConnectionResetError("closed during the handshake")
        ws.receive_data(data)
        for event in ws.events():
            if isinstance(event, AcceptConnection):
                return ws
            if isinstance(event, RejectConnection):
                raise ConnectionRefusedError(f"refused with status {event.status_code}")
