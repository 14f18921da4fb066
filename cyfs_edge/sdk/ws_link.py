"""One WebSocket to the stack that is made again whenever it breaks (docs/protocol/websocket.md §2.2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.ws_client import TIMEOUT, Answer, WsClient
from cyfs_edge.wire.ws_packet import WsCommand

log = logging.getLogger(__name__)

RETRY_FIRST = 2.0
RETRY_MAX = 60.0
"""Seconds before the first attempt to connect again; doubled each time up to the second."""


class WsLink:
    """``answer``: see :class:`WsClient`. ``on_open`` is called after each connection, before anybody else may ask."""

    __slots__ = ("_answer", "_client", "_failure", "_host", "_on_open", "_port", "_ready", "_retry_first", "_task")

    def __init__(
        self,
        host: str,
        port: int,
        answer: Answer,
        on_open: Callable[[WsClient], Awaitable[None]],
        *,
        retry_first: float = RETRY_FIRST,
    ) -> None:
        self._host = host
        self._port = port
        self._answer = answer
        self._on_open = on_open
        self._retry_first = retry_first
        self._ready = asyncio.Event()
        self._client: WsClient | None = None
        self._failure = "it is not connected yet"
        self._task: asyncio.Task[None] | None = None

    async def ask(self, cmd: WsCommand, content: bytes, timeout: float = TIMEOUT) -> bytes:
        """The content of the stack's answer. Connects if need be, and asks again on the next connection when one
        breaks, so only what may be asked twice goes here. ``TIMEOUT`` after ``timeout`` seconds, whatever the cause.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._ready.wait()
                    client = self._client
                    assert client is not None
                    try:
                        return await client.ask(cmd, content, timeout)
                    except CyfsError as error:
                        if client.open or error.code not in (ErrorCode.NOT_CONNECTED, ErrorCode.ABORTED):
                            raise
                    self._lost(client)
        except TimeoutError:
            text = f"no answer over WebSocket within {timeout:g} s: {self._failure}"
            raise CyfsError(ErrorCode.TIMEOUT, text) from None

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        wait = self._retry_first
        while True:
            try:
                client = await WsClient.connect(self._host, self._port, self._answer)
                wait = self._retry_first
                await self._serve(client)
            except CyfsError as error:
                self._failure = error.message
                log.info("the WebSocket of the stack: %s", error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_MAX)

    async def _serve(self, client: WsClient) -> None:
        reading = asyncio.create_task(client.run())
        try:
            await self._on_open(client)
            if client.open:
                self._client = client
                self._ready.set()
            await reading
        finally:
            self._lost(client)
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, CyfsError):
                await reading
            client.close()

    def _lost(self, client: WsClient) -> None:
        if self._client is client:
            self._client = None
            self._ready.clear()
