"""Packets of WebSocket messages (websocket.md §2): the recorded ones, their limits, and that decoding is total."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.wire.ws_packet import SEQ_MAX, WsCommand, WsPacket, decode_packet, encode_header
from tests import vector_count

REFUSED = {"ws.bad_magic", "ws.bad_length", "ws.long_length", "ws.short_packet"}


def test_recorded_frames() -> None:
    counted = 0
    for item in vector_count.load("http-replies.json")["items"]:
        for frame in item.get("frames", []):
            data = bytes.fromhex(frame["hex"])
            if item["name"] in REFUSED:
                with pytest.raises(CodecError):
                    decode_packet(data)
                continue
            packet = decode_packet(data)
            assert (packet.seq, packet.cmd) == (frame["seq"], frame["cmd"])
            if "content" in frame:
                assert packet.content.decode() == frame["content"]
            if data[1] == 1:
                assert packet.encode() == data
            counted += 1
    assert counted > 200


def test_frames_of_the_sdk() -> None:
    exchanges = [item for run in vector_count.load("http-exchanges.json")["runs"] for item in run["exchanges"]]
    frames = [item for item in exchanges if "frame_hex" in item]
    assert len(frames) > 20
    for frame in frames:
        data = bytes.fromhex(frame["frame_hex"])
        packet = decode_packet(data)
        assert (packet.seq, packet.cmd, len(packet.content)) == (frame["seq"], frame["cmd"], frame["len"])
        assert packet.cmd in list(WsCommand)
        assert packet.encode() == data


@given(st.integers(0, SEQ_MAX), st.integers(0, SEQ_MAX), st.binary(max_size=40))
def test_round_trip(seq: int, cmd: int, content: bytes) -> None:
    packet = WsPacket(seq, cmd, content)
    assert decode_packet(packet.encode()) == packet
    assert decode_packet(bytearray(packet.encode())) == packet


def test_the_version_is_not_looked_at() -> None:
    data = bytearray(WsPacket(1, 2, b"x").encode())
    data[1] = 99
    assert decode_packet(data) == WsPacket(1, 2, b"x")


@pytest.mark.parametrize(("seq", "cmd", "length"), [(-1, 0, 0), (65536, 0, 0), (0, 65536, 0), (0, 0, 1 << 32)])
def test_what_does_not_fit_is_refused(seq: int, cmd: int, length: int) -> None:
    with pytest.raises(CodecError) as caught:
        encode_header(seq, cmd, length)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


@given(st.one_of(st.binary(max_size=30), st.binary(max_size=30).map(lambda tail: b"\x88\x01" + tail)))
def test_decoding_is_total(data: bytes) -> None:
    with suppress(CodecError):
        assert decode_packet(data).encode()[2:] == data[2:]
