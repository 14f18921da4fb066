"""The files below ``etc`` of a root as backups take and bring them (port ``RootFiles``), and the key of the backups."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import RootFile
from cyfs_edge.host.whole_file import write_whole
from cyfs_edge.wire.backup.keys import BackupKey

FOLDER = "etc"
BACKUP_FOLDER = "etc/backup"
"""What leads to the backups: their key, and those for SFTP and S3. Never in a backup itself."""
KEY_FILE = f"{BACKUP_FOLDER}/key"
FILE_MAX = 1 << 20
"""Largest file that is taken, in bytes."""
FILES_MAX = 10_000
DEPTH_MAX = 8
_KEY_TEXT_MAX = 4096
_KEY_SUFFIX = ".sec"


class EtcFiles:
    """Regular files only; links are left out."""

    __slots__ = ("_root",)

    def __init__(self, root: Path) -> None:
        self._root = root

    async def read_all(self, *, secret: bool) -> list[RootFile]:
        return await asyncio.to_thread(lambda: list(self._read_all(secret)))

    def _read_all(self, secret: bool) -> Iterator[RootFile]:
        for number, path in enumerate(_walk(self._root / FOLDER, 0)):
            if number >= FILES_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{self._root / FOLDER} has more than {FILES_MAX} files")
            name = path.relative_to(self._root).as_posix()
            if (
                name.startswith(BACKUP_FOLDER + "/")
                or path.name.startswith(".")
                or (path.suffix == _KEY_SUFFIX and not secret)
            ):
                continue
            try:
                with path.open("rb") as file:
                    data = file.read(FILE_MAX + 1)
                    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            except FileNotFoundError:
                continue  # gone since it was listed
            except OSError as error:
                raise _error(error, path, "it cannot be read") from error
            if len(data) > FILE_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{path} is larger than {FILE_MAX} bytes; keep it elsewhere")
            yield RootFile(name, data, mode)

    async def write(self, file: RootFile) -> None:
        path = self._path(file.path)
        if len(file.data) > FILE_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{file.path!r} is larger than {FILE_MAX} bytes")
        try:
            await asyncio.to_thread(write_whole, path, file.data, file.mode & 0o700 | file.mode & 0o044)
        except OSError as error:
            raise _error(error, path, "it was not written") from error

    async def read(self, path: str) -> bytes | None:
        def work() -> bytes | None:
            try:
                with self._path(path).open("rb") as file:
                    return file.read(FILE_MAX + 1)
            except FileNotFoundError:
                return None

        return await asyncio.to_thread(work)

    def _path(self, name: str) -> Path:
        """A backup may have been made by anybody who has its key: its names do not leave the folder."""
        pure = PurePosixPath(name)
        parts = pure.parts
        if (
            len(parts) < 2
            or len(parts) > DEPTH_MAX + 2
            or parts[0] != FOLDER
            or any(part in ("..", "/") or "\0" in part or len(part.encode()) > 255 for part in parts)
            or pure.as_posix() != name
            or name.startswith(BACKUP_FOLDER + "/")
        ):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"the backup has a file {name!r}, which is not below {FOLDER}")
        path = self._root.joinpath(*parts)
        for parent in path.parents:
            if parent == self._root:
                break
            if parent.is_symlink():
                raise CyfsError(ErrorCode.INVALID_PARAM, f"{parent} is a link: nothing is written through it")
        return path


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _error(error, folder, "it cannot be read") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth < DEPTH_MAX:
                yield from _walk(Path(entry.path), depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def read_key(root: Path, file: Path | None = None) -> BackupKey:
    """The key of the root, or of ``file``. ``NOT_FOUND`` when there is none, ``INVALID_FORMAT`` when it is none."""
    path = file or root / KEY_FILE
    try:
        with path.open("rb") as opened:
            text = opened.read(_KEY_TEXT_MAX).decode("utf-8", "replace")
    except FileNotFoundError:
        hint = "" if file else ". Make one: cyfs-edge backup init, or bring one back: cyfs-edge backup key --restore"
        raise CyfsError(ErrorCode.NOT_FOUND, f"there is no backup key at {path}{hint}") from None
    except OSError as error:
        raise _error(error, path, "it cannot be read") from error
    try:
        return BackupKey.parse(text)
    except CyfsError as error:
        raise CyfsError(error.code, f"{path}: {error.message}") from None


def write_key(root: Path, key: BackupKey) -> None:
    """``ALREADY_EXISTS`` when the root has another one: backups that were made with it need it."""
    path = root / KEY_FILE
    if path.exists():
        if read_key(root) == key:
            return
        raise CyfsError(
            ErrorCode.ALREADY_EXISTS,
            f"{path} holds another key, with which backups may have been made; move it to a safe place first",
        )
    try:
        write_whole(path, (key.text() + "\n").encode(), 0o600)
    except OSError as error:
        raise _error(error, path, "it was not written") from error


def _error(error: OSError, path: Path, what: str) -> CyfsError:
    code = ErrorCode.PERMISSION_DENIED if isinstance(error, PermissionError) else ErrorCode.IO_ERROR
    return CyfsError(code, f"{path}: {what}: {error.strerror}")
