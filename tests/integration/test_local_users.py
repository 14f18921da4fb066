"""A real gateway and real users: who may use its ports, over HTTP, WebSocket and HTTP inside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.peer_uid import PeerUids
from cyfs_edge.services.gateway import check_uids
from cyfs_edge.wire.config import AppsConfig, Config
from cyfs_edge.wire.handler import result_json
from tests import gateway_process
from tests.node import DEC, DEC2, RECORDING

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")

APP, OTHER, NOBODY = 21_001, 31_000, 65534

# Stands alone, as other users cannot read the source tree: sends bytes, prints what comes back.
CLIENT = """
import encodings.idna, os, socket, sys
uid, port, *pieces = sys.argv[1:]
os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
sock = socket.create_connection(("127.0.0.1", int(port)), 10)
for piece in pieces:
    sock.sendall(bytes.fromhex(piece))
    sys.stdout.buffer.write(sock.recv(65536))
    sys.stdout.buffer.flush()
"""
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
EVENT_ADD, HANDLER_ADD, HTTP = 1, 11, 21
RESULT_OK = result_json(None)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gateway_process.GatewayProcess]:
    root = tmp_path_factory.mktemp("users") / "root"
    files = RECORDING["identity"]["files_hex"]
    gateway_process.write_identity(root, {name: bytes.fromhex(text) for name, text in files.items()})
    (root / "etc/app-uids.json").write_text(json.dumps({str(APP): DEC}))
    (root / "etc/cyfs-edge.toml").write_text("[apps]\nuid_min = 21000\nuid_max = 21999\n")
    with gateway_process.running(root) as process:
        yield process


def say(uid: int, address: tuple[str, int], *pieces: bytes) -> bytes:
    command = [sys.executable, "-I", "-c", CLIENT, str(uid), str(address[1]), *(piece.hex() for piece in pieces)]
    return subprocess.run(command, capture_output=True, check=True, timeout=30, cwd="/").stdout


def request(*lines: str) -> bytes:
    head = ["POST /util/zone HTTP/1.1", "Host: 127.0.0.1", "Content-Length: 2", *lines, "", ""]
    return "\r\n".join(head).encode() + b"{}"


def packet(command: int, content: bytes) -> bytes:
    """A masked binary message with one packet, the mask being zero."""
    data = b"\x88\x01\x00\x01" + command.to_bytes(2, "big") + len(content).to_bytes(4, "big") + content
    return b"\x82\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data


def status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


@pytest.mark.parametrize("uid", [OTHER, NOBODY, 21_002])
def test_other_users_and_apps_that_are_not_installed_are_refused(
    gateway: gateway_process.GatewayProcess, uid: int
) -> None:
    reply = say(uid, gateway.http, request(f"cyfs-dec-id: {DEC}"))
    assert status(reply) == 403
    assert b'"code":"12"' in reply
    assert status(say(uid, gateway.ws, HANDSHAKE)) == 403


def test_root_may_name_any_dec(gateway: gateway_process.GatewayProcess) -> None:
    for dec in (DEC, DEC2):
        assert status(say(0, gateway.http, request(f"cyfs-dec-id: {dec}"))) != 403
    assert status(say(0, gateway.ws, HANDSHAKE)) == 101


def test_an_app_speaks_for_itself_only(gateway: gateway_process.GatewayProcess) -> None:
    assert status(say(APP, gateway.http, request())) != 403
    assert status(say(APP, gateway.http, request(f"cyfs-dec-id: {DEC}"))) != 403
    assert status(say(APP, gateway.http, request(f"cyfs-dec-id: {DEC2}"))) == 403


def test_an_app_is_the_same_over_a_websocket(gateway: gateway_process.GatewayProcess) -> None:
    foreign = request(f"cyfs-dec-id: {DEC2}")
    reply = say(APP, gateway.ws, HANDSHAKE, packet(HTTP, foreign))
    assert reply.startswith(b"HTTP/1.1 101")
    assert b"HTTP/1.1 403" in reply
    assert b"HTTP/1.1 403" not in say(APP, gateway.ws, HANDSHAKE, packet(HTTP, request(f"cyfs-dec-id: {DEC}")))


def test_connections_that_end_at_once_leave_the_gateway_as_it_is(gateway: gateway_process.GatewayProcess) -> None:
    for _ in range(300):
        with socket.create_connection(gateway.http) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert status(say(0, gateway.http, request(f"cyfs-dec-id: {DEC}"))) != 403
    assert gateway.alive


@pytest.mark.parametrize(("command", "kind"), [(HANDLER_ADD, "put_object"), (EVENT_ADD, "test_event")])
def test_handlers_and_listeners_of_an_app_are_its_own(
    gateway: gateway_process.GatewayProcess, command: int, kind: str
) -> None:
    def add(**members: str) -> bytes:
        param = {"index": 0, "req_path": "/x", "default_action": "Pass"}
        key = {"chain": "handler", "category": kind, "id": "one", "index": 0, "routine": "r", **members}
        return packet(command, json.dumps({**key, "param": param}).encode())

    refused = say(APP, gateway.ws, HANDSHAKE, add(dec_id=DEC2))
    assert b'"err":"12"' in refused
    assert b"may not speak for" in refused
    for uid, members in ((APP, {}), (APP, {"dec_id": DEC}), (0, {"dec_id": DEC2})):
        done = say(uid, gateway.ws, HANDSHAKE, add(**members))
        assert done.endswith(RESULT_OK), done


def test_a_kernel_that_tells_no_users_is_refused_at_start_unless_everybody_may_call() -> None:
    uids = PeerUids()
    uids.close()
    for config in (Config("/r"), Config("/r", local_users="any", apps=AppsConfig(1000, 2000))):
        with pytest.raises(CyfsError, match="AF_NETLINK") as failure:
            check_uids(uids, config)
        assert failure.value.code == ErrorCode.NOT_SUPPORT
    check_uids(uids, Config("/r", local_users="any"))
