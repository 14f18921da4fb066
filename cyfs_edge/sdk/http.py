"""HTTP/1.1 to the stack, on asyncio streams: connections kept and used again, bodies streamed
(docs/protocol/http-api.md §1).

aiohttp's client would take 0.3 s and 25 MB to import, for redirects, cookies, proxies and TLS that nobody needs here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode, normalize_code
from cyfs_edge.wire.errors import code_of_status
from cyfs_edge.wire.http_chunked import ChunkedDecoder
from cyfs_edge.wire.http_head import HEAD_MAX
from cyfs_edge.wire.json_values import number, optional_text, read_object
from cyfs_edge.wire.message import Headers

PIECE = 64 * 1024
BODY_MAX = 64 * 1024 * 1024
"""Longest reply that is read whole, in bytes; longer ones are streamed."""
TIMEOUT = 300.0
"""Seconds that a reply may take to begin, and each further piece of it to come."""
IDLE_MAX = 20.0
"""Seconds that a connection is kept for the next request; the gateway closes idle ones after 60."""
KEPT_MAX = 8

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?\r\n").match


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    headers: Headers
    body: bytes


class HttpStream:
    """A reply whose body is read once, in pieces, as it comes."""

    __slots__ = ("_chunked", "_connection", "_left", "headers", "status")

    def __init__(self, connection: _Connection, status: int, headers: Headers) -> None:
        """Raises ``INVALID_DATA`` for a body length that is none."""
        self._connection = connection
        self.status = status
        self.headers = headers
        self._chunked: ChunkedDecoder | None = None
        self._left: int | None = None
        length = headers.get("content-length")
        if status in (204, 304):
            self._left = 0
        elif (headers.get("transfer-encoding") or "").lower() == "chunked":
            self._chunked = ChunkedDecoder()
        elif length is not None:
            if not (length.isascii() and length.isdigit()) or len(length) > 19:
                raise _no_http("its content-length is no number")
            self._left = int(length)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.finished:
            piece = await self._connection.read(PIECE if self._left is None else min(PIECE, self._left))
            if not piece:
                if self._left is None and self._chunked is None:
                    return  # a body that goes on until the connection closes
                raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the stack broke off its reply")
            if self._left is not None:
                self._left -= len(piece)
            elif self._chunked is not None:
                piece = self._chunked.feed(piece)
            if piece:
                yield piece

    @property
    def finished(self) -> bool:
        """All of the body has been read, and the connection can serve another request."""
        return self._left == 0 or (self._chunked is not None and self._chunked.finished)

    async def read(self, limit: int = BODY_MAX) -> bytes:
        """The whole body; ``OUT_OF_LIMIT`` beyond ``limit`` bytes."""
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > limit:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"the reply has more than {limit} bytes")
        return bytes(body)


class HttpClient:
    """Requests to one stack. ``timeout``: seconds, see :data:`TIMEOUT`."""

    __slots__ = ("_closed", "_host", "_kept", "_port", "_timeout")

    def __init__(self, host: str, port: int, *, timeout: float = TIMEOUT) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout
        self._kept: list[_Connection] = []
        self._closed = False

    @property
    def authority(self) -> str:
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def send(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes | None = None
    ) -> HttpReply:
        """One request and its whole reply, whatever its status."""
        async with self.stream(method, target, headers, body) as reply:
            return HttpReply(reply.status, reply.headers, await reply.read())

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes | None = None
    ) -> AsyncIterator[HttpStream]:
        """One request; its reply is read inside the block. ``CONNECT_FAILED`` when there is nobody,
        ``CONNECTION_ABORTED`` when the connection ends too early, ``TIMEOUT`` when nothing comes.
        """
        connection = await self._connection()
        reply: HttpStream | None = None
        try:
            head = encode_request_head(method, target, self.authority, headers, body)
            await connection.write(head + (body or b""))
            reply = HttpStream(connection, *await connection.read_head())
            yield reply
        finally:
            if reply is not None and reply.finished and _keeps(reply.headers) and not self._closed:
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
            text = f"no connection to the stack at {self.authority}: {error}; is the gateway running?"
            raise CyfsError(ErrorCode.CONNECT_FAILED, text) from None
        return _Connection(reader, writer, self._timeout)

    def _keep(self, connection: _Connection) -> None:
        if len(self._kept) >= KEPT_MAX:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._kept.append(connection)


class _Connection:
    __slots__ = ("_reader", "_timeout", "_writer", "idle_since")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self.idle_since = 0.0

    def usable(self, now: float) -> bool:
        return now - self.idle_since < IDLE_MAX and not self._reader.at_eof() and not self._writer.is_closing()

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            async with asyncio.timeout(self._timeout):
                await self._writer.drain()
        except TimeoutError:
            raise self._late() from None
        except OSError:
            return  # the stack may have answered before it read all: its reply tells why

    async def read_head(self) -> tuple[int, Headers]:
        """Status and headers; interim replies are passed over."""
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    head = await self._reader.readuntil(b"\r\n\r\n")
            except TimeoutError:
                raise self._late() from None
            except asyncio.LimitOverrunError:
                raise _no_http("its head is too long") from None
            except (asyncio.IncompleteReadError, OSError):
                raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the stack closed the connection") from None
            status, headers = parse_reply_head(head)
            if status >= 200:
                return status, headers

    async def read(self, most: int) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._reader.read(most)
        except TimeoutError:
            raise self._late() from None
        except OSError:
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the stack broke off its reply") from None

    def close(self) -> None:
        self._writer.transport.abort()

    def _late(self) -> CyfsError:
        return CyfsError(ErrorCode.TIMEOUT, f"nothing from the stack for {self._timeout:g} s")


def encode_request_head(
    method: str, target: str, authority: str, headers: Iterable[tuple[str, str]], body: bytes | None
) -> bytes:
    """``body`` ``None``: no content-length. ``INVALID_PARAM`` for what would break out of its line."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {authority}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise CyfsError(ErrorCode.INVALID_PARAM, "a header or path holds what HTTP cannot carry")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def parse_reply_head(head: bytes) -> tuple[int, Headers]:
    """Status and headers of a head with its blank line; ``INVALID_DATA`` when it is none."""
    match = _STATUS_LINE(head)
    if match is None:
        raise _no_http("it does not begin with a status line")
    headers = Headers()
    for line in head[match.end() : -4].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if line and not colon:
            raise _no_http("a header line has no colon")
        if line:
            headers.add(name.decode("latin-1").lower(), value.strip(b" \t").decode("latin-1"))
    return int(match[2]), headers


def error_of(status: int, body: bytes) -> CyfsError:
    """The error that a reply tells in its JSON, or by its status alone (§4.4)."""
    code: int = code_of_status(status)
    message = f"the stack answered with status {status}"
    try:
        members = read_object(body, "the error")
        code = normalize_code(number(members, "code", 0, 0xFFFF))
        message = optional_text(members, "msg") or message
    except CyfsError:
        pass  # not from the stack itself, or empty
    return CyfsError(code, message, status=status)


def _keeps(headers: Headers) -> bool:
    return (headers.get("connection") or "").lower() != "close"


def _no_http(why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, f"the reply is no HTTP: {why}")
