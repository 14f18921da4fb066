"""Request bodies as a handler sees them: in pieces while they arrive, with bounded buffering."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from math import inf

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.http_chunked import ChunkedDecoder


def body_too_large(limit: int) -> CyfsError:
    """The error of ``Body.read``."""
    return CyfsError(ErrorCode.OUT_OF_LIMIT, f"the request body is larger than {limit} bytes", status=413)


class WholeBody:
    """A body that is all there."""

    __slots__ = ("_data", "length")

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self._data = data

    async def read(self, limit: int) -> bytes:
        if self.length > limit:
            raise body_too_large(limit)
        data, self._data = self._data, b""
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._data:
            data, self._data = self._data, b""
            yield data


class StreamBody:
    """A body on its way: a connection feeds it what arrives, one handler reads it.

    ``length``: bytes announced, or ``None`` for a chunked body. ``on_read`` is called when the handler waits for more
    or has taken some, so that the connection can go on reading its socket.
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_on_read",
        "_pieces",
        "_received",
        "_waiter",
        "_window_end",
        "_window_start",
        "buffered",
        "ended",
        "left",
        "length",
    )

    def __init__(self, length: int | None, on_read: Callable[[], None]) -> None:
        self.length = length
        self.left = length or 0
        """Announced bytes that have not come; 0 for a chunked body."""
        self.buffered = 0
        """Bytes that came and were not read."""
        self.ended = False
        """No more will come: the body is complete, or broken off."""
        self._chunks = ChunkedDecoder() if length is None else None
        self._pieces: deque[bytes] = deque()
        self._on_read = on_read
        self._waiter: asyncio.Future[None] | None = None
        self._error: CyfsError | None = None
        self._received = 0
        self._window_end = inf
        self._window_start = 0

    # The connection's side.

    @property
    def broken(self) -> bool:
        """Whether reading it fails."""
        return self._error is not None

    def receive(self, data: bytes) -> bytes:
        """Take the part of ``data`` that belongs to the body; what is behind its end comes back."""
        rest = b""
        if self._chunks is None:
            if len(data) > self.left:
                data, rest = data[: self.left], data[self.left :]
            self.left -= len(data)
            self.ended = not self.left
        else:
            try:
                data = self._chunks.feed(data)
            except CyfsError as error:
                self.fail(error)
                return b""
            self.ended = self._chunks.finished
            rest = self._chunks.rest
        if data:
            self._pieces.append(data)
            self.buffered += len(data)
            self._received += len(data)
        self._wake()
        return rest

    def end(self) -> None:
        """The client has closed its side. As in the reference, what arrived is the body then.

        A chunked body tells its end itself: without it nobody knows what is missing, so that one is broken off.
        """
        if self._error is None and self._chunks is not None and not self._chunks.finished:
            self._error = CyfsError(ErrorCode.UNEXPECTED_EOF, "the chunked body ends early", status=400)
        self.ended = True
        self._wake()

    def fail(self, error: CyfsError) -> None:
        """The rest cannot be had; the handler's next read beyond what arrived raises ``error``."""
        self._error = error
        self.end()

    def check_pace(self, now: float, window: float, minimum: int) -> None:
        """To be called every second or so: while the handler waits for bytes, ``minimum`` of them must come in every
        ``window`` seconds; else its read fails with ``TIMEOUT``.
        """
        if self._waiter is None:
            self._window_end = inf
        elif self._window_end == inf or self._received - self._window_start >= minimum:
            self._window_end = now + window
            self._window_start = self._received
        elif now >= self._window_end:
            text = f"less than {minimum} bytes of the request body came in {window:g} s"
            self.fail(CyfsError(ErrorCode.TIMEOUT, text, status=408))

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # The handler's side.

    async def read(self, limit: int) -> bytes:
        if self.length is not None and self.length > limit:
            raise body_too_large(limit)
        pieces = []
        size = 0
        while piece := await self._next():
            size += len(piece)
            if size > limit:
                raise body_too_large(limit)
            pieces.append(piece)
        return b"".join(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._next():
            yield piece

    async def discard(self, limit: int) -> bool:
        """Drop what is left, if that is at most ``limit`` bytes; whether it was."""
        while piece := await self._next():
            limit -= len(piece)
            if limit < 0:
                return False
        return True

    async def _next(self) -> bytes:
        """The next piece; empty at the end."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.ended:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            self._on_read()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._pieces.popleft()
        self.buffered -= len(piece)
        self._on_read()
        return piece


EMPTY_BODY = WholeBody(b"")
