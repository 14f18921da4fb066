"""HTTP/1.1 to a server of this machine: connections kept and used again, bodies streamed
(docs/protocol/http-api.md §1).

aiohttp's client takes 0.1 s and 14 MB to import on a desktop, for redirects, cookies, proxies and TLS that nobody needs
here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self, cast

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.outlet import Outlet
from cyfs_edge.wire.http_chunked import ChunkedDecoder
from cyfs_edge.wire.http_head import HEAD_MAX, encode_request_head
from cyfs_edge.wire.http_reply import ReplyHead, parse_reply_head
from cyfs_edge.wire.message import Headers

PIECE = 64 * 1024
BODY_MAX = 64 * 1024 * 1024
"""Longest reply that is read whole, in bytes, unless the call says otherwise; longer ones are streamed."""
TIMEOUT = 300.0
"""Seconds that a reply may take to begin, and each further piece of it to come."""
IDLE_MAX = 20.0
"""Seconds that a connection is kept for the next request; a gateway closes idle ones after 60."""
READ_HIGH = 256 * 1024
"""Bytes of a reply that wait to be read above which no more is taken from the socket."""
KEPT_MAX = 8
"""Connections that are kept; more may be open at a time."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    headers: Headers
    body: bytes


class HttpStream:
    """A reply whose body is read once, in pieces, as it comes."""

    __slots__ = ("_chunks", "_connection", "_left", "headers", "status")

    def __init__(self, connection: _Connection, head: ReplyHead) -> None:
        self._connection = connection
        self._chunks = ChunkedDecoder() if head.chunked else None
        self._left = head.length
        self.status = head.status
        self.headers = head.headers

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self.finished:
            piece = await self._connection.read(PIECE if self._left is None else min(PIECE, self._left))
            if not piece:
                if self._left is None and self._chunks is None:
                    break  # a body that goes on until the connection closes
                raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"{self._connection.peer} broke off its reply")
            if self._left is not None:
                self._left -= len(piece)
            elif self._chunks is not None:
                piece = self._chunks.feed(piece)
            if piece:
                return piece
        raise StopAsyncIteration

    @property
    def finished(self) -> bool:
        """All of the body has been read."""
        return self._left == 0 or (self._chunks is not None and self._chunks.finished)

    async def read(self, limit: int = BODY_MAX) -> bytes:
        """The whole body; ``OUT_OF_LIMIT`` beyond ``limit`` bytes, at once where its length is known."""
        body = bytearray()
        if self._left is not None and self._left > limit:
            raise self._too_long(limit)
        async for piece in self:
            body += piece
            if len(body) > limit:
                raise self._too_long(limit)
        return bytes(body)

    def _too_long(self, limit: int) -> CyfsError:
        return CyfsError(ErrorCode.OUT_OF_LIMIT, f"the reply of {self._connection.peer} has more than {limit} bytes")


