"""Calls of the HTTP routines of handlers: one POST, one connection, servers of this machine only
(docs/protocol/websocket.md §5.4).
"""

from __future__ import annotations

import asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_client import BODY_MAX, HttpClient
from cyfs_edge.wire.handler import RoutineUrl

TIMEOUT = 600.0
"""Seconds for the whole call."""
CONNECTIONS = 64
"""Calls at a time, to all servers together; further ones wait, within their own time."""


class HttpRoutines:
    """``post`` is the port of ``cyfs_edge.core.api.handlers``."""

    __slots__ = ("_body_max", "_room", "_timeout")

    def __init__(self, *, timeout: float = TIMEOUT, body_max: int = BODY_MAX) -> None:
        self._timeout = timeout
        self._body_max = body_max
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def post(self, url: RoutineUrl, path: str, body: bytes) -> tuple[int, bytes]:
        client = HttpClient(url.host, url.port, timeout=self._timeout, kept=0)
        headers = [("content-type", "text/plain;charset=utf-8")]
        try:
            async with asyncio.timeout(self._timeout), self._room:
                reply = await client.send("POST", path, headers, body, self._body_max)
        except TimeoutError:
            text = f"no answer from {url.authority} within {self._timeout:g} s"
            raise CyfsError(ErrorCode.TIMEOUT, text) from None
        return reply.status, reply.body
