"""HTTP on a bare socket: bytes out as given, bytes in as they come. No library may repair either side."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass

Address = tuple[str, int]
Header = tuple[str, str]

MAX_HEAD = 256 * 1024


@dataclass(frozen=True, slots=True)
class Observed:
    """What came back. ``outcome``: ``reply``, ``closed``, ``silent``, or ``broken`` (bytes that are no whole reply)."""

    outcome: str
    status_line: str = ""
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    raw_head: bytes = b""

    @property
    def status(self) -> int:
        return int(self.status_line.split(" ", 2)[1]) if self.status_line else 0

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Connection:
    """One connection; ``address`` may be the path of a UNIX socket.

    ``wait`` is the longest silence, in seconds, that a read endures.
    """

    def __init__(self, address: Address | str, wait: float = 10.0) -> None:
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(wait)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout=wait)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._ended = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends all of it; a peer that has already closed is found by the next read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def half_close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def read_reply(self, wait: float = 10.0, *, head_only: bool = False) -> Observed:
        """The next reply, framed by Content-Length (or chunks, or the end of the connection)."""
        deadline = time.monotonic() + wait
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD or not self._more(deadline):
                return Observed(self._no_reply(), raw_head=self._buffer)
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        parts = status_line.split(" ", 2)
        if len(parts) != 3 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            return Observed("broken", raw_head=head)
        status = int(parts[1])
        reply = Observed("reply", status_line, headers, raw_head=head)
        if head_only or status < 200 or status in (204, 304):
            return reply
        body = self._read_body(reply, deadline)
        if body is None:
            return Observed("broken", status_line, headers, self._buffer, head)
        return Observed("reply", status_line, headers, body, head)

    def closed_by_peer(self, wait: float = 5.0) -> bool:
        """Whether the peer ends the connection within ``wait`` seconds without sending anything more."""
        if self._buffer:
            return False
        self._more(time.monotonic() + wait)
        return self._ended and not self._buffer

    def _read_body(self, reply: Observed, deadline: float) -> bytes | None:
        length = reply.header("content-length")
        if length is not None:
            wanted = int(length)
            while len(self._buffer) < wanted:
                if not self._more(deadline):
                    return None
            body, self._buffer = self._buffer[:wanted], self._buffer[wanted:]
            return body
        chunked = (reply.header("transfer-encoding") or "").lower() == "chunked"
        while not (chunked and self._buffer.endswith(b"0\r\n\r\n")) and self._more(deadline):
            pass
        body, self._buffer = self._buffer, b""
        return body

    def _more(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if self._ended or left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(262_144)
        except TimeoutError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self._ended = True
            return False
        self._buffer += data
        return True

    def _no_reply(self) -> str:
        if self._buffer:
            return "broken"
        return "closed" if self._ended else "silent"


def exchange(address: Address, data: bytes, wait: float = 10.0, *, head_only: bool = False) -> Observed:
    """One request on a connection of its own."""
    with Connection(address, wait) as connection:
        connection.send(data)
        return connection.read_reply(wait, head_only=head_only)


def request(
    address: Address, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> Observed:
    """A well-formed request with a loopback Host, a Content-Length if there is a body, and ``headers``."""
    lines = {"host": f"{address[0]}:{address[1]}", **(headers or {})}
    if body is not None:
        lines.setdefault("content-length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    data = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")
    return exchange(address, data, head_only=method.upper() == "HEAD")
