"""The owner door of a real gateway: over TLS, with a client that knows its fingerprint and nothing else."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import socket
import ssl
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.ids import ChunkId
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.file import make_file
from tests import gateway_process
from tests.command import cli, done

PASSWORD = b"correct horse battery\n"
FILES = {
    "a.txt": b"hello",
    "sub/page.html": b"<script>alert(1)</script>",
    "sub/bü.bin": os.urandom(5_000_000),
}


class Pinned(http.client.HTTPSConnection):
    """Trusts exactly the certificate with a fingerprint."""

    def __init__(self, address: tuple[str, int], fingerprint: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().__init__(*address, timeout=20, context=context)
        self._fingerprint = fingerprint

    def connect(self) -> None:
        super().connect()
        assert isinstance(self.sock, ssl.SSLSocket)
        der = self.sock.getpeercert(binary_form=True)
        assert der is not None
        assert hashlib.sha256(der).hexdigest() == self._fingerprint.replace(":", "").lower()


@dataclass
class Door:
    gateway: gateway_process.GatewayProcess
    address: tuple[str, int]
    fingerprint: str
    folder_id: str

    @property
    def root(self) -> Path:
        return self.gateway.root

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        with contextlib.closing(Pinned(self.address, self.fingerprint)) as connection:
            connection.request(method, path, body or None, headers or {})
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()


def door_address(ready_line: str) -> tuple[str, int]:
    match = re.search(r" door=([\d.]+):(\d+)", ready_line)
    assert match is not None, ready_line
    return match[1], int(match[2])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("door") / "root"
    done("init", "--root", path, "--key", "secp256k1")
    (path / "etc" / "cyfs-edge.toml").write_text("[door]\nenabled = true\nport = 0\n")
    assert cli("door", "password", "--root", path, stdin=PASSWORD).returncode == 0
    return path


@pytest.fixture(scope="module")
def door(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("files") / "Holiday"
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with gateway_process.running(root) as gateway:
        shown = done("door", "show", "--root", root)
        put = done("file", "put", folder, "--root", root)["files"][-1]
        yield Door(gateway, door_address(gateway.ready_line), shown["certificate"]["fingerprint"], put["id"])


def make_link(door: Door, *arguments: str, target: str | None = None) -> str:
    made = done("share", "create", target or door.folder_id, *arguments, "--root", door.root)
    return str(made["url"]).partition("/s/")[1] + str(made["url"]).partition("/s/")[2]


def test_the_fingerprint_is_told_and_the_key_is_secret(door: Door) -> None:
    assert door.fingerprint in door.gateway.log_text()
    status, headers, page = door.ask("GET", "/")
    assert status == 200
    assert b"Log in" in page
    assert "strict-transport-security" not in headers
    for name in ("cert.pem", "key.pem"):
        assert (door.root / "etc" / "door" / name).stat().st_mode & 0o777 == 0o600
    report = done("status", "--root", door.root)
    assert report["door"] == f"{door.address[0]}:{door.address[1]}"


def test_a_folder_is_shared_and_taken_back(door: Door) -> None:
    path = make_link(door, "--label", "Holiday")
    assert door.ask("GET", f"{path}/a.txt")[2] == b"hello"
    status, headers, data = door.ask("GET", f"{path}/sub/b%C3%BC.bin", headers={"range": "bytes=4194300-4194309"})
    assert (status, data) == (206, FILES["sub/bü.bin"][4194300:4194310])
    status, headers, data = door.ask("GET", f"{path}?zip")
    assert int(headers["content-length"]) == len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == FILES
    status, headers, _ = door.ask("HEAD", f"{path}/a.txt")
    assert (status, headers["content-length"]) == (200, "5")
    (share,) = [one for one in done("share", "list", "--root", door.root)["shares"] if one["label"] == "Holiday"]
    assert cli("share", "revoke", share["id"], "--root", door.root).returncode == 0
    assert door.ask("GET", f"{path}/a.txt")[0] == 404


def test_log_in_and_tokens(door: Door) -> None:
    def call(method: str, path: str, secret: str = "", body: object = None) -> tuple[int, Any]:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {secret}"} if secret else {})
        status, _, data = door.ask(method, path, b"" if body is None else json.dumps(body).encode(), headers)
        return status, json.loads(data) if data else None

    assert call("GET", "/api/shares")[0] == 401
    assert call("POST", "/api/login", body={"password": "wrong wrong wrong"})[0] == 401
    assert "a log-in from 127.0.0.1:" in door.gateway.log_text()
    status, told = call("POST", "/api/login", body={"password": PASSWORD.decode().strip()})
    assert status == 200
    assert call("GET", "/api/shares", told["token"])[0] == 200
    token = done("door", "token", "create", "script", "--read-only", "--root", door.root)
    assert call("GET", "/api/shares", token["token"])[0] == 200
    assert call("DELETE", "/api/shares/x", token["token"])[0] == 403
    done("door", "token", "revoke", token["id"], "--root", door.root)
    assert call("GET", "/api/shares", token["token"])[0] == 401
    assert call("POST", "/api/logout", told["token"])[0] == 204
    assert call("GET", "/api/shares", told["token"])[0] == 401


@pytest.mark.parametrize("path", ["/non/", "/ndn/", "/root-state", "/util/version_info", "/control/status", "/o/x"])
def test_the_door_is_not_the_stack(door: Door, path: str) -> None:
    for method in ("GET", "PUT", "POST"):
        status, _, data = door.ask(method, path, headers={"host": "localhost"})
        assert status == 404
        assert b"Nothing here" in data


def test_strange_hosts_and_origins(door: Door) -> None:
    assert door.ask("GET", "/", headers={"host": "evil.example"})[0] == 421
    assert door.ask("POST", "/api/logout", headers={"origin": "https://evil.example"})[0] == 403
    status, headers, _ = door.ask("OPTIONS", "/api/login", headers={"origin": "https://evil.example"})
    assert status == 403
    assert not any(name.startswith("access-control") for name in headers)


def test_plain_http_and_silence_on_the_tls_port(door: Door) -> None:
    silent = [socket.create_connection(door.address) for _ in range(100)]
    with socket.create_connection(door.address, timeout=20) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert door.ask("GET", "/")[0] == 200
    for sock in silent:
        sock.close()


def test_the_same_certificate_after_a_restart_and_another_on_request(root: Path, door: Door, tmp_path: Path) -> None:
    assert done("door", "show", "--root", root)["certificate"]["fingerprint"] == door.fingerprint
    other = tmp_path / "root"
    done("init", "--root", other, "--key", "secp256k1")
    cert, key = (root / "etc" / "door" / name for name in ("cert.pem", "key.pem"))
    settings = f'[door]\nenabled = true\nport = 0\ncert = "{cert}"\nkey = "{key}"\n'
    (other / "etc" / "cyfs-edge.toml").write_text(settings)
    with gateway_process.running(other) as gateway:
        connection = Pinned(door_address(gateway.ready_line), door.fingerprint)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    (other / "etc" / "cyfs-edge.toml").write_text(settings.replace("cert.pem", "none.pem"))
    with pytest.raises(gateway_process.GatewayFailed, match=r"none\.pem"):
        gateway_process.start(other)


def test_plain_http_is_an_explicit_setting(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "root"
    done("init", "--root", other, "--key", "secp256k1")
    (other / "etc" / "cyfs-edge.toml").write_text("[door]\nenabled = true\nport = 0\nplain = true\n")
    with gateway_process.running(other) as gateway:
        connection = http.client.HTTPConnection(*door_address(gateway.ready_line), timeout=20)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
        assert "without TLS" in gateway.log_text()
        assert not (other / "etc" / "door").exists()


def test_without_the_setting_there_is_no_door(tmp_path: Path) -> None:
    other = tmp_path / "root"
    done("init", "--root", other, "--key", "secp256k1")
    with gateway_process.running(other) as gateway:
        assert "door=" not in gateway.ready_line


def test_sockets_from_systemd(root: Path, tmp_path: Path) -> None:
    """One for TLS, and a plain one that leads to it."""
    other = tmp_path / "root"
    done("init", "--root", other, "--key", "secp256k1")
    (other / "etc" / "cyfs-edge.toml").write_text("[door]\nenabled = true\nport = 1\n")
    with listen_tcp("127.0.0.1", 0) as main, listen_tcp("127.0.0.1", 0) as plain:
        address, plain_address = main.getsockname(), plain.getsockname()
        script = (
            'exec 3<&"$1" 4<&"$2"; shift 2; export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=door:door-plain; exec "$@"'
        )
        command = gateway_process.command(other)
        process = subprocess.Popen(
            ["bash", "-c", script, "-", str(main.fileno()), str(plain.fileno()), *command],
            pass_fds=(main.fileno(), plain.fileno()),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert f"door=127.0.0.1:{address[1]} " in line
            fingerprint = done("door", "show", "--root", other)["certificate"]["fingerprint"]
            connection = http.client.HTTPConnection(*plain_address, timeout=20)
            connection.request("GET", "/s/abc?x")
            reply = connection.getresponse()
            text = reply.read().decode()
            assert reply.status == 308
            assert reply.getheader("location") == f"https://127.0.0.1:{address[1]}/s/abc?x"
            assert fingerprint in text
            connection.request("POST", "/api/login", b"{}")
            assert connection.getresponse().status == 403
            connection.close()
            with contextlib.closing(Pinned(address, fingerprint)) as pinned:
                pinned.request("GET", "/")
                assert pinned.getresponse().status == 200
        finally:
            process.terminate()
            assert process.wait(20) == 0
            process.stdout.close()


def anonymous_memory(pid: int) -> int:
    """Bytes of the process that are its own and no file's."""
    text = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("query", ["", "?zip"])
