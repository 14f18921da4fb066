"""Bucky time."""

from __future__ import annotations

from cyfs_edge.base.times import BUCKY_OFFSET, bucky_from_unix, unix_micros


def test_bucky_time_counts_microseconds_since_1601() -> None:
    assert bucky_from_unix(0) == BUCKY_OFFSET == 134774 * 86400 * 1_000_000
    assert bucky_from_unix(1_685_526_400) == 13_330_000_000_000_000
    assert unix_micros(13_330_000_000_000_000) == 1_685_526_400_000_000


def test_times_before_1970_count_as_1970() -> None:
    assert [unix_micros(bucky) for bucky in (0, BUCKY_OFFSET - 1, BUCKY_OFFSET, BUCKY_OFFSET + 1)] == [0, 0, 0, 1]
