"""The HTTP client against real sockets: connections kept and given up, streams, bodies that nobody wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_client import READ_HIGH, HttpClient
from tests.unit.net.loops import both_loops, until

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Sends the next of ``replies`` for each head that comes; an empty one ends the connection."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)
        self.connections = 0
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                reply = self.replies.pop(0)
                if not reply:
                    break
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()
        self.ended += 1


@asynccontextmanager
async def talking(server: Server, *, timeout: float = 10, kept: int = 8) -> AsyncIterator[HttpClient]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    client = HttpClient("127.0.0.1", listener.sockets[0].getsockname()[1], timeout=timeout, kept=kept)
    try:
        yield client
    finally:
        client.close()
        listener.close()
        await listener.wait_closed()
        await until(lambda: server.ended == server.connections)


async def get(client: HttpClient) -> bytes:
    return (await client.send("GET", "/", [])).body


@both_loops
async def test_a_connection_is_used_again() -> None:
    server = Server(OK, OK, OK)
    async with talking(server) as client:
        assert [await get(client) for _ in range(3)] == [b"ok"] * 3
        assert server.connections == 1


@both_loops
@pytest.mark.parametrize(
    "last",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        OK + b"more than was announced",
    ],
)
async def test_a_connection_that_serves_no_more_is_not(last: bytes) -> None:
    server = Server(last, OK)
    async with talking(server) as client:
        assert await get(client) == b"ok"
        assert await get(client) == b"ok"
        assert server.connections == 2


@both_loops
async def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used() -> None:
    server = Server(OK)
    server.replies.append(b"")
    async with talking(server) as client:
        await get(client)
        with pytest.raises(CyfsError) as caught:
            await get(client)
        assert caught.value.code == ErrorCode.CONNECTION_ABORTED
        server.replies += [OK]
        assert await get(client) == b"ok"


@both_loops
async def test_no_more_than_some_are_kept() -> None:
    server = Server(*[OK] * 4)
    async with talking(server, kept=1) as client:
        await asyncio.gather(*(get(client) for _ in range(3)))
        assert server.connections == 3
        await until(lambda: server.ended == 2)
        await get(client)
        assert server.connections == 3


@both_loops
async def test_a_stream_that_is_left_early_ends_its_connection() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + bytes(1000), OK)
    async with talking(server) as client:
        async with client.stream("GET", "/", []) as reply:
            async for piece in reply:
                assert piece
                break
            assert not reply.finished
        assert await get(client) == b"ok"
        assert server.connections == 2


@both_loops
async def test_a_slow_reader_slows_the_server_down() -> None:
    """No more of a long body waits in memory than a little above the mark."""
    size = 20 * READ_HIGH
    server = Server(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size))
    async with talking(server) as client, client.stream("GET", "/", []) as reply:
        most = total = 0
        async for piece in reply:
            total += len(piece)
            await asyncio.sleep(0)
            most = max(most, len(reply._connection._data))
        assert total == size
        assert most <= 3 * READ_HIGH


@both_loops
async def test_a_refusal_is_read_though_the_body_was_not() -> None:
    """The server answers the head and goes, without having read what follows."""
    refusal = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge"
    server = Server(refusal, b"")
    async with talking(server) as client:
        reply = await client.send("PUT", "/", [], b"GET\r\n\r\n" * 3_000_000)
        assert (reply.status, reply.body) == (413, b"large")


@both_loops
async def test_nothing_comes() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    client = HttpClient("127.0.0.1", listener.sockets[0].getsockname()[1], timeout=0.05)
    with pytest.raises(CyfsError) as caught:
        await get(client)
    assert caught.value.code == ErrorCode.TIMEOUT
    listener.close()
    await listener.wait_closed()
    await until(lambda: len(asyncio.all_tasks()) == 1)


@both_loops
@pytest.mark.parametrize(
    ("target", "headers"),
    [("/a b", []), ("/\r\nx: y", []), ("/ä", []), ("/", [("x", "a\r\nb")]), ("/", [("x", "ä")]), ("/", [("x\n", "a")])],
)
async def test_what_would_break_out_of_its_line_is_refused(target: str, headers: list[tuple[str, str]]) -> None:
    with pytest.raises(CyfsError) as caught:
        await HttpClient("127.0.0.1", 1).send("GET", target, headers)
    assert caught.value.code == ErrorCode.INVALID_PARAM
