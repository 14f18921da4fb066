"""Bucky time: microseconds since 1601-01-01T00:00:00Z (docs/protocol/objects.md §1.4)."""

from __future__ import annotations

BUCKY_OFFSET = 11_644_473_600_000_000
"""Bucky time of 1970-01-01T00:00:00Z, in microseconds."""


def bucky_from_unix(seconds: float) -> int:
    """Unix seconds → bucky microseconds."""
    return int(seconds * 1_000_000) + BUCKY_OFFSET


def unix_micros(bucky: int) -> int:
    """Bucky → unix microseconds; everything up to 1970 is 0."""
    return max(0, bucky - BUCKY_OFFSET)
