"""Exit codes, and which failure has which (docs/cli.md, "Exit codes")."""

from __future__ import annotations

import errno
from enum import IntEnum

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    BAD_DATA = 4
    BUSY = 5
    NO_ROOT = 6
    NO_SPACE = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class CliError(CyfsError):
    """A failure that a command explains itself: ``hint`` is the next step, ``exit_code`` what the process ends with."""

    def __init__(self, code: int, message: str, exit_code: Exit, hint: str = "") -> None:
        super().__init__(code, message)
        self.exit_code = exit_code
        self.hint = hint


_EXIT_OF_CODE: dict[int, Exit] = {
    ErrorCode.NOT_FOUND: Exit.NOT_FOUND,
    ErrorCode.INNER_PATH_NOT_FOUND: Exit.NOT_FOUND,
    ErrorCode.TARGET_NOT_FOUND: Exit.NOT_FOUND,
    ErrorCode.INVALID_PARAM: Exit.USAGE,
    ErrorCode.INVALID_FORMAT: Exit.BAD_DATA,
    ErrorCode.INVALID_DATA: Exit.BAD_DATA,
    ErrorCode.INVALID_SIGNATURE: Exit.BAD_DATA,
    ErrorCode.UNMATCH: Exit.BAD_DATA,
    ErrorCode.HEX_ERROR: Exit.BAD_DATA,
    ErrorCode.ADDR_IN_USE: Exit.BUSY,
    ErrorCode.WOULD_BLOCK: Exit.BUSY,
    ErrorCode.NOT_INIT: Exit.NO_ROOT,
    # From the store: below the free-space floor. A short buffer has this code too, but comes as a CodecError.
    ErrorCode.OUT_OF_LIMIT: Exit.NO_SPACE,
}

_EXIT_OF_ERRNO = {
    errno.ENOENT: Exit.NOT_FOUND,
    errno.ENOSPC: Exit.NO_SPACE,
    errno.EDQUOT: Exit.NO_SPACE,
    errno.EADDRINUSE: Exit.BUSY,
}


def exit_of(error: BaseException) -> Exit:
    if isinstance(error, CliError):
        return error.exit_code
    if isinstance(error, CodecError):
        return Exit.BAD_DATA
    if isinstance(error, CyfsError):
        if "pid" in error.context:
            # The store's lock names its holder.
            return Exit.BUSY
        if error.context.get("status") == 413:
            # Too large for the gateway; the code alone would say that the disk is full.
            return Exit.FAILED
        return _EXIT_OF_CODE.get(error.code, Exit.FAILED)
    if isinstance(error, OSError):
        return _EXIT_OF_ERRNO.get(error.errno or 0, Exit.FAILED)
    return Exit.FAILED
