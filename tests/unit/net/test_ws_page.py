"""A WebSocket belongs to the page that opened it: what goes through it is that page's (http-front §6)."""

from __future__ import annotations

import pytest

from cyfs_edge.net.ws_commands import WsCommands, http_command
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from cyfs_edge.wire.ws_packet import WsCommand
from tests.unit.net.loops import both_loops
from tests.unit.net.ws_client import HANDSHAKE, serving

PAGE = "http://a.page.localhost:1318"
REQUEST = (
    b"GET /non/ HTTP/1.1\r\nhost: x\r\norigin: cyfs://static\r\nreferer: cyfs://static/\r\n"
    b"sec-fetch-mode: navigate\r\ncyfs-browser-extension: 1\r\ncyfs-dec-id: d\r\n\r\n"
)
SAID = {
    "host": "x",
    "origin": "cyfs://static",
    "referer": "cyfs://static/",
    "sec-fetch-mode": "navigate",
    "cyfs-browser-extension": "1",
    "cyfs-dec-id": "d",
}


@both_loops
@pytest.mark.parametrize(
    ("page", "seen"), [(PAGE, {"host": "x", "cyfs-dec-id": "d", "origin": PAGE}), (None, SAID)], ids=["page", "program"]
)
async def test_requests_inside_carry_the_origin_of_the_handshake(page: str | None, seen: dict[str, str]) -> None:
    """Else a page could say inside that it is another one, which its browser never lets it say outside."""
    requests: list[HttpRequest] = []

    async def handle(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return HttpResponse(200)

    handshake = HANDSHAKE
    if page is not None:
        handshake = handshake.replace(b"\r\nUpgrade", f"\r\nOrigin: {page}\r\nUpgrade".encode(), 1)
    async with (
        serving(WsCommands({WsCommand.HTTP: http_command(handle)})) as served,
        served.raw() as client,
    ):
        await client.open(handshake)
        await client.ask(1, WsCommand.HTTP, REQUEST)
    assert dict(requests[0].headers.items) == seen
    assert requests[0].peer.page == page
