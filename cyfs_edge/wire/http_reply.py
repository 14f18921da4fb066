"""The head of an HTTP/1.1 reply (docs/protocol/http-api.md §1).

Header names are lower case and sorted, ``content-length`` and ``date`` among them, as the reference writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

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


def _name(item: tuple[str, str]) -> str:
    return item[0]
