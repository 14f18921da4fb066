"""Calls of HTTP routines against real sockets: good and bad replies, limits, time (websocket.md §5.4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_routines import HttpRoutines
from cyfs_edge.wire.handler import RoutineUrl
from cyfs_edge.wire.http_head import HEAD_MAX
from tests.unit.net.loops import both_loops

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def answering(reply: bytes, *, stay: bool = False) -> AsyncIterator[tuple[RoutineUrl, list[bytes]]]:
    """A server that reads one request with a 5-byte body and sends ``reply``. ``stay``: it keeps the connection."""
    requests: list[bytes] = []
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5))
        writer.write(reply)
        if stay:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield RoutineUrl("127.0.0.1", server.sockets[0].getsockname()[1], "/base/"), requests
    finally:
        done.set()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)


async def refused(reply: bytes, **limits: int) -> int:
    async with answering(reply) as (url, _):
        with pytest.raises(CyfsError) as caught:
            await HttpRoutines(**limits).post(url, "/base/x/", b"12345")
    return caught.value.code


@both_loops
@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (OK + b"content-length: 3\r\n\r\nabc", 200, b"abc"),
        (OK + b"Content-Length:0\r\n\r\n", 200, b""),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 3\r\n\r\nabc", 200, b"abc"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno", 404, b"no"),
        (b"HTTP/1.1 204\r\n\r\n", 204, b""),
    ],
)
async def test_replies_are_read_to_their_end_and_not_further(reply: bytes, status: int, body: bytes) -> None:
    """Also from servers that keep the connection open."""
    async with answering(reply, stay=True) as (url, requests):
        assert await HttpRoutines().post(url, "/base/x/", b"12345") == (status, body)
    head, _, sent = requests[0].partition(b"\r\n\r\n")
    assert sent == b"12345"
    assert head.split(b"\r\n") == [
        b"POST /base/x/ HTTP/1.1",
        f"host: {url.authority}".encode(),
        b"content-type: text/plain;charset=utf-8",
        b"content-length: 5",
    ]


@both_loops
async def test_a_reply_without_length_ends_with_the_connection() -> None:
    async with answering(b"HTTP/1.0 200 OK\r\n\r\nabc") as (url, _):
        assert await HttpRoutines().post(url, "/", b"12345") == (200, b"abc")


@both_loops
@pytest.mark.parametrize(
    "reply",
    [
        b"junk\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"content-length: x\r\n\r\n",
        OK + b"content-length: -1\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        OK + b"x: " + b"a" * HEAD_MAX + b"\r\n\r\n",
    ],
)
async def test_what_is_no_reply_is_told(reply: bytes) -> None:
    assert await refused(reply) == ErrorCode.INVALID_DATA


@both_loops
@pytest.mark.parametrize(
    "reply",
    [
        b"",
        OK,
        OK + b"content-length: 9\r\n\r\nabc",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
    ],
)
async def test_a_reply_that_breaks_off_is_told(reply: bytes) -> None:
    assert await refused(reply) == ErrorCode.CONNECTION_ABORTED


@both_loops
@pytest.mark.parametrize(
    "reply",
    [
        OK + b"content-length: 11\r\n\r\n" + bytes(11),
        OK + b"\r\n" + bytes(11),
        OK + b"transfer-encoding: chunked\r\n\r\nb\r\n" + bytes(11) + b"\r\n0\r\n\r\n",
    ],
)
async def test_a_reply_beyond_the_limit_is_refused(reply: bytes) -> None:
    assert await refused(reply, body_max=10) == ErrorCode.OUT_OF_LIMIT


@both_loops
async def test_a_server_that_says_nothing() -> None:
    async with answering(b"", stay=True) as (url, _):
        with pytest.raises(CyfsError) as caught:
            await HttpRoutines(timeout=0.05).post(url, "/", b"12345")
    assert caught.value.code == ErrorCode.TIMEOUT


@both_loops
async def test_nobody_listens() -> None:
    async with answering(b"") as (url, _):
        pass
    with pytest.raises(CyfsError) as caught:
        await HttpRoutines().post(url, "/", b"12345")
    assert caught.value.code == ErrorCode.CONNECT_FAILED
