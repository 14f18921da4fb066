"""Error codes of the protocol and the one exception root (docs/protocol/objects.md §10)."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ErrorCode(IntEnum):
    """Numeric error codes as they stand in JSON, HTTP and BDT."""

    OK = 0
    FAILED = 1
    INVALID_PARAM = 2
    TIMEOUT = 3
    NOT_FOUND = 4
    ALREADY_EXISTS = 5
    NOT_SUPPORT = 6
    ERROR_STATE = 7
    INVALID_FORMAT = 8
    EXPIRED = 9
    OUT_OF_LIMIT = 10
    INTERNAL_ERROR = 11
    PERMISSION_DENIED = 12
    CONNECTION_REFUSED = 13
    CONNECTION_RESET = 14
    CONNECTION_ABORTED = 15
    NOT_CONNECTED = 16
    ADDR_IN_USE = 18
    ADDR_NOT_AVAILABLE = 19
    INTERRUPTED = 20
    INVALID_INPUT = 21
    INVALID_DATA = 22
    WRITE_ZERO = 23
    UNEXPECTED_EOF = 24
    BROKEN_PIPE = 25
    WOULD_BLOCK = 26
    UN_SUPPORT = 27
    UNMATCH = 28
    EXECUTE_ERROR = 29
    REJECT = 30
    IGNORED = 31
    INVALID_SIGNATURE = 32
    ALREADY_EXISTS_AND_SIGNATURE_MERGED = 33
    TARGET_NOT_FOUND = 34
    ABORTED = 35
    CONNECT_FAILED = 40
    CONNECT_INTER_ZONE_FAILED = 41
    INNER_PATH_NOT_FOUND = 42
    RANGE_NOT_SATISFIABLE = 43
    USER_CANCELED = 44
    CONFLICT = 50
    OUT_OF_SESSION_LIMIT = 60
    REDIRECT = 66
    MONGO_DB_ERROR = 99
    SQLITE_ERROR = 100
    URL_ERROR = 101
    ZIP_ERROR = 102
    HTTP_ERROR = 103
    JSON_ERROR = 104
    HEX_ERROR = 105
    RSA_ERROR = 106
    CRYPTO_ERROR = 107
    MPSC_SEND_ERROR = 108
    MPSC_RECV_ERROR = 109
    IO_ERROR = 110
    NETWORK_ERROR = 111
    CODE_ERROR = 250
    UNKNOWN_BDT_ERROR = 253
    UNKNOWN_IO_ERROR = 254
    UNKNOWN = 255
    PENDING = 256
    NOT_CHANGE = 257
    NOT_MATCH = 258
    NOT_IMPLEMENT = 259
    NOT_INIT = 260
    PARSE_ERROR = 261
    NOT_HANDLED = 262
    INVALID_TARGET = 263
    ERROR_TIMESTAMP = 264
    DEC_NOT_RUNNING = 265


META_ERROR_BASE = 5000
"""MetaChain codes are 5000 + inner code, up to 5999."""
META_ERROR_END = 5999
DEC_ERROR_BASE = 15000
"""DecApp codes are 15000 + inner code, up to 65534."""
DEC_ERROR_END = 65534


def normalize_code(number: int) -> int:
    """A code read from a peer: unknown system codes become ``UNKNOWN``; MetaChain and DecApp ranges stay numbers."""
    if META_ERROR_BASE <= number <= META_ERROR_END or DEC_ERROR_BASE <= number <= DEC_ERROR_END:
        return number
    try:
        return ErrorCode(number)
    except ValueError:
        return ErrorCode.UNKNOWN


class CyfsError(Exception):
    """The one error root: ``code`` is the protocol's number, ``message`` says what failed, ``context`` has details."""

    def __init__(self, code: int, message: str, **context: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context

    def __str__(self) -> str:
        name = self.code.name if isinstance(self.code, ErrorCode) else str(self.code)
        return f"{self.message} ({name}, code {int(self.code)})"


class CodecError(CyfsError):
    """Bytes that are not what they should be. ``offset`` is where reading stopped, counted in the buffer given."""

    def __init__(self, code: int, message: str, offset: int = 0, **context: Any) -> None:
        super().__init__(code, message, **context)
        self.offset = offset
