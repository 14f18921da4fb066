"""A WebSocket server on a free port, and a client that can also send what is not allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event

from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.net.ws_limits import WsLimits
from cyfs_edge.net.ws_server import HandshakeCheck, WsServer
from cyfs_edge.net.ws_session import WsHandler
from cyfs_edge.wire.ws_packet import WsPacket, decode_packet
from tests.unit.net.http_client import Client

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1319\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
QUICK = WsLimits(sweep_interval=0.01)
"""The limits of production, looked at often."""


def quick(**changes: Any) -> WsLimits:
    """``QUICK`` with other values."""
    return replace(QUICK, **changes)


class WsClient(Client):
    """A :class:`Client` after its handshake. ``frames``: payload sizes of the frames that came."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self.ws = Connection(ConnectionType.CLIENT)
        self.frames: list[int] = []

    async def open(self, handshake: bytes = HANDSHAKE) -> None:
        await self.send(handshake)
        assert (await self.head()).status == 101

    async def send_event(self, event: Event) -> None:
        await self.send(self.ws.send(event))

    async def send_packet(self, seq: int, cmd: int, content: bytes) -> None:
        await self.send_event(BytesMessage(WsPacket(seq, cmd, content).encode()))

    async def event(self) -> Event:
        """The next event; the end of the connection counts as ``CloseConnection(1006)``."""
        while True:
            event = next(self.ws.events(), None)
            if event is not None:
                return event
            try:
                data = await self.reader.read(1 << 20)
            except ConnectionError:
                data = b""
            if not data:
                return CloseConnection(code=1006)
            self.ws.receive_data(data)

    async def message(self) -> bytes:
        """The next message."""
        data = bytearray()
        frame = 0
        while True:
            event = await self.event()
            assert isinstance(event, BytesMessage), event
            data += event.data
            frame += len(event.data)
            if event.frame_finished:
                self.frames.append(frame)
                frame = 0
            if event.message_finished:
                return bytes(data)

    async def packet(self) -> WsPacket:
        return decode_packet(await self.message())

    async def ask(self, seq: int, cmd: int, content: bytes) -> WsPacket:  # type: ignore[override]
        await self.send_packet(seq, cmd, content)
        return await self.packet()

    async def close_code(self) -> int:
        """The code of the server's close frame, with which the next event must come."""
        event = await self.event()
        assert isinstance(event, CloseConnection), event
        return int(event.code)


@dataclass(slots=True)
class WsServed:
    """A running server."""

    server: WsServer
    port: int

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[WsClient]:
        """A connection before its handshake."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            yield WsClient(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[WsClient]:
        async with self.raw() as client:
            await client.open()
            yield client


@asynccontextmanager
async def serving(
    handler: WsHandler, limits: WsLimits = QUICK, check_handshake: HandshakeCheck = lambda *_: None
) -> AsyncIterator[WsServed]:
    """``handler`` behind the real server."""
    uids = PeerUids()
    server = WsServer(handler, check_handshake=check_handshake, limits=limits, uids=uids)
    sock = listen_tcp("127.0.0.1", 0)
    await server.start(sock)
    try:
        yield WsServed(server, sock.getsockname()[1])
    finally:
        await server.close(0)
        uids.close()
        assert server.connections == 0
        assert server.buffered == 0