def test_gigabytes_go_out_with_flat_memory(door: Door, tmp_path: Path, query: str) -> None:
    """One chunk listed 256 times makes a file of 1 GiB without filling the disk."""
    piece = os.urandom(4 << 20)
    (tmp_path / "piece").write_bytes(piece)
    done("file", "put", tmp_path / "piece", "--root", door.root)
    digest = hashlib.sha256()
    for _ in range(256):
        digest.update(piece)
    large = make_file(None, 1 << 30, digest.digest(), [ChunkId.of_data(piece)] * 256, update_time=1)
    folder = make_dir(None, DirList({"large.bin": DirEntry(large.object_id)}), update_time=1)
    lines = b"\n".join(one.raw.hex().encode() for one in (large, folder))
    done("object", "put", "--hex", "-", "--root", door.root, stdin=lines)
    path = make_link(door, target=str(folder.object_id))
    with contextlib.closing(Pinned(door.address, door.fingerprint)) as connection:
        connection.request("GET", f"{path}/large.bin" if not query else f"{path}{query}")
        reply = connection.getresponse()
        assert reply.status == 200
        got = hashlib.sha256()
        most, before, count = 0, anonymous_memory(door.gateway.pid), 0
        while data := reply.read(1 << 20):
            count += len(data)
            got.update(data)
            if count >> 20 & 63 == 0:
                most = max(most, anonymous_memory(door.gateway.pid))
    assert most - before < 24 << 20
    if query:
        assert count > 1 << 30
    else:
        assert got.digest() == digest.digest()


