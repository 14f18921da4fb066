"""Local files as they are read to be stored: whole, once, and told when they change meanwhile."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.file_batch import Seen

TRIES = 3
"""How often a file that changes while it is read is read."""
RACY_NS = 2_000_000_000
"""A file that was changed so shortly before it was read may change again and keep its times: it is not remembered.

Two seconds are the coarsest times that a file system keeps.
"""

LAST = "\U0010ffff"
"""Comes after every inner path."""
_KEY_PATH_MAX = 300


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is the same. A change of its content changes one of these."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, info: os.stat_result) -> Stamp:
        return cls(info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)

    def __str__(self) -> str:
        return f"{self.inode} {self.size} {self.mtime_ns} {self.ctime_ns}"

    def is_settled(self, now_ns: int) -> bool:
        """Whether a later change would show. Times of the future are those of a clock that was set."""
        return max(self.mtime_ns, self.ctime_ns) < now_ns - RACY_NS


class Unreadable(CyfsError):
    """One local file could not be read; the others can. The message leaves its name out."""

    @classmethod
    def of(cls, error: OSError) -> Unreadable:
        code = ErrorCode.PERMISSION_DENIED if isinstance(error, PermissionError) else ErrorCode.IO_ERROR
        return cls(code, error.strerror or str(error))


class Changed(Unreadable):
    """The file changed while it was read."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.CONFLICT, f"it changed each of the {TRIES} times that it was read")


def place(owner: bytes, top: bytes) -> str:
    """The first part of the keys of all files below ``top``, or of the file ``top``, for one owner."""
    return hashlib.sha256(owner + os.path.realpath(top)).hexdigest()[:24] + "/"


def key_of(place: str, inner: str) -> str:
    """In the order of the inner paths, long ones among themselves excepted."""
    data = inner.encode()
    if len(data) <= _KEY_PATH_MAX:
        return place + inner
    return place + data[:_KEY_PATH_MAX].decode(errors="ignore") + "/" + hashlib.sha256(data).hexdigest()


def seen(key: str, stamp: Stamp) -> Seen:
    return Seen(key, str(stamp))


def stamp_of(path: bytes) -> Stamp | None:
    """``None`` when it cannot be looked at."""
    try:
        return Stamp.of(os.lstat(path))
    except OSError:
        return None


def read_steadily(path: bytes, read: Callable[[int, int], int]) -> Stamp:
    """Calls ``read`` with the open file and its size until the file stays as it is meanwhile.

    ``read`` gives the bytes it read, and may stop beyond the size: the file grows then, perhaps as fast as it is read.

    Raises :class:`Unreadable`, and :class:`Changed` when it never stays as it is.
    """
    for _ in range(TRIES):
        fd = _open(path)
        try:
            before = _stamp(fd)
            if read(fd, before.size) == before.size and before == _stamp(fd):
                return before
        finally:
            os.close(fd)
    raise Changed


def read_piece(fd: int, size: int, offset: int) -> bytes:
    """``size`` bytes, fewer at the end of the file only."""
    parts: list[bytes] = []
    got = 0
    try:
        while got < size and (data := os.pread(fd, size - got, offset + got)):
            parts.append(data)
            got += len(data)
    except OSError as error:
        raise Unreadable.of(error) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _open(path: bytes) -> int:
    """Never waits for a pipe, never follows a link."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise Unreadable.of(error) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Unreadable(ErrorCode.INVALID_PARAM, "it is no file any more")
    return fd


def _stamp(fd: int) -> Stamp:
    try:
        return Stamp.of(os.fstat(fd))
    except OSError as error:
        raise Unreadable.of(error) from None
