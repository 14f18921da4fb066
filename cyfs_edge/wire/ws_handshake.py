"""The opening of a WebSocket connection, server side (RFC 6455 §4.2, docs/protocol/websocket.md §1).

The path is not looked at; sub-protocols and extensions that are offered are not taken.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.http_head import RequestHead, head_error
from cyfs_edge.wire.message import Headers

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_handshake(head: RequestHead) -> bytes:
    """The 101 reply to a handshake; ``CodecError`` with an HTTP ``status`` in its context for anything else."""
    headers = head.headers
    if head.method != "GET" or not _has_token(headers, "upgrade", "websocket"):
        raise _error("this port speaks WebSocket only; plain HTTP is served on another port (1318 by default)")
    if not _has_token(headers, "connection", "upgrade"):
        raise _error("the Connection header does not ask for an upgrade")
    if headers.get("sec-websocket-version") != "13":
        raise _error("only version 13 is spoken here")
    if head.content_length or head.chunked:
        raise _error("a WebSocket handshake has no body")
    key = (headers.get("sec-websocket-key") or "").encode()
    try:
        if len(b64decode(key, validate=True)) != 16:
            raise _error("malformed Sec-WebSocket-Key")
    except BinasciiError as error:
        raise _error("malformed Sec-WebSocket-Key") from error
    accept = b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-accept: " + accept + b"\r\n\r\n"
    )


def _error(message: str) -> CodecError:
    return head_error(f"not a WebSocket handshake: {message}")


def _has_token(headers: Headers, name: str, token: str) -> bool:
    return any(token in (part.strip() for part in value.lower().split(",")) for value in headers.get_all(name))
