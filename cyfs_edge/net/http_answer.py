"""From a request to a reply that can be sent, whatever its handler does."""

from __future__ import annotations

import logging
import time

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.sending import body_length, release
from cyfs_edge.wire.errors import error_response, error_to_response
from cyfs_edge.wire.http_reply import encode_head, http_date
from cyfs_edge.wire.message import HttpHandler, HttpRequest, HttpResponse

log = logging.getLogger(__name__)


class HttpDate:
    """The ``date`` header of now, made once a second."""

    __slots__ = ("_at", "_text")

    def __init__(self) -> None:
        self._at = 0
        self._text = ""

    def __call__(self) -> str:
        now = int(time.time())
        if now != self._at:
            self._at = now
            self._text = http_date(now)
        return self._text


async def answer(handler: HttpHandler, request: HttpRequest) -> HttpResponse:
    """What the handler replies. What it raises becomes the protocol's JSON error; what nobody foresaw is logged too."""
    try:
        return await handler(request)
    except CyfsError as error:
        return error_to_response(error)
    except Exception:
        log.exception("%s %s failed", request.method, request.target)
        return internal_error()


def internal_error() -> HttpResponse:
    """The reply to a request that met a fault of ours."""
    return error_response(500, ErrorCode.INTERNAL_ERROR, "internal error; the log of the gateway says more")


async def with_head(response: HttpResponse, date: str, *, close: bool = False) -> tuple[HttpResponse, bytes]:
    """The reply and its head as bytes. A reply whose headers cannot be written is replaced by an internal error."""
    try:
        return response, head_of(response, date, close=close)
    except ValueError:
        log.exception("a reply could not be written")
        await release(response.body)
        response = internal_error()
        return response, head_of(response, date, close=close)


def head_of(response: HttpResponse, date: str, *, close: bool = False) -> bytes:
    """The head as bytes; ``ValueError`` if its headers cannot be written."""
    return encode_head(response.status, response.headers, body_length(response.body), date, close=close)
