"""HTTP requests and responses as plain values: the contract between the rules and whatever server carries them.

``(method, target, headers, body) -> (status, headers, bytes or file ranges)``. No server type crosses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol


class Headers:
    """Header lines in order of arrival, names in lower case. ``get`` gives the last line of a name (http-api §4.1)."""

    __slots__ = ("_last", "items")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self.items = list(items)
        self._last = dict(self.items)

    def get(self, name: str) -> str | None:
        return self._last.get(name)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.items if key == name]

    def add(self, name: str, value: str) -> None:
        self.items.append((name, value))
        self._last[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._last


class Body(Protocol):
    """A request body, read once, either whole or in pieces."""

    @property
    def length(self) -> int | None:
        """Bytes announced by Content-Length; 0 without a body; ``None`` when chunked."""
        ...

    async def read(self, limit: int) -> bytes:
        """The whole body; ``CyfsError(OUT_OF_LIMIT)`` with ``status=413`` in its context beyond ``limit`` bytes."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive."""
        ...


@dataclass(slots=True)
class HttpRequest:
    """``target``: path and query as sent (absolute form already reduced). ``peer``: what is known of the connection."""

    method: str
    target: str
    headers: Headers
    body: Body
    peer: Peer


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, fixed at accept. ``listener``: the protocol tag of http-api §1.

    ``page``: the Origin of the page that opened a WebSocket. ``uid``: the local user, ``None`` when it cannot be told.
    """

    address: str
    listener: str = "http-local"
    page: str | None = None
    uid: int | None = None


@dataclass(frozen=True, slots=True)
class BodyFile:
    """Bytes ``[start, end)`` of an open file; ``close`` is called once, sent or not."""

    fd: int
    start: int
    end: int
    close: Callable[[], None]


@dataclass(slots=True)
class BodyStream:
    """A body of ``length`` bytes made while it is sent. A failure before the end closes the connection."""

    length: int
    pieces: AsyncIterator[bytes | BodyFile]


@dataclass(slots=True)
class HttpResponse:
    """The server adds content-length, date and connection; nothing else."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | BodyFile | BodyStream = b""


HttpHandler = Callable[[HttpRequest], Awaitable[HttpResponse]]
