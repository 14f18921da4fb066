"""An HTTP server without a network: the contract of ``cyfs_edge/wire/message.py``, kept in the plainest way.

The rules are tested on it, and ``tests/unit/net/test_http_contract.py`` holds it and the real server to the same.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.errors import error_response, error_to_response
from cyfs_edge.wire.message import BodyFile, BodyStream, Headers, HttpHandler, HttpRequest, HttpResponse, Peer


@dataclass(frozen=True, slots=True)
class MemoryReply:
    """What a client would see; ``headers`` in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)


class BrokenReply(Exception):
    """A reply that began and could not be finished: a client would see its connection break."""


class MemoryBody:
    """A request body that was sent in ``pieces``; ``length`` is ``None`` for a chunked one."""

    def __init__(self, pieces: Iterable[bytes], *, chunked: bool = False) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.length = None if chunked else sum(map(len, self._pieces))

    async def read(self, limit: int) -> bytes:
        data = b"".join(self._pieces)
        if len(data) > limit:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"the request body is larger than {limit} bytes", status=413)
        self._pieces = []
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._pieces:
            yield self._pieces.pop(0)


class MemoryServer:
    """Serves ``handler`` to :meth:`request`."""

    def __init__(self, handler: HttpHandler, peer: Peer | None = None) -> None:
        self.handler = handler
        self.peer = peer or Peer("memory:0")

    async def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | list[bytes] = b"",
    ) -> MemoryReply:
        """One request; a body in a list is sent chunked. Raises ``BrokenReply`` if the reply breaks off."""
        pieces = [body] if isinstance(body, bytes) else body
        lines = [("host", "memory"), *((name.lower(), value) for name, value in headers)]
        request = HttpRequest(
            method.upper(), target, Headers(lines), MemoryBody(pieces, chunked=isinstance(body, list)), self.peer
        )
        try:
            response = await self.handler(request)
        except CyfsError as error:
            response = error_to_response(error)
        except Exception:
            response = error_response(500, ErrorCode.INTERNAL_ERROR, "internal error")
        promised = _length(response)
        data = await _collect(response, wanted=method.upper() != "HEAD")
        if method.upper() != "HEAD" and len(data) != promised:
            raise BrokenReply(f"{len(data)} bytes of {promised}")
        return MemoryReply(response.status, sorted([*response.headers, ("content-length", str(promised))]), data)


def _length(response: HttpResponse) -> int:
    body = response.body
    if isinstance(body, bytes):
        return len(body)
    return body.end - body.start if isinstance(body, BodyFile) else body.length


async def _collect(response: HttpResponse, *, wanted: bool) -> bytes:
    body = response.body
    if isinstance(body, bytes):
        return body if wanted else b""
    if isinstance(body, BodyFile):
        return _file_bytes(body, wanted=wanted)
    return await _stream_bytes(body, wanted=wanted)


def _file_bytes(file: BodyFile, *, wanted: bool) -> bytes:
    try:
        return os.pread(file.fd, file.end - file.start, file.start) if wanted else b""
    finally:
        file.close()


async def _stream_bytes(stream: BodyStream, *, wanted: bool) -> bytes:
    data = b""
    try:
        if wanted:
            async for piece in stream.pieces:
                data += _file_bytes(piece, wanted=True) if isinstance(piece, BodyFile) else piece
    except Exception as error:
        raise BrokenReply(str(error)) from error
    finally:
        aclose = getattr(stream.pieces, "aclose", None)
        if aclose is not None:
            await aclose()
    return data
