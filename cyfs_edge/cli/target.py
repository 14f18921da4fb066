"""A folder that files are written into: each is there under its name whole, verified and synced, or not at all.

Every step goes through descriptors of real folders, so that no link, whoever made it, leads elsewhere. What is being
written has a passing name beside its place, which is the same each time, so that the next run finds what a broken-off
one left; a lock keeps two runs apart.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from cyfs_edge.base.errors import CyfsError, ErrorCode

PART_NAME = re.compile(rb"\.[0-9a-f]{16}\.cyfs-part")
WAITING_MAX = 128
"""Files that are written and wait to be synced together."""
WAITING_BYTES = 32 << 20

_FOLDERS_OPEN = 64
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


Told = Callable[[OSError | None], None]
"""Hears that a file has its name, or why it could not get it."""


@dataclass(slots=True)
class Part:
    """A file that is being written. ``fd`` is open for reading and writing, and locked. ``told``: by :meth:`commit`."""

    fd: int
    folder: int
    name: bytes
    final: bytes
    told: Told | None = None

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            os.close(self.folder)
            self.fd = -1


class Target:
    """``replace``: whether a file that is in the way is replaced."""

    def __init__(self, path: bytes, *, replace: bool) -> None:
        self._top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._replace = replace
        self._folders: OrderedDict[tuple[bytes, ...], int] = OrderedDict()
        self._waiting: list[Part] = []
        self._bytes = 0
        self._libc = ctypes.CDLL(None, use_errno=True)

    def close(self) -> None:
        """What waits for a commit is removed."""
        for part in self._waiting:
            self.drop(part)
        for fd in (*self._folders.values(), self._top):
            os.close(fd)

    def make_folder(self, names: list[bytes]) -> None:
        self._folder(tuple(names))

    def open_there(self, names: list[bytes]) -> int | None:
        """A descriptor of the file that is there; ``None`` without one. ``ALREADY_EXISTS`` for anything else."""
        if any(part.final == names[-1] for part in self._waiting):
            self.commit()
        folder = self._folder(tuple(names[:-1]))
        try:
            fd = os.open(names[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise _in_the_way("a link") from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _in_the_way("a folder or device")
        return fd

    def check_free(self) -> None:
        if not self._replace:
            raise CyfsError(ErrorCode.ALREADY_EXISTS, "another file is there; it is left as it is without --replace")

    def begin(self, names: list[bytes]) -> Part:
        """The part for a file, with what an earlier run left in it. ``WOULD_BLOCK`` when another run writes it,
        ``INVALID_DATA`` when this one has a file of that name already.
        """
        folder = os.dup(self._folder(tuple(names[:-1])))
        name = b".%s.cyfs-part" % sha256(names[-1]).hexdigest()[:16].encode()
        try:
            while True:
                fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if _is(fd, name, folder):
                        return Part(fd, folder, name, names[-1])
                except BlockingIOError:
                    mine = any(os.path.sameopenfile(fd, part.fd) for part in self._waiting)
                    os.close(fd)
                    if mine:
                        raise CyfsError(ErrorCode.INVALID_DATA, "the dir has two entries of this name") from None
                    raise CyfsError(ErrorCode.WOULD_BLOCK, "another command is writing it") from None
                except BaseException:
                    os.close(fd)
                    raise
                os.close(fd)
        except BaseException:
            os.close(folder)
            raise

    def finish(self, part: Part, size: int, told: Told) -> None:
        """The part is whole and verified; it gets its name with the next :meth:`commit`, which may be now."""
        part.told = told
        self._waiting.append(part)
        self._bytes += size
        if len(self._waiting) >= WAITING_MAX or self._bytes >= WAITING_BYTES:
            self.commit()

    def drop(self, part: Part) -> None:
        with contextlib.suppress(OSError):
            os.unlink(part.name, dir_fd=part.folder)
        part.close()

    def commit(self) -> None:
        """All that waits is synced, and then gets its name."""
        if not self._waiting:
            return
        self._sync()
        self._bytes = 0
        while self._waiting:
            part = self._waiting.pop(0)
            failure: OSError | None = None
            try:
                os.rename(part.name, part.final, src_dir_fd=part.folder, dst_dir_fd=part.folder)
                part.close()
            except OSError as error:
                failure = error
                self.drop(part)
            if part.told is not None:
                part.told(failure)

    def complete(self) -> None:
        """Everything is there, names included, whatever happens to the machine from here on."""
        self.commit()
        self._sync()

    def _sync(self) -> None:
        """One sync of the file system for many files, where one each would wait for the disk as often."""
        if self._libc.syncfs(self._top) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def _folder(self, names: tuple[bytes, ...]) -> int:
        """The descriptor of a folder, which is made if it is not there. It stays this object's."""
        if not names:
            return self._top
        fd = self._folders.get(names)
        if fd is not None:
            self._folders.move_to_end(names)
            return fd
        above = self._folder(names[:-1])
        with contextlib.suppress(FileExistsError):
            os.mkdir(names[-1], dir_fd=above)
        try:
            fd = os.open(names[-1], _FOLDER, dir_fd=above)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            raise _in_the_way("a file or link, where a folder should be,") from None
        self._folders[names] = fd
        if len(self._folders) > _FOLDERS_OPEN:
            os.close(self._folders.popitem(last=False)[1])
        return fd


def _is(fd: int, name: bytes, folder: int) -> bool:
    """Whether ``name`` still is the open file: another run may have given it its final name meanwhile."""
    try:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _in_the_way(what: str) -> CyfsError:
    return CyfsError(ErrorCode.ALREADY_EXISTS, f"{what} is in the way")
