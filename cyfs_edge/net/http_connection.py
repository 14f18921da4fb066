"""One HTTP/1.1 connection: heads and bodies in, one request at a time to the handler, replies out in order.

States: *idle* (waiting for a head), *busy* (a request is with the handler, its body perhaps still coming) and *closing*
(the last reply is written; what still arrives is dropped). Bytes that arrive ahead of their turn wait in ``_early``,
and the socket is not read meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from math import inf
from typing import TYPE_CHECKING, cast

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_answer import answer, head_of, with_head
from cyfs_edge.net.http_body import EMPTY_BODY, StreamBody, WholeBody
from cyfs_edge.net.outlet import Outlet
from cyfs_edge.net.sending import release, send_body
from cyfs_edge.net.stream_server import REFUSED_MAX
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.http_head import RequestHead, find_head_end, head_error, parse_head
from cyfs_edge.wire.http_reply import CONTINUE, has_body
from cyfs_edge.wire.message import Body, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from cyfs_edge.net.http_server import HttpServer

log = logging.getLogger(__name__)

_COALESCE = 64 * 1024
"""Up to this size a body is copied behind its head and goes out in one piece."""


class HttpConnection(asyncio.Protocol):
    """Made by :class:`HttpServer` for each connection it accepts."""

    __slots__ = (
        "_begun",
        "_body",
        "_body_broken",
        "_closing",
        "_continue_due",
        "_deadline",
        "_draining",
        "_dropped",
        "_early",
        "_eof",
        "_idle",
        "_keep_alive",
        "_limits",
        "_listener",
        "_loop",
        "_outlet",
        "_peer",
        "_reading_paused",
        "_request",
        "_server",
        "_task",
        "_transport",
        "_waiter",
    )

    def __init__(self, server: HttpServer, listener: str) -> None:
        self._server = server
        self._limits = server.limits
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._deadline = inf
        self._idle = True
        self._closing = False
        self._draining = False
        self._eof = False
        self._reading_paused = False
        self._early = b""
        self._begun = False  # a head has begun to arrive
        self._dropped = 0
        # Of the request at hand: for the handler, its keep-alive wish, and what is still to come of its body.
        self._request: HttpRequest | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._keep_alive = True
        self._body: StreamBody | None = None
        self._body_broken = False
        self._continue_due = False

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._outlet = Outlet(self._transport, self._loop.time())
        self._peer = self._server.peer_of(self._transport, self._listener)
        self._deadline = self._loop.time() + self._limits.idle_timeout
        self._task = self._loop.create_task(self._serve())
        number = self._server.remember(self)
        if number > self._limits.connections + REFUSED_MAX:
            self._transport.abort()
        elif number > self._limits.connections:
            text = f"more than {self._limits.connections} connections; close some and try again"
            self._refuse(CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=503))

    def data_received(self, data: bytes) -> None:
        if self._closing:
            self._dropped += len(data)
            if self._dropped > self._limits.unread_body:
                self._transport.abort()
            return
        if self._body is not None:
            data = self._receive_body(self._body, data)
            if not data:
                return
        seen = len(self._early)
        self._early = self._early + data if seen else data
        if self._idle:
            self._read_head(seen)
        else:
            self._pause_reading()

    def eof_received(self) -> bool:
        """The client closed its side. What it asked for is still answered: keep the transport open for that."""
        self._eof = True
        if self._closing:
            return False
        if self._idle:
            if self._early:
                self._refuse(head_error("the request head ends early"))
            return False
        if self._body is not None:
            self._body.end()
            self._body = None
        self._deadline = self._loop.time() + self._limits.half_close_grace
        # TLS knows no half-closed connection: it is closed, and what is worked on is given up.
        return self._transport.can_write_eof()

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._outlet.lost()
        if self._task.done():
            self._server.forget(self)
        else:
            # The client is gone and its request with it; the connection counts until the handler has cleaned up.
            self._task.add_done_callback(lambda _: self._server.forget(self))
            self._task.cancel()

    # Called by the server.

    def check(self, now: float) -> None:
        """Enforce the time limits."""
        if self._outlet.stalled(now, self._limits.send_stall):
            self._transport.abort()
        elif now >= self._deadline:
            self._deadline = inf
            if self._closing:
                self._transport.abort()
            elif not self._idle:
                self._task.cancel()
            elif self._begun:
                text = f"the request head was not complete after {self._limits.head_timeout:g} s"
                self._refuse(CyfsError(ErrorCode.TIMEOUT, text, status=408))
            else:
                self._close()
        elif self._body is not None:
            self._body.check_pace(now, self._limits.body_window, self._limits.body_window_bytes)
            self._after_body_event(self._body)

    def drain(self) -> None:
        """Finish the request at hand and close; at once if there is none."""
        self._draining = True
        if self._idle and not self._closing:
            self._close()

    def abort(self) -> None:
        """Close now and cancel the handler."""
        self._transport.abort()

    # Heads.

    def _read_head(self, seen: int) -> None:
        """Look for a head in ``_early``, of which ``seen`` bytes were looked at before."""
        data = self._early
        limits = self._limits
        if data.startswith(b"\r\n"):
            # Some clients end a body with a line break that they do not count.
            self._early = data = data[2:]
            seen = 0
        try:
            end = find_head_end(data, seen, head_max=limits.head_size, target_max=limits.target_size)
            if not end:
                self._await_head()
                return
            head = parse_head(data[:end], lines_max=limits.header_lines, target_max=limits.target_size)
        except CyfsError as error:
            self._refuse(error)
            return
        self._idle = False
        self._begun = False
        self._deadline = self._loop.time() + limits.half_close_grace if self._eof else inf
        self._keep_alive = head.keep_alive
        self._early = data[end:]
        self._request = HttpRequest(head.method, head.target, head.headers, self._open_body(head), self._peer)
        self._wake()

    def _await_head(self) -> None:
        if not self._begun:
            self._begun = True
            self._deadline = self._loop.time() + self._limits.head_timeout

    # Bodies.

    def _open_body(self, head: RequestHead) -> Body:
        data = self._early
        length = head.content_length
        if not head.chunked and length <= len(data):
            self._early = data[length:]
            return WholeBody(data[:length]) if length else EMPTY_BODY
        self._early = b""
        body = StreamBody(None if head.chunked else length, self._on_body_read)
        self._body = body
        self._continue_due = head.expects_continue and not data
        if data:
            self._early = self._receive_body(body, data)
        return body

    def _receive_body(self, body: StreamBody, data: bytes) -> bytes:
        self._continue_due = False
        rest = body.receive(data)
        self._after_body_event(body)
        return rest

    def _after_body_event(self, body: StreamBody) -> None:
        if body.ended:
            self._body = None
            self._body_broken = body.broken
        elif body.buffered > self._limits.body_buffer:
            self._pause_reading()

    def _on_body_read(self) -> None:
        body = self._body
        if body is None:
            return
        if self._continue_due:
            self._continue_due = False
            self._outlet.write(CONTINUE)
        if self._reading_paused and body.buffered <= self._limits.body_buffer // 2:
            self._resume_reading()

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # Requests and replies.

    async def _serve(self) -> None:
        try:
            while not self._closing:
                request, self._request = self._request, None
                if request is None:
                    self._waiter = self._loop.create_future()
                    await self._waiter
                elif await self._answer(request):
                    self._next_request()
                    if self._request is not None:
                        # One client's pipeline must not keep the loop from the others.
                        await asyncio.sleep(0)
                else:
                    self._close(linger=self._body is not None or self._body_broken or bool(self._early))
        except asyncio.CancelledError:
            self._transport.abort()
        except Exception as error:
            # A reply has begun and cannot be finished: only a broken connection tells the client so.
            expected = isinstance(error, CyfsError)
            gone = isinstance(error, CyfsError) and error.code == ErrorCode.CONNECTION_RESET
            if not gone and not self._transport.is_closing():
                log.warning("a reply to %s broke off: %s", self._peer.address, error, exc_info=not expected)
            self._transport.abort()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _next_request(self) -> None:
        self._idle = True
        self._deadline = self._loop.time() + self._limits.idle_timeout
        if self._early:
            self._read_head(0)
        if self._idle and not self._closing:
            if self._eof or self._draining:
                self._close()
            else:
                self._resume_reading()

    async def _answer(self, request: HttpRequest) -> bool:
        """Have one request answered; whether the connection can go on."""
        response = await answer(self._server.handler, request)
        keep_alive = self._keep_alive and not self._draining and self._can_finish_body()
        # A client's own wish to close is not repeated to it, as in the reference.
        announce = self._keep_alive and not keep_alive and not self._eof and not self._body_broken
        body = self._body
        self._deadline = inf
        self._continue_due = False
        await self._send(response, announce=announce, head_only=request.method == "HEAD")
        if keep_alive and body is not None:
            try:
                keep_alive = await body.discard(self._limits.unread_body)
            except CyfsError:
                return False
        return keep_alive and not self._body_broken

    def _can_finish_body(self) -> bool:
        """Whether the part of the body that has not come can be waited for after the reply."""
        if self._body is None:
            return not self._body_broken
        # A client that still waits for "100 Continue" may send its body or not: what follows could be either.
        unread = self._body.buffered + self._body.left
        return not self._continue_due and unread <= self._limits.unread_body

    async def _send(self, response: HttpResponse, *, announce: bool, head_only: bool) -> None:
        response, head = await with_head(response, self._server.date(), close=announce)
        body = response.body
        if head_only or not has_body(response.status):
            await release(body)
            await self._outlet.send(head)
        elif isinstance(body, bytes) and len(body) <= _COALESCE:
            await self._outlet.send(head + body)
        else:
            self._outlet.write_first(head)
            await send_body(body, self._outlet.send, self._server.executor, self._outlet.direct)

    def _refuse(self, error: CyfsError) -> None:
        """Answer what is no request, and close."""
        log.debug("refused %s: %s", self._peer.address, error)
        response = error_to_response(error)
        assert isinstance(response.body, bytes)
        self._outlet.write(head_of(response, self._server.date(), close=True) + response.body)
        self._close(linger=True)

    def _close(self, *, linger: bool = False) -> None:
        """Close when all is sent. ``linger``: the client may still be sending, and a plain close would reset the
        connection before it has read our reply; so close our side first and drop what it sends for a while."""
        if self._closing:
            return
        self._closing = True
        self._wake()
        if linger and not self._eof:
            self._deadline = self._loop.time() + self._limits.linger
            # TLS cannot close one side: there the client knows from the reply that it ends, and closes.
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._resume_reading()
        else:
            self._transport.close()
