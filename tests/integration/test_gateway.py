"""The gateway process: what it tells systemd and its caller, its socket files, and how it ends."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyfs_edge.base.ids import ChunkId
from tests.gateway_process import GatewayProcess, running, start, write_identity
from tests.node import RECORDING


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        name.replace("people.desc", "zone_owner.desc"): bytes.fromhex(text)
        for name, text in RECORDING["identity"]["files_hex"].items()
        if name != "people.sec"
    }
    write_identity(tmp_path / "root", files)
    return tmp_path / "root"


@pytest.fixture
def notifications(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket on which systemd listens for the state of a service."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(20)
        yield server


def test_systemd_hears_ready_the_watchdog_and_stopping(root: Path, notifications: socket.socket) -> None:
    env = {"NOTIFY_SOCKET": notifications.getsockname(), "WATCHDOG_USEC": "200000"}
    gateway = start(root, env=env)
    heard = [notifications.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert gateway.stop() == 0
    while (last := notifications.recv(100)) == b"WATCHDOG=1":
        continue
    assert last == b"STOPPING=1"


def test_the_control_socket_is_for_the_owner_alone_and_goes_with_the_gateway(root: Path) -> None:
    control = root / "run" / "gateway.sock"
    with running(root):
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
    assert not control.exists()


def test_the_control_api_is_not_on_tcp(root: Path) -> None:
    """Whatever reaches the port, administration is behind the socket file."""
    with running(root) as gateway:
        connection = http.client.HTTPConnection(*gateway.http)
        for method, path in (("GET", "/control/status"), ("POST", "/control/scrub"), ("GET", "/control/objects")):
            connection.request(method, path)
            reply = connection.getresponse()
            reply.read()
            assert reply.status >= 400, path


def put_slowly(gateway: GatewayProcess, body_sent: threading.Event, result: list[int]) -> None:
    """A chunk whose last byte is sent only after the gateway was told to stop."""
    data = os.urandom(1000)
    connection = http.client.HTTPConnection(*gateway.http)
    connection.putrequest("PUT", "/ndn/")
    connection.putheader("cyfs-object-id", str(ChunkId.of_data(data)))
    connection.putheader("content-length", str(len(data)))
    connection.endheaders(data[:-1])
    body_sent.set()
    gateway.process.terminate()
    connection.send(data[-1:])
    result.append(connection.getresponse().status)


def test_running_requests_are_finished_before_the_end(root: Path) -> None:
    gateway = start(root)
    # The request has to be with the gateway before the signal: a reply on the same port proves that it is served.
    probe = http.client.HTTPConnection(*gateway.http)
    probe.request("GET", "/util/version_info")
    assert probe.getresponse().status == 200
    probe.close()
    sent, result = threading.Event(), list[int]()
    thread = threading.Thread(target=put_slowly, args=(gateway, sent, result))
    thread.start()
    thread.join(20)
    assert gateway.stop() == 0
    assert result == [200]


def test_what_was_put_is_there_after_a_restart(root: Path) -> None:
    """Also the zone object keeps its time, so that a start writes nothing new."""
    zones = []
    for _ in range(2):
        with running(root) as gateway:
            connection = http.client.HTTPConnection(*gateway.http)
            connection.request("POST", "/util/zone")
            zones.append(connection.getresponse().read())
    assert zones[0] == zones[1]
