"""Listening sockets that systemd has opened for us (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

_FIRST_FD = 3
_FDS_MAX = 64
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def handed_sockets(environ: MutableMapping[str, str], first: int = _FIRST_FD) -> dict[str, list[socket.socket]]:
    """By their names; none when they are meant for another process. The variables are taken out of ``environ``.

    What is no listening TCP socket is closed and left out. ``first``: the number of the first descriptor.
    """
    pid, count, names = (environ.pop(name, "") for name in _VARIABLES)
    if not pid.isdigit() or int(pid) != os.getpid() or not count.isdigit():
        return {}
    found: dict[str, list[socket.socket]] = {}
    labels = names.split(":")
    for number in range(min(int(count), _FDS_MAX)):
        label = labels[number] if number < len(labels) else ""
        sock = socket.socket(fileno=first + number)
        if _listens(sock):
            sock.set_inheritable(False)
            sock.setblocking(False)
            found.setdefault(label, []).append(sock)
        else:
            sock.close()
    return found


def _listens(sock: socket.socket) -> bool:
    return (
        sock.family in (socket.AF_INET, socket.AF_INET6)
        and sock.type == socket.SOCK_STREAM
        and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    )
