"""One WebSocket to the stack that is made again whenever it breaks (docs/protocol/websocket.md §1-§2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.ws_calls import WsCalls
from cyfs_edge.wire.errors import error_json
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, decode_packet

log = logging.getLogger(__name__)

RETRY_FIRST = 2.0
RETRY_MAX = 60.0
"""Seconds before the first attempt to connect again; doubled each time up to the second."""
MESSAGE_MAX = 64 * 1024 * 1024
PIECE = 64 * 1024
CALLS = 64
ASK_TIMEOUT = 300.0
_CONNECT_S = 20.0

Answer = Callable[[WsPacket], Awaitable[bytes]]


class WsLink:
    """``answer`` gives the content of the answer to a request of the stack; a ``CyfsError`` from it is told the stack.
    ``on_open`` is called after each connection, before anybody else may ask.
    """

    __slots__ = ("_answer", "_host", "_on_open", "_port", "_ready", "_retry_first", "_session", "_task")

    def __init__(
        self,
        host: str,
        port: int,
        answer: Answer,
        on_open: Callable[[WsSession], Awaitable[None]],
        *,
        retry_first: float = RETRY_FIRST,
    ) -> None:
        self._host = host
        self._port = port
        self._answer = answer
        self._on_open = on_open
        self._retry_first = retry_first
        self._ready = asyncio.Event()
        self._session: WsSession | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connects in the background, for as long as the link is open."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def ask(self, cmd: WsCommand, content: bytes) -> bytes:
        """The content of the stack's answer. Waits for a connection; asks again on the next one when it breaks, so
        only what may be asked twice goes here.
        """
        self.start()
        while True:
            await self._ready.wait()
            session = self._session
            if session is None:
                continue
            try:
                return await session.ask(cmd, content)
            except CyfsError as error:
                if session.open or error.code not in (ErrorCode.NOT_CONNECTED, ErrorCode.ABORTED):
                    raise

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        wait = self._retry_first
        while True:
            try:
                session = await WsSession.connect(self._host, self._port, self._answer)
                wait = self._retry_first
                await self._serve(session)
            except CyfsError as error:
                log.info("the WebSocket of the stack at %s:%d: %s", self._host, self._port, error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_MAX)

    async def _serve(self, session: WsSession) -> None:
        reading = asyncio.create_task(session.run())
        try:
            await self._on_open(session)
            self._session = session
            self._ready.set()
            await reading
        finally:
            self._ready.clear()
            self._session = None
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, CyfsError):
                await reading
            session.close()


class WsSession:
    """One connection."""

    __slots__ = ("_answer", "_calls", "_message", "_reader", "_tasks", "_writer", "_ws", "open")

    def __init__(
        self, ws: WSConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer
    ) -> None:
        self._ws = ws
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._calls = WsCalls(self._send, CALLS)
        self._message = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        self.open = True

    @classmethod
    async def connect(cls, host: str, port: int, answer: Answer) -> WsSession:
        """``CONNECT_FAILED`` when there is nobody or it speaks something else."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    ws = await _handshake(f"{host}:{port}", reader, writer)
                except BaseException:
                    writer.transport.abort()
                    raise
        except (OSError, TimeoutError, RemoteProtocolError) as error:
            raise CyfsError(ErrorCode.CONNECT_FAILED, f"no WebSocket at {host}:{port}: {error}") from None
        return cls(ws, reader, writer, answer)

    async def ask(self, cmd: WsCommand, content: bytes) -> bytes:
        return await self._calls.ask(cmd, content, ASK_TIMEOUT)

    async def run(self) -> None:
        """Reads until the connection ends."""
        try:
            while True:
                for event in self._ws.events():
                    if isinstance(event, BytesMessage | TextMessage):
                        self._take(event)
                    elif isinstance(event, Ping):
                        self._writer.write(self._ws.send(event.response()))
                    elif isinstance(event, CloseConnection):
                        self._writer.write(self._ws.send(event.response()))
                        return
                data = await self._reader.read(PIECE)
                if not data:
                    return
                self._ws.receive_data(data)
        except (OSError, RemoteProtocolError, LocalProtocolError) as error:
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"the connection broke: {error}") from None
        finally:
            self.open = False
            self._calls.close()

    def close(self) -> None:
        """At once; what is under way is cancelled."""
        self.open = False
        self._calls.close()
        for task in self._tasks:
            task.cancel()
        self._writer.transport.abort()

    def _take(self, event: BytesMessage | TextMessage) -> None:
        if isinstance(event, TextMessage):
            return  # packets are binary
        self._message += event.data
        if len(self._message) > MESSAGE_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a message of more than {MESSAGE_MAX} bytes")
        if not event.message_finished:
            return
        message, self._message = self._message, bytearray()
        try:
            packet = decode_packet(message)
        except CyfsError as error:
            log.warning("a packet that is none: %s", error)
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
            self._writer.write(self._ws.send(BytesMessage(message)))
            await self._writer.drain()
        except (OSError, LocalProtocolError) as error:
            raise CyfsError(ErrorCode.NOT_CONNECTED, f"the connection has ended: {error}") from None


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
