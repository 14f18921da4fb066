"""Who guesses waits longer and longer, who knows does not, and nobody fills the memory."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.door import backoff
from cyfs_edge.core.door.backoff import Backoff, Pace, place_of

EACH = Pace(free=2, first=1.0, most=8.0, forget=100.0)
ALL = Pace(free=5, first=1.0, most=4.0, forget=50.0)


class Watch:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_waits_double_up_to_the_most_and_are_forgotten() -> None:
    watch = Watch()
    found = Backoff(watch, EACH)
    waits = []
    for _ in range(8):
        found.failed("192.0.2.1:5")
        waits.append(found.wait("192.0.2.1:6"))
    assert waits == [0, 0, 1, 2, 4, 8, 8, 8]
    assert found.wait("192.0.2.2:5") == 0
    watch.time = 5
    assert found.wait("192.0.2.1:5") == 3
    watch.time = 100
    assert found.wait("192.0.2.1:5") == 0
    found.failed("192.0.2.1:5")
    assert found.wait("192.0.2.1:5") == 0


def test_an_attempt_too_early_is_429_and_says_when() -> None:
    found = Backoff(Watch(), EACH)
    for _ in range(3):
        found.attempt("192.0.2.1:5")
    with pytest.raises(CyfsError) as caught:
        found.attempt("192.0.2.1:5")
    assert caught.value.context == {"status": 429, "retry_after": 2}
    found.succeeded("192.0.2.1:5")
    found.attempt("192.0.2.1:5")


def test_many_addresses_together_are_slowed_down_but_not_those_that_got_in() -> None:
    found = Backoff(Watch(), EACH, ALL)
    found.attempt("198.51.100.1:1")
    found.succeeded("198.51.100.1:1")
    for number in range(6):
        found.failed(f"192.0.2.{number}:5")
    assert found.wait("203.0.113.9:1") == 1
    assert found.wait("198.51.100.1:9") == 0


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "ADDRESSES_MAX", 10)
    monkeypatch.setattr(backoff, "KNOWN_MAX", 3)
    found = Backoff(Watch(), EACH, ALL)
    for number in range(100):
        found.failed(f"192.0.2.{number}:5")
        found.succeeded(f"198.51.100.{number}:5")
    assert len(found._failures) == 10
    assert len(found._known) == 3
    assert found.wait("203.0.113.9:1") > 0


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1:5", "192.0.2.1"),
        ("::ffff:192.0.2.1:5", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6:5", "2001:db8:1:2::/64"),
        ("fe80::1%eth0:5", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_what_stands_for_one_line(address: str, place: str) -> None:
    assert place_of(address) == place
