"""One process at a time: the exclusive lock of a store, and the user it belongs to."""

from __future__ import annotations

import fcntl
import os
import pwd
import time
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode

LOCK_NAME = "lock"


_TEXT_SIZE = 64
_TRIES = 5
_PAUSE = 0.02


class StoreLock:
    """An ``flock`` on a file that names the holder. The kernel releases it with the process.

    ``left_open``, once acquired: the last holder went without releasing it, and not with the whole machine.
    """

    __slots__ = ("_fd", "left_open", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.left_open = False
        self._fd = -1

    def acquire(self) -> None:
        """``ERROR_STATE`` when another process (or another store in this one) has it; the text names its pid."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _try_lock(fd):
                pid = _read(fd)[0] or "unknown"
                raise CyfsError(
                    ErrorCode.ERROR_STATE,
                    f"the store in {self.path.parent} is in use by process {pid}; "
                    "stop that first, or ask it to do the work",
                    pid=pid,
                )
            pid, boot = _read(fd)
            self.left_open = pid != "" and boot == _boot_id()
            _write(fd, f"{os.getpid()} {_boot_id()}")
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self, *, orderly: bool = True) -> None:
        """Not ``orderly``: as if the process had died."""
        # The file stays: removing it would let two processes lock two files of one name.
        if self._fd >= 0:
            if orderly:
                _write(self._fd, "")
            os.close(self._fd)
            self._fd = -1


def _try_lock(fd: int) -> bool:
    for attempt in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            # It may be somebody who only looks whether it is locked (holder_of).
            if attempt < _TRIES - 1:
                time.sleep(_PAUSE)
    return False


def _read(fd: int) -> tuple[str, str]:
    """The pid and the boot id that the file names; both are empty when it names none."""
    words = os.pread(fd, _TEXT_SIZE, 0).decode("ascii", "replace").split()
    return (words[0], words[1]) if len(words) == 2 else ("", "")


def _write(fd: int, text: str) -> None:
    try:
        # Always as long, so that it needs no new block on a full disk.
        os.pwrite(fd, text.ljust(_TEXT_SIZE - 1).encode() + b"\n", 0)
    except OSError:
        return  # the lock holds without a name on it


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def holder_of(path: Path) -> int | None:
    """The pid of the process that holds the lock at ``path`` now; ``None`` when nobody does. 0: it does not say."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _read(fd)[0]
        return int(pid) if pid.isdigit() else 0
    finally:
        os.close(fd)
    return None


def check_owner(directory: Path) -> None:
    """``PERMISSION_DENIED`` when ``directory`` belongs to another user than the one this process runs as.

    A store written by the wrong user locks its owner out of new files; root is refused too and switches first.
    """
    owner = directory.stat().st_uid
    if owner == os.geteuid():
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise CyfsError(
        ErrorCode.PERMISSION_DENIED,
        f"{directory} belongs to user {name}; run this as that user (for example: sudo -u {name} …)",
        uid=owner,
    )