class HttpClient:
    """Requests to one server. ``timeout``: seconds, see :data:`TIMEOUT`; ``kept``: see :data:`KEPT_MAX`."""

    __slots__ = ("_closed", "_host", "_kept", "_kept_max", "_port", "_timeout")

    def __init__(self, host: str, port: int, *, timeout: float = TIMEOUT, kept: int = KEPT_MAX) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout
        self._kept_max = kept
        self._kept: list[_Connection] = []
        self._closed = False

    @property
    def authority(self) -> str:
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def send(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | None = None,
        limit: int = BODY_MAX,
    ) -> HttpReply:
        """One request and its whole reply of at most ``limit`` bytes, whatever its status."""
        async with self.stream(method, target, headers, body) as reply:
            return HttpReply(reply.status, reply.headers, await reply.read(limit))

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes | None = None
    ) -> AsyncIterator[HttpStream]:
        """One request; its reply is read inside the block. ``body`` ``None``: no content-length.

        ``CONNECT_FAILED`` when there is nobody, ``CONNECTION_ABORTED`` when the connection ends too early (what was
        asked may have happened), ``TIMEOUT`` when nothing comes, ``INVALID_DATA`` for what is no reply.
        """
        length = [] if body is None else [("content-length", str(len(body)))]
        request = encode_request_head(method, target, [("host", self.authority), *headers, *length])
        connection = await self._connection()
        keep = False
        try:
            head = await connection.exchange(request + (body or b""))
            reply = HttpStream(connection, head)
            yield reply
            keep = head.keep_alive and reply.finished and connection.sent
        finally:
            if keep:
                self._keep(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Closes what is kept; requests under way still end."""
        self._closed = True
        while self._kept:
            self._kept.pop().close()

    async def _connection(self) -> _Connection:
        now = asyncio.get_running_loop().time()
        while self._kept:
            connection = self._kept.pop()
            if connection.usable(now):
                return connection
            connection.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self.authority, self._timeout), self._host, self._port
                )
        except TimeoutError:
            raise CyfsError(ErrorCode.TIMEOUT, f"no connection to {self.authority} in time") from None
        except OSError as error:
            text = f"no connection to {self.authority}: {error}; is the server running?"
            raise CyfsError(ErrorCode.CONNECT_FAILED, text) from None
        return connection

    def _keep(self, connection: _Connection) -> None:
        if self._closed or len(self._kept) >= self._kept_max:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._kept.append(connection)


class _Connection(asyncio.Protocol):
    """What came before the end of a connection is read before the end is told: a server that refuses a body answers,
    and goes while the rest of the body is on its way.
    """

    __slots__ = ("_data", "_ended", "_outlet", "_reading_paused", "_timeout", "_waiter", "idle_since", "peer", "sent")

    def __init__(self, peer: str, timeout: float) -> None:
        self.peer = peer
        self._timeout = timeout
        self._data = bytearray()
        self._ended = False
        self._reading_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self.idle_since = 0.0
        self.sent = True
        """The last request has gone out whole."""

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._outlet = Outlet(cast("asyncio.Transport", transport), asyncio.get_running_loop().time())

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > READ_HIGH and not self._reading_paused:
            self._reading_paused = True
            self._outlet.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._outlet.lost()
        self._wake()

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Called by the client.

    def usable(self, now: float) -> bool:
        """Bytes that nobody has asked for make it as bad as its end."""
        return now - self.idle_since < IDLE_MAX and not self._ended and not self._data

    async def exchange(self, request: bytes) -> ReplyHead:
        """Sends ``request`` and reads the head of its reply, which may come before all of it is sent."""
        self.sent = False
        sending = asyncio.ensure_future(self._write(request))
        try:
            head = await self._read_head()
            self.sent = sending.done()
            return head
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _write(self, data: bytes) -> None:
        with contextlib.suppress(CyfsError):  # its reply, or the lack of one, tells what happened
            await self._outlet.send(data)

    async def _read_head(self) -> ReplyHead:
        """Interim replies are passed over."""
        while True:
            seen = 0
            while (end := self._data.find(b"\r\n\r\n", seen, HEAD_MAX)) < 0:
                seen = max(0, len(self._data) - 3)
                if len(self._data) >= HEAD_MAX:
                    raise CyfsError(ErrorCode.INVALID_DATA, f"the head of {self.peer}'s reply is too long")
                if not await self._more():
                    raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"{self.peer} closed the connection")
            head = parse_reply_head(self._take(end + 4))
            if head.status >= 200:
                return head

    async def read(self, most: int) -> bytes:
        """Up to ``most`` bytes; none at the end of the connection."""
        if not self._data:
            await self._more()
        return self._take(most)

    def _take(self, most: int) -> bytes:
        piece = bytes(self._data[:most])
        del self._data[:most]
        if self._reading_paused and len(self._data) <= READ_HIGH // 2:
            self._reading_paused = False
            self._outlet.transport.resume_reading()
        return piece

    async def _more(self) -> bool:
        """Waits for data; false when none will come. ``TIMEOUT``."""
        if self._ended:
            return False
        size = len(self._data)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout):
                await self._waiter
        except TimeoutError:
            text = f"nothing from {self.peer} for {self._timeout:g} s"
            raise CyfsError(ErrorCode.TIMEOUT, text) from None
        finally:
            self._waiter = None
        return len(self._data) > size

    def close(self) -> None:
        self._outlet.transport.abort()
