"""What arrives before any service or client sees it: HTTP heads and bodies, WebSocket handshakes and packets."""

from __future__ import annotations

from contextlib import suppress

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.http_chunked import ChunkedDecoder
from cyfs_edge.wire.http_head import LINES_MAX, TARGET_MAX, RequestHead, find_head_end, parse_head
from cyfs_edge.wire.http_message import parse_reply, parse_request
from cyfs_edge.wire.http_reply import encode_head, parse_reply_head
from cyfs_edge.wire.ws_handshake import accept_handshake
from cyfs_edge.wire.ws_packet import WsPacket, decode_packet
from fuzz.target import Target, just

REFUSALS = frozenset({400, 414, 415, 417, 431, 501})

_HEADS = just(
    b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1:1318\r\ncyfs-flags: 0\r\n\r\n",
    b"PUT http://[::1]:1318/non/?a=b#c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    b"post /a HTTP/1.1\r\nHOST:x\r\nTransfer-Encoding: chunked\r\nConnection: a, close\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "OPTIONS * HTTP/1.0\r\nx-a: é\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n".encode(),
)
_REPLIES = just(
    b"HTTP/1.1 200 OK\r\ncyfs-result: Accept\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.0 404 X\r\nconnection: close\r\n\r\n{}",
    b"HTTP/1.1 204\r\nx:\t\xe9 \r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
)
_HANDSHAKES = just(
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost: 127.0.0.1:1319\r\n\r\n"
)


def _read_head(data: bytes) -> RequestHead | None:
    try:
        return parse_head(data[: find_head_end(data)])
    except CodecError as error:
        status = error_to_response(error).status
    assert status in REFUSALS
    return None


def run_head(data: bytes) -> None:
    """What is read cannot carry a second meaning, nor characters that a log or a header line would take amiss."""
    head = _read_head(data)
    if head is None:
        return
    end = find_head_end(data)
    assert [find_head_end(data[: seen + 1], seen) for seen in range(end)] == [0] * (end - 1) + [end]
    names = [name for name, _ in head.headers.items]
    assert all(name and name == name.lower() for name in names)
    assert all(value.isascii() and value.replace("\t", "").isprintable() for _, value in head.headers.items)
    assert len(names) <= LINES_MAX
    assert names.count("host") <= 1
    assert len(head.target) <= TARGET_MAX
    assert head.target.startswith("/") or head.target == "*"
    assert not (head.chunked and head.content_length)
    assert names.count("content-length") + names.count("transfer-encoding") <= 1 or head.chunked


def _decode(pieces: list[bytes]) -> tuple[tuple[bytes, bool] | None, bytes]:
    """Body and whether it is complete, or ``None`` if it is refused; and what is behind it."""
    decoder = ChunkedDecoder()
    try:
        body = b"".join([decoder.feed(piece) for piece in pieces])
    except CodecError:
        return None, b""
    return (body, decoder.finished), decoder.rest


def run_chunked(data: bytes) -> None:
    """The pieces in which a body comes make no difference."""
    whole, rest = _decode([data])
    pieces, _ = _decode([data[number : number + 1] for number in range(len(data) - len(rest))])
    assert pieces == whole


def run_request(data: bytes) -> None:
    with suppress(CodecError):
        head, body = parse_request(data)
        assert head.chunked or len(body) <= head.content_length


def run_reply(data: bytes) -> None:
    """What is read of a reply can be written, and reads the same again."""
    with suppress(CodecError):
        head, body = parse_reply(data)
        assert head.length is None or head.length == len(body)
        own = ("content-length", "date", "connection", "transfer-encoding")
        items = [(name, value) for name, value in head.headers.items if name not in own and value.isascii()]
        written = encode_head(head.status, items, len(body), "now")
        again = [(name, value) for name, value in parse_reply_head(written).headers.items if name not in own]
        assert sorted(again) == sorted(items)


def run_handshake(data: bytes) -> None:
    head = _read_head(data)
    if head is not None:
        with suppress(CodecError):
            assert accept_handshake(head).startswith(b"HTTP/1.1 101 ")


def run_packet(data: bytes) -> None:
    with suppress(CodecError):
        assert decode_packet(data).encode()[2:] == data[2:]


def _packets() -> list[bytes]:
    return [WsPacket(1, 21, _HEADS()[0]).encode(), WsPacket(0, 0, b"{}").encode(), WsPacket(65534, 65535, b"").encode()]


def _bodies() -> list[bytes]:
    return [b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nx-a: b\r\n\r\nGET /", b"0\r\n\r\n"]


TARGETS: dict[str, Target] = {
    "http_head": Target(run_head, _HEADS),
    "http_chunked": Target(run_chunked, _bodies),
    "http_request": Target(run_request, _HEADS),
    "http_reply": Target(run_reply, _REPLIES),
    "ws_handshake": Target(run_handshake, _HANDSHAKES),
    "ws_packet": Target(run_packet, _packets),
}
