"""WebSocket sessions (websocket.md §1–§3): handshake, packets, HTTP in packets, close, end."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator

import pytest
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.ws_commands import WsCommands, http_command
from cyfs_edge.net.ws_session import WsSession
from cyfs_edge.wire.errors import error_response
from cyfs_edge.wire.message import BodyFile, BodyStream, Headers, HttpRequest, HttpResponse, Peer
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket
from tests import vector_count
from tests.unit.net.loops import both_loops, until
from tests.unit.net.ws_client import HANDSHAKE, serving

ITEMS = {item["name"]: item for item in vector_count.load("http-replies.json")["items"]}
ECHO = 77


async def echo(session: WsSession, packet: WsPacket) -> bytes:
    return packet.content


async def http_echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("x-target", request.target)], await request.body.read(1 << 26))


COMMANDS = WsCommands({ECHO: echo, WsCommand.HTTP: http_command(http_echo)})


def error_code(packet: WsPacket) -> int:
    assert packet.cmd == WsCommand.ERROR
    value = json.loads(packet.content)
    assert list(value) == ["code", "msg"]
    return int(value["code"])


# Handshake.


@both_loops
async def test_the_recorded_handshakes() -> None:
    async with serving(COMMANDS) as served:
        for name in ("ws.connect_other_path", "ws.connect_protocol_ext"):
            async with served.raw() as client:
                await client.send(bytes.fromhex(ITEMS[name]["request"]["raw"]["hex"]))
                head = await client.head()
                assert head.status == 101
                assert head.headers == [tuple(item) for item in ITEMS[name]["reply"]["headers"]]
                assert (await client.ask(1, ECHO, b"x")).content == b"x"
        for name in ("ws.connect_plain_http", "ws.connect_version_8"):
            async with served.raw() as client:
                await client.send(bytes.fromhex(ITEMS[name]["request"]["raw"]["hex"]))
                reply = await client.reply()
                assert (reply.status, reply.header("connection")) == (400, "close")
                assert json.loads(reply.body)["code"] == str(int(ErrorCode.INVALID_DATA))
                assert await client.closed() == b""


@both_loops
@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"junk\r\n\r\n", HANDSHAKE.replace(b"\r\n", b"\n")])
async def test_what_is_no_handshake_gets_a_400(data: bytes) -> None:
    async with serving(COMMANDS) as served, served.raw() as client:
        await client.send(data)
        assert (await client.reply()).status == 400
        assert await client.closed() == b""


@both_loops
async def test_the_gateway_decides_on_host_and_origin() -> None:
    seen: list[tuple[str | None, str | None]] = []

    def check(headers: Headers, peer: Peer) -> HttpResponse | None:
        seen.append((headers.get("host"), headers.get("origin")))
        return error_response(403, ErrorCode.PERMISSION_DENIED, "not you") if headers.get("origin") else None

    sessions: list[WsSession] = []

    async def keep(session: WsSession, packet: WsPacket) -> bytes:
        sessions.append(session)
        return b""

    async with serving(WsCommands({ECHO: keep}), check_handshake=check) as served:
        async with served.raw() as client:
            await client.send(HANDSHAKE[:-2] + b"Origin: http://evil\r\n\r\n")
            reply = await client.reply()
            assert (reply.status, json.loads(reply.body)["msg"]) == (403, "not you")
            assert await client.closed() == b""
        async with served.client() as client:
            await client.ask(1, ECHO, b"")
            (session,) = sessions
            assert (session.host, session.origin) == ("127.0.0.1:1319", None)
            assert session.peer.listener == "http-local"
            assert session.peer.address.startswith("127.0.0.1:")
    assert seen == [("127.0.0.1:1319", "http://evil"), ("127.0.0.1:1319", None)]


@both_loops
async def test_a_packet_may_come_with_the_handshake_or_in_single_bytes() -> None:
    async with serving(COMMANDS) as served, served.raw() as client:
        packet = client.ws.send(BytesMessage(WsPacket(1, ECHO, b"early").encode()))
        await client.send(HANDSHAKE + packet)
        assert (await client.head()).status == 101
        assert (await client.packet()).content == b"early"
        for byte in client.ws.send(BytesMessage(WsPacket(2, ECHO, b"slow").encode())):
            await client.send(bytes([byte]))
        assert (await client.packet()).content == b"slow"


# Packets.


@both_loops
async def test_an_answer_has_the_number_of_its_request() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        for seq in (1, 65534, 7):
            assert await client.ask(seq, ECHO, b"abc") == WsPacket(seq, WsCommand.ANSWER, b"abc")


@both_loops
async def test_a_request_with_number_0_gets_no_answer() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        for cmd in (ECHO, 78, WsCommand.HTTP):
            await client.send_packet(0, cmd, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.ask(5, ECHO, b"x")).seq == 5


@both_loops
@pytest.mark.parametrize("name", ["ws.bad_magic", "ws.bad_length", "ws.long_length", "ws.short_packet"])
async def test_bad_packets_are_dropped_and_the_session_stays(name: str) -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_event(BytesMessage(bytes.fromhex(ITEMS[name]["frames"][0]["hex"])))
        assert (await client.ask(9, ECHO, b"x")).seq == 9


@both_loops
async def test_the_version_of_a_packet_is_not_checked() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_event(BytesMessage(b"\x88\x09" + WsPacket(3, ECHO, b"x").encode()[2:]))
        assert (await client.packet()).seq == 3


@both_loops
@pytest.mark.parametrize("name", ["ws.unknown_cmd", "ws.reserved_cmd"])
async def test_unknown_commands_get_the_recorded_error(name: str) -> None:
    asked, answered = (bytes.fromhex(frame["hex"]) for frame in ITEMS[name]["frames"])
    async with serving(WsCommands({})) as served, served.client() as client:
        await client.send_event(BytesMessage(asked))
        packet = await client.packet()
        assert packet.encode()[:6] == answered[:6]
        assert str(error_code(packet)) == json.loads(answered[10:])["code"]


@both_loops
async def test_answers_that_nobody_waits_for_are_ignored() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_packet(1, WsCommand.ANSWER, b"{}")
        await client.send_packet(2, WsCommand.ERROR, b"{}")
        assert (await client.ask(3, ECHO, b"x")).seq == 3


@both_loops
async def test_errors_of_a_command_are_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(session: WsSession, packet: WsPacket) -> bytes:
        raise CyfsError(ErrorCode.JSON_ERROR, "why") if packet.content else ZeroDivisionError("secret")

    async with serving(WsCommands({ECHO: fail})) as served, served.client() as client:
        known, unknown = await client.ask(1, ECHO, b"x"), await client.ask(2, ECHO, b"")
        assert known == WsPacket(1, WsCommand.ERROR, b'{"code":"104","msg":"why"}')
        assert error_code(unknown) == ErrorCode.INTERNAL_ERROR
        assert b"secret" not in unknown.content
    assert "ZeroDivisionError" in caplog.text


@both_loops
async def test_packets_are_worked_on_concurrently_and_answered_as_they_finish() -> None:
    go_on = asyncio.Event()

    async def command(session: WsSession, packet: WsPacket) -> bytes:
        if packet.content == b"first":
            await go_on.wait()
        else:
            go_on.set()
        return packet.content

    async with serving(WsCommands({ECHO: command})) as served, served.client() as client:
        await client.send_packet(1, ECHO, b"first")
        await client.send_packet(2, ECHO, b"second")
        assert {(await client.packet()).content, (await client.packet()).content} == {b"first", b"second"}


@both_loops
async def test_a_session_can_be_sent_to_at_any_time() -> None:
    sessions: list[WsSession] = []

    async def keep(session: WsSession, packet: WsPacket) -> bytes:
        sessions.append(session)
        return b""

    async with serving(WsCommands({ECHO: keep})) as served:
        async with served.client() as client:
            await client.ask(1, ECHO, b"")
            await sessions[0].send(WsPacket(1, WsCommand.HANDLER_EVENT, b"event").encode())
            assert (await client.packet()).content == b"event"
        await until(lambda: not sessions[0].is_open)
        with pytest.raises(CyfsError) as caught:
            await sessions[0].send(b"late")
        assert caught.value.code == ErrorCode.NOT_CONNECTED


# HTTP in packets.


@both_loops
async def test_http_in_a_packet() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        request = b"PUT /a?b HTTP/1.1\r\nHOST:127.0.0.1:1319\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"
        packet = await client.ask(4, WsCommand.HTTP, request)
        assert (packet.seq, packet.cmd) == (4, WsCommand.ANSWER)
        head, _, body = packet.content.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        assert [line.partition(":")[0] for line in lines[1:]] == ["content-length", "date", "x-target"]
        assert body == b"abc"


@both_loops
@pytest.mark.parametrize("name", ["ws.http_junk", "ws.http_no_host"])
async def test_what_is_no_request_gets_the_recorded_error(name: str) -> None:
    asked, answered = (bytes.fromhex(frame["hex"]) for frame in ITEMS[name]["frames"])
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_event(BytesMessage(asked))
        packet = await client.packet()
        assert packet.encode()[:6] == answered[:6]
        assert str(error_code(packet)) == json.loads(answered[10:])["code"]


@both_loops
async def test_recorded_requests_are_parsed() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        for name in ("ws.http_get_device", "ws.http_get_missing", "ws.http_put", "ws.http_accessor_double_q"):
            await client.send_event(BytesMessage(bytes.fromhex(ITEMS[name]["frames"][0]["hex"])))
            assert (await client.packet()).content.startswith(b"HTTP/1.1 200 OK\r\n")


@both_loops
async def test_errors_of_the_handler_are_http_replies() -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        raise CyfsError(ErrorCode.NOT_FOUND, "no") if request.target == "/known" else ZeroDivisionError

    async with serving(WsCommands({WsCommand.HTTP: http_command(handler)})) as served, served.client() as client:
        for target, status in ((b"/known", b"404"), (b"/unknown", b"500")):
            packet = await client.ask(1, WsCommand.HTTP, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
            assert packet.cmd == WsCommand.ANSWER
            assert packet.content.startswith(b"HTTP/1.1 " + status)


@both_loops
async def test_head_requests_have_no_body() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        request = b"HEAD / HTTP/1.1\r\nHost: x\r\ncontent-length: 3\r\n\r\nabc"
        content = (await client.ask(1, WsCommand.HTTP, request)).content
        assert content.endswith(b"\r\n\r\n")
        assert b"content-length: 3\r\n" in content


@both_loops
async def test_large_bodies_are_streamed_in_frames_below_a_megabyte() -> None:
    size = 20_000_000
    data = os.urandom(1_000_000)

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        for _ in range(20):
            yield data

    async def handler(request: HttpRequest) -> HttpResponse:
        body = await request.body.read(1 << 26)
        assert len(body) == request.body.length
        return HttpResponse(200, [], BodyStream(size, pieces()) if request.target == "/stream" else body)

    async with serving(WsCommands({WsCommand.HTTP: http_command(handler)})) as served, served.client() as client:
        for target, wanted in ((b"echo", data * 3), (b"stream", data * 20)):
            head = b"PUT /%b HTTP/1.1\r\nHost: x\r\ncontent-length: 3000000\r\n\r\n" % target
            packet = await client.ask(1, WsCommand.HTTP, head + data * 3)
            assert packet.content.partition(b"\r\n\r\n")[2] == wanted
        assert max(client.frames) <= 512 * 1024
        assert len(client.frames) > 40


@both_loops
async def test_a_body_that_breaks_off_ends_the_session() -> None:
    ended: list[bool] = []

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        try:
            yield b"abc"
        finally:
            ended.append(True)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyStream(10, pieces()))

    async with serving(WsCommands({WsCommand.HTTP: http_command(handler)})) as served, served.client() as client:
        await client.send_packet(1, WsCommand.HTTP, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while not isinstance(event := await client.event(), CloseConnection):
            assert isinstance(event, BytesMessage)
            assert not event.message_finished
        assert event.code == 1006
        assert ended == [True]


# Control frames, and the end.


@both_loops
async def test_a_text_message_closes_the_session() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_event(TextMessage("{}"))
        assert await client.close_code() == 1003
        await client.send_event(CloseConnection(code=1003))
        assert await client.closed() == b""


@both_loops
async def test_pings_are_answered() -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_event(Ping(b"abc"))
        event = await client.event()
        assert isinstance(event, Pong)
        assert event.payload == b"abc"


@both_loops
@pytest.mark.parametrize("code", [1000, 1001, 4000, CloseReason.NO_STATUS_RCVD])
async def test_the_close_of_a_client_is_answered(code: int) -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send_event(CloseConnection(code=code))
        assert await client.close_code() == code
        assert await client.closed() == b""


@both_loops
@pytest.mark.parametrize(
    "frame",
    [
        b"\x82\x03abc",  # not masked
        b"\x83\x80abcd",  # an unknown opcode
        b"\xc2\x80abcd",  # a reserved bit
        b"\x80\x80abcd",  # continues nothing
        b"\x09\x80abcd",  # a ping in pieces
        b"\x88\x81abcda",  # half a close code
    ],
)
async def test_a_client_that_breaks_the_protocol_is_closed(frame: bytes) -> None:
    async with serving(COMMANDS) as served, served.client() as client:
        await client.send(frame)
        assert await client.close_code() == 1002


class Recorder:
    """A handler that holds every packet until its session ends."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.closed: list[WsSession] = []

    async def on_packet(self, session: WsSession, packet: WsPacket) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    def on_close(self, session: WsSession) -> None:
        self.closed.append(session)


