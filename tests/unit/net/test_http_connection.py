"""Connections of the HTTP server: order, keep-alive, half-closed and vanished clients, malformed requests, the end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.wire.message import BodyFile, BodyStream, HttpRequest, HttpResponse
from tests import vector_count
from tests.unit.net.http_client import Reply, quick, serving
from tests.unit.net.loops import both_loops, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(request: HttpRequest) -> HttpResponse:
    """Says what was asked, with the whole body."""
    body = await request.body.read(1 << 20)
    return HttpResponse(200, [("x-target", request.target), ("x-method", request.method)], body)


def put(data: bytes, *headers: str, announced: int | None = None) -> bytes:
    length = len(data) if announced is None else announced
    return "\r\n".join(["PUT / HTTP/1.1", "Host: x", f"Content-Length: {length}", *headers, "", ""]).encode() + data


def error_of(reply: Reply) -> tuple[int, int]:
    """Status and code of an error reply; its form is checked too."""
    value = json.loads(reply.body)
    assert list(value) == ["code", "msg"]
    assert value["msg"]
    assert reply.header("content-type") == "application/json"
    return reply.status, int(value["code"])


# Order.


@both_loops
async def test_one_connection_serves_one_request_after_another() -> None:
    async with serving(echo) as served, served.client() as client:
        for data in (b"", b"a", bytes(100_000)):
            reply = await client.ask(put(data))
            assert (reply.status, reply.body, reply.header("connection")) == (200, data, None)


@both_loops
async def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    running = 0

    async def handler(request: HttpRequest) -> HttpResponse:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        reply = await echo(request)
        running -= 1
        return reply

    async with serving(handler) as served, served.client() as client:
        requests = [
            b"GET /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (n, n, b"." * n) for n in range(50)
        ]
        await client.send(b"".join(requests))
        for number in range(50):
            reply = await client.reply()
            assert (reply.header("x-target"), reply.body) == (f"/{number}", b"." * number)


@both_loops
async def test_a_socket_is_not_read_while_its_request_is_worked_on() -> None:
    go_on = asyncio.Event()

    async def handler(request: HttpRequest) -> HttpResponse:
        await go_on.wait()
        return HttpResponse(200)

    async with serving(handler) as served, served.client() as client:
        client.writer.write(GET * 20_000)
        await until(lambda: served.server.connections)
        (connection,) = served.server._connections
        await until(lambda: connection._reading_paused)
        assert len(connection._early) <= 512 * 1024
        go_on.set()
        assert (await client.reply()).status == 200
        client.abort()


@both_loops
async def test_a_line_break_behind_a_body_is_no_harm() -> None:
    async with serving(echo) as served, served.client() as client:
        await client.send(put(b"abc") + b"\r\n")
        assert (await client.reply()).body == b"abc"
        assert (await client.ask(GET)).status == 200


@both_loops
async def test_a_head_may_come_in_single_bytes() -> None:
    async with serving(echo) as served, served.client() as client:
        head = put(b"abc")[:-3]
        await until(lambda: served.server.connections)
        (connection,) = served.server._connections
        for number, byte in enumerate(head[:-1], 1):
            await client.send(bytes([byte]))
            await until(lambda wanted=number: len(connection._early) == wanted)  # type: ignore[misc]
        assert (await client.ask(head[-1:] + b"abc")).body == b"abc"


# Who closes, and who says so.


@both_loops
@pytest.mark.parametrize("request_head", ["GET / HTTP/1.1\r\nHost: x\r\nConnection: close", "GET / HTTP/1.0"])
async def test_the_connection_closes_when_the_client_wants_it(request_head: str) -> None:
    async with serving(echo) as served, served.client() as client:
        reply = await client.ask(request_head.encode() + b"\r\n\r\n")
        assert reply.status == 200
        assert [name for name, _ in reply.headers] == ["content-length", "date", "x-method", "x-target"]
        assert await client.closed() == b""


@both_loops
async def test_what_a_half_closed_client_asked_for_is_answered() -> None:
    async with serving(echo) as served, served.client() as client:
        await client.send(GET + GET)
        client.half_close()
        assert [(await client.reply()).status for _ in range(2)] == [200, 200]
        assert await client.closed() == b""


@both_loops
async def test_a_body_that_its_sender_cuts_short_is_what_arrived() -> None:
    async with serving(echo) as served:
        for data in (b"abc", b""):
            async with served.client() as client:
                await client.send(put(data, announced=10))
                client.half_close()
                reply = await client.reply()
                assert (reply.status, reply.body, reply.header("connection")) == (200, data, None)
                assert await client.closed() == b""


@both_loops
async def test_a_chunked_body_that_its_sender_cuts_short_is_400() -> None:
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(echo) as served:
        for data in (b"", b"3\r\nab", b"3\r\nabc\r\n", b"3\r\nabc\r\n0\r\n"):
            async with served.client() as client:
                await client.send(head + data)
                client.half_close()
                assert error_of(await client.reply()) == (400, ErrorCode.UNEXPECTED_EOF)
                assert await client.closed() == b""


@both_loops
async def test_a_head_that_its_sender_cuts_short_is_400() -> None:
    async with serving(echo) as served, served.client() as client:
        await client.send(GET[:-1])
        client.half_close()
        assert error_of(await client.reply()) == (400, ErrorCode.INVALID_DATA)
        assert await client.closed() == b""


@both_loops
async def test_an_idle_client_that_closes_gets_nothing() -> None:
    async with serving(echo) as served, served.client() as client:
        client.half_close()
        assert await client.closed() == b""


# Expect: 100-continue.


@both_loops
async def test_continue_is_said_when_the_body_is_wanted() -> None:
    async with serving(echo) as served, served.client() as client:
        head = put(b"", "Expect: 100-continue", announced=3)
        await client.send(head)
        assert (await client.head()).status == 100
        await client.send(b"abc")
        assert (await client.reply()).body == b"abc"
        assert (await client.ask(put(b"abc", "Expect: 100-continue"))).status == 200


@both_loops
async def test_continue_is_not_said_when_the_body_is_not_wanted() -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(403)

    async with serving(handler) as served, served.client() as client:
        reply = await client.ask(put(b"", "Expect: 100-continue", announced=3))
        assert (reply.status, reply.header("connection")) == (403, "close")
        assert await client.closed() == b""


# What is no request.

RECORDED = [
    item
    for item in vector_count.load("http-replies.json")["items"]
    if item["group"] == "http" and item["transport"] == "tcp" and "hex" in item["request"]["raw"]
]
NOT_CLOSED_HERE = {"http.raw_http10", "http.raw_length_long_open"}


@both_loops
@pytest.mark.parametrize("item", RECORDED, ids=lambda item: item["name"])
async def test_recorded_raw_requests(item: dict[str, Any]) -> None:
    """Served where the reference serves; where it closes without a word, a 4xx says why before the close."""

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200)

    data = bytes.fromhex(item["request"]["raw"]["hex"])
    refused = "none" in item.get("reply", {}) and item["name"] not in NOT_CLOSED_HERE
    refused = refused or item["name"] == "http.raw_two_content_lengths"
    async with serving(handler) as served, served.client() as client:
        await client.send(data)
        if "half-closes" in item["request"].get("then", ""):
            client.half_close()
        reply = await client.reply()
        if refused:
            assert error_of(reply)[0] in (400, 431)
            assert reply.header("connection") == "close"
            assert await client.closed() == b""
        else:
            assert reply.status == 200


@both_loops
async def test_a_broken_chunk_fails_the_reader_of_the_body() -> None:
    async with serving(echo) as served, served.client() as client:
        head = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await client.send(head + b"3\r\nabc\r\nzz\r\n")
        assert error_of(await client.reply()) == (400, ErrorCode.INVALID_DATA)
        assert await client.closed() == b""


@both_loops
async def test_compressed_bodies_are_415() -> None:
    async with serving(echo) as served, served.client() as client:
        assert error_of(await client.ask(put(b"abc", "Content-Encoding: gzip"))) == (415, ErrorCode.NOT_SUPPORT)
        assert await client.closed() == b""


@both_loops
async def test_a_reply_that_cannot_be_written_is_a_500(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    fd = os.open(path, os.O_RDONLY)
    closed: list[int] = []

    def close() -> None:
        closed.append(fd)
        os.close(fd)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [("x", "a\r\nb: c")], BodyFile(fd, 0, 3, close))

    async with serving(handler) as served, served.client() as client:
        assert error_of(await client.ask(GET)) == (500, ErrorCode.INTERNAL_ERROR)
        assert closed == [fd]


@both_loops
async def test_unforeseen_faults_are_logged_with_their_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError("why")

    async with serving(handler) as served, served.client() as client:
        assert (await client.ask(GET)).status == 500
        assert (await client.ask(GET)).status == 500
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


# Clients that vanish.


@both_loops
async def test_the_handler_of_a_vanished_client_is_cancelled() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def handler(request: HttpRequest) -> HttpResponse:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return HttpResponse(200)

    async with serving(handler) as served, served.client() as client:
        await client.send(GET)
        await begun.wait()
        client.abort()
        await ended.wait()


@both_loops
async def test_a_reader_of_a_body_whose_sender_vanishes_is_cancelled() -> None:
    begun = asyncio.Event()
    outcome: list[BaseException] = []

    async def handler(request: HttpRequest) -> HttpResponse:
        try:
            async for _ in request.body:
                begun.set()
        except BaseException as error:
            outcome.append(error)
            raise
        return HttpResponse(200)

    async with serving(handler) as served:
        async with served.client() as client:
            await client.send(put(b"abc", announced=10))
            await begun.wait()
            client.abort()
        await until(lambda: outcome)
    assert isinstance(outcome[0], asyncio.CancelledError)


@both_loops
async def test_a_file_is_closed_once_when_the_client_vanishes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(64_000_000))
    fd = os.open(path, os.O_RDONLY)
    closed: list[int] = []

    def close() -> None:
        closed.append(fd)
        os.close(fd)

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        yield BodyFile(fd, 0, 64_000_000, close)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyStream(64_000_000, pieces()))

    async with serving(handler) as served:
        async with served.client() as client:
            await client.send(GET)
            assert (await client.head()).status == 200
            client.abort()
        await until(lambda: closed)
    assert closed == [fd]


# The end.


@both_loops
async def test_closing_ends_idle_connections_and_lets_running_requests_finish() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def handler(request: HttpRequest) -> HttpResponse:
        begun.set()
        await go_on.wait()
        return HttpResponse(200, [], b"done")

    async with serving(handler) as served, served.client() as idle, served.client() as busy:
        await busy.send(GET)
        await begun.wait()
        closing = asyncio.ensure_future(served.server.close(30))
        assert await idle.closed() == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", served.port)
        assert not closing.done()
        go_on.set()
        reply = await busy.reply()
        assert (reply.body, reply.header("connection")) == (b"done", "close")
        await closing


@both_loops
async def test_closing_cancels_what_takes_longer_than_its_grace() -> None:
    begun = asyncio.Event()
    outcome: list[str] = []

    async def handler(request: HttpRequest) -> HttpResponse:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            outcome.append("cleaned up")
        return HttpResponse(200)

    async with serving(handler) as served, served.client() as client:
        await client.send(GET)
        await begun.wait()
        await served.server.close(0.01)
        assert outcome == ["cleaned up"]
        assert await client.closed() == b""


@both_loops
async def test_a_server_can_listen_on_several_sockets() -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], request.peer.listener.encode())

    async with serving(handler) as served, served.client() as one:
        sock = listen_tcp("127.0.0.1", 0)
        await served.server.start(sock, listener="http-other")
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        writer.write(GET)
        assert (await reader.readuntil(b"http-other")).startswith(b"HTTP/1.1 200")
        writer.close()
        assert (await one.ask(GET)).body == b"http-local"


@both_loops
async def test_the_error_of_a_body_keeps_its_status() -> None:
    """A handler that lets the error of ``read`` pass needs to know nothing about it."""

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], await request.body.read(2))

    async with serving(handler, quick()) as served, served.client() as client:
        assert error_of(await client.ask(put(b"abc"))) == (413, ErrorCode.OUT_OF_LIMIT)
        assert (await client.ask(put(b"ab"))).body == b"ab"
