"""HTTP/1.1 to a server of this machine, on asyncio streams: connections kept and used again, bodies streamed
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
from typing import Self

from cyfs_edge.base.errors import CyfsError, ErrorCode
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
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = await asyncio.open_connection(self._host, self._port, limit=HEAD_MAX)
        except TimeoutError:
            raise CyfsError(ErrorCode.TIMEOUT, f"no connection to {self.authority} in time") from None
        except OSError as error:
            text = f"no connection to {self.authority}: {error}; is the server running?"
            raise CyfsError(ErrorCode.CONNECT_FAILED, text) from None
        return _Connection(self.authority, reader, writer, self._timeout)

    def _keep(self, connection: _Connection) -> None:
        if self._closed or len(self._kept) >= self._kept_max:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._kept.append(connection)


class _Connection:
    __slots__ = ("_reader", "_timeout", "_writer", "idle_since", "peer", "sent")

    def __init__(self, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float) -> None:
        self.peer = peer
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self.idle_since = 0.0
        self.sent = True
        """The last request has gone out whole."""

    def usable(self, now: float) -> bool:
        return now - self.idle_since < IDLE_MAX and not self._reader.at_eof() and not self._writer.is_closing()

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
        # The server may have answered before it has read all: its reply tells why.
        with contextlib.suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def _read_head(self) -> ReplyHead:
        """Interim replies are passed over."""
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    data = await self._reader.readuntil(b"\r\n\r\n")
            except TimeoutError:
                raise self._late() from None
            except asyncio.LimitOverrunError:
                raise CyfsError(ErrorCode.INVALID_DATA, f"the head of {self.peer}'s reply is too long") from None
            except (asyncio.IncompleteReadError, OSError):
                raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"{self.peer} closed the connection") from None
            head = parse_reply_head(data)
            if head.status >= 200:
                return head

    async def read(self, most: int) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._reader.read(most)
        except TimeoutError:
            raise self._late() from None
        except OSError:
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"{self.peer} broke off its reply") from None

    def close(self) -> None:
        self._writer.transport.abort()

    def _late(self) -> CyfsError:
        return CyfsError(ErrorCode.TIMEOUT, f"nothing from {self.peer} for {self._timeout:g} s")
