"""One process at a time: the exclusive lock of a store, and the user it belongs to."""

from __future__ import annotations

import fcntl
import os
import pwd
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode

LOCK_NAME = "lock"


class StoreLock:
    """An ``flock`` on a file that names the holder's process id. The kernel releases it with the process."""

    __slots__ = ("_fd", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self) -> None:
        """``ERROR_STATE`` when another process (or another store in this one) has it; the text names its pid."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise CyfsError(
                ErrorCode.ERROR_STATE,
                f"the store in {self.path.parent} is in use by process {pid}; "
                "stop that first, or ask it to do the work",
                pid=pid,
            ) from None
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        try:
            # Always as long, so that it needs no new block on a full disk.
            os.pwrite(fd, b"%-19d\n" % os.getpid(), 0)
        except OSError:
            return  # the lock holds without a name on it

    def release(self) -> None:
        # The file stays: removing it would let two processes lock two files of one name.
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def holder_of(path: Path) -> int | None:
    """The pid of the process that holds the lock at ``path`` now; ``None`` when nobody does. 0: it does not say."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(fd, 20, 0).strip()
        return int(text) if text.isdigit() else 0
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
