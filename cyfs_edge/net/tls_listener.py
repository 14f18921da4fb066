"""Accepting TLS: handshakes are bounded in number and time, and who speaks plain HTTP is told so.

asyncio's own servers know nothing of a handshake that has not ended, so nobody could count them or end the oldest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode

HANDSHAKES_MAX = 64
"""Handshakes under way at a time. For one more, the one that has waited longest is dropped."""
HANDSHAKE_TIMEOUT = 10.0
"""Seconds from accept to the end of the handshake; then the connection is dropped."""
SHUTDOWN_TIMEOUT = 5.0
"""Seconds that a client may take to answer our end of TLS."""
_ACCEPT_PAUSE = 1.0
"""Seconds without accepting after accept has failed: there are no descriptors, or no memory."""
_HANDSHAKE_RECORD = 0x16
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\n\r\n%b"
)
_TEXT = b"This port speaks HTTPS. Open the address with https:// in front.\n"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``context``: as :func:`server_context` makes it. ``handshakes``: most at a time; ``timeout``: of one, seconds."""

    context: ssl.SSLContext
    handshakes: int = HANDSHAKES_MAX
    timeout: float = HANDSHAKE_TIMEOUT


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 with forward secrecy only. ``INVALID_PARAM`` when the PEM files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = f"the certificate {cert} with the key {key} cannot be used: {reason}"
        raise CyfsError(ErrorCode.INVALID_PARAM, text) from None
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted; a box that starts by itself cannot ask for a password")


class TlsListener:
    """Accepts on ``sock`` from its making to :meth:`close`; ``factory`` makes the protocol of each connection."""

    def __init__(self, sock: socket.socket, factory: Callable[[], asyncio.Protocol], settings: TlsSettings) -> None:
        self._sock = sock
        self._factory = factory
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._accepting = self._loop.create_task(self._accept())

    @property
    def handshakes(self) -> int:
        """How many are under way."""
        return len(self._handshakes)

    def close(self) -> None:
        """Accept no more, drop what is in its handshake. Connections that are made stay."""
        self._accepting.cancel()
        for task in self._handshakes:
            task.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(self._accepting, *self._handshakes, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._sock)
            except OSError as error:
                _log.warning("no connection can be accepted: %s", error)
                await asyncio.sleep(_ACCEPT_PAUSE)
                continue
            task = self._loop.create_task(self._shake_hands(connection))
            self._handshakes[task] = None
            task.add_done_callback(self._forget)
            while len(self._handshakes) > self._settings.handshakes:
                oldest = next(iter(self._handshakes))
                oldest.cancel()
                # Nobody else is accepted before it is gone: many may come in one turn of the loop.
                await asyncio.wait((oldest,))

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._handshakes.pop(task, None)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            async with asyncio.timeout(self._settings.timeout):
                if not await self._begins_tls(connection):
                    return
                # From here on the transport closes the socket.
                handed, connection = connection, None  # type: ignore[assignment]
                await self._loop.connect_accepted_socket(
                    self._factory,
                    handed,
                    ssl=self._settings.context,
                    ssl_handshake_timeout=self._settings.timeout,
                    ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
                )
        except (OSError, TimeoutError) as error:
            # Wrong versions, strangers' certificates, scanners: nothing that an administrator could mend.
            _log.debug("no TLS connection: %s", error)
        finally:
            if connection is not None:
                connection.close()

    async def _begins_tls(self, connection: socket.socket) -> bool:
        """Looks at the first byte and leaves it there. Who speaks HTTP gets a reply, anything else none."""
        first = await self._peek(connection)
        if first[:1] == bytes((_HANDSHAKE_RECORD,)):
            return True
        if first.isalpha():
            with contextlib.suppress(OSError):
                connection.send(_NOT_TLS % (len(_TEXT), _TEXT))
                connection.shutdown(socket.SHUT_WR)
                # What has come is taken, or the close would be a reset that the client sees before our reply.
                connection.recv(65536)
        return False

    async def _peek(self, connection: socket.socket) -> bytes:
        ready = self._loop.create_future()

        def readable() -> None:
            if not ready.done():
                ready.set_result(None)

        self._loop.add_reader(connection.fileno(), readable)
        try:
            await ready
        finally:
            self._loop.remove_reader(connection.fileno())
        return connection.recv(1, socket.MSG_PEEK)