def test_the_owners_files_are_behind_the_door_for_programs_with_a_token(door: Door) -> None:
    """WebDAV over TLS: the password of Basic is a token; files can be shared by their path."""
    assert door.ask("PROPFIND", "/dav/", headers={"depth": "0"})[0] == 401
    token = done("door", "token", "create", "phone", "--root", door.root)["token"]
    reader = done("door", "token", "create", "reader", "--read-only", "--root", door.root)["token"]

    def basic(secret: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(f"anybody:{secret}".encode()).decode()}

    assert door.ask("MKCOL", "/dav/photos", headers=basic(token))[0] == 201
    assert door.ask("PUT", "/dav/photos/a.txt", b"hello", basic(token))[0] == 201
    assert door.ask("PUT", "/dav/photos/b.txt", b"no", basic(reader))[0] == 403
    status, headers, body = door.ask("GET", "/dav/photos/a.txt", headers=basic(reader))
    assert (status, body) == (200, b"hello")
    assert "sandbox" in headers["content-security-policy"]
    link = make_link(door, target="/files/photos")
    assert door.ask("GET", f"{link}/a.txt")[2] == b"hello"
    assert door.ask("PUT", "/dav/photos/a.txt", b"hello again", basic(token))[0] == 204
    assert door.ask("GET", f"{link}/a.txt")[2] == b"hello again"
