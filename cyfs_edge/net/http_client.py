"""A small HTTP client for the routines of handlers: one POST, one connection, servers of this machine only.

On asyncio streams rather than aiohttp's client, which takes 0.1 s and 14 MB to import on a desktop, for redirects,
cookies, proxies and TLS that are not wanted here.
"""

from __future__ import annotations

import asyncio
import re

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.handler import RoutineUrl
from cyfs_edge.wire.http_chunked import ChunkedDecoder

HEAD_MAX = 64 * 1024
BODY_MAX = 64 * 1024 * 1024
TIMEOUT = 600.0
"""Seconds for the whole call."""
CONNECTIONS = 64
"""Calls at a time, to all servers together; further ones wait, within their own time."""
PIECE = 64 * 1024

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?\r\n").match


class HttpClient:
    """``post`` is the port of ``cyfs_edge.core.api.handlers``."""

    __slots__ = ("_body_max", "_room", "_timeout")

    def __init__(self, *, timeout: float = TIMEOUT, body_max: int = BODY_MAX) -> None:
        self._timeout = timeout
        self._body_max = body_max
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def post(self, url: RoutineUrl, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(self._timeout), self._room:
                return await self._post(url, path, body)
        except TimeoutError:
            text = f"no answer from {url.authority} within {self._timeout:g} s"
            raise CyfsError(ErrorCode.TIMEOUT, text) from None
        except OSError as error:
            raise CyfsError(ErrorCode.CONNECT_FAILED, f"no connection to {url.authority}: {error}") from None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise _bad(url, "the reply ends too early, or its head is too long") from None

    async def _post(self, url: RoutineUrl, path: str, body: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=HEAD_MAX)
        try:
            head = (
                f"POST {path} HTTP/1.1\r\nhost: {url.authority}\r\n"
                f"content-length: {len(body)}\r\ncontent-type: text/plain;charset=utf-8\r\n\r\n"
            )
            writer.write(head.encode("ascii") + body)
            await writer.drain()
            status, headers = 100, {b"": b""}
            while status < 200:
                status, headers = _parse_head(url, await reader.readuntil(b"\r\n\r\n"))
            return status, await self._body(url, reader, status, headers)
        finally:
            writer.transport.abort()

    async def _body(
        self, url: RoutineUrl, reader: asyncio.StreamReader, status: int, headers: dict[bytes, bytes]
    ) -> bytes:
        if status in (204, 304):
            return b""
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            return await self._chunked(url, reader)
        length = headers.get(b"content-length")
        if length is None:
            return await self._until_close(url, reader)
        if not length.isdigit() or len(length) > 19:
            raise _bad(url, "its content-length is no number")
        if int(length) > self._body_max:
            raise self._too_large(url)
        return await reader.readexactly(int(length))

    async def _until_close(self, url: RoutineUrl, reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while piece := await reader.read(PIECE):
            body += piece
            if len(body) > self._body_max:
                raise self._too_large(url)
        return bytes(body)

    async def _chunked(self, url: RoutineUrl, reader: asyncio.StreamReader) -> bytes:
        decoder, body = ChunkedDecoder(), bytearray()
        while not decoder.finished:
            piece = await reader.read(PIECE)
            if not piece:
                raise _bad(url, "the reply ends too early")
            body += decoder.feed(piece)
            if len(body) > self._body_max:
                raise self._too_large(url)
        return bytes(body)

    def _too_large(self, url: RoutineUrl) -> CyfsError:
        return CyfsError(ErrorCode.OUT_OF_LIMIT, f"the reply of {url.authority} has more than {self._body_max} bytes")


def _parse_head(url: RoutineUrl, head: bytes) -> tuple[int, dict[bytes, bytes]]:
    match = _STATUS_LINE(head)
    if match is None:
        raise _bad(url, "it does not begin with a status line")
    headers: dict[bytes, bytes] = {}
    for line in head[match.end() : -4].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if line and not colon:
            raise _bad(url, "a header line has no colon")
        headers[name.lower()] = value.strip()
    return int(match[1]), headers


def _bad(url: RoutineUrl, why: str) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, f"the reply of {url.authority} is no HTTP: {why}")
