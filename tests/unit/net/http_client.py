"""A server on a free port, and a client that speaks bytes: what it sends need not be HTTP."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from cyfs_edge.net.http_limits import HttpLimits
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.wire.message import HttpHandler

QUICK = HttpLimits(sweep_interval=0.01)
"""The limits of production, looked at often."""


def quick(**changes: Any) -> HttpLimits:
    """``QUICK`` with other values."""
    return replace(QUICK, **changes)


@dataclass(slots=True)
class Reply:
    """What a client got; ``headers`` in order of arrival."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class Client:
    """One connection. Everything that waits fails if the server closes instead."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Reply:
        """The next reply without its body."""
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii")
        first, *lines = text.split("\r\n")[:-2]
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return Reply(int(first.split()[1]), headers, b"")

    async def reply(self, *, head_only: bool = False) -> Reply:
        """The next reply."""
        reply = await self.head()
        if not head_only:
            reply.body = await self.reader.readexactly(int(reply.header("content-length") or 0))
        return reply

    async def ask(self, data: bytes) -> Reply:
        await self.send(data)
        return await self.reply()

    async def closed(self) -> bytes:
        """What still comes until the server closes."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def half_close(self) -> None:
        self.writer.write_eof()

    def abort(self) -> None:
        """Vanish: the server gets a reset, not an end of what it reads."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass(slots=True)
class Served:
    """A running server."""

    server: HttpServer
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def serving(handler: HttpHandler, limits: HttpLimits = QUICK) -> AsyncIterator[Served]:
    """``handler`` behind the real server."""
    uids = PeerUids()
    server = HttpServer(handler, limits=limits, uids=uids)
    sock = listen_tcp("127.0.0.1", 0)
    await server.start(sock)
    try:
        yield Served(server, sock.getsockname()[1])
    finally:
        await server.close(0)
        uids.close()
        assert server.connections == 0
