"""Opening a WebSocket connection (websocket.md §1): what the reference accepts, and what gets a 400 here."""

from __future__ import annotations

from typing import Any

import pytest

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.http_head import parse_head
from cyfs_edge.wire.ws_handshake import accept_handshake
from tests import vector_count

ITEMS = vector_count.load("http-replies.json")["items"]
RECORDED = [item for item in ITEMS if item["name"].startswith("ws.connect_") or item["name"].endswith(".handshake")]


def request_of(item: dict[str, Any]) -> bytes:
    request = item["request"]
    if "raw" in request:
        return bytes.fromhex(request["raw"]["hex"])
    lines = [request["line"], *[f"{name}: {value}" for name, value in request["headers"]], "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("item", RECORDED, ids=lambda item: item["name"])
def test_recorded_handshakes(item: dict[str, Any]) -> None:
    head = parse_head(request_of(item))
    if "none" in item["reply"]:
        with pytest.raises(CodecError) as caught:
            accept_handshake(head)
        assert error_to_response(caught.value).status == 400
    else:
        reply = item["reply"]
        lines = [reply["status_line"], *[f"{name}: {value}" for name, value in reply["headers"]], "", ""]
        assert accept_handshake(head) == "\r\n".join(lines).encode()


GOOD = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("request_line", "change"),
    [
        ("POST / HTTP/1.1", {}),
        ("GET / HTTP/1.1", {"Upgrade": "h2c"}),
        ("GET / HTTP/1.1", {"Upgrade": None}),
        ("GET / HTTP/1.1", {"Connection": "keep-alive"}),
        ("GET / HTTP/1.1", {"Sec-WebSocket-Version": "8"}),
        ("GET / HTTP/1.1", {"Sec-WebSocket-Version": None}),
        ("GET / HTTP/1.1", {"Sec-WebSocket-Key": None}),
        ("GET / HTTP/1.1", {"Sec-WebSocket-Key": "c2hvcnQ="}),
        ("GET / HTTP/1.1", {"Sec-WebSocket-Key": "not base64!"}),
        ("GET / HTTP/1.1", {"Content-Length": "1"}),
        ("GET / HTTP/1.1", {"Transfer-Encoding": "chunked"}),
    ],
)
def test_other_requests_are_refused(request_line: str, change: dict[str, str | None]) -> None:
    headers = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    text = [request_line, *[f"{name}: {value}" for name, value in headers.items()], "", ""]
    with pytest.raises(CodecError) as caught:
        accept_handshake(parse_head("\r\n".join(text).encode()))
    assert error_to_response(caught.value).status == 400
