"""The contract of ``cyfs_edge/wire/message.py``, held by the real server on both loops and by the one in memory."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.message import BodyFile, BodyStream, HttpHandler, HttpRequest, HttpResponse
from tests.memory_server import BrokenReply, MemoryServer
from tests.unit.net.http_client import Reply, serving
from tests.unit.net.loops import LOOPS

Ask = Callable[..., Awaitable[Any]]
"""``ask(method, target, headers=(), body=b"")`` gives a reply; a body in a list is sent chunked."""


async def over_the_network(handler: HttpHandler, test: Callable[[Ask], Awaitable[None]]) -> None:
    async with serving(handler) as served:

        async def ask(method: str, target: str, headers: Any = (), body: bytes | list[bytes] = b"") -> Reply:
            lines = [f"{method} {target} HTTP/1.1", "Host: x", *[f"{name}: {value}" for name, value in headers]]
            if isinstance(body, list):
                lines.append("Transfer-Encoding: chunked")
                data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*body, b""])
            else:
                lines.append(f"Content-Length: {len(body)}")
                data = body
            async with served.client() as client:
                await client.send("\r\n".join([*lines, "", ""]).encode() + data)
                try:
                    reply = await client.reply(head_only=method == "HEAD")
                except (asyncio.IncompleteReadError, ConnectionError) as error:
                    raise BrokenReply from error
                if method == "HEAD":
                    client.half_close()
                    reply.body = await client.closed()
            reply.headers = [item for item in reply.headers if item[0] != "date"]
            return reply

        await test(ask)


async def in_memory(handler: HttpHandler, test: Callable[[Ask], Awaitable[None]]) -> None:
    await test(MemoryServer(handler).request)


@pytest.fixture(params=["memory", *LOOPS])
def serve(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``serve(handler, test)`` runs ``await test(ask)`` against the handler."""

    def serve(handler: HttpHandler, test: Callable[[Ask], Awaitable[None]]) -> None:
        async def run() -> None:
            async with asyncio.timeout(30):
                await (in_memory if request.param == "memory" else over_the_network)(handler, test)

        with asyncio.Runner(loop_factory=LOOPS.get(request.param)) as runner:
            runner.run(run())

    return serve


Serve = Callable[[HttpHandler, Callable[[Ask], Awaitable[None]]], None]


class CountedFile:
    """A file to reply with, and how often it was closed."""

    def __init__(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.fd = os.open(path, os.O_RDONLY)
        self.closed = 0

    def body(self, start: int, end: int) -> BodyFile:
        return BodyFile(self.fd, start, end, self.close)

    def close(self) -> None:
        self.closed += 1
        if self.closed == 1:
            os.close(self.fd)


def test_the_request_as_it_was_sent(serve: Serve) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        seen = [request.method, request.target, request.headers.get_all("x-a"), request.headers.get("x-a")]
        assert request.peer.listener == "http-local"
        assert request.body.length == 3
        return HttpResponse(200, [], json.dumps([*seen, (await request.body.read(10)).decode()]).encode())

    async def test(ask: Ask) -> None:
        reply = await ask("PUT", "/a%20b?c=d", [("X-A", "1"), ("x-a", "2")], b"abc")
        assert json.loads(reply.body) == ["PUT", "/a%20b?c=d", ["1", "2"], "2", "abc"]

    serve(handler, test)


def test_the_reply_as_it_was_given(serve: Serve) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(206, [("x-b", "1"), ("content-type", "text/plain"), ("a-a", "2"), ("x-b", "0")], b"body")

    async def test(ask: Ask) -> None:
        reply = await ask("GET", "/")
        assert (reply.status, reply.body) == (206, b"body")
        names = ["a-a", "content-length", "content-type", "x-b", "x-b"]
        assert [name for name, _ in reply.headers] == names
        assert reply.header("content-length") == "4"

    serve(handler, test)


def test_no_body_is_an_empty_body(serve: Serve) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        assert request.body.length == 0
        assert [piece async for piece in request.body] == []
        return HttpResponse(200, [], b"[%b]" % await request.body.read(10))

    async def test(ask: Ask) -> None:
        assert (await ask("PUT", "/")).body == b"[]"

    serve(handler, test)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_in_pieces(serve: Serve, chunked: bool) -> None:
    data = os.urandom(300_000)

    async def handler(request: HttpRequest) -> HttpResponse:
        assert request.body.length == (None if chunked else len(data))
        return HttpResponse(200, [], b"".join([piece async for piece in request.body]))

    async def test(ask: Ask) -> None:
        body = [data[:5], data[5:100_000], data[100_000:]] if chunked else data
        assert (await ask("PUT", "/", body=body)).body == data

    serve(handler, test)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_of_its_reader_is_413(serve: Serve, chunked: bool) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], await request.body.read(4))

    async def test(ask: Ask) -> None:
        assert (await ask("PUT", "/", body=[b"abc", b"d"] if chunked else b"abcd")).body == b"abcd"
        reply = await ask("PUT", "/", body=[b"abc", b"de"] if chunked else b"abcde")
        assert reply.status == 413
        assert json.loads(reply.body)["code"] == str(int(ErrorCode.OUT_OF_LIMIT))

    serve(handler, test)


