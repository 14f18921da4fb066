"""Every limit of the WebSocket server (docs/limits.md). Times are made short."""

from __future__ import annotations

import asyncio
import json

import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.net.ws_commands import WsCommands
from cyfs_edge.net.ws_session import WsSession
from cyfs_edge.wire.ws_packet import WsPacket
from tests.unit.net.loops import both_loops, until
from tests.unit.net.ws_client import HANDSHAKE, quick, serving

SHORT = 0.05
NEVER = 1000.0
ECHO = 77


async def echo(session: WsSession, packet: WsPacket) -> bytes:
    return packet.content


COMMANDS = WsCommands({ECHO: echo})


class Gate:
    """A command that holds its packets until ``open`` is set. ``running``: how many it holds; ``most``: at one time."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.running = 0
        self.most = 0

    async def __call__(self, session: WsSession, packet: WsPacket) -> bytes:
        self.running += 1
        self.most = max(self.most, self.running)
        await self.open.wait()
        self.running -= 1
        return b""


@both_loops
async def test_sessions() -> None:
    async with serving(COMMANDS, quick(sessions=1)) as served, served.client() as one:
        async with served.raw() as two:
            reply = await two.reply()
            assert reply.status == 503
            assert json.loads(reply.body)["code"] == str(int(ErrorCode.OUT_OF_LIMIT))
            assert await two.closed() == b""
        assert (await one.ask(1, ECHO, b"x")).content == b"x"


@both_loops
async def test_message_size() -> None:
    async with serving(COMMANDS, quick(message_size=1000)) as served:
        async with served.client() as client:
            assert len((await client.ask(1, ECHO, bytes(990))).content) == 990
            await client.send_packet(2, ECHO, bytes(991))
            assert await client.close_code() == 1009
        async with served.client() as client:
            # In fragments, and before the message is complete.
            for _ in range(11):
                await client.send_event(BytesMessage(bytes(100), message_finished=False))
            assert await client.close_code() == 1009


@both_loops
async def test_buffered() -> None:
    gate = Gate()
    async with (
        serving(WsCommands({ECHO: gate}), quick(buffered=1000)) as served,
        served.client() as one,
        served.client() as two,
        served.client() as three,
    ):
        await one.send_packet(1, ECHO, bytes(490))
        await two.send_event(BytesMessage(bytes(400), message_finished=False))
        await until(lambda: served.server.buffered == 900)
        await three.send_packet(1, ECHO, bytes(200))
        assert await three.close_code() == 1013
        assert served.server.buffered == 900
        two.abort()
        await until(lambda: served.server.buffered == 500)
        gate.open.set()
        assert (await one.packet()).seq == 1
        await until(lambda: served.server.buffered == 0)


@both_loops
async def test_frame_size() -> None:
    async with serving(COMMANDS, quick(frame_size=100)) as served, served.client() as client:
        assert len((await client.ask(1, ECHO, bytes(240))).content) == 240
        assert client.frames == [100, 100, 50]


@both_loops
async def test_in_flight() -> None:
    gate = Gate()
    async with serving(WsCommands({ECHO: gate}), quick(in_flight=3)) as served, served.client() as client:
        for seq in range(1, 11):
            await client.send_packet(seq, ECHO, b"")
        await until(lambda: gate.running == 3)
        (session,) = served.server._connections
        assert session._reading_paused
        gate.open.set()
        assert {(await client.packet()).seq for _ in range(10)} == set(range(1, 11))
        assert gate.most == 3


@both_loops
@pytest.mark.parametrize("beginning", [b"", HANDSHAKE[:-1]])
async def test_handshake_timeout(beginning: bytes) -> None:
    async with serving(COMMANDS, quick(handshake_timeout=SHORT)) as served, served.raw() as client:
        await client.send(beginning)
        reply = await client.reply()
        assert (reply.status, json.loads(reply.body)["code"]) == (408, "3")
        assert await client.closed() == b""


@both_loops
async def test_ping_after() -> None:
    async with serving(COMMANDS, quick(ping_after=SHORT)) as served, served.client() as client:
        for _ in range(3):
            assert isinstance(await client.event(), Ping)


@both_loops
async def test_silence() -> None:
    """A client whose pongs come stays, one that is silent is dropped."""
    limits = quick(ping_after=0.02, silence=0.5)
    async with serving(COMMANDS, limits) as served, served.client() as alive, served.client() as silent:
        pinged = 0

        async def keep_alive() -> None:
            nonlocal pinged
            while isinstance(event := await alive.event(), Ping):
                pinged += 1
                await alive.send_event(event.response())

        task = asyncio.ensure_future(keep_alive())
        while isinstance(event := await silent.event(), Ping):
            pass
        assert isinstance(event, CloseConnection)
        assert event.code == 1006
        task.cancel()
        await asyncio.wait([task])
        assert pinged >= 2
        assert served.server.connections == 1


@both_loops
async def test_send_stall() -> None:
    async def flood(session: WsSession, packet: WsPacket) -> bytes:
        while True:
            await session.send(bytes(100_000))

    async with serving(WsCommands({ECHO: flood}), quick(send_stall=SHORT)) as served, served.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send_packet(1, ECHO, b"")
        await until(lambda: not served.server.connections)


@both_loops
async def test_pongs_are_not_hoarded_for_a_client_that_takes_nothing() -> None:
    async def flood(session: WsSession, packet: WsPacket) -> bytes:
        while True:
            await session.send(bytes(100_000))

    async with serving(WsCommands({ECHO: flood})) as served, served.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send_packet(1, ECHO, b"")
        await until(lambda: served.server.connections)
        (session,) = served.server._connections
        await until(lambda: session._outlet.paused)
        before = session._transport.get_write_buffer_size()
        received = session._received_at
        await client.send(client.ws.send(Ping(bytes(100))) * 1000)
        await until(lambda: session._received_at > received)
        assert session._transport.get_write_buffer_size() <= before
        client.abort()


@both_loops
async def test_linger() -> None:
    """A client that does not answer our close is dropped."""
    async with serving(COMMANDS, quick(linger=SHORT, message_size=10)) as served, served.client() as client:
        await client.send_packet(1, ECHO, b"x")
        assert await client.close_code() == 1009
        await until(lambda: not served.server.connections)


@both_loops
async def test_what_comes_after_our_close_is_dropped() -> None:
    async with serving(COMMANDS, quick(linger=NEVER, message_size=100)) as served, served.client() as client:
        await client.send_packet(1, ECHO, bytes(100))
        assert await client.close_code() == 1009
        await client.send(client.ws.send(CloseConnection(code=1009)))
        assert await client.closed() == b""
        assert not isinstance(await client.event(), Pong)
