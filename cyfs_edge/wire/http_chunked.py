"""Chunked request bodies, decoded as they arrive (RFC 9112 §7.1); strict and bounded."""

from __future__ import annotations

import re

from cyfs_edge.base.errors import CodecError, ErrorCode

SIZE_LINE_MAX = 256
"""Bytes of a chunk-size line with its extensions."""
TRAILERS_MAX = 8 * 1024
"""Bytes of all trailer lines; they are read and dropped."""

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e]*)?").fullmatch
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*").fullmatch


class ChunkedDecoder:
    """Feed what arrives; read ``finished`` and ``rest``.

    ``rest`` is what followed the end of the body. After ``CodecError`` the decoder is of no more use.
    """

    __slots__ = ("_left", "_line", "_state", "_trailers", "finished", "rest")

    def __init__(self) -> None:
        self._state = self._size
        self._line = b""
        self._left = 0
        self._trailers = 0
        self.finished = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """What ``data`` holds of the body."""
        pieces: list[bytes] = []
        pos = 0
        while pos < len(data) and not self.finished:
            if self._left:
                piece = data[pos : pos + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                pos += len(piece)
            else:
                end = data.find(b"\n", pos)
                self._line += data[pos : end + 1] if end >= 0 else data[pos:]
                pos = end + 1 if end >= 0 else len(data)
                if len(self._line) > SIZE_LINE_MAX and self._state != self._trailer:
                    raise self._error("a chunk-size line is too long")
                if len(self._line) + self._trailers > TRAILERS_MAX:
                    raise self._error("the trailers are too long")
                if end >= 0:
                    line, self._line = self._line, b""
                    if not line.endswith(b"\r\n"):
                        raise self._error("a line does not end in CRLF")
                    self._state(line[:-2])
        if self.finished:
            self.rest = data[pos:]
        return b"".join(pieces)

    def _size(self, line: bytes) -> None:
        match = _SIZE_LINE(line)
        if match is None:
            raise self._error("malformed chunk size")
        self._left = int(match[1], 16)
        self._state = self._end_of_chunk if self._left else self._trailer

    def _end_of_chunk(self, line: bytes) -> None:
        if line:
            raise self._error("a chunk is longer than its size")
        self._state = self._size

    def _trailer(self, line: bytes) -> None:
        self._trailers += len(line) + 2
        if not line:
            self.finished = True
        elif _TRAILER_LINE(line) is None:
            raise self._error("malformed trailer line")

    @staticmethod
    def _error(message: str) -> CodecError:
        return CodecError(ErrorCode.INVALID_DATA, f"chunked body: {message}", status=400)