def test_a_body_that_nobody_reads_is_no_harm(serve: Serve) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"done")

    async def test(ask: Ask) -> None:
        assert (await ask("PUT", "/", body=bytes(500_000))).body == b"done"

    serve(handler, test)


def test_an_error_of_the_protocol_becomes_its_json(serve: Serve) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        raise CyfsError(ErrorCode.NOT_FOUND, "no such thing")

    async def test(ask: Ask) -> None:
        reply = await ask("GET", "/")
        assert (reply.status, reply.header("content-type")) == (404, "application/json")
        assert reply.body == b'{"code":"4","msg":"no such thing"}'

    serve(handler, test)


def test_any_other_exception_is_a_500_that_tells_nothing(serve: Serve) -> None:
    async def handler(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError("the secret")

    async def test(ask: Ask) -> None:
        reply = await ask("GET", "/")
        assert reply.status == 500
        assert json.loads(reply.body)["code"] == str(int(ErrorCode.INTERNAL_ERROR))
        assert b"secret" not in reply.body
        assert b"Traceback" not in reply.body

    serve(handler, test)


def test_a_file_range_is_sent_and_closed_once(serve: Serve, tmp_path: Path) -> None:
    data = os.urandom(700_000)
    file = CountedFile(tmp_path / "file", data)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], file.body(10, 600_000))

    async def test(ask: Ask) -> None:
        reply = await ask("GET", "/")
        assert reply.body == data[10:600_000]
        assert reply.header("content-length") == "599990"

    serve(handler, test)
    assert file.closed == 1


def test_head_gives_the_length_without_the_body_and_closes_it(serve: Serve, tmp_path: Path) -> None:
    file = CountedFile(tmp_path / "file", b"0123456789")

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], b"12345" if request.target == "/bytes" else file.body(0, 10))

    async def test(ask: Ask) -> None:
        for target, length in (("/bytes", "5"), ("/file", "10")):
            reply = await ask("HEAD", target)
            assert (reply.header("content-length"), reply.body) == (length, b"")

    serve(handler, test)
    assert file.closed == 1


def test_a_stream_of_bytes_and_files(serve: Serve, tmp_path: Path) -> None:
    file = CountedFile(tmp_path / "file", b"0123456789")
    ended = []

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        try:
            yield b"abc"
            yield file.body(2, 5)
            yield b""
            yield b"def"
        finally:
            ended.append(True)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyStream(9, pieces()))

    async def test(ask: Ask) -> None:
        assert (await ask("GET", "/")).body == b"abc234def"

    serve(handler, test)
    assert file.closed == 1
    assert ended == [True]


@pytest.mark.parametrize("fault", ["raises", "too short", "too long"])
def test_a_stream_that_fails_breaks_the_reply(serve: Serve, tmp_path: Path, fault: str) -> None:
    ended = []
    file = CountedFile(tmp_path / "file", bytes(10))

    async def pieces() -> AsyncIterator[bytes | BodyFile]:
        try:
            yield b"abc"
            if fault == "raises":
                raise CyfsError(ErrorCode.IO_ERROR, "the disk is gone")
            yield file.body(0, 10 if fault == "too long" else 1)
        finally:
            ended.append(True)

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], BodyStream(9, pieces()))

    async def test(ask: Ask) -> None:
        with pytest.raises(BrokenReply):
            await ask("GET", "/")

    serve(handler, test)
    assert ended == [True]
    assert file.closed == (0 if fault == "raises" else 1)


def test_a_file_that_is_too_short_breaks_the_reply(serve: Serve, tmp_path: Path) -> None:
    file = CountedFile(tmp_path / "file", bytes(10))

    async def handler(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [], file.body(0, 20))

    async def test(ask: Ask) -> None:
        with pytest.raises(BrokenReply):
            await ask("GET", "/")

    serve(handler, test)
    assert file.closed == 1
