"""The client that calls a stack in its own process."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import PIECE_SIZE, read_body
from cyfs_edge.cli.local import LocalClient, MemoryBody
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.message import BodyFile, BodyStream, HttpRequest, HttpResponse


class SmallStack:
    """A stack whose administration API answers by path, with every form of body there is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.closed_files = 0
        self.closed = False
        self.ticks = 0
        self.ticker = asyncio.get_running_loop().create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            self.ticks += 1
            await asyncio.sleep(0)

    @property
    def control(self) -> SmallStack:
        return self

    async def handle(self, request: HttpRequest) -> HttpResponse:
        if request.target == "/echo":
            head = [("x-dec", request.headers.get("cyfs-dec-id") or "-")]
            return HttpResponse(200, head, await request.body.read(1 << 20))
        if request.target == "/ticks":
            return HttpResponse(200, [], str(self.ticks).encode())
        if request.target == "/file":
            return HttpResponse(200, [], self._part(10, 3_000_010))
        if request.target == "/truncated":
            return HttpResponse(200, [], self._part(0, 5_000_000))
        if request.target == "/stream":
            return HttpResponse(200, [], BodyStream(3_000_006, self._pieces()))
        return HttpResponse(200, [], BodyStream(3_000_007, self._pieces()))

    async def _pieces(self) -> AsyncIterator[bytes | BodyFile]:
        yield b"abc"
        await asyncio.sleep(0)
        yield self._part(10, 3_000_010)
        yield b"xyz"

    def _part(self, start: int, end: int) -> BodyFile:
        fd = os.open(self.file, os.O_RDONLY)

        def close() -> None:
            os.close(fd)
            self.closed_files += 1

        return BodyFile(fd, start, end, close)

    async def close(self) -> None:
        self.ticker.cancel()
        self.closed = True


CONTENT = os.urandom(4_000_000)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[tuple[LocalClient, SmallStack]]:
    (tmp_path / "content").write_bytes(CONTENT)
    made: list[SmallStack] = []

    async def build(config: Config) -> SmallStack:
        made.append(SmallStack(tmp_path / config.root))
        return made[0]

    client = LocalClient(Config("content"), build)
    yield client, made[0]
    client.close()
    assert made[0].closed


Parts = tuple[LocalClient, SmallStack]


def test_a_request_reaches_the_stack_and_its_answer_comes_back(parts: Parts) -> None:
    client, _ = parts
    answer = client.request("PUT", "/echo", {"Cyfs-Dec-Id": "x"}, b"data")
    assert (answer.status, answer.headers.get("x-dec"), read_body(answer, 10)) == (200, "x", b"data")
    assert read_body(client.request("GET", "/echo"), 10) == b""


def test_the_stack_goes_on_between_two_requests(parts: Parts) -> None:
    client, _ = parts
    seen: set[bytes] = set()
    while len(seen) < 3:
        seen.add(read_body(client.request("GET", "/ticks"), 100))


def test_file_and_stream_bodies_come_in_pieces_and_files_are_closed(parts: Parts) -> None:
    client, stack = parts
    pieces = list(client.request("GET", "/file").pieces())
    assert b"".join(pieces) == CONTENT[10:3_000_010]
    assert max(len(piece) for piece in pieces) <= PIECE_SIZE
    assert b"".join(client.request("GET", "/stream").pieces()) == b"abc" + CONTENT[10:3_000_010] + b"xyz"
    assert stack.closed_files == 2


def test_a_body_that_is_not_wanted_is_closed(parts: Parts) -> None:
    client, stack = parts
    client.request("GET", "/file").close()
    assert stack.closed_files == 1
    with pytest.raises(CyfsError):
        read_body(client.request("GET", "/file"), 100)
    assert stack.closed_files == 2


@pytest.mark.parametrize("path", ["/truncated", "/stream-short"])
def test_a_body_that_ends_early_is_an_error(parts: Parts, path: str) -> None:
    with pytest.raises(CyfsError, match="bytes early"):
        read_body(parts[0].request("GET", path), 10_000_000)


def test_a_stack_that_cannot_be_built_leaves_no_thread() -> None:
    async def build(config: Config) -> SmallStack:
        raise CyfsError(ErrorCode.IO_ERROR, "damaged")

    before = threading.active_count()
    with pytest.raises(CyfsError, match="damaged"):
        LocalClient(Config("/r"), build)
    assert threading.active_count() == before


def test_an_interrupted_call_is_cancelled(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = parts
    started, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupted(self: object, timeout: float | None = None) -> None:
        assert started.wait(5)
        raise KeyboardInterrupt

    with monkeypatch.context() as here:
        here.setattr("concurrent.futures.Future.result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.call(wait())
    assert cancelled.wait(5)


async def test_a_body_in_memory_is_bounded_and_iterable() -> None:
    body = MemoryBody(b"data")
    assert body.length == 4
    assert await body.read(4) == b"data"
    assert [piece async for piece in body] == [b"data"]
    assert [piece async for piece in MemoryBody(b"")] == []
    with pytest.raises(CyfsError) as caught:
        await body.read(3)
    assert caught.value.context["status"] == 413
