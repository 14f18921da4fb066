"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def write_file(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Writes ``data`` to ``path``, replacing what is there; ``mode`` is cut by the umask."""
    write_pieces(path, (data,), mode=mode)


def write_pieces(path: Path, pieces: Iterable[bytes], *, mode: int = 0o666, sync: bool = True) -> None:
    """The same for content that is made while it is written. When ``pieces`` raises, ``path`` stays as it was.

    ``sync=False`` leaves it to the caller to see that the content is on the disk.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A device or a pipe is written to, never replaced.
        with path.open("wb") as file:
            file.writelines(pieces)
        return
    target = path.resolve() if path.is_symlink() else path
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            file.writelines(pieces)
            if sync:
                file.flush()
                os.fsync(fd)
        os.replace(part, target)
    except BaseException:
        os.unlink(part)
        raise
