"""Slowing down who guesses: the more failures, the longer the wait; with bounded memory (docs/limits.md)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode

ADDRESSES_MAX = 4096
"""Most addresses whose failures are remembered; the one that failed longest ago is forgotten first."""
KNOWN_MAX = 64
"""Most addresses that are remembered for having got in."""
_EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """``free`` failures cost nothing, the next one ``first`` seconds, each further one twice that, up to ``most``.

    After ``forget`` seconds without a failure all is as in the beginning.
    """

    free: int
    first: float
    most: float
    forget: float


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Backoff:
    """Failures by address and, where ``everybody`` is given, of all addresses together.

    Those who have got in before are not made to wait for what others do.
    """

    __slots__ = ("_clock", "_each", "_everybody", "_failures", "_known")

    def __init__(self, clock: Callable[[], float], each: Pace, everybody: Pace | None = None) -> None:
        """``clock``: monotonic seconds."""
        self._clock = clock
        self._each = each
        self._everybody = everybody
        self._failures: dict[str, _Failures] = {}
        self._known: dict[str, None] = {}

    def wait(self, address: str) -> float:
        """Seconds until the address may try (again); 0: now."""
        place = place_of(address)
        found = self._left(place, self._each)
        if self._everybody is not None and place not in self._known:
            found = max(found, self._left(_EVERYBODY, self._everybody))
        return found

    def attempt(self, address: str) -> None:
        """Counts an attempt as failed until :meth:`succeeded`; ``OUT_OF_LIMIT`` (429) when it comes too early."""
        left = self.wait(address)
        if left > 0:
            seconds = int(left) + 1
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT, f"too many attempts; try again in {seconds} s", status=429, retry_after=seconds
            )
        self.failed(address)

    def failed(self, address: str) -> None:
        self._count(place_of(address), self._each)
        if self._everybody is not None:
            self._count(_EVERYBODY, self._everybody)

    def succeeded(self, address: str) -> None:
        """The attempt at hand was none of those that fail."""
        place = place_of(address)
        counted = self._failures.pop(place, None) is not None
        everybody = self._failures.get(_EVERYBODY)
        if counted and everybody is not None:
            everybody.count -= 1
        self._known.pop(place, None)
        self._known[place] = None
        if len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def _left(self, place: str, pace: Pace) -> float:
        held = self._failures.get(place)
        if held is None or held.count <= pace.free:
            return 0.0
        since = self._clock() - held.last
        if since >= pace.forget:
            return 0.0
        # The exponent is bounded, so that no number grows beyond what a float can be.
        return max(0.0, min(pace.most, pace.first * 2.0 ** min(held.count - pace.free - 1, 40)) - since)

    def _count(self, place: str, pace: Pace) -> None:
        now = self._clock()
        held = self._failures.pop(place, None)
        count = 0 if held is None or now - held.last >= pace.forget else held.count
        self._failures[place] = _Failures(count + 1, now)
        if len(self._failures) > ADDRESSES_MAX:
            oldest = next(iter(self._failures))
            if oldest == _EVERYBODY:
                self._failures[oldest] = self._failures.pop(oldest)
                oldest = next(iter(self._failures))
            del self._failures[oldest]


def place_of(address: str) -> str:
    """``address:port`` → what stands for one customer line: an IPv4 address, the /64 of an IPv6 one."""
    host = address.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return address
    if found.version == 6:
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)
