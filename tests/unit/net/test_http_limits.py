"""Every limit of the HTTP server (docs/limits.md). Times are made short; nothing here sleeps."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.net.outlet import WRITE_HIGH
from cyfs_edge.net.stream_server import REFUSED_MAX
from cyfs_edge.wire.message import BodyFile, BodyStream, HttpRequest, HttpResponse
from tests.unit.net.http_client import Client, Reply, quick, serving
from tests.unit.net.loops import both_loops

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SHORT = 0.05
NEVER = 1000.0


async def ok(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200)


async def read_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], await request.body.read(1 << 30))


def put(length: int) -> bytes:
    return b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length


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
        while served.server.connections > 1:
            await asyncio.sleep(0)
        async with served.client() as four:
            assert (await four.ask(GET)).status == 200


@both_loops
async def test_a_crowd_beyond_the_limit_is_dropped_without_a_word() -> None:
    async with serving(ok, quick(connections=0, linger=NEVER)) as served:
        told = 0
        crowd = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(REFUSED_MAX + 5)]
        for reader, writer in crowd:
            try:
                told += (await reader.read(12)) == b"HTTP/1.1 503"
            except ConnectionError:
                pass
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

        async def drip() -> None:
            while True:
                await client.send(b"\r\n")

        dripping = asyncio.ensure_future(drip())
        reply = await client.reply()
        dripping.cancel()
        await asyncio.wait([dripping])
        assert reply.status in (400, 408)


@both_loops
async def test_body_window() -> None:
    async with serving(read_all, quick(body_window=SHORT)) as served, served.client() as client:
        reply = await client.ask(put(10) + b"abc")
        assert (reply.status, code_of(reply)) == (408, ErrorCode.TIMEOUT)
        assert await client.closed() == b""


@both_loops
async def test_a_body_that_comes_in_drops_is_too_slow_too() -> None:
    limits = quick(body_window=SHORT, body_window_bytes=1 << 40)
    async with serving(read_all, limits) as served, served.client() as client:

        async def drip() -> None:
            await client.send(put(1 << 40))
            while True:
                await client.send(b"a" * 1000)

        dripping = asyncio.ensure_future(drip())
        reply = await client.reply()
        dripping.cancel()
        await asyncio.wait([dripping])
        assert (reply.status, code_of(reply)) == (408, ErrorCode.TIMEOUT)


@both_loops
async def test_a_body_that_comes_at_its_pace_may_take_long() -> None:
    """Ten windows pass; each brings one byte, which is enough."""
    clock = asyncio.get_running_loop().time
    async with serving(read_all, quick(body_window=SHORT, body_window_bytes=1)) as served, served.client() as client:
        begun = clock()
        await client.send(put(10))
        for number in range(10):
            while clock() < begun + number * SHORT / 2:
                await asyncio.sleep(0)
            await client.send(b"a")
        assert (await client.reply()).body == b"a" * 10


@both_loops
async def test_a_slow_handler_is_not_a_slow_sender() -> None:
    """The pace of a body is measured only while its reader waits for it."""
    clock = asyncio.get_running_loop().time

    async def handler(request: HttpRequest) -> HttpResponse:
        end = clock() + 4 * SHORT
        while clock() < end:
            await asyncio.sleep(0)
        return await read_all(request)

    async with serving(handler, quick(body_window=2 * SHORT)) as served, served.client() as client:
        await client.send(put(3) + b"ab")
        while clock() < asyncio.get_running_loop().time():
            await asyncio.sleep(0)
        await client.send(b"c")
        assert (await client.reply()).body == b"abc"


@both_loops
async def test_body_buffer() -> None:
    go_on = asyncio.Event()
    limits = quick(body_buffer=100_000)

    async def handler(request: HttpRequest) -> HttpResponse:
        await go_on.wait()
        return HttpResponse(200, [], b"%d" % len(await request.body.read(1 << 30)))

    async with serving(handler, limits) as served, served.client() as client:
        client.writer.write(put(20_000_000) + bytes(20_000_000))
        while not served.server.connections:
            await asyncio.sleep(0)
        (connection,) = served.server._connections
        while not connection._reading_paused:
            await asyncio.sleep(0)
        assert connection._body is not None
        # One read of the socket may go beyond the limit.
        assert 100_000 < connection._body.buffered <= 100_000 + 256 * 1024
        go_on.set()
        assert (await client.reply()).body == b"20000000"


@both_loops
async def test_unread_body() -> None:
    async with serving(ok, quick(unread_body=1000)) as served, served.client() as client:
        await client.send(put(1500) + b"a" * 500)
        reply = await client.reply()
        assert (reply.status, reply.header("connection")) == (200, None)
        await client.send(b"a" * 1000)
        assert (await client.ask(GET)).status == 200

        reply = await client.ask(put(1501) + b"a" * 500)
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
async def test_a_slow_taker_is_not_a_stalled_one() -> None:
    size = 8_000_000

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], bytes(size))

    limits = quick(send_stall=4 * SHORT)
    clock = asyncio.get_running_loop().time
    async with serving(handler, limits) as served, served.client() as client:
        begun = clock()
        await client.send(GET)
        assert (await client.head()).status == 200
        taken = 0
        while taken < size:
            taken += len(await client.reader.read(200_000))
            while taken < size and clock() < begun + 10 * SHORT * taken / size:
                await asyncio.sleep(0)
        assert clock() - begun > limits.send_stall


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
        while not served.server.connections:
            await asyncio.sleep(0)
        (connection,) = served.server._connections
        while not (made and connection._outlet.paused):
            await asyncio.sleep(0)
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
        while served.server.connections:
            await client.send(b"a")


@both_loops
async def test_what_is_dropped_while_lingering_is_bounded() -> None:
    async with serving(ok, quick(linger=NEVER)) as served, served.client() as client:
        assert (await client.ask(b"junk\r\n\r\n")).status == 400
        client.writer.write(bytes(8_000_000))
        while served.server.connections:
            await asyncio.sleep(0)


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
