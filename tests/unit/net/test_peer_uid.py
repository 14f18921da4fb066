"""The user at the other end of a connection: TCP of both families and UNIX sockets, and clients that do not stay."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from cyfs_edge.net.peer_uid import PeerUids

NOBODY_ELSE = 21_234
LOOPBACK = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
RESET = struct.pack("=ii", 1, 0)


@pytest.fixture
def uids() -> Iterator[PeerUids]:
    with closing(PeerUids()) as found:
        if not found.works():
            pytest.skip("this kernel tells no users of connections")
        yield found


def listen(family: int, host: str) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((host, 0))
    listener.listen(256)
    listener.settimeout(10)
    return listener


def as_user(uid: int, run: Callable[[], None]) -> None:
    """Runs in a child process of that user, and waits for its end."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            run()
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(("family", "host"), LOOPBACK)
def test_the_own_user_over_tcp(uids: PeerUids, family: int, host: str) -> None:
    with (
        listen(family, host) as listener,
        socket.create_connection(listener.getsockname()[:2]),
        listener.accept()[0] as accepted,
    ):
        assert uids.of(accepted) == os.geteuid()


def test_a_client_with_a_socket_for_both_families(uids: PeerUids) -> None:
    with listen(*LOOPBACK[0]) as listener, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        with listener.accept()[0] as accepted:
            assert uids.of(accepted) == os.geteuid()


def test_the_own_user_over_unix() -> None:
    one, other = socket.socketpair()
    with closing(PeerUids()) as uids, one, other:
        assert uids.of(one) == os.geteuid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("family", "host"), LOOPBACK)
def test_another_user_is_told_from_root(uids: PeerUids, family: int, host: str) -> None:
    with listen(family, host) as listener:
        address = listener.getsockname()[:2]
        found: list[int | None] = []

        def accept() -> None:
            with listener.accept()[0] as accepted:
                found.append(uids.of(accepted))

        def call() -> None:
            with socket.create_connection(address) as client:
                client.recv(1)  # until the other end closes

        thread = threading.Thread(target=accept)
        thread.start()
        as_user(NOBODY_ELSE, call)
        thread.join()
    assert found == [NOBODY_ELSE]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_user_without_a_number_here_is_not_told(uids: PeerUids) -> None:
    """The kernel gives users of foreign namespaces the number of nobody; so nobody is not believed either."""
    with listen(*LOOPBACK[0]) as listener:
        address, held = listener.getsockname(), socket.socket()
        try:
            os.fchown(held.fileno(), 65534, 65534)
            held.connect(address)
            with listener.accept()[0] as accepted:
                assert uids.of(accepted) is None
        finally:
            held.close()


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_is_gone_is_nobody_and_never_root(uids: PeerUids, reset: bool) -> None:
    with listen(*LOOPBACK[0]) as listener:
        for _ in range(50):
            client = socket.create_connection(listener.getsockname())
            client.sendall(b"PUT / HTTP/1.1\r\n")
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            with listener.accept()[0] as accepted:
                assert uids.of(accepted) is None


def test_a_client_that_has_said_all_is_still_known(uids: PeerUids) -> None:
    with listen(*LOOPBACK[0]) as listener, socket.create_connection(listener.getsockname()) as client:
        client.shutdown(socket.SHUT_WR)
        with listener.accept()[0] as accepted:
            assert uids.of(accepted) == os.geteuid()


def test_a_listener_on_the_port_of_a_client_that_is_gone_is_not_taken_for_it(uids: PeerUids) -> None:
    """Asked for a connection that is no more, the kernel answers with a listener on that port, and its user."""
    with listen(*LOOPBACK[0]) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind(("127.0.0.1", 0))
        name = client.getsockname()
        client.connect(listener.getsockname())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()
        with listener.accept()[0] as accepted, socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(name)
            other.listen()
            with pytest.raises(ConnectionResetError):
                accepted.recv(1)
            assert uids.of(Gone(accepted, name)) is None


def test_a_port_that_somebody_took_after_a_reset_is_not_taken_for_the_client(uids: PeerUids) -> None:
    """What the first one has sent can still be read: it must not count as sent by the second."""
    with listen(*LOOPBACK[0]) as listener, socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        name = first.getsockname()
        first.connect(listener.getsockname())
        first.sendall(b"evil")
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        first.close()
        second.bind(name)
        second.connect(listener.getsockname())
        with listener.accept()[0] as accepted, listener.accept()[0] as later:
            assert uids.of(Gone(accepted, name)) is None
            assert uids.of(later) == os.geteuid()


def test_many_connections_at_once(uids: PeerUids) -> None:
    with listen(*LOOPBACK[0]) as listener:
        clients = [socket.create_connection(listener.getsockname()) for _ in range(200)]
        for client in clients[::2]:
            client.close()
        here = {client.getsockname() for client in clients[1::2]}
        known = 0
        for _ in clients:
            accepted, name = listener.accept()
            with accepted:
                assert uids.of(accepted) == (os.geteuid() if name in here else None)
                known += name in here
        assert known == 100
        for client in clients:
            client.close()


def test_without_netlink_tcp_clients_are_nobody_and_unix_ones_are_known() -> None:
    uids = PeerUids()
    uids.close()
    one, other = socket.socketpair()
    with listen(*LOOPBACK[0]) as listener, socket.create_connection(listener.getsockname()), one, other:
        with listener.accept()[0] as accepted:
            assert uids.of(accepted) is None
        assert uids.of(one) == os.geteuid()
    assert not uids.works()


class Gone:
    """An accepted socket whose client's name was read before the client left, as event loops do."""

    def __init__(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        self._sock = sock
        self._peer = peer
        self.family = sock.family

    def getsockname(self) -> object:
        return self._sock.getsockname()

    def getpeername(self) -> object:
        return self._peer

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        return self._sock.getsockopt(level, option, size)
