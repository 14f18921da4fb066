"""Questions to the kernel about a socket, and what it answers: recorded bytes, and anything else is refused."""

from __future__ import annotations

import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError, CyfsError
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.app_uids import parse_app_uids
from cyfs_edge.wire.sock_diag import ESTABLISHED, Reply, SocketInfo, encode_query, parse_reply
from fuzz.wire import SOCK_DIAG_REPLY
from tests.node import DEC

LOOPBACK = bytes([127, 0, 0, 1])

pytestmark = pytest.mark.skipif(sys.byteorder == "big", reason="recorded on a little-endian machine")


def test_a_recorded_reply() -> None:
    found = parse_reply(SOCK_DIAG_REPLY)
    assert found == Reply(7, SocketInfo(ESTABLISHED, (LOOPBACK, 0xCFF0), (LOOPBACK, 0xC1AD), 0, 0x0A6410))


def test_a_question_names_both_ends_in_network_order() -> None:
    query = encode_query(9, (LOOPBACK, 1), (LOOPBACK, 1318))
    assert len(query) == int.from_bytes(query[:4], "little") == 72
    assert query[24:28] == b"\x00\x01\x05\x26"
    assert (query[28:32], query[44:48]) == (LOOPBACK, LOOPBACK)


def test_no_such_socket() -> None:
    reply = (36).to_bytes(4, "little") + b"\x02\0\0\0" + (5).to_bytes(4, "little") + bytes(24)
    assert parse_reply(reply) == Reply(5, None)


@pytest.mark.parametrize("size", [0, 15, 16, 60, 87])
def test_short_replies_are_refused(size: int) -> None:
    for length in (size, 124):
        with pytest.raises(CodecError):
            parse_reply((length.to_bytes(4, "little") + SOCK_DIAG_REPLY[4:])[:size])


@given(st.binary(max_size=200), st.integers(0, 124), st.binary(max_size=20))
def test_any_bytes_give_a_reply_or_an_error(data: bytes, at: int, put: bytes) -> None:
    for reply in (data, SOCK_DIAG_REPLY[:at] + put + SOCK_DIAG_REPLY[at + len(put) :]):
        with suppress(CodecError):
            assert isinstance(parse_reply(reply), Reply)


def test_the_users_of_apps() -> None:
    assert parse_app_uids(f'{{"20001": "{DEC}"}}') == {20_001: ObjectId.from_text(DEC)}
    assert parse_app_uids("{}") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        f'[["1", "{DEC}"]]',
        f'{{"-1": "{DEC}"}}',
        f'{{"x": "{DEC}"}}',
        f'{{"12345678901": "{DEC}"}}',
        '{"1": "x"}',
        '{"1": 2}',
        '{"1": {"2": "3"}}',
        f'{{"1": "{DEC}", "1": "{DEC}"}}',
        f'{{"1": "{DEC}", "01": "{DEC}"}}',
        " " * ((1 << 20) + 1),
    ],
)
def test_a_table_of_apps_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CyfsError):
        parse_app_uids(text)
