"""Requests of the server over WebSocket: numbers, answers, bounds, time, the end of the session (websocket.md §2)."""

from __future__ import annotations

import asyncio

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.ws_calls import SEQ_LAST, WsCalls
from cyfs_edge.net.ws_commands import WsCommands
from cyfs_edge.net.ws_session import WsSession
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, decode_packet
from tests.unit.net.loops import both_loops, until
from tests.unit.net.ws_client import WsClient, quick, serving

CALL = WsCommand.HANDLER_EVENT
KEEP = 70


class Sessions:
    """Commands that remember who asked, so that the test can ask back."""

    def __init__(self) -> None:
        self.sessions: list[WsSession] = []
        self.commands = WsCommands({KEEP: self.keep, 71: self.nested})

    async def keep(self, session: WsSession, packet: WsPacket) -> bytes:
        self.sessions.append(session)
        return b""

    async def nested(self, session: WsSession, packet: WsPacket) -> bytes:
        return await session.calls.ask(CALL, packet.content, 30)

    async def of(self, client: WsClient) -> WsSession:
        await client.ask(1, KEEP, b"")
        return self.sessions[-1]


def code_of(error: BaseException | None) -> int:
    assert isinstance(error, CyfsError)
    return error.code


@both_loops
async def test_answers_find_their_requests_in_any_order() -> None:
    keeper = Sessions()
    async with serving(keeper.commands) as served, served.client() as client:
        calls = (await keeper.of(client)).calls
        asked = [asyncio.create_task(calls.ask(CALL, b"%d" % n, 30)) for n in range(5)]
        packets = [await client.packet() for _ in asked]
        assert [(packet.seq, packet.cmd) for packet in packets] == [(n, CALL) for n in range(1, 6)]
        for packet in reversed(packets):
            await client.send_packet(packet.seq, WsCommand.ANSWER, b"re " + packet.content)
        assert await asyncio.gather(*asked) == [b"re %d" % n for n in range(5)]
        assert not calls.waiting


@both_loops
async def test_an_error_answer_is_the_clients_error() -> None:
    keeper = Sessions()
    async with serving(keeper.commands) as served, served.client() as client:
        calls = (await keeper.of(client)).calls
        for content, code in ((b'{"code":"5","msg":"no"}', 5), (b"junk", 8), (b'{"msg":"no code"}', 4)):
            asked = asyncio.create_task(calls.ask(CALL, b"", 30))
            await client.send_packet((await client.packet()).seq, WsCommand.ERROR, content)
            with pytest.raises(CyfsError) as caught:
                await asked
            assert caught.value.code == code


@both_loops
async def test_what_was_not_asked_is_ignored() -> None:
    keeper = Sessions()
    async with serving(keeper.commands) as served, served.client() as client:
        calls = (await keeper.of(client)).calls
        await client.send_packet(9, WsCommand.ANSWER, b"stray")
        asked = asyncio.create_task(calls.ask(CALL, b"", 30))
        seq = (await client.packet()).seq
        await client.send_packet(seq + 1, WsCommand.ANSWER, b"stray")
        await client.send_packet(seq, WsCommand.ANSWER, b"good")
        await client.send_packet(seq, WsCommand.ANSWER, b"twice")
        assert await asked == b"good"
        assert (await client.ask(2, KEEP, b"")).cmd == WsCommand.ANSWER


@both_loops
async def test_no_answer_in_time() -> None:
    keeper = Sessions()
    async with serving(keeper.commands) as served, served.client() as client:
        calls = (await keeper.of(client)).calls
        with pytest.raises(CyfsError) as caught:
            await calls.ask(CALL, b"", 0.01)
        assert caught.value.code == ErrorCode.TIMEOUT
        assert not calls.waiting
        late = await client.packet()
        await client.send_packet(late.seq, WsCommand.ANSWER, b"late")
        asked = asyncio.create_task(calls.ask(CALL, b"", 30))
        packet = await client.packet()
        assert packet.seq == late.seq + 1
        await client.send_packet(packet.seq, WsCommand.ANSWER, b"in time")
        assert await asked == b"in time"


