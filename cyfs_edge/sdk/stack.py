"""The stack as a DecApp sees it: one object per service (docs/protocol/http-api.md §1)."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.sdk.caller import Caller
from cyfs_edge.sdk.crypto import Crypto
from cyfs_edge.sdk.events import Events
from cyfs_edge.sdk.global_state import GlobalState
from cyfs_edge.sdk.handlers import Handlers
from cyfs_edge.sdk.http import TIMEOUT, HttpClient
from cyfs_edge.sdk.ndn import Ndn
from cyfs_edge.sdk.non import Non
from cyfs_edge.sdk.util import Util
from cyfs_edge.sdk.ws_link import RETRY_FIRST

HTTP = "127.0.0.1:1318"
WS = "127.0.0.1:1319"


class CyfsStack:
    """A client of one stack in the name of one dec. Opening makes no request; the WebSockets come with the first
    handler and the first event. Calls raise ``CyfsError`` with the code of the reply.
    """

    __slots__ = ("_http", "crypto", "dec_id", "events", "handlers", "local_cache", "ndn", "non", "root_state", "util")

    def __init__(
        self, dec_id: ObjectId, http: HttpClient, ws: tuple[str, int], *, retry_first: float = RETRY_FIRST
    ) -> None:
        caller = Caller(dec_id, http, http)
        self._http = http
        self.dec_id = dec_id
        self.non = Non(caller)
        self.ndn = Ndn(caller)
        self.util = Util(caller)
        self.crypto = Crypto(caller)
        self.root_state = GlobalState(caller, "root-state")
        self.local_cache = GlobalState(caller, "local-cache")
        self.handlers = Handlers(*ws, dec_id, retry_first=retry_first)
        self.events = Events(*ws, dec_id, retry_first=retry_first)

    @classmethod
    def open(
        cls,
        dec_id: ObjectId,
        *,
        http: str = HTTP,
        ws: str = WS,
        timeout: float = TIMEOUT,
        retry_first: float = RETRY_FIRST,
    ) -> Self:
        """``async with CyfsStack.open(dec_id) as stack:``. Addresses are ``host:port``. ``timeout``: seconds without
        a byte of a reply; ``retry_first``: seconds before the first reconnect of a WebSocket.
        """
        return cls(dec_id, HttpClient(*_address(http), timeout=timeout), _address(ws), retry_first=retry_first)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends handlers, events and connections."""
        await self.handlers.close()
        await self.events.close()
        self._http.close()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"an address is host:port, not {text!r}")
    return host.strip("[]"), int(port)
