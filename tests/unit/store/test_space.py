"""The free-space floor: how high it is, when it refuses, and how rarely it asks the system."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.space import MIB, Space, SpaceGuard

GIB = 1024 * MIB


class Disk:
    def __init__(self, free: int, total: int = 32 * GIB) -> None:
        self.free = free
        self.total = total
        self.asked = 0
        self.now = 0.0

    def probe(self) -> Space:
        self.asked += 1
        return Space(self.free, self.total)

    def guard(self, floor: int | None = None) -> SpaceGuard:
        return SpaceGuard(self.probe, lambda: self.now, floor)


@pytest.mark.parametrize(("total", "floor"), [(1 * GIB, 64 * MIB), (32 * GIB, 32 * GIB // 50), (4096 * GIB, 1 * GIB)])
def test_the_floor_is_two_percent_within_its_bounds(total: int, floor: int) -> None:
    disk = Disk(floor, total)
    assert disk.guard().floor_of(disk.probe()) == floor
    with pytest.raises(CyfsError):
        disk.guard().check(1)
    disk.free = floor + 1
    disk.guard().check(1)
    with pytest.raises(CyfsError):
        disk.guard().check(2)


def test_the_refusal_says_how_much_and_what_to_do() -> None:
    disk = Disk(50 * MIB)
    with pytest.raises(CyfsError) as caught:
        disk.guard(64 * MIB).check(10)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert "50.0 MiB free" in caught.value.message
    assert "64.0 MiB" in caught.value.message
    assert "delete something" in caught.value.message
    assert caught.value.context == {"free": 50 * MIB, "floor": 64 * MIB}


def test_the_system_is_asked_once_a_second_or_every_4_mib() -> None:
    disk = Disk(20 * GIB)
    guard = disk.guard()
    for _ in range(1000):
        guard.check(1000)
    assert disk.asked == 1
    disk.now = 1.5
    guard.check(1000)
    assert disk.asked == 2
    for _ in range(8):
        guard.check(MIB)
    assert 3 <= disk.asked <= 4


def test_what_was_let_through_since_asking_counts() -> None:
    disk = Disk(3 * MIB)
    guard = disk.guard(MIB)
    guard.check(MIB)
    disk.free = 2 * MIB
    guard.check(MIB)
    disk.free = MIB
    with pytest.raises(CyfsError):
        guard.check(MIB)


def test_it_recovers_at_once_when_space_returns() -> None:
    disk = Disk(0)
    guard = disk.guard(MIB)
    with pytest.raises(CyfsError):
        guard.check(1)
    disk.free = 2 * MIB
    guard.check(1)
