"""What packets ask for: a table from command numbers to functions, and HTTP as one of them (docs/protocol/websocket.md
§2–§3).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_answer import HttpDate, answer, with_head
from cyfs_edge.net.http_body import WholeBody
from cyfs_edge.net.sending import body_length, release
from cyfs_edge.net.ws_session import WsSession
from cyfs_edge.wire.browser import as_page
from cyfs_edge.wire.errors import error_json
from cyfs_edge.wire.http_message import parse_request
from cyfs_edge.wire.http_reply import has_body
from cyfs_edge.wire.message import HttpHandler, HttpRequest
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, encode_header

log = logging.getLogger(__name__)

Command = Callable[[WsSession, WsPacket], Awaitable[bytes | None]]
"""Works on a request; gives the content of its answer, or ``None`` if it has sent one itself. A ``CyfsError`` that it
raises is sent as the error answer."""


class WsCommands:
    """A :class:`WsHandler` that answers requests by ``table`` (command number → function)."""

    def __init__(self, table: Mapping[int, Command]) -> None:
        self._table = dict(table)

    async def on_packet(self, session: WsSession, packet: WsPacket) -> None:
        try:
            command = self._table.get(packet.cmd)
            if command is None:
                raise CyfsError(ErrorCode.UN_SUPPORT, f"unknown command {packet.cmd}")
            content = await command(session, packet)
            reply = None if content is None else WsPacket(packet.seq, WsCommand.ANSWER, content)
        except CyfsError as error:
            reply = WsPacket(packet.seq, WsCommand.ERROR, error_json(error.code, error.message))
        except Exception:
            log.exception("command %d of %s failed", packet.cmd, session.peer.address)
            content = error_json(ErrorCode.INTERNAL_ERROR, "internal error; the log of the gateway says more")
            reply = WsPacket(packet.seq, WsCommand.ERROR, content)
        if reply is not None and packet.seq and session.is_open:
            await session.send(reply.encode())

    def on_close(self, session: WsSession) -> None:
        """Nothing is kept of a session."""


def http_command(handler: HttpHandler) -> Command:
    """The command that passes one HTTP request to ``handler`` and its whole reply back."""
    date = HttpDate()

    async def run(session: WsSession, packet: WsPacket) -> bytes | None:
        head, data = parse_request(packet.content)
        headers = head.headers if session.origin is None else as_page(head.headers, session.origin)
        request = HttpRequest(head.method, head.target, headers, WholeBody(data), session.peer)
        response, reply = await with_head(await answer(handler, request), date())
        body = response.body
        if head.method == "HEAD" or not has_body(response.status) or not packet.seq:
            await release(body)
            return reply
        try:
            header = encode_header(packet.seq, WsCommand.ANSWER, len(reply) + body_length(body))
        except CyfsError:
            await release(body)
            raise
        await session.send(header + reply, body)
        return None

    return run