@both_loops
@pytest.mark.parametrize("how", ["close", "vanish"])
async def test_the_end_of_a_session_cancels_what_it_asked_for(how: str) -> None:
    handler = Recorder()
    async with serving(handler) as served, served.client() as client:
        await client.send_packet(1, ECHO, b"")
        await handler.begun.wait()
        if how == "close":
            client.writer.close()
        else:
            client.abort()
        await handler.cancelled.wait()
        await until(lambda: not served.server.connections)
        assert len(handler.closed) == 1
        assert not handler.closed[0].is_open


@both_loops
async def test_a_refused_handshake_is_no_session() -> None:
    handler = Recorder()
    async with serving(handler) as served, served.raw() as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.reply()).status == 400
        assert await client.closed() == b""
    assert handler.closed == []


@both_loops
async def test_closing_the_server_lets_packets_finish_and_says_going_away() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def command(session: WsSession, packet: WsPacket) -> bytes:
        begun.set()
        await go_on.wait()
        return b"done"

    async with serving(WsCommands({ECHO: command})) as served, served.client() as busy, served.client() as idle:
        await busy.send_packet(1, ECHO, b"")
        await begun.wait()
        closing = asyncio.ensure_future(served.server.close(30))
        assert await idle.close_code() == 1001
        await idle.send_event(CloseConnection(code=1001))
        assert await idle.closed() == b""
        await busy.send_packet(2, ECHO, b"too late")
        go_on.set()
        assert (await busy.packet()).content == b"done"
        assert await busy.close_code() == 1001
        await busy.send_event(CloseConnection(code=1001))
        assert await busy.closed() == b""
        await closing


@both_loops
async def test_closing_the_server_cancels_what_takes_longer_than_its_grace() -> None:
    handler = Recorder()
    async with serving(handler) as served, served.client() as client:
        await client.send_packet(1, ECHO, b"")
        await handler.begun.wait()
        await served.server.close(0.01)
        assert handler.cancelled.is_set()
        assert await client.close_code() == 1006
