"""Questions to Linux about one TCP socket, over netlink (sock_diag(7)): who has made it, and does it still live.

Lengths and numbers of messages are in the machine's byte order, ports and addresses in network order.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cyfs_edge.base.errors import CodecError, ErrorCode

REPLY_SIZE_MAX = 8192
"""Bytes of one reply, with the attributes that the kernel adds and nobody here reads."""

ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT = 1, 4, 5, 8
"""States of a TCP socket."""

_AF_INET, _AF_INET6, _TCP = 2, 10, 6
_ERROR, _BY_FAMILY, _REQUEST = 2, 20, 1
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBBI")
_PORTS = struct.Struct("!HH")
_NO_INTERFACE_AND_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_STATE = struct.Struct("=BBBB")
_TAIL = struct.Struct("=IIIII")
_SOCKET_SIZE = _STATE.size + 48 + _TAIL.size
_MAPPED = bytes(10) + b"\xff\xff"

End = tuple[bytes, int]
"""Address (4 or 16 bytes) and port."""


@dataclass(frozen=True, slots=True)
class SocketInfo:
    """``local`` and ``remote``: as the socket sees them. ``inode``: 0 when no process holds it any more; then
    ``uid`` is 0 as well and says nothing.
    """

    state: int
    local: End
    remote: End
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class Reply:
    """``sequence``: of the question. ``socket``: ``None`` when there is none such."""

    sequence: int
    socket: SocketInfo | None


def encode_query(sequence: int, local: End, remote: End) -> bytes:
    """Asks for exactly the socket that is bound to ``local`` and connected to ``remote``."""
    family = _AF_INET if len(local[0]) == 4 else _AF_INET6
    body = (
        _QUERY.pack(family, _TCP, 0, 0, 0xFFFFFFFF)
        + _PORTS.pack(local[1], remote[1])
        + local[0].ljust(16, b"\0")
        + remote[0].ljust(16, b"\0")
        + _NO_INTERFACE_AND_COOKIE
    )
    return _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, sequence, 0) + body


def parse_reply(data: bytes) -> Reply:
    """The first message of a reply. ``INVALID_DATA`` for what is neither a socket nor an error."""
    if len(data) < _HEADER.size:
        raise CodecError(ErrorCode.INVALID_DATA, f"a netlink message of {len(data)} bytes", 0)
    length, kind, _, sequence, _ = _HEADER.unpack_from(data)
    if not _HEADER.size <= length <= len(data):
        raise CodecError(ErrorCode.INVALID_DATA, f"{length} bytes announced, {len(data)} are here", 0)
    if kind == _ERROR:
        return Reply(sequence, None)
    if kind != _BY_FAMILY or length < _HEADER.size + _SOCKET_SIZE:
        raise CodecError(ErrorCode.INVALID_DATA, f"no socket in a netlink message of type {kind}", 4)
    at = _HEADER.size
    family, state, _, _ = _STATE.unpack_from(data, at)
    if family not in (_AF_INET, _AF_INET6):
        raise CodecError(ErrorCode.INVALID_DATA, f"a socket of the address family {family}", at)
    at += _STATE.size
    local_port, remote_port = _PORTS.unpack_from(data, at)
    local, remote = _address(family, data[at + 4 : at + 20]), _address(family, data[at + 20 : at + 36])
    _, _, _, uid, inode = _TAIL.unpack_from(data, at + 48)
    return Reply(sequence, SocketInfo(state, (local, local_port), (remote, remote_port), uid, inode))


def _address(family: int, field: bytes) -> bytes:
    """A socket for both families has IPv4 addresses in their mapped form."""
    if family == _AF_INET:
        return field[:4]
    return field[12:] if field.startswith(_MAPPED) else field
