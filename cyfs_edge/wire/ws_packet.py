"""The packet in a WebSocket message: a 10-byte header and a content (docs/protocol/websocket.md §2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from cyfs_edge.base.errors import CodecError, ErrorCode

MAGIC = 0x88
VERSION = 1
HEADER_SIZE = 10
SEQ_MAX = 0xFFFF
CONTENT_MAX = 0xFFFF_FFFF

_HEADER = Struct(">BBHHI")


class WsCommand(IntEnum):
    """What a packet asks for, or that it answers."""

    ANSWER = 0
    EVENT_ADD = 1
    EVENT_REMOVE = 2
    EVENT_EMIT = 3
    HANDLER_ADD = 11
    HANDLER_REMOVE = 12
    HANDLER_EVENT = 13
    HTTP = 21
    ERROR = 0xFFFF


@dataclass(frozen=True, slots=True)
class WsPacket:
    """``seq``: the request's number, repeated in its answer; 0 asks for none. ``cmd``: see :class:`WsCommand`."""

    seq: int
    cmd: int
    content: bytes

    def encode(self) -> bytes:
        """The whole packet."""
        return encode_header(self.seq, self.cmd, len(self.content)) + self.content


def encode_header(seq: int, cmd: int, length: int) -> bytes:
    """The header of a packet with ``length`` bytes of content; ``OUT_OF_LIMIT`` if a field does not fit."""
    if not (0 <= seq <= SEQ_MAX and 0 <= cmd <= SEQ_MAX and 0 <= length <= CONTENT_MAX):
        raise CodecError(ErrorCode.OUT_OF_LIMIT, f"no packet has seq {seq}, cmd {cmd} and {length} bytes of content")
    return _HEADER.pack(MAGIC, VERSION, seq, cmd, length)


def decode_packet(message: bytes | bytearray) -> WsPacket:
    """Read one message. The version is not checked, as in the reference; every other fault is ``INVALID_DATA``."""
    if len(message) < HEADER_SIZE:
        raise CodecError(ErrorCode.INVALID_DATA, f"a packet of {len(message)} bytes", 0)
    magic, _, seq, cmd, length = _HEADER.unpack_from(message)
    if magic != MAGIC:
        raise CodecError(ErrorCode.INVALID_DATA, f"a packet with magic {magic:#04x}", 0)
    if length != len(message) - HEADER_SIZE:
        raise CodecError(ErrorCode.INVALID_DATA, f"a packet of {length} bytes with {len(message) - HEADER_SIZE}", 6)
    return WsPacket(seq, cmd, bytes(memoryview(message)[HEADER_SIZE:]))
