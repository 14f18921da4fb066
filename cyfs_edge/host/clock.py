"""The node's clock. A Pi has no battery-backed one, so time starts at a floor that is known to have passed."""

from __future__ import annotations

import time

from cyfs_edge.base.times import bucky_from_unix

BUILD_TIME = bucky_from_unix(1_795_500_000)
"""No node of this release has ever run before this moment (2026-11-24)."""


class SystemClock:
    """Wall time, or the floor and what has elapsed since the start where that is later; never going back."""

    __slots__ = ("_floor", "_last", "_start")

    def __init__(self, floor: int = 0) -> None:
        """``floor``: bucky µs of the last known activity of this node, 0 = unknown."""
        self._floor = max(floor, BUILD_TIME)
        self._start = time.monotonic()
        self._last = 0

    def now(self) -> int:
        since_floor = self._floor + int((time.monotonic() - self._start) * 1_000_000)
        self._last = max(self._last, bucky_from_unix(time.time()), since_floor)
        return self._last

    def monotonic(self) -> float:
        return time.monotonic()
