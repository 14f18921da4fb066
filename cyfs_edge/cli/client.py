"""How commands reach a root's stack. Here: over the socket of its running gateway; ``local.py`` is the other way."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.errors import error_of_reply
from cyfs_edge.wire.message import Headers

PIECE_SIZE = 1 << 20
JSON_LIMIT = 64 << 20
_CONNECT_S = 5.0
_ANSWER_S = 300.0
_SUN_PATH_MAX = 100


class Response(Protocol):
    """An answer whose body is read once."""

    status: int
    headers: Headers

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, in pieces of at most :data:`PIECE_SIZE` bytes."""
        ...

    def close(self) -> None:
        """Gives up what is left of the body."""
        ...


class Client(Protocol):
    """The one interface to a stack. ``gateway`` tells whether a running gateway answers."""

    gateway: bool

    def request(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response: ...

    def sibling(self) -> Client:
        """Another client of the same stack, for another thread. To be closed before this one."""
        ...

    def close(self) -> None: ...


def read_body(response: Response, limit: int) -> bytes:
    """The whole body, refused with ``OUT_OF_LIMIT`` beyond ``limit`` bytes."""
    data = bytearray()
    for piece in response.pieces():
        data += piece
        if len(data) > limit:
            response.close()
            raise CyfsError(ErrorCode.INVALID_DATA, f"the answer is larger than {limit} bytes")
    return bytes(data)


def checked(response: Response) -> Response:
    """``response`` when it is a success, else the error that its body tells."""
    if 200 <= response.status < 300:
        return response
    raise error_of_reply(response.status, read_body(response, JSON_LIMIT))


def call_json(client: Client, method: str, target: str, body: object = None) -> dict[str, object]:
    """A call of the administration API: JSON in, a JSON object out."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} if data else {}
    text = read_body(checked(client.request(method, target, headers, data)), JSON_LIMIT)
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CyfsError(ErrorCode.JSON_ERROR, f"the answer to {method} {target} is not a JSON object")
    return value


def query(target: str, **parameters: object) -> str:
    """``target`` with those parameters that are not ``None``."""
    pairs = [f"{name}={quote(str(value), safe='')}" for name, value in parameters.items() if value is not None]
    return target + ("?" + "&".join(pairs) if pairs else "")


class GatewayNotRunning(Exception):
    """Nobody listens on the gateway's socket."""


class UnixClient:
    """HTTP/1.1 over the gateway's UNIX socket. One connection, opened again when the gateway closed it."""

    gateway = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _UnixConnection(path)
        self._open: _UnixResponse | None = None
        try:
            self._connection.connect()
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise GatewayNotRunning from None

    def request(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        if self._open is not None:
            self._open.close()
        fresh = self._connection.sock is None
        try:
            answer = self._exchange(method, target, headers, body)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if fresh:
                raise
            # A kept connection may have timed out at the other end; all requests of the CLI may be repeated.
            self._connection.close()
            answer = self._exchange(method, target, headers, body)
        except http.client.HTTPException as error:
            raise CyfsError(ErrorCode.HTTP_ERROR, f"the gateway's answer is not HTTP: {error}") from None
        self._open = _UnixResponse(self._connection, answer)
        return self._open

    def sibling(self) -> Client:
        return UnixClient(self._path)

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str] | None, body: bytes
    ) -> http.client.HTTPResponse:
        self._connection.request(method, target, body or None, dict(headers or {}))
        return self._connection.getresponse()

    def close(self) -> None:
        self._connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(_CONNECT_S)
            _connect_unix(sock, self._path)
            sock.settimeout(_ANSWER_S)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


def _connect_unix(sock: socket.socket, path: Path) -> None:
    if len(os.fsencode(path)) <= _SUN_PATH_MAX:
        sock.connect(str(path))
        return
    # Longer names do not fit a socket address; the folder's descriptor gives a short one.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


class _UnixResponse:
    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = Headers((name.lower(), value) for name, value in answer.getheaders())
        self._connection = connection
        self._answer = answer

    def pieces(self) -> Iterator[bytes]:
        while piece := self._answer.read(PIECE_SIZE):
            yield piece
        if self._answer.length:
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, "the gateway broke off its answer")

    def close(self) -> None:
        if not self._answer.isclosed():
            self._answer.close()
            self._connection.close()
