"""Which local user is at the other end of an accepted connection (SECURITY.md, "Local users").

TCP tells nobody who connects, but the kernel knows who has made the other socket, which is on this machine: it is asked
once, when the connection is accepted and before a byte is read. UNIX sockets carry the user with them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path
from typing import Protocol

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.sock_diag import (
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_WAIT1,
    FIN_WAIT2,
    REPLY_SIZE_MAX,
    End,
    SocketInfo,
    encode_query,
    parse_reply,
)

_SOCK_DIAG = 4
_STALE_MAX = 8
"""Late replies to earlier questions that are passed over."""
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")
_CREDENTIALS = struct.Struct("=3i")
# A client that has sent all it wants to say is still there; one whose socket nobody holds is not.
_CLIENT_STATES = frozenset((ESTABLISHED, FIN_WAIT1, FIN_WAIT2))
_OWN_STATES = frozenset((ESTABLISHED, CLOSE_WAIT))


class AcceptedSocket(Protocol):
    """What is used of a socket; that of an event loop's transport is one."""

    @property
    def family(self) -> int: ...

    def getsockname(self) -> object: ...

    def getpeername(self) -> object: ...

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


class PeerUids:
    """Looks users up; :meth:`of` takes a few microseconds and never waits."""

    __slots__ = ("_netlink", "_nobody", "_sequence")

    def __init__(self) -> None:
        self._sequence = 0
        self._nobody = _overflow_uid()
        self._netlink: socket.socket | None = None
        with contextlib.suppress(OSError):  # told by `works`
            self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, _SOCK_DIAG)

    def close(self) -> None:
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def of(self, sock: AcceptedSocket) -> int | None:
        """The uid that made the other end of ``sock``; ``None`` when it cannot be told, or is one of another
        user namespace, which has no number of its own here.
        """
        try:
            uid = _unix_uid(sock) if sock.family == socket.AF_UNIX else self._tcp_uid(sock)
        except (OSError, CodecError):
            return None
        return None if uid == self._nobody else uid

    def works(self) -> bool:
        """Whether this kernel tells: asked about a connection of this very process."""
        try:
            with (
                socket.create_server(("127.0.0.1", 0)) as listener,
                socket.create_connection(listener.getsockname(), 1) as client,
            ):
                listener.settimeout(1)
                while True:  # somebody else may have been faster
                    accepted, address = listener.accept()
                    with accepted:
                        if address == client.getsockname():
                            return self.of(accepted) == os.geteuid()
        except OSError:
            return False

    def _tcp_uid(self, sock: AcceptedSocket) -> int | None:
        client, server = _end(sock.family, sock.getpeername()), _end(sock.family, sock.getsockname())
        found = self._ask(client, server)
        if found is None or (found.local, found.remote) != (client, server):
            return None  # for a connection that is gone the kernel answers with a listener on the client's port
        if found.state not in _CLIENT_STATES or not found.inode:
            return None  # a socket that nobody holds any more is shown as one of root
        # As long as this end is connected nobody else can have taken the client's port; after a reset somebody may.
        (own_state,) = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return found.uid if own_state in _OWN_STATES else None

    def _ask(self, local: End, remote: End) -> SocketInfo | None:
        if self._netlink is None:
            return None
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self._netlink.send(encode_query(self._sequence, local, remote))
        for _ in range(_STALE_MAX):
            data, (port, _) = self._netlink.recvfrom(REPLY_SIZE_MAX)  # the reply is there when `send` returns
            reply = parse_reply(data)
            if port == 0 and reply.sequence == self._sequence:
                return reply.socket
        return None


def _end(family: int, name: object) -> End:
    if not isinstance(name, tuple) or len(name) < 2:
        raise OSError("a socket without address")
    return socket.inet_pton(family, name[0]), name[1]


def _unix_uid(sock: AcceptedSocket) -> int:
    _, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid) & 0xFFFFFFFF


def _overflow_uid() -> int:
    """What the kernel says for users that have no number here."""
    try:
        return int(_OVERFLOW_UID.read_text())
    except (OSError, ValueError):
        return 65534
