"""A load generator: many connections, one request at a time on each, minimal work of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

GOOD = (b"200", b"206")


@dataclass(frozen=True, slots=True)
class Result:
    """``seconds`` of wall time for ``count`` replies; latencies in seconds."""

    count: int
    seconds: float
    bytes: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def throughput(self) -> float:
        """Body bytes a second."""
        return self.bytes / self.seconds


class _Connection(asyncio.Protocol):
    """Sends the next request when the reply to the last one is complete."""

    def __init__(
        self, requests: Iterator[bytes], until: float, done: asyncio.Future[None], echo: bool, good: tuple[bytes, ...]
    ) -> None:
        self.latencies: list[float] = []
        self.received = 0
        self._requests = requests
        self._until = until
        self._done = done
        self._echo = echo
        self._good = good
        self._head = b""
        self._left = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self._next()

    def _next(self) -> None:
        now = time.perf_counter()
        request = next(self._requests, None) if now < self._until else None
        if request is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sent = now
        if self._echo:
            self._left = len(request)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._left == 0:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            head, self._head = data[:end], b""
            if head[9:12] not in self._good:
                self._done.set_exception(RuntimeError(head.decode("latin-1")))
                return
            at = head.find(b"content-length: ") + 16
            self._left = int(head[at : head.find(b"\r", at) if head.find(b"\r", at) > 0 else None])
            data = data[end + 4 :]
        self._left -= len(data)
        self.received += len(data)
        if self._left == 0:
            self.latencies.append(time.perf_counter() - self._sent)
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed by the server"))


async def run(
    address: tuple[str, int],
    requests: Iterator[bytes],
    connections: int,
    seconds: float,
    *,
    echo: bool = False,
    good: tuple[bytes, ...] = GOOD,
) -> Result:
    """Shares ``requests`` among the connections until time or requests are over. Status not in ``good``: an error."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    made, waits = [], []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        _, protocol = await loop.create_connection(
            lambda done=done: _Connection(requests, start + seconds, done, echo, good),  # type: ignore[misc]
            *address,
        )
        made.append(protocol)
        waits.append(done)
    await asyncio.gather(*waits)
    elapsed = time.perf_counter() - start
    latencies = sorted(value for protocol in made for value in protocol.latencies)
    count = len(latencies)
    return Result(
        count,
        elapsed,
        sum(protocol.received for protocol in made),
        latencies[count // 2],
        latencies[min(count - 1, count * 99 // 100)],
    )
