"""Files of this machine that a local caller wants written (port ``LocalTargets``)."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode

T = TypeVar("T")

FILE_MODE = 0o644
FOLDER_MODE = 0o755
_READ = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_OTHER_KIND = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


class HostTargets:
    """Writes where the process may, but nothing below ``private``: the node's own keys and store.

    The folder that the caller names is taken as it is; below it no link is followed, so that nothing leads out of it.
    """

    __slots__ = ("_private",)

    def __init__(self, private: list[Path]) -> None:
        self._private = [os.path.realpath(path) for path in private]

    async def holds(self, folder: str, inner: str, length: int, sha256: bytes) -> bool:
        return await _in_thread(folder, lambda: self._holds(folder, inner, length, sha256))

    def _holds(self, folder: str, inner: str, length: int, digest: bytes) -> bool:
        try:
            parent = self._open_folder(folder, inner.split("/")[:-1], make=False)
        except FileNotFoundError:
            return False
        try:
            fd = os.open(
                inner.rpartition("/")[2], os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent
            )
        except OSError:
            return False
        finally:
            os.close(parent)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size != length:
            os.close(fd)
            return False
        with os.fdopen(fd, "rb") as file:
            whole = sha256()
            while piece := file.read(_READ):
                whole.update(piece)
        return whole.digest() == digest

    async def make_folder(self, folder: str, inner: str) -> None:
        def make() -> None:
            os.close(self._open_folder(folder, [part for part in inner.split("/") if part], make=True))

        await _in_thread(f"{folder}/{inner}", make)

    async def settle(self, folder: str, inner_folders: Collection[str]) -> None:
        def settle() -> None:
            for inner in inner_folders:
                _sync(self._open_folder(folder, [part for part in inner.split("/") if part], make=False))

        await _in_thread(folder, settle)

    async def create(self, folder: str, inner: str, tag: str) -> HostSink:
        """What an earlier run left under the same passing name is removed."""

        def create() -> HostSink:
            *above, name = inner.split("/")
            parent = self._open_folder(folder, above, make=True)
            try:
                passing = f".{sha256(os.fsencode(tag + inner)).hexdigest()[:24]}.part"
                with suppress(FileNotFoundError):
                    os.unlink(passing, dir_fd=parent)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                return HostSink(parent, name, passing, os.open(passing, flags, FILE_MODE, dir_fd=parent))
            except BaseException:
                os.close(parent)
                raise

        path = f"{folder}/{inner}"
        making = asyncio.get_running_loop().run_in_executor(None, create)
        try:
            return await _coded(path, making)
        except asyncio.CancelledError:
            making.add_done_callback(_abandon)
            raise

    def _open_folder(self, folder: str, below: list[str], *, make: bool) -> int:
        """A descriptor of a folder below ``folder``, reached name by name."""
        self._check(os.path.realpath(folder))
        if make:
            _make_folders(folder)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in below:
                fd = _enter(fd, name, make=make)
            # Looked at after opening: names may be changed at any time, what is open may not.
            self._check(os.readlink(f"/proc/self/fd/{fd}"))
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _check(self, real: str) -> None:
        if any(real == private or real.startswith(private + "/") for private in self._private):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{real!r} belongs to the node itself")


def _make_folders(folder: str) -> None:
    """``folder`` and those above it, each of them on the disk before there is one below."""
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder) or "/"
    for path in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(path, FOLDER_MODE)
        _sync(os.open(os.path.dirname(path) or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _sync(fd: int) -> None:
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _enter(parent: int, name: str, *, make: bool) -> int:
    """The folder ``name`` of an open folder, which is closed when that succeeds."""
    if name in ("", ".", ".."):
        raise OSError(errno.ENOENT, f"no folder {name!r}")
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=parent)
            os.fsync(parent)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, dir_fd=parent)
    os.close(parent)
    return fd


class HostSink:
    """A file under its passing name in an open folder. One call at a time."""

    __slots__ = ("_digest", "_fd", "_name", "_parent", "_passing", "_working")

    def __init__(self, parent: int, name: str, passing: str, fd: int) -> None:
        self._parent = parent
        self._name = name
        self._passing = passing
        self._fd = fd
        self._digest = sha256()
        self._working: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        def write() -> None:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            self._digest.update(data)

        await self._run(write)

    async def finish(self, sha256: bytes | None) -> None:
        def finish() -> None:
            if sha256 is not None and self._digest.digest() != sha256:
                raise CyfsError(ErrorCode.INVALID_DATA, f"the content of {self._name!r} does not have its hash")
            os.fsync(self._fd)
            os.rename(self._passing, self._name, src_dir_fd=self._parent, dst_dir_fd=self._parent)
            self._close()

        await self._run(finish)

    async def _run(self, work: Callable[[], None]) -> None:
        self._working = asyncio.get_running_loop().run_in_executor(None, work)
        await _coded(self._name, self._working)

    def abandon(self) -> None:
        """Nothing after ``finish``. A thread that still writes, because its call was cancelled, is waited for."""
        if self._working is not None and not self._working.done():
            self._working.add_done_callback(self._discard)
        else:
            self._discard()

    def _discard(self, worked: asyncio.Future[None] | None = None) -> None:
        if worked is not None and not worked.cancelled():
            worked.exception()
        if self._fd >= 0:
            with suppress(OSError):  # the next run removes it
                os.unlink(self._passing, dir_fd=self._parent)
            self._close()

    def _close(self) -> None:
        for fd in (self._fd, self._parent):
            os.close(fd)
        self._fd = self._parent = -1


def _abandon(making: asyncio.Future[HostSink]) -> None:
    """A sink that came when nobody waited for it any more."""
    if not making.cancelled() and making.exception() is None:
        making.result().abandon()


async def _in_thread(path: str, work: Callable[[], T]) -> T:
    return await _coded(path, asyncio.get_running_loop().run_in_executor(None, work))


async def _coded(path: str, working: asyncio.Future[T]) -> T:
    """The result of a thread, which goes on when its caller is cancelled."""
    try:
        return await asyncio.shield(working)
    except (OSError, ValueError) as error:
        raise _code_of(path, error) from error


def _code_of(path: str, error: Exception) -> CyfsError:
    number = error.errno if isinstance(error, OSError) else None
    why = os.strerror(number) if number else str(error)
    if number in _FULL:
        text = f"no space left while writing {path!r}; make room, then start the task again"
        return CyfsError(ErrorCode.OUT_OF_LIMIT, text)
    if number in _DENIED:
        return CyfsError(ErrorCode.PERMISSION_DENIED, f"{path!r} may not be written: {why}")
    if number in _OTHER_KIND:
        return CyfsError(ErrorCode.ALREADY_EXISTS, f"{path!r} cannot be written: {why}")
    if number == errno.ENAMETOOLONG or isinstance(error, ValueError):
        return CyfsError(ErrorCode.INVALID_PARAM, f"{path!r} can be no path here: {why}")
    return CyfsError(ErrorCode.IO_ERROR, f"{path!r} cannot be written: {why}")
