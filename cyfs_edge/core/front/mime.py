"""Content types for browsers, by name and by the first bytes (docs/protocol/http-front.md §3.4).

Programs get ``application/octet-stream`` as from every node. A page needs types: a browser runs no script and shows no
page of type octet-stream, and with ``nosniff`` it does not guess.
"""

from __future__ import annotations

SNIFF_SIZE = 512
"""How many first bytes are looked at."""
OCTET_STREAM = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"

_BY_EXTENSION = {
    "html": "text/html; charset=utf-8",
    "htm": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "jsonp": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "webmanifest": "application/manifest+json",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "xml": "text/xml; charset=utf-8",
    "txt": _TEXT,
    "md": _TEXT,
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "ico": "image/x-icon",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "wasm": "application/wasm",
    "pdf": "application/pdf",
}
_EXTENSIONS = {kind: extension for extension, kind in reversed(_BY_EXTENSION.items())} | {_TEXT: "txt"}
_BY_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\x00asm", "application/wasm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"%PDF-", "application/pdf"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_HTML_STARTS = (
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<title",
    b"<h1",
    b"<div",
    b"<p>",
    b"<!--",
)
_TEXT_CONTROLS = frozenset((*range(0x09, 0x0E), 0x1B))


def by_name(name: str) -> str | None:
    """By the extension of a file name; ``None`` when that says nothing."""
    stem, dot, extension = name.rpartition(".")
    return _BY_EXTENSION.get(extension.lower()) if dot and stem else None


def extension_of(kind: str) -> str | None:
    """The usual extension of a content type, for data that came without a name."""
    return _EXTENSIONS.get(kind)


def by_bytes(start: bytes) -> str:
    """By the first bytes; what is neither known nor text is ``application/octet-stream``."""
    start = start[:SNIFF_SIZE]
    for magic, found in _BY_MAGIC:
        if start.startswith(magic):
            return found
    if start[:4] == b"RIFF":
        return _RIFF.get(start[8:12], OCTET_STREAM)
    if start[4:8] == b"ftyp":
        return "video/mp4"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\f").lower()
    if text.startswith(_HTML_STARTS):
        return "text/html; charset=utf-8"
    if text.startswith(b"<?xml"):
        return "image/svg+xml" if b"<svg" in text else "text/xml; charset=utf-8"
    if text.startswith(b"<svg"):
        return "image/svg+xml"
    return _TEXT if start and _is_text(start) else OCTET_STREAM


def _is_text(start: bytes) -> bool:
    """No control characters, and UTF-8 up to a character that the cut may have broken."""
    if any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in start):
        return False
    try:
        start.decode()
    except UnicodeDecodeError as error:
        return len(start) == SNIFF_SIZE and error.start > SNIFF_SIZE - 4 and error.reason == "unexpected end of data"
    return True
