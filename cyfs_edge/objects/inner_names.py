"""Names of files in the inner paths of a Dir: text, while a name of a Linux file is bytes (docs/files.md, "Names").

A name that is UTF-8 is itself. Every byte that is not part of valid UTF-8 becomes one of the private characters
U+EF80 to U+EFFF, and so does each byte of a real character of that range: the way back is exact.
"""

from __future__ import annotations

import re

_ESCAPES = 0xEF00
_ESCAPED = re.compile("[\uef80-\uefff]+")
_STRANGE = re.compile("[\udc80-\udcff\uef80-\uefff]+")
_TEXT_MAX = 0xFFFF
"""Bytes of an inner path that a Dir can hold."""
_NAME_MAX = 255


def inner_name(name: bytes) -> str:
    """The text for a file's name."""
    text = name.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text
    return _STRANGE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return "".join(chr(_ESCAPES + byte) for byte in match[0].encode("utf-8", "surrogateescape"))


def file_name(text: str) -> bytes:
    """The name of a file for a part of an inner path: the way back of :func:`inner_name`."""
    if text.isascii() or not _ESCAPED.search(text):
        return text.encode()
    return _ESCAPED.sub(_surrogate, text).encode("utf-8", "surrogateescape")


def _surrogate(match: re.Match[str]) -> str:
    return "".join(chr(0xDC00 + ord(char) - _ESCAPES) for char in match[0])


def file_path(inner: str) -> list[bytes] | None:
    """The names that lead from a folder to a file in it; ``None`` when they would lead out of it or cannot be names."""
    names = [file_name(part) for part in inner.split("/")]
    for name in names:
        if name in (b"", b".", b"..") or b"\0" in name or b"/" in name or len(name) > _NAME_MAX:
            return None
    return names


def fits(inner: str) -> bool:
    """Whether a Dir can hold an inner path as long as this."""
    return len(inner.encode()) <= _TEXT_MAX
