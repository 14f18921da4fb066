"""A folder as the place of backups: another disk, a mounted share (port ``BackupTarget``)."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import TargetFile

T = TypeVar("T")

_TEMP = ".tmp-"
_TEMP_AGE_S = 86_400
_PAGE = 512


class FolderTarget:
    """Files get their names when they are whole and synced. What a crash left half written goes a day later."""

    __slots__ = ("_number", "_root")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._number = count(1)

    @property
    def text(self) -> str:
        return str(self._root)

    async def make(self) -> None:
        def work() -> None:
            self._root.mkdir(mode=0o700, exist_ok=True)
            _sync(self._root.parent)

        await self._run("making it", work)

    async def list(self, folder: str) -> AsyncIterator[TargetFile]:
        walk = self._walk(folder)
        while page := await self._run("listing", lambda: [file for file, _ in zip(walk, range(_PAGE), strict=False)]):
            for file in page:
                yield file

    def _walk(self, folder: str) -> Iterator[TargetFile]:
        waiting = [folder]
        while waiting:
            at = waiting.pop()
            try:
                entries = list(os.scandir(self._root / at))
            except FileNotFoundError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{at}/{entry.name}")
                elif entry.name.startswith(_TEMP):
                    _sweep(entry)
                elif entry.is_file(follow_symlinks=False):
                    yield TargetFile(f"{at}/{entry.name}", entry.stat().st_size)

    async def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        def work() -> bytes:
            with (self._root / path).open("rb") as file:
                file.seek(start)
                return file.read(-1 if size is None else size)

        return await self._run(f"reading {path}", work)

    async def write(self, path: str, parts: Sequence[bytes]) -> None:
        await self._run(f"writing {path}", lambda: self._write(self._root / path, parts))

    def _write(self, path: Path, parts: Sequence[bytes]) -> None:
        if not self._root.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the folder is not there any more", str(self._root))
        self._make(path.parent)
        temp = path.with_name(f"{_TEMP}{os.getpid()}-{next(self._number)}")
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temp, path)
        except BaseException:
            with suppress(OSError):
                temp.unlink(missing_ok=True)
            raise
        _sync(path.parent)

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)

    async def delete(self, path: str) -> None:
        def work() -> None:
            (self._root / path).unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                _sync((self._root / path).parent)

        await self._run(f"deleting {path}", work)

    async def close(self) -> None:
        return

    async def _run(self, doing: str, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise target_error(error, self.text, doing) from error


def _sweep(entry: os.DirEntry[str]) -> None:
    """Removes what nobody can be writing any more."""
    with suppress(OSError):
        if entry.stat(follow_symlinks=False).st_mtime < time.time() - _TEMP_AGE_S:
            os.unlink(entry.path)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def target_error(error: OSError, where: str, doing: str) -> CyfsError:
    """What a file system, here or far away, says no with."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        code, advice = ErrorCode.OUT_OF_LIMIT, "make room there, then run it again: what is there already is used"
    elif error.errno == errno.ENOENT and doing.startswith("reading"):
        code, advice = ErrorCode.NOT_FOUND, "is its disk mounted?"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        code, advice = ErrorCode.PERMISSION_DENIED, "the user of the node must be able to write there"
    else:
        code, advice = ErrorCode.IO_ERROR, "is it there, mounted and sound? Then run it again"
    return CyfsError(code, f"the backup place {where} failed at {doing}: {reason}; {advice}")
