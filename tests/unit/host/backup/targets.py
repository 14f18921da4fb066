"""The places of the conformance kit: a folder, a real SFTP server in this process, and an S3 server if one is named.

For S3 set ``CYFS_TEST_S3`` to an address such as ``s3://bucket/prefix?endpoint=http://127.0.0.1:8333``; credentials are
taken from ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``.
"""

from __future__ import annotations

import os
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

S3 = os.environ.get("CYFS_TEST_S3", "")


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


@asynccontextmanager
async def s3(tmp_path: Path) -> AsyncIterator[Place]:
    head, _, options = S3.partition("?")
    text = f"{head}/{os.urandom(6).hex()}?{options}"

    async def open_it() -> BackupTarget:
        return await open_target(parse_address(text), tmp_path, os.environ)

    async def break_off() -> None:
        pytest.skip("the server of others is not stopped")

    yield Place(open_it, break_off)
    target = await open_it()
    for top in ("packs", "index", "snapshots"):
        async for file in target.list(top):
            await target.delete(file.path)
    await target.delete("config")
    await target.close()


MAKERS: dict[str, Callable[[Path], AbstractAsyncContextManager[Place]]] = {"folder": folder, "sftp": sftp, "s3": s3}


def makers() -> list[Any]:
    return [
        pytest.param(
            maker,
            id=name,
            marks=pytest.mark.skipif(name == "s3" and not S3, reason="CYFS_TEST_S3 names no S3 server"),
        )
        for name, maker in MAKERS.items()
    ]
