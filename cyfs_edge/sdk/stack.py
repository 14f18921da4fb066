"""The stack as a DecApp sees it: one object per service (docs/protocol/http-api.md §1)."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.net.http_client import TIMEOUT, HttpClient
from cyfs_edge.net.ws_client import WsHttp
from cyfs_edge.sdk.caller import Caller
from cyfs_edge.sdk.crypto import Crypto
from cyfs_edge.sdk.events import Events
from cyfs_edge.sdk.files import Files
from cyfs_edge.sdk.global_state import GlobalState
from cyfs_edge.sdk.handlers import Handlers
from cyfs_edge.sdk.ndn import Ndn
from cyfs_edge.sdk.non import Non
from cyfs_edge.sdk.pages import Pages
from cyfs_edge.sdk.util import Util
from cyfs_edge.sdk.ws_link import RETRY_FIRST

HTTP = "127.0.0.1:1318"
WS = "127.0.0.1:1319"


class CyfsStack:
    """A client of one stack in the name of one dec. Opening makes no request; the WebSockets come with the first
    handler and the first event. Calls raise ``CyfsError`` with the code of the reply.
    """

    __slots__ = (
        "_http",
        "_over_ws",
        "crypto",
        "dec_id",
        "events",
        "files",
        "handlers",
        "local_cache",
        "ndn",
        "non",
        "pages",
        "root_state",
        "util",
    )

    def __init__(
        self,
        dec_id: ObjectId,
        *,
        http: str = HTTP,
        ws: str = WS,
        over_ws: bool = False,
        timeout: float = TIMEOUT,
        retry_first: float = RETRY_FIRST,
    ) -> None:
        """``async with CyfsStack(dec_id) as stack:``. Addresses are ``host:port``. ``over_ws``: requests go over one
        WebSocket, all but those for data. ``timeout``: seconds without a byte of a reply; ``retry_first``: seconds
        before the first reconnect of handlers and events.
        """
        http_host, http_port = _address(http)
        ws_host, ws_port = _address(ws)
        self._http = HttpClient(http_host, http_port, timeout=timeout)
        self._over_ws = WsHttp(ws_host, ws_port, timeout=timeout) if over_ws else None
        caller = Caller(dec_id, self._http, self._over_ws or self._http)
        self.dec_id = dec_id
        self.non = Non(caller)
        self.ndn = Ndn(caller)
        self.util = Util(caller)
        self.crypto = Crypto(caller)
        self.root_state = GlobalState(caller, "root-state")
        self.local_cache = GlobalState(caller, "local-cache")
        self.files = Files(self.non, self.ndn, self.util)
        self.pages = Pages(caller, http_port)
        self.handlers = Handlers(ws_host, ws_port, dec_id, retry_first=retry_first)
        self.events = Events(ws_host, ws_port, dec_id, retry_first=retry_first)

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
        if self._over_ws is not None:
            await self._over_ws.close()
        self._http.close()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"an address is host:port, not {text!r}")
    return host.strip("[]"), int(port)