@both_loops
async def test_the_end_of_the_session_ends_all_calls_at_once() -> None:
    keeper = Sessions()
    async with serving(keeper.commands) as served:
        async with served.client() as client:
            calls = (await keeper.of(client)).calls
            asked = [asyncio.create_task(calls.ask(CALL, b"", 30)) for _ in range(3)]
            await client.packet()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert {code_of(error) for error in results if isinstance(error, Exception)} == {ErrorCode.ABORTED}
        assert len(results) == 3
        with pytest.raises(CyfsError) as caught:
            await calls.ask(CALL, b"", 30)
        assert caught.value.code == ErrorCode.NOT_CONNECTED


@both_loops
async def test_a_client_gets_no_more_than_its_share_at_a_time() -> None:
    """Back-pressure: what is beyond waits, and goes out as answers come in."""
    keeper = Sessions()
    async with serving(keeper.commands, limits=quick(calls=2)) as served, served.client() as client:
        calls = (await keeper.of(client)).calls
        asked = [asyncio.create_task(calls.ask(CALL, b"%d" % n, 30)) for n in range(5)]
        first, second = await client.packet(), await client.packet()
        assert (await client.ask(2, KEEP, b"")).seq == 2, "nothing came in between"
        await client.send_packet(second.seq, WsCommand.ANSWER, b"")
        third = await client.packet()
        assert third.content == b"2"
        waiting = asked.pop()
        waiting.cancel()
        await client.send_packet(first.seq, WsCommand.ANSWER, b"")
        for packet in (third, await client.packet()):
            await client.send_packet(packet.seq, WsCommand.ANSWER, b"")
        await asyncio.gather(*asked)
        assert not calls.waiting


@both_loops
async def test_a_caller_that_gives_up_in_the_middle_does_not_end_the_session() -> None:
    """A large call to a client that does not read: the message is still sent whole when it reads again."""
    keeper = Sessions()
    async with serving(keeper.commands) as served, served.client() as client:
        session = await keeper.of(client)
        content = bytes(8 << 20)
        with pytest.raises(CyfsError) as caught:
            await session.calls.ask(CALL, content, 0.05)
        assert caught.value.code == ErrorCode.TIMEOUT
        assert (await client.packet()).content == content
        assert (await client.ask(2, KEEP, b"")).cmd == WsCommand.ANSWER


@both_loops
async def test_answers_are_read_while_requests_of_the_same_client_wait_for_them() -> None:
    """As many requests as may be worked on, each of which asks the client back: no deadlock."""
    keeper = Sessions()
    async with serving(keeper.commands, limits=quick(in_flight=2)) as served, served.client() as client:
        for seq in (1, 2):
            await client.send_packet(seq, 71, b"nested")
        for _ in range(2):
            packet = await client.packet()
            assert packet.cmd == CALL
            await client.send_packet(packet.seq, WsCommand.ANSWER, b"done")
        answers = [await client.packet() for _ in range(2)]
        assert sorted((answer.seq, answer.content) for answer in answers) == [(1, b"done"), (2, b"done")]


async def test_numbers_begin_again_and_leave_out_those_that_are_open() -> None:
    sent: list[int] = []

    async def send(packet: bytes) -> None:
        sent.append(decode_packet(packet).seq)

    calls = WsCalls(send, 100)
    kept = asyncio.create_task(calls.ask(CALL, b"", 30))
    await until(lambda: sent)
    for _ in range(SEQ_LAST):
        asked = asyncio.create_task(calls.ask(CALL, b"", 30))
        count = len(sent)
        while len(sent) == count:
            await asyncio.sleep(0)
        assert calls.answer(WsPacket(sent[-1], WsCommand.ANSWER, b""))
        await asked
    assert (sent[0], sent[1], sent[SEQ_LAST - 1], sent[SEQ_LAST]) == (1, 2, SEQ_LAST, 2)
    calls.close()
    with pytest.raises(CyfsError):
        await kept
