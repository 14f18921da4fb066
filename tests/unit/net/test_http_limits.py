"""Every limit of the HTTP server (docs/limits.md). Times are made short; nothing here sleeps."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.net.outlet import WRITE_HIGH
from cyfs_edge.net.stream_server import REFUSED_MAX
from cyfs_edge.wire.message import BodyFile, BodyStream, HttpRequest, HttpResponse
from tests.unit.net.http_client import Client, Reply, quick, serving
from tests.unit.net.loops import both_loops, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SHORT = 0.05
NEVER = 1000.0


async def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200)


async def read_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], await request.body.read(1 << 30))


def put(length: int) -> bytes:
    return b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length


@asynccontextmanager
async def dripping(client: Client, data: bytes) -> AsyncIterator[None]:
    """Sends ``data`` over and over, a little at a time, to a server that may stop taking it."""

    async def drip() -> None:
        with suppress(ConnectionError):
            while True:
                await client.send(data)
                await asyncio.sleep(0.001)

    task = asyncio.ensure_future(drip())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def code_of(reply: Reply) -> int:
    return int(json.loads(reply.body)["code"])


async def refused(client: Client, data: bytes, status: int) -> None:
    reply = await client.ask(data)
    assert (reply.status, code_of(reply), reply.header("connection")) == (status, ErrorCode.OUT_OF_LIMIT, "close")
    assert await client.closed() == b""


@both_loops
async def test_head_size() -> None:
    async with serving(ok, quick(head_size=1000)) as served:
        for size, fits in ((1000, True), (1001, False)):
            data = b"GET / HTTP/1.1\r\nHost: x\r\nx-a: ".ljust(size - 4, b"a") + b"\r\n\r\n"
            async with served.client() as client:
                if fits:
                    assert (await client.ask(data)).status == 200
                else:
                    await refused(client, data, 431)
        async with served.client() as client:
            await refused(client, GET[:-2] + b"x-a: ".ljust(1000, b"a"), 431)


@both_loops
async def test_header_lines() -> None:
    async with serving(ok, quick(header_lines=3)) as served, served.client() as client:
        assert (await client.ask(GET[:-2] + b"a: b\r\n" * 2 + b"\r\n")).status == 200
        await refused(client, GET[:-2] + b"a: b\r\n" * 3 + b"\r\n", 431)


@both_loops
async def test_target_size() -> None:
    async with serving(ok, quick(target_size=100)) as served:
        for data in (b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 100), b"GET /" + b"a" * 200):
            async with served.client() as client:
                await refused(client, data, 414)
        async with served.client() as client:
            assert (await client.ask(b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 99))).status == 200


@both_loops
async def test_connections() -> None:
    async with serving(ok, quick(connections=2)) as served, served.client() as one, served.client() as two:
        assert [(await client.ask(GET)).status for client in (one, two)] == [200, 200]
        async with served.client() as three:
            reply = await three.reply()
            assert (reply.status, code_of(reply)) == (503, ErrorCode.OUT_OF_LIMIT)
            assert await three.closed() == b""
        assert (await one.ask(GET)).status == 200
        two.half_close()
        assert await two.closed() == b""
        await until(lambda: served.server.connections == 1)
        async with served.client() as four:
            assert (await four.ask(GET)).status == 200


@both_loops
async def test_a_crowd_beyond_the_limit_is_dropped_without_a_word() -> None:
    async with serving(ok, quick(connections=0, linger=NEVER)) as served:
        told = 0
        crowd = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(REFUSED_MAX + 5)]
        for reader, writer in crowd:
            with suppress(ConnectionError):
                told += (await reader.read(12)) == b"HTTP/1.1 503"
            writer.close()
        assert told == REFUSED_MAX


@both_loops
async def test_idle_timeout() -> None:
    async with serving(ok, quick(idle_timeout=SHORT)) as served, served.client() as fresh, served.client() as used:
        assert (await used.ask(GET)).status == 200
        assert await fresh.closed() == await used.closed() == b""


@both_loops
@pytest.mark.parametrize("beginning", [b"G", GET[:-1], b"\r", b"\r\n", b"\r\nG"])
async def test_head_timeout(beginning: bytes) -> None:
    async with serving(ok, quick(head_timeout=SHORT)) as served, served.client() as client:
        reply = await client.ask(beginning)
        assert (reply.status, code_of(reply)) == (408, ErrorCode.TIMEOUT)
        assert await client.closed() == b""


@both_loops
async def test_a_head_that_comes_in_drops_is_not_waited_for_longer() -> None:
    async with serving(ok, quick(head_timeout=SHORT)) as served, served.client() as client:
        await client.send(GET[:-2] + b"x-a: ")
        async with dripping(client, b"a"):
            assert (await client.reply()).status == 408


@both_loops
async def test_body_window() -> None:
    async with serving(read_all, quick(body_window=SHORT)) as served, served.client() as client:
        reply = await client.ask(put(10) + b"abc")
        assert (reply.status, code_of(reply)) == (408, ErrorCode.TIMEOUT)
        assert await client.closed() == b""


@both_loops
async def test_body_window_bytes() -> None:
    limits = quick(body_window=SHORT, body_window_bytes=1 << 30)
    async with serving(read_all, limits) as served, served.client() as client:
        await client.send(put(1 << 30))
        async with dripping(client, b"a"):
            reply = await client.reply()
        assert (reply.status, code_of(reply)) == (408, ErrorCode.TIMEOUT)


@both_loops
async def test_body_buffer() -> None:
    go_on = asyncio.Event()
    limits = quick(body_buffer=100_000)

    async def handler(request: HttpRequest) -> HttpResponse:
        await go_on.wait()
        return HttpResponse(200, [], b"%d" % len(await request.body.read(1 << 30)))

    async with serving(handler, limits) as served, served.client() as client:
        client.writer.write(put(20_000_000) + bytes(20_000_000))
        await until(lambda: served.server.connections)
        (connection,) = served.server._connections
        await until(lambda: connection._reading_paused)
        assert connection._body is not None
        # One read of the socket may go beyond the limit.
        assert 100_000 < connection._body.buffered <= 100_000 + 256 * 1024
        go_on.set()
        assert (await client.reply()).body == b"20000000"


@both_loops
async def test_unread_body() -> None:
    async with serving(ok, quick(unread_body=1000)) as served, served.client() as client:
        reply = await client.ask(put(1000) + b"a" * 500)
        assert (reply.status, reply.header("connection")) == (200, None)
        await client.send(b"a" * 500)
        assert (await client.ask(GET)).status == 200

        reply = await client.ask(put(1001) + b"a" * 500)
        assert (reply.status, reply.header("connection")) == (200, "close")
        assert await client.closed() == b""


@both_loops
async def test_unread_chunked_body() -> None:
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(ok, quick(unread_body=1000)) as served, served.client() as client:
        assert (await client.ask(head)).status == 200
        await client.send(b"3\r\nabc\r\n0\r\n\r\n")
        assert (await client.ask(head)).status == 200
        await client.send(b"3e9\r\n" + b"a" * 1001)
        assert await client.closed() == b""


@both_loops
async def test_an_early_refusal_reaches_a_client_that_still_sends() -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], await request.body.read(10))

    async with serving(handler) as served, served.client() as client:
        client.writer.write(put(600_000_000) + bytes(3_000_000))
        reply = await client.reply()
        assert (reply.status, reply.header("connection")) == (413, "close")


@both_loops
async def test_send_stall() -> None:
    ended = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        try:
            while True:
                yield bytes(100_000)
        finally:
            ended.set()

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyStream(1 << 40, pieces()))

    async with serving(handler, quick(send_stall=SHORT)) as served, served.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await ended.wait()


@both_loops
async def test_what_waits_to_be_taken_is_bounded() -> None:
    made = 0

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        nonlocal made
        while True:
            made += 1
            yield bytes(10_000)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyStream(1 << 40, pieces()))

    async with serving(handler) as served, served.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await until(lambda: served.server.connections)
        (connection,) = served.server._connections
        await until(lambda: made and connection._outlet.paused)
        assert connection._transport.get_write_buffer_size() <= WRITE_HIGH + 10_000
        client.abort()


@both_loops
async def test_half_close_grace() -> None:
    ended = asyncio.Event()

    async def handler(request: HttpRequest) -> HttpResponse:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return HttpResponse(200)

    async with serving(handler, quick(half_close_grace=SHORT)) as served, served.client() as client:
        await client.send(GET)
        client.half_close()
        assert await client.closed() == b""
        assert ended.is_set()


@both_loops
async def test_linger() -> None:
    async with serving(ok, quick(linger=SHORT)) as served, served.client() as client:
        assert (await client.ask(b"junk\r\n\r\n")).status == 400
        await until(lambda: not served.server.connections)


@both_loops
async def test_what_is_dropped_while_lingering_is_bounded() -> None:
    async with serving(ok, quick(linger=NEVER)) as served, served.client() as client:
        assert (await client.ask(b"junk\r\n\r\n")).status == 400
        client.writer.write(bytes(8_000_000))
        await until(lambda: not served.server.connections)


@both_loops
@pytest.mark.parametrize("direction", ["up", "down"])
async def test_memory_is_flat_at_64_megabytes(direction: str) -> None:
    size = 64_000_000
    piece = bytes(64 * 1024)

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        for start in range(0, size, len(piece)):
            yield piece[: size - start]

    async def handler(request: HttpRequest) -> HttpResponse:
        if direction == "down":
            return HttpResponse(200, [], BodyStream(size, pieces()))
        return HttpResponse(200, [], b"%d" % sum([len(part) async for part in request.body]))

    async with serving(handler) as served, served.client() as client:
        tracemalloc.start()
        try:
            if direction == "up":
                await client.send(put(size))
                for start in range(0, size, len(piece)):
                    await client.send(piece[: size - start])
                assert (await client.reply()).body == b"%d" % size
            else:
                await client.send(GET)
                assert (await client.head()).status == 200
                left = size
                while left:
                    left -= len(await client.reader.read(1 << 20))
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()
