"""A folder on an SFTP server as the place of backups (port ``BackupTarget``)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import TargetFile
from cyfs_edge.host.backup.root_files import BACKUP_FOLDER
from cyfs_edge.wire.backup.address import Address

T = TypeVar("T")

CONNECT_S = 30.0
CALL_S = 900.0
"""A call (16 MiB at most, as a rule) that takes longer is taken for a connection that is gone."""
_KEEPALIVE_S = 30
_PIECE = 256 * 1024
_FULL = 32 << 20
_TEMP = ".tmp-"
_TEMP_AGE_S = 86_400


class SftpTarget:
    """One connection, made at the beginning. Keys and known hosts are the root's own, below ``etc/backup``."""

    __slots__ = ("_address", "_connection", "_folders", "_library", "_sftp")

    def __init__(self, library: ModuleType, address: Address, connection: Any, sftp: Any) -> None:
        """Use :meth:`connect`. ``library``: asyncssh."""
        self._library = library
        self._address = address
        self._connection = connection
        self._sftp = sftp
        self._folders: set[str] = set()

    @classmethod
    async def connect(cls, library: ModuleType, address: Address, root: Path) -> SftpTarget:
        """``CONNECT_FAILED`` with what to do; ``PERMISSION_DENIED`` for an unknown host or a key that does not fit."""
        folder = root / BACKUP_FOLDER
        known_hosts = folder / "known_hosts"
        keys = sorted(str(path) for path in folder.glob("id_*") if path.suffix != ".pub") if folder.is_dir() else []
        if not known_hosts.is_file() or not keys:
            port = f"-p {address.port} " if address.port else ""
            raise CyfsError(
                ErrorCode.NOT_FOUND,
                f"SFTP needs a key and the host key of the server in {folder}: ssh-keygen -t ed25519 -N '' -f "
                f"{folder}/id_ed25519, put id_ed25519.pub into the server's authorized_keys, and "
                f"ssh-keyscan {port}{address.host} > {known_hosts} (compare what it prints with the server)",
            )
        try:
            connection = await asyncio.wait_for(
                library.connect(
                    address.host,
                    address.port or 22,
                    username=address.user or (),
                    known_hosts=str(known_hosts),
                    client_keys=keys,
                    agent_path=None,
                    config=None,
                    keepalive_interval=_KEEPALIVE_S,
                ),
                CONNECT_S,
            )
            sftp = await asyncio.wait_for(connection.start_sftp_client(), CONNECT_S)
        except (library.HostKeyNotVerifiable, library.PermissionDenied, ValueError) as error:
            raise CyfsError(
                ErrorCode.PERMISSION_DENIED, f"{address.text} does not let us in, or is not who it was: {error}"
            ) from error
        except (TimeoutError, library.Error, OSError) as error:
            why = str(error) or "it did not answer in time"
            raise CyfsError(
                ErrorCode.CONNECT_FAILED, f"{address.text} cannot be reached: {why}. Is it on, and the network up?"
            ) from error
        return cls(library, address, connection, sftp)

    @property
    def text(self) -> str:
        return self._address.text

    def _path(self, path: str) -> str:
        return f"{self._address.path.rstrip('/')}/{path}"

    async def make(self) -> None:
        await self._run("making it", lambda: self._sftp.makedirs(self._address.path, exist_ok=True))

    async def list(self, folder: str) -> AsyncIterator[TargetFile]:
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            try:
                entries = await self._run(f"reading {at}", partial(self._sftp.readdir, self._path(at)))
            except CyfsError as error:
                if error.code != ErrorCode.NOT_FOUND:
                    raise
                continue
            for entry in entries:
                name = str(entry.filename)
                if name in (".", ".."):
                    continue
                if name.startswith(_TEMP):
                    await self._sweep(f"{at}/{name}", entry.attrs.mtime)
                    continue
                # Servers of SFTP 3 tell the kind in the permission bits.
                if (entry.attrs.permissions or 0) & 0o170000 == 0o040000:
                    waiting.append(f"{at}/{name}")
                else:
                    yield TargetFile(f"{at}/{name}", int(entry.attrs.size or 0))

    async def _sweep(self, path: str, changed: float | None) -> None:
        """Removes what nobody can be writing any more."""
        if changed is not None and changed < time.time() - _TEMP_AGE_S:
            with suppress(self._library.Error, OSError):
                await self._sftp.remove(self._path(path))

    async def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        async def work() -> bytes:
            async with self._sftp.open(self._path(path), "rb", block_size=_PIECE) as file:
                data: bytes = await file.read(-1 if size is None else size, start)
                return data

        return await self._run(f"reading {path}", work)

    async def write(self, path: str, parts: Sequence[bytes]) -> None:
        await self._run(f"writing {path}", lambda: self._write(path, parts))

    async def _write(self, path: str, parts: Sequence[bytes]) -> None:
        sftp, final = self._sftp, self._path(path)
        folder, _, _ = final.rpartition("/")
        if folder not in self._folders:
            # Only below what is there: see ``make``.
            await sftp.stat(self._address.path)
            await sftp.makedirs(folder, exist_ok=True)
            self._folders.add(folder)
        temp = f"{folder}/{_TEMP}{os.urandom(8).hex()}"
        try:
            async with sftp.open(temp, "wb") as file:
                for part in parts:
                    await file.write(part)
                with suppress(self._library.SFTPOpUnsupported):
                    await file.fsync()
            await sftp.posix_rename(temp, final)
        except BaseException:
            with suppress(self._library.Error, OSError):
                await sftp.remove(temp)
            raise

    async def delete(self, path: str) -> None:
        async def work() -> None:
            with suppress(self._library.SFTPNoSuchFile):
                await self._sftp.remove(self._path(path))

        await self._run(f"deleting {path}", work)

    async def close(self) -> None:
        self._sftp.exit()
        self._connection.close()
        with suppress(OSError, self._library.Error, TimeoutError):
            await asyncio.wait_for(self._connection.wait_closed(), CONNECT_S)

    async def _run(self, doing: str, work: Callable[[], Awaitable[T]]) -> T:
        library = self._library
        try:
            return await asyncio.wait_for(work(), CALL_S)
        except library.SFTPNoSuchFile as error:
            code = ErrorCode.NOT_FOUND if doing.startswith("reading") else ErrorCode.IO_ERROR
            raise self._error(code, doing, error) from error
        except library.SFTPPermissionDenied as error:
            raise self._error(ErrorCode.PERMISSION_DENIED, doing, error) from error
        except (library.SFTPNoConnection, library.SFTPConnectionLost) as error:
            raise self._error(ErrorCode.CONNECT_FAILED, doing, error) from error
        except library.SFTPError as error:
            code = ErrorCode.OUT_OF_LIMIT if await self._is_full() else ErrorCode.IO_ERROR
            raise self._error(code, doing, error) from error
        except (TimeoutError, library.Error, OSError) as error:
            raise self._error(ErrorCode.CONNECT_FAILED, doing, error) from error

    async def _is_full(self) -> bool:
        """A full disk is just a failure to SFTP."""
        try:
            found = await asyncio.wait_for(self._sftp.statvfs(self._address.path), CONNECT_S)
        except (TimeoutError, self._library.Error, OSError):
            return False
        return bool(found.bavail * found.frsize < _FULL)

    def _error(self, code: ErrorCode, doing: str, error: Exception) -> CyfsError:
        why = str(error) or "no answer in time"
        advice = "make room there" if code is ErrorCode.OUT_OF_LIMIT else "is it there, and may we write to it?"
        return CyfsError(code, f"the backup place {self.text} failed at {doing}: {why}; {advice} Then run it again")
