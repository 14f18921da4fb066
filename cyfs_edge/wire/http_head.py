"""The head of an HTTP/1.x request: strict, total, the same on every platform (docs/protocol/http-api.md §1).

The grammar is that of RFC 9112 without its leniencies: CRLF only, no line folding, no blank before the colon, no
control characters. A head that can be read in two ways (several lengths, length and chunked, two hosts) is refused, so
that no proxy in front can read it differently from us.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.wire.message import Headers

HEAD_MAX = 64 * 1024
"""Bytes of a request head, the blank line included. The reference stops at 8 KiB, which objects in headers hit."""
LINES_MAX = 128
TARGET_MAX = 16 * 1024
LENGTH_MAX = (1 << 63) - 1

METHODS = frozenset(
    {"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}
    | {"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"}
)
"""What reaches a handler. ``CONNECT`` asks for a tunnel, which nobody here gives."""

# With possessive repeats each expression runs once over the text, whatever is in it.
_REQUEST_LINE = re.compile(r"([A-Za-z-]{1,32}+) ([!-~]++) HTTP/1\.([01])\r\n").match
_VERSION_LIKE = re.compile(r"[^\r\n]* HTTP/[0-9.]*\r\n").match
_HEADER_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+\r\n").fullmatch
_ABSOLUTE_FORM = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://(?:[^/?#@]*@)?([^/?#@]+)(.*)").fullmatch
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*").fullmatch
_DIGITS = re.compile(r"[0-9]{1,19}").fullmatch

_LINE_ROOM = 64
"""Bytes of a request line beside its target."""
_FRAMING = frozenset({"host", "content-length", "content-encoding", "transfer-encoding", "connection", "expect"})
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))


@dataclass(slots=True)
class RequestHead:
    """A request without its body.

    ``target`` is in origin form (or ``*``) without fragment. ``content_length`` is 0 where none was announced;
    ``chunked`` excludes it. ``keep_alive``: the client may send another request on this connection.
    """

    method: str
    target: str
    headers: Headers
    content_length: int = 0
    chunked: bool = False
    keep_alive: bool = True
    expects_continue: bool = False


def head_error(message: str, *, status: int = 400, code: ErrorCode = ErrorCode.INVALID_DATA) -> CodecError:
    """What is wrong with a head, with the status that says so."""
    return CodecError(code, message, status=status)


def find_head_end(data: bytes, seen: int = 0, *, head_max: int = HEAD_MAX, target_max: int = TARGET_MAX) -> int:
    """Where the head at the start of ``data`` ends: the index behind its blank line, or 0 if that has not come.

    ``seen``: bytes that an earlier call has looked at. Raises ``CodecError`` at once for what can never become a head:
    400, 414 or 431 as in :func:`parse_head`; 431 also beyond ``head_max`` bytes.
    """
    end = data.find(b"\r\n\r\n", max(0, seen - 3), head_max)
    if end >= 0:
        return end + 4
    if data not in (b"", b"\r") and not data[:1].isalpha():
        raise head_error("this is not HTTP")
    if data.count(b"\n", seen) != data.count(b"\r\n", max(0, seen - 1)):
        raise head_error("a line does not end in CRLF")
    if len(data) > target_max + _LINE_ROOM and data.find(b"\r\n", 0, target_max + _LINE_ROOM) < 0:
        raise head_error("the request line is too long", status=414, code=ErrorCode.OUT_OF_LIMIT)
    if len(data) >= head_max:
        raise head_error(f"the request head is larger than {head_max} bytes", status=431, code=ErrorCode.OUT_OF_LIMIT)
    return 0


def parse_head(head: bytes, *, lines_max: int = LINES_MAX, target_max: int = TARGET_MAX) -> RequestHead:
    """Read ``head``: request line and header lines up to and including the blank line.

    Raises ``CodecError`` with the HTTP ``status`` in its context: 400; 414 target too long; 431 too many lines;
    415 compressed body; 417 unknown expectation; 501 unknown transfer coding. Header values come out in ASCII: what is
    not, is percent-encoded, as the reference does on arrival.
    """
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        raise head_error("the request head holds bytes that are not UTF-8") from error
    line = _REQUEST_LINE(text)
    if line is None:
        raise _bad_request_line(text, target_max)
    method, target, minor = line.groups()
    method = method.upper()
    if method not in METHODS:
        raise head_error(f"unknown method {method}")
    if len(target) > target_max:
        raise head_error("the request target is too long", status=414, code=ErrorCode.OUT_OF_LIMIT)
    if _HEADER_LINES(text, line.end()) is None:
        raise head_error("malformed header line")
    block = text[line.end() : -4]
    if block.count("\r\n") >= lines_max:
        raise head_error(f"more than {lines_max} header lines", status=431, code=ErrorCode.OUT_OF_LIMIT)

    items: list[tuple[str, str]] = []
    framing: dict[str, list[str]] = {}
    for header in block.split("\r\n") if block else ():
        name, _, value = header.partition(":")
        name = name.lower()
        value = value.strip(" \t")
        items.append((name, value))
        if name in _FRAMING:
            framing.setdefault(name, []).append(value)
    if not text.isascii():
        items = [(name, quote(value, safe=_PRINTABLE)) for name, value in items]
    result = RequestHead(method, target, Headers(items))
    _apply_framing(result, framing, http10=minor == "0")
    _reduce_target(result)
    return result


def encode_request_head(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A request's head with its blank line; ``INVALID_PARAM`` for what would break out of its line."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if " " in target or not all(line.isascii() and line.isprintable() for line in lines):
        raise CyfsError(ErrorCode.INVALID_PARAM, "a header or path holds what HTTP cannot carry")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _bad_request_line(text: str, target_max: int) -> CodecError:
    first = text.partition("\r\n")[0]
    if len(first) > target_max:
        return head_error("the request line is too long", status=414, code=ErrorCode.OUT_OF_LIMIT)
    if _VERSION_LIKE(text) and not first.endswith((" HTTP/1.1", " HTTP/1.0")):
        return head_error("only HTTP/1.1 is spoken here")
    return head_error("malformed request line")


def _apply_framing(head: RequestHead, framing: dict[str, list[str]], *, http10: bool) -> None:
    hosts = framing.get("host", ())
    if len(hosts) > 1:
        raise head_error("several Host headers")
    if not hosts and not http10:
        raise head_error("the Host header is missing")
    if hosts and _HOST(hosts[0]) is None:
        raise head_error("malformed Host header")

    lengths = framing.get("content-length", ())
    codings = framing.get("transfer-encoding", ())
    if lengths:
        if len(lengths) > 1:
            raise head_error("several Content-Length headers")
        if codings:
            raise head_error("both Content-Length and Transfer-Encoding")
        if _DIGITS(lengths[0]) is None or int(lengths[0]) > LENGTH_MAX:
            raise head_error("malformed Content-Length")
        head.content_length = int(lengths[0])
    if codings:
        if http10:
            raise head_error("Transfer-Encoding in an HTTP/1.0 request")
        coding = ",".join(codings).strip().lower()
        if coding != "chunked":
            raise head_error(f"unknown Transfer-Encoding {coding}", status=501, code=ErrorCode.NOT_SUPPORT)
        head.chunked = True

    for value in framing.get("content-encoding", ()):
        if value.lower() not in ("", "identity") and (head.chunked or head.content_length):
            text = f"bodies in Content-Encoding {value} are not taken; send it as it is"
            raise head_error(text, status=415, code=ErrorCode.NOT_SUPPORT)

    if http10:
        head.keep_alive = False
    else:
        for value in framing.get("connection", ()):
            options = value.lower()
            if "close" in options and "close" in [option.strip() for option in options.split(",")]:
                head.keep_alive = False
    for value in framing.get("expect", ()):
        if value.lower() != "100-continue":
            raise head_error(f"unknown expectation {value}", status=417, code=ErrorCode.NOT_SUPPORT)
        head.expects_continue = not http10 and (head.chunked or head.content_length > 0)


def _reduce_target(head: RequestHead) -> None:
    """Absolute form to origin form; its authority then stands for the Host header (RFC 9112 §3.2.2)."""
    target = head.target.partition("#")[0]
    if not target.startswith("/"):
        absolute = _ABSOLUTE_FORM(target)
        if absolute is not None:
            authority, target = absolute.groups()
            if _HOST(authority) is None:
                raise head_error("malformed request target")
            if not target.startswith("/"):
                target = "/" + target
            items = [item for item in head.headers.items if item[0] != "host"]
            head.headers = Headers([("host", authority), *items])
        elif target != "*" or head.method != "OPTIONS":
            raise head_error("malformed request target")
    head.target = target
