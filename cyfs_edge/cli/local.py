"""The client that has no gateway: builds the stack in this process, under the store's lock, and calls it directly."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.client import PIECE_SIZE, Client, Response
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.message import (
    BodyFile,
    BodyStream,
    Headers,
    HttpRequest,
    HttpResponse,
    Peer,
)

T = TypeVar("T")


class LocalControl(Protocol):
    """The administration API of a stack, and all of its protocol API."""

    async def handle(self, request: HttpRequest) -> HttpResponse: ...


class LocalStack(Protocol):
    """What is used of a stack."""

    @property
    def control(self) -> LocalControl: ...

    async def close(self) -> None: ...


class LocalClient:
    """Runs the stack on a loop of its own thread, so that its jobs go on between two requests."""

    gateway = False

    def __init__(self, config: Config, build: Callable[[Config], Awaitable[LocalStack]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cyfs-stack", daemon=True)
        self._thread.start()
        try:
            self._stack = self.call(_awaited(build(config)))
        except BaseException:
            self._stop_loop()
            raise

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of ``coroutine`` run on the stack's loop; it is cancelled when the caller is interrupted."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def request(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        lines = [("host", "localhost"), ("content-length", str(len(body)))]
        lines += [(name.lower(), value) for name, value in (headers or {}).items()]
        request = HttpRequest(method, target, Headers(lines), MemoryBody(body), Peer("local", uid=os.geteuid()))
        return _LocalResponse(self, self.call(self._stack.control.handle(request)))

    def sibling(self) -> Client:
        return _Sibling(self)

    def close(self) -> None:
        try:
            self.call(self._stack.close())
        finally:
            self._stop_loop()

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Sibling:
    """Requests of another thread; the loop serves them all."""

    gateway = False

    def __init__(self, client: LocalClient) -> None:
        self.request = client.request
        self.sibling = client.sibling

    def close(self) -> None:
        """What it uses is the other's."""


class MemoryBody:
    """A request body that is here already."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def length(self) -> int:
        return len(self._data)

    async def read(self, limit: int) -> bytes:
        if len(self._data) > limit:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a body of {len(self._data)} bytes, at most {limit}", status=413)
        return self._data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._data:
            yield self._data


class _LocalResponse:
    def __init__(self, client: LocalClient, answer: HttpResponse) -> None:
        self.status = answer.status
        self.headers = Headers(answer.headers)
        self._client = client
        self._body: bytes | BodyFile | BodyStream | None = answer.body

    def pieces(self) -> Iterator[bytes]:
        body, self._body = self._body, None
        if isinstance(body, bytes):
            for start in range(0, len(body), PIECE_SIZE):
                yield body[start : start + PIECE_SIZE]
        elif isinstance(body, BodyFile):
            yield from _file_pieces(body)
        elif body is not None:
            yield from self._stream_pieces(body)

    def _stream_pieces(self, body: BodyStream) -> Iterator[bytes]:
        left = body.length
        while (piece := self._client.call(_next(body.pieces))) is not None:
            for part in (piece,) if isinstance(piece, bytes) else _file_pieces(piece):
                left -= len(part)
                yield part
        if left:
            raise CyfsError(ErrorCode.ABORTED, f"the answer ended {left} bytes early")

    def close(self) -> None:
        body, self._body = self._body, None
        if isinstance(body, BodyFile):
            body.close()


def _file_pieces(file: BodyFile) -> Iterator[bytes]:
    position = file.start
    try:
        while position < file.end:
            piece = os.pread(file.fd, min(PIECE_SIZE, file.end - position), position)
            if not piece:
                raise CyfsError(ErrorCode.UNEXPECTED_EOF, f"a file of the store ends {file.end - position} bytes early")
            position += len(piece)
            yield piece
    finally:
        file.close()


async def _next(pieces: AsyncIterator[bytes | BodyFile]) -> bytes | BodyFile | None:
    return await anext(pieces, None)


async def _awaited(value: Awaitable[T]) -> T:
    return await value
