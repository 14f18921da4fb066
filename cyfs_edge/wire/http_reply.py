"""The head of an HTTP/1.1 reply, written and read (docs/protocol/http-api.md §1).

We write header names in lower case and sorted, ``content-length`` and ``date`` among them, as the reference does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.wire.message import Headers

REASONS: dict[int, str] = {
    100: "Continue",
    101: "Switching Protocols",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    207: "Multi-Status",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Payload Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    423: "Locked",
    424: "Failed Dependency",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    507: "Insufficient Storage",
}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(unix_seconds: int) -> str:
    """``Sun, 22 Nov 2026 04:13:15 GMT``."""
    at = datetime.fromtimestamp(unix_seconds, UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )


def has_body(status: int) -> bool:
    """Whether a reply of this status has a body, and with it a ``content-length``."""
    return status >= 200 and status not in (204, 304)


def encode_head(
    status: int, headers: Iterable[tuple[str, str]], length: int, date: str, *, close: bool = False
) -> bytes:
    """Status line, sorted header lines and the blank line, ready to send.

    Adds ``content-length`` (where the status has a body), ``date`` and, with ``close``, ``connection: close``. Raises
    ``ValueError`` if a header is not printable ASCII: no value may start a line of its own.
    """
    items = [*headers, ("date", date)]
    if has_body(status):
        items.append(("content-length", str(length)))
    if close:
        items.append(("connection", "close"))
    items.sort(key=_name)
    reason = REASONS.get(status, "Unknown")
    text = "".join([f"HTTP/1.1 {status} {reason}", *[f"\r\n{name}: {value}" for name, value in items]])
    if text.count("\n") != len(items) or text.count("\r") != len(items) or "\0" in text:
        raise ValueError("a reply header holds a control character")
    return (text + "\r\n\r\n").encode("ascii")


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """A reply without its body. ``length``: of the body in bytes; ``None`` when chunks (``chunked``) or the end of the
    connection end it. ``keep_alive``: the connection may serve another request.
    """

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    keep_alive: bool


_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?\r\n").match
_HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)").fullmatch
_DIGITS = re.compile(r"[0-9]{1,18}").fullmatch


def parse_reply_head(head: bytes) -> ReplyHead:
    """Status line and header lines up to and including the blank line; names come in lower case, values in latin-1.

    ``INVALID_DATA`` for anything else.
    """
    match = _STATUS_LINE(head)
    if match is None or not head.endswith(b"\r\n\r\n"):
        raise _no_reply("it does not begin with a status line")
    headers = Headers()
    for line in head[match.end() : -4].split(b"\r\n") if len(head) > match.end() + 2 else ():
        item = _HEADER_LINE(line)
        if item is None:
            raise _no_reply("a header line is malformed")
        headers.add(item[1].decode("ascii").lower(), item[2].strip(b" \t").decode("latin-1"))
    status = int(match[2])
    chunked = (headers.get("transfer-encoding") or "").lower() == "chunked"
    length = None if chunked else _length(status, headers)
    options = (headers.get("connection") or "").lower()
    framed = chunked or length is not None
    return ReplyHead(status, headers, length, chunked, framed and match[1] == b"1" and "close" not in options)


def _length(status: int, headers: Headers) -> int | None:
    if not has_body(status):
        return 0
    text = headers.get("content-length")
    if text is None:
        return None
    if _DIGITS(text) is None:
        raise _no_reply("its content-length is no number")
    return int(text)


def _no_reply(why: str) -> CodecError:
    return CodecError(ErrorCode.INVALID_DATA, f"the reply is no HTTP: {why}")


def _name(item: tuple[str, str]) -> str:
    return item[0]
