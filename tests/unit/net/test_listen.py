"""Where a server may listen, and what is said when it cannot."""

from __future__ import annotations

import socket

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.listen import listen_tcp


def refusal(host: str, port: int, **options: str) -> CyfsError:
    with pytest.raises(CyfsError) as caught:
        listen_tcp(host, port, **options)  # type: ignore[arg-type]
    return caught.value


def test_any_free_port_of_loopback() -> None:
    with listen_tcp("127.0.0.1", 0) as sock:
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        assert port
        assert sock.gettimeout() == 0
        with socket.create_connection((host, port)):
            pass


def test_a_busy_port_is_told_with_what_to_do() -> None:
    with listen_tcp("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        error = refusal("127.0.0.1", port, option="--ws-port")
        assert error.code == ErrorCode.ADDR_IN_USE
        assert f"127.0.0.1:{port}" in error.message
        assert "--ws-port" in error.message
        assert "\n" not in error.message


def test_a_port_is_free_again_when_its_connections_have_just_ended() -> None:
    with listen_tcp("127.0.0.1", 0) as first:
        name = first.getsockname()
        client = socket.create_connection(name)
        accepted, _ = socket.socket.accept(first)
        accepted.close()  # the side that closes first keeps the port in TIME_WAIT
        client.close()
    listen_tcp(*name).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "10.0.0.1"])
def test_addresses_that_others_can_reach_are_refused(host: str) -> None:
    error = refusal(host, 0)
    assert error.code == ErrorCode.INVALID_PARAM
    assert "loopback" in error.message


def test_a_caller_can_allow_them() -> None:
    with listen_tcp("0.0.0.0", 0, allow_non_loopback=True) as sock:
        assert sock.getsockname()[0] == "0.0.0.0"


def test_an_address_that_this_machine_lacks() -> None:
    with pytest.raises(CyfsError) as caught:
        listen_tcp("192.0.2.1", 0, allow_non_loopback=True)
    assert caught.value.code == ErrorCode.ADDR_NOT_AVAILABLE


@pytest.mark.parametrize(("host", "port"), [("localhost", 0), ("", 0), ("127.0.0.1", -1), ("127.0.0.1", 65536)])
def test_nonsense_is_refused(host: str, port: int) -> None:
    assert refusal(host, port).code == ErrorCode.INVALID_PARAM


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_loopback_of_ipv6_beside_that_of_ipv4() -> None:
    try:
        sock = listen_tcp("::1", 0)
    except CyfsError as error:
        if error.code != ErrorCode.ADDR_NOT_AVAILABLE:
            raise
        pytest.skip("this machine has no address ::1")
    with sock, listen_tcp("127.0.0.1", sock.getsockname()[1]):
        pass
