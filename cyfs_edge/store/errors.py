"""What went wrong on the disk, as the protocol's errors: one clear sentence, a code, and what to do next."""

from __future__ import annotations

import errno
import os

import lmdb

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.rows import damaged

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)


def is_full(error: BaseException) -> bool:
    """Whether the disk, a quota or the map had no room for a write."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    if isinstance(error, (lmdb.DiskError, lmdb.MapFullError)):
        return True
    # py-lmdb has no class for EDQUOT; its text ends in the system's own.
    return isinstance(error, lmdb.Error) and str(error).endswith(_FULL_TEXTS)


def is_panic(error: BaseException) -> bool:
    """Whether LMDB refuses everything since it could not write a meta page."""
    return isinstance(error, lmdb.PanicError)


def no_space(doing: str, why: object) -> CyfsError:
    return CyfsError(
        ErrorCode.OUT_OF_LIMIT,
        f"no space left while {doing} ({why}); nothing of it was stored. "
        "Delete something or enlarge the disk, then try again",
    )


def translate(error: Exception, doing: str) -> CyfsError:
    """``OUT_OF_LIMIT`` for no space or descriptors, ``PERMISSION_DENIED``, else ``IO_ERROR``.

    ``doing``: "writing to the store" and the like.
    """
    if isinstance(error, CyfsError):
        return error
    if is_full(error):
        return no_space(doing, error)
    if isinstance(error, (PermissionError, lmdb.ReadonlyError)):
        return CyfsError(
            ErrorCode.PERMISSION_DENIED, f"no permission while {doing}: {error}; run as the owner of the folder"
        )
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return CyfsError(
            ErrorCode.OUT_OF_LIMIT, f"too many open files while {doing}; raise their limit (ulimit -n, LimitNOFILE=)"
        )
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        return CyfsError(ErrorCode.IO_ERROR, f"{doing} failed: {error}; check the folder and how its disk is mounted")
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError)):
        return damaged(f"{error} while {doing}")
    if is_panic(error):
        return CyfsError(ErrorCode.IO_ERROR, f"{doing} is refused since an earlier disk error; restart the service")
    return CyfsError(ErrorCode.IO_ERROR, f"disk error while {doing}: {error}; look for its cause in the kernel log")
