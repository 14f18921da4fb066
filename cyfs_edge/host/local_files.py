"""Files of this machine that a local caller names by path."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import LocalEntry

T = TypeVar("T")

_PROCESSES = "/proc"
"""What the kernel tells of this process and others is no file of anybody: the environment may hold passwords."""


class HostFiles:
    """Opens what the process may read, but nothing below ``private``: the node's own keys and store."""

    __slots__ = ("_private",)

    def __init__(self, private: list[Path]) -> None:
        self._private = [os.path.realpath(path) for path in private]

    async def is_dir(self, path: str) -> bool:
        def look() -> bool:
            fd = self._open(path)
            try:
                return stat.S_ISDIR(os.fstat(fd).st_mode)
            finally:
                os.close(fd)

        return await _in_thread(path, look)

    async def list_dir(self, path: str) -> list[LocalEntry]:
        def look() -> list[LocalEntry]:
            fd = self._open(path)
            try:
                with os.scandir(fd) as entries:
                    found = [
                        LocalEntry(entry.name, entry.is_dir(follow_symlinks=False))
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
                    ]
            finally:
                os.close(fd)
            return sorted(found, key=lambda entry: entry.name)

        return await _in_thread(path, look)

    async def read(self, path: str, piece_size: int) -> AsyncIterator[bytes]:
        fd = await _in_thread(path, lambda: self._open(path))
        with os.fdopen(fd, "rb") as file:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise CyfsError(ErrorCode.INVALID_PARAM, f"{path!r} is no regular file")
            while piece := await _in_thread(path, lambda: file.read(piece_size)):
                yield piece
            if _stamp(before) != _stamp(os.fstat(fd)):
                raise CyfsError(ErrorCode.CONFLICT, f"{path!r} changed while it was read; ask again")

    def _open(self, path: str) -> int:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        # Looked at after opening: the name may be changed at any time, what is open may not.
        real = os.readlink(f"/proc/self/fd/{fd}")
        if any(real == private or real.startswith(private + "/") for private in (*self._private, _PROCESSES)):
            os.close(fd)
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{path!r} belongs to the node itself")
        return fd


def _stamp(info: os.stat_result) -> tuple[int, int, int]:
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns


async def _in_thread(path: str, work: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, work)
    except PermissionError:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{path!r} may not be read") from None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise CyfsError(ErrorCode.NOT_FOUND, f"no file {path!r}") from None
    except OSError as error:
        raise CyfsError(ErrorCode.IO_ERROR, f"{path!r} cannot be read: {error.strerror}") from error
