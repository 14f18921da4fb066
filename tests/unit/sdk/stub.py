"""A stack of paper: it writes down what a client sends and answers with what the test puts in its mouth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cyfs_edge.net.ws_session import WsSession
from cyfs_edge.wire.http_head import RequestHead, parse_head
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket


@dataclass(slots=True)
class StubHttp:
    """``replies``: raw replies in order; ``seen``: head and body of each request."""

    address: str = ""
    replies: list[bytes] = field(default_factory=list)
    seen: list[tuple[RequestHead, bytes]] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = parse_head(await reader.readuntil(b"\r\n\r\n"))
                self.seen.append((head, await reader.readexactly(head.content_length)))
                reply = self.replies.pop(0)
                if not reply:
                    break
                writer.write(reply)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def stub_http() -> AsyncIterator[StubHttp]:
    stub = StubHttp()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    stub.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()
        await server.wait_closed()


@dataclass(slots=True)
class StubWs:
    """A :class:`WsHandler`. ``answers``: contents in order, those of error answers as ``WsPacket``."""

    answers: list[bytes | WsPacket] = field(default_factory=list)
    seen: list[WsPacket] = field(default_factory=list)
    sessions: list[WsSession] = field(default_factory=list)
    closed: int = 0

    async def on_packet(self, session: WsSession, packet: WsPacket) -> None:
        if session not in self.sessions:
            self.sessions.append(session)
        self.seen.append(packet)
        if not self.answers:
            return
        answer = self.answers.pop(0)
        if isinstance(answer, bytes):
            answer = WsPacket(packet.seq, WsCommand.ANSWER, answer)
        await session.send(WsPacket(packet.seq, answer.cmd, answer.content).encode())

    def on_close(self, session: WsSession) -> None:
        self.closed += 1
