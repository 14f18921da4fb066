"""Whole requests in one piece, as WebSocket packets carry them (websocket.md §3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.http_message import parse_request

HEAD = b"PUT /a HTTP/1.1\r\nHOST:127.0.0.1:1319\r\n"


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (HEAD + b"\r\n", b""),
        (HEAD + b"\r\nabc", b""),
        (HEAD + b"content-length: 3\r\n\r\nabc", b"abc"),
        (HEAD + b"content-length: 3\r\n\r\nabcd", b"abc"),
        (HEAD + b"content-length: 3\r\n\r\nab", b"ab"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nrest", b"abc"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r", b"ab"),
    ],
)
def test_head_and_body(content: bytes, body: bytes) -> None:
    head, got = parse_request(content)
    assert (head.method, head.target, head.headers.get("host")) == ("PUT", "/a", "127.0.0.1:1319")
    assert got == body


@pytest.mark.parametrize("content", [b"", b"junk", b"GET / HTTP/1.1\r\n\r\n", HEAD, HEAD + b"x: " + b"a" * 70000])
def test_what_is_no_request(content: bytes) -> None:
    with pytest.raises(CodecError):
        parse_request(content)


@given(st.binary(max_size=200))
def test_reading_is_total(content: bytes) -> None:
    with pytest.raises(CodecError):
        parse_request(HEAD[:-2] + b"\x00" + content)
