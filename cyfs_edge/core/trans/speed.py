"""How fast bytes come, and how fast they may: on a clock that is handed in (seconds from any start)."""

from __future__ import annotations

from collections import deque

WINDOW = 5
"""Seconds over which the present speed is taken."""
BURST = 0.25
"""Seconds' worth of bytes that may come at once after a pause."""


class SpeedMeter:
    """Speeds in bytes a second."""

    __slots__ = ("_begun", "_recent", "_spent", "total")

    def __init__(self) -> None:
        self.total = 0
        self._recent: deque[tuple[int, int]] = deque()
        self._begun: float | None = None
        self._spent = 0.0

    def begin(self, now: float) -> None:
        self._begun = now

    def end(self, now: float) -> None:
        """Time from now on does not count, until it begins again."""
        if self._begun is not None:
            self._spent += now - self._begun
        self._begun = None
        self._recent.clear()

    def add(self, count: int, now: float) -> None:
        second = int(now)
        self.total += count
        if self._recent and self._recent[-1][0] == second:
            count += self._recent.pop()[1]
        self._recent.append((second, count))

    def current(self, now: float) -> int:
        while self._recent and self._recent[0][0] <= now - WINDOW:
            self._recent.popleft()
        if self._begun is None:
            return 0
        return int(sum(count for _, count in self._recent) / max(1.0, min(WINDOW, now - self._begun)))

    def average(self, now: float) -> int:
        spent = self._spent + (0.0 if self._begun is None else now - self._begun)
        return int(self.total / max(1.0, spent))


class Throttle:
    """A token bucket for all downloads together. ``rate``: bytes a second, 0 = as fast as they come."""

    __slots__ = ("_paid_until", "rate")

    def __init__(self, rate: int = 0) -> None:
        self.rate = rate
        self._paid_until = 0.0

    def take(self, count: int, now: float) -> float:
        """Seconds to wait after ``count`` bytes before any more may come."""
        if not self.rate:
            return 0.0
        self._paid_until = max(self._paid_until, now - BURST) + count / self.rate
        return max(0.0, self._paid_until - now)
