"""Sockets from systemd: taken by name, when they are meant for us."""

from __future__ import annotations

import os
import socket

import pytest

from cyfs_edge.net.handed_sockets import handed_sockets
from cyfs_edge.net.listen import listen_tcp


@pytest.fixture
def first() -> int:
    """The first of three descriptors in a row: two that listen, and a pipe."""
    socks = [listen_tcp("127.0.0.1", 0), listen_tcp("127.0.0.1", 0)]
    reading, writing = os.pipe()
    base = 700
    for at, fd in enumerate((socks[0].fileno(), reading, socks[1].fileno())):
        os.dup2(fd, base + at)
    for sock in socks:
        sock.close()
    os.close(reading)
    os.close(writing)
    return base


def test_they_come_by_name(first: int) -> None:
    environ = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "door:other",
        "PATH": "/bin",
    }
    found = handed_sockets(environ, first)
    assert environ == {"PATH": "/bin"}
    assert list(found) == ["door"]
    (sock,) = found["door"]
    assert sock.gettimeout() == 0
    assert not sock.get_inheritable()
    with socket.create_connection(sock.getsockname()):
        pass
    sock.close()
    os.close(first + 1)
    os.close(first + 2)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "3"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "x"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
    ],
)
def test_what_is_not_for_us_is_left_alone(environ: dict[str, str]) -> None:
    assert handed_sockets(dict(environ)) == {}


def test_a_socket_that_does_not_listen_is_closed(first: int) -> None:
    os.close(first)
    client, other = socket.socketpair()
    os.dup2(client.fileno(), first)
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
    assert handed_sockets(environ, first) == {}
    with pytest.raises(OSError):
        os.fstat(first)
    for sock in (client, other):
        sock.close()
    os.close(first + 1)
    os.close(first + 2)
