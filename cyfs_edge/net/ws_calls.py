"""Requests from one end of a WebSocket session to the other (docs/protocol/websocket.md §2): own numbers, answers
matched by them, a bound on how many are open, an end to all of them when the session ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.handler import parse_error
from cyfs_edge.wire.json_values import read_object
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

SEQ_LAST = 65534
"""Numbers go from 1 to this and begin again."""


class WsCalls:
    """``limit``: calls that are open at a time; further ones wait for their turn, within their own time."""

    __slots__ = ("_pending", "_room", "_send", "_sending", "_seq")

    def __init__(self, send: Callable[[bytes], Coroutine[None, None, None]], limit: int) -> None:
        self._send: Callable[[bytes], Coroutine[None, None, None]] | None = send
        self._room = asyncio.Semaphore(limit)
        self._pending: dict[int, asyncio.Future[bytes]] = {}
        self._sending: set[asyncio.Future[None]] = set()
        self._seq = 0

    @property
    def waiting(self) -> bool:
        """Some call awaits its answer."""
        return bool(self._pending)

    async def ask(self, cmd: int, content: bytes, timeout: float) -> bytes:
        """The content of the answer. ``NOT_CONNECTED`` when the session has ended, ``ABORTED`` when it ends meanwhile,
        ``TIMEOUT`` after ``timeout`` seconds, and the other end's own error if it answers with one.
        """
        try:
            async with asyncio.timeout(timeout), self._room:
                return await self._exchange(cmd, content)
        except TimeoutError:
            raise CyfsError(ErrorCode.TIMEOUT, f"no answer over WebSocket within {timeout:g} s") from None

    async def _exchange(self, cmd: int, content: bytes) -> bytes:
        if self._send is None:
            raise CyfsError(ErrorCode.NOT_CONNECTED, "the WebSocket session has ended")
        seq = self._next_seq()
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[seq] = future
        try:
            # A caller that gives up must not cut a message in two, which would end the session for all others.
            sending = asyncio.ensure_future(self._send(WsPacket(seq, cmd, content).encode()))
            self._sending.add(sending)
            sending.add_done_callback(self._sent)
            await asyncio.shield(sending)
            return await future
        finally:
            self._pending.pop(seq, None)
            future.cancel()

    def _sent(self, sending: asyncio.Future[None]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # it may be that nobody waits for it any more

    def _next_seq(self) -> int:
        while True:
            self._seq = self._seq % SEQ_LAST + 1
            if self._seq not in self._pending:
                return self._seq

    def answer(self, packet: WsPacket) -> bool:
        """Takes an answer; false when nothing of this number was asked."""
        future = self._pending.get(packet.seq)
        if future is None or future.done():
            return False
        if packet.cmd == WsCommand.ANSWER:
            future.set_result(packet.content)
        else:
            future.set_exception(_error_of(packet.content))
        return True

    def close(self) -> None:
        """Ends all that is open, and refuses what comes later."""
        self._send = None
        for future in self._pending.values():
            if not future.done():
                future.set_exception(CyfsError(ErrorCode.ABORTED, "the WebSocket session ended meanwhile"))


def _error_of(content: bytes) -> CyfsError:
    try:
        return parse_error(read_object(content, "the error answer"))
    except CyfsError as error:
        return error
