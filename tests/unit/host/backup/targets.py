"""The places of the conformance kit: a folder, a real SFTP server in this process, and a real S3 server."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from cyfs_edge.core.backup.ports import BackupTarget
from cyfs_edge.host.backup.targets import open_target
from cyfs_edge.wire.backup.address import parse_address
from tests.s3_server import BUCKET, CREDENTIALS, S3Server, skip_without_server


@dataclass
class Place:
    """``open``: connects anew. ``break_off``: from now on nothing can be reached."""

    open: Callable[[], Any]
    break_off: Callable[[], Any]
    folder: Path | None = None


@asynccontextmanager
async def folder(tmp_path: Path) -> AsyncIterator[Place]:
    path = tmp_path / "disk"

    async def open_it() -> BackupTarget:
        return await open_target(parse_address(str(path)), tmp_path, {})

    async def break_off() -> None:
        path.rename(tmp_path / "gone")

    yield Place(open_it, break_off, path)


class Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True


def keys_of(root: Path) -> tuple[Any, Path]:
    """Makes what an owner makes by hand; gives the key of the server and the file of those who may come in."""
    own = root / "etc" / "backup"
    own.mkdir(parents=True)
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client_key.write_private_key(str(own / "id_ed25519"))
    client_key.write_public_key(str(own / "id_ed25519.pub"))
    (own / "known_hosts").write_text(f"* {host_key.export_public_key().decode()}")
    allowed = root / "authorized_keys"
    allowed.write_bytes(client_key.export_public_key())
    return host_key, allowed


@asynccontextmanager
async def sftp(tmp_path: Path) -> AsyncIterator[Place]:
    root = tmp_path / "root"
    host_key, allowed = keys_of(root)
    home = tmp_path / "home"
    home.mkdir()
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=[host_key],
        authorized_client_keys=str(allowed),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(home)),
    )
    port = server.sockets[0].getsockname()[1]
    opened: list[BackupTarget] = []

    async def open_it() -> BackupTarget:
        target = await open_target(parse_address(f"sftp://backup@127.0.0.1:{port}/deep/disk"), root, {})
        opened.append(target)
        return target

    async def break_off() -> None:
        server.close()
        for target in opened:
            target._connection.abort()  # type: ignore[attr-defined]

    try:
        yield Place(open_it, break_off, home / "deep" / "disk")
    finally:
        server.close()
        await server.wait_closed()


_servers: list[S3Server] = []


def _s3_server() -> S3Server:
    """One for all tests of the process, started again when a test has killed it."""
    if not _servers:
        folder = tempfile.TemporaryDirectory(prefix="cyfs-s3-")
        _servers.append(S3Server(skip_without_server(), Path(folder.name) / "s3"))
        atexit.register(folder.cleanup)
        atexit.register(_servers[0].close)
    if not _servers[0].running:
        _servers[0].start()
    return _servers[0]


@asynccontextmanager
async def s3(tmp_path: Path) -> AsyncIterator[Place]:
    server = _s3_server()
    secrets = tmp_path / "etc" / "backup" / "s3.toml"
    secrets.parent.mkdir(parents=True)
    secrets.write_text(f'access_key = "{CREDENTIALS.access_key}"\nsecret_key = "{CREDENTIALS.secret_key}"\n')
    secrets.chmod(0o600)
    text = f"s3://{BUCKET}/{os.urandom(6).hex()}?endpoint={server.endpoint}"

    async def open_it() -> BackupTarget:
        return await open_target(parse_address(text), tmp_path, {})

    async def break_off() -> None:
        server.kill()

    yield Place(open_it, break_off)


MAKERS: dict[str, Callable[[Path], AbstractAsyncContextManager[Place]]] = {"folder": folder, "sftp": sftp, "s3": s3}


def makers() -> list[Any]:
    slow = {"s3": [pytest.mark.slow]}
    return [pytest.param(maker, id=name, marks=slow.get(name, [])) for name, maker in MAKERS.items()]
