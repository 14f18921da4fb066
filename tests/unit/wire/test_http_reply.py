"""Reply heads: the form of the recorded ones, and that no value can break out of its line (http-api §1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.http_message import parse_reply
from cyfs_edge.wire.http_reply import REASONS, encode_head, http_date, parse_reply_head
from tests import vector_count

DATE = "Sun, 22 Nov 2026 04:13:15 GMT"


def recorded_replies() -> list[dict[str, Any]]:
    items = vector_count.load("http-replies.json")["items"]
    replies = [reply for item in items for reply in item.get("replies", [item.get("reply")])]
    return [reply for reply in replies if reply and "content-length" in dict(reply.get("headers", []))]


def test_heads_are_written_as_the_reference_writes_them() -> None:
    replies = recorded_replies()
    assert len(replies) > 500
    for reply in replies:
        status = int(reply["status_line"].split()[1])
        recorded = dict(reply["headers"])
        length = int(recorded.pop("content-length"))
        date = recorded.pop("date")
        lines = [reply["status_line"], *[f"{name}: {value}" for name, value in reply["headers"]], "", ""]
        given_order = list(reversed(recorded.items()))
        assert encode_head(status, given_order, length, date) == "\r\n".join(lines).encode()


def test_closing_is_announced_when_asked_for() -> None:
    head = encode_head(400, [], 0, DATE, close=True)
    assert head == (
        b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: %b\r\n\r\n" % DATE.encode()
    )


@pytest.mark.parametrize("status", [204, 304])
def test_a_reply_without_body_has_no_length(status: int) -> None:
    assert b"content-length" not in encode_head(status, [], 0, DATE)


def test_repeated_headers_keep_their_order() -> None:
    head = encode_head(200, [("x-b", "2"), ("x-b", "1"), ("x-a", "3")], 0, DATE)
    assert head.index(b"x-a: 3") < head.index(b"x-b: 2") < head.index(b"x-b: 1")


@pytest.mark.parametrize(
    "header", [("x", "a\r\nset: b"), ("x", "a\n"), ("x", "a\r"), ("x\r\ny", "a"), ("x", "a\0"), ("x", "é")]
)
def test_a_value_cannot_break_out_of_its_line(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError):
        encode_head(200, [header], 0, DATE)


def test_unknown_statuses_have_a_reason_word() -> None:
    assert 299 not in REASONS
    assert encode_head(299, [], 0, DATE).startswith(b"HTTP/1.1 299 Unknown\r\n")


@given(st.integers(0, 200_000_000_000))
def test_dates(seconds: int) -> None:
    text = http_date(seconds)
    assert text == format_datetime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), usegmt=True)


def test_recorded_heads_are_read() -> None:
    for reply in recorded_replies():
        lines = [reply["status_line"], *[f"{name}: {value}" for name, value in reply["headers"]], "", ""]
        head = parse_reply_head("\r\n".join(lines).encode("latin-1"))
        assert head.status == int(reply["status_line"].split()[1])
        assert head.headers.items == [(name.lower(), value) for name, value in reply["headers"]]
        assert (head.length, head.chunked) == (int(dict(reply["headers"])["content-length"]), False)


@pytest.mark.parametrize(
    ("text", "length", "chunked", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 5, False, True),
        (b"HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\n\r\n", None, True, True),
        (b"HTTP/1.1 200 OK\r\n\r\n", None, False, False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0, False, True),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n", 5, False, False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: Close\r\n\r\n", 5, False, False),
    ],
)
def test_how_a_reply_ends(text: bytes, length: int | None, chunked: bool, keep_alive: bool) -> None:
    head = parse_reply_head(text)
    assert (head.length, head.chunked, head.keep_alive) == (length, chunked, keep_alive)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 700 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx y: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\nb: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
    ],
)
def test_what_is_no_head_is_refused(text: bytes) -> None:
    with pytest.raises(CodecError):
        parse_reply_head(text)


@pytest.mark.parametrize(("body", "good"), [(b"abc", True), (b"ab", False), (b"abcd", False)])
def test_a_whole_reply_is_as_long_as_it_says(body: bytes, good: bool) -> None:
    content = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n" + body
    if good:
        assert parse_reply(content)[1] == body
    else:
        with pytest.raises(CodecError):
            parse_reply(content)
