"""Making damaged inputs out of good ones. Reproducible: all chance comes from the generator that is handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

SIZE_MAX = 1 << 16
"""Most bytes of an input."""

_ODD = (
    b"\x00",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xbf\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
)
"""Counts, lengths and numbers at the edges of their forms."""


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds`` with a few changes; now and then bytes that come from nowhere."""
    if not seeds or random.random() < 0.02:
        return random.randbytes(random.randrange(200))
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        random.choice(_CHANGES)(random, data, seeds)
    return bytes(data[:SIZE_MAX])


Change = Callable[[Random, bytearray, Sequence[bytes]], None]


def _at(random: Random, data: bytearray) -> int:
    return random.randrange(len(data) + 1)


def _flip(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _overwrite(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = _at(random, data)
    odd = random.choice(_ODD)
    data[at : at + len(odd)] = odd


def _count(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """A byte that may be a length or a count, changed by little."""
    if data:
        at = random.randrange(len(data))
        data[at] = (data[at] + random.choice((-2, -1, 1, 2))) & 0xFF


def _insert(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = _at(random, data)
    data[at:at] = random.choice((random.choice(_ODD), random.randbytes(random.randrange(1, 9))))


def _remove(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    at = _at(random, data)
    del data[at : at + random.choice((1, 1, 2, 4, 8, 32))]


def _cut(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    del data[_at(random, data) :]


def _repeat(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    start = _at(random, data)
    piece = data[start : start + random.randrange(1, 64)]
    data[start:start] = piece * random.choice((1, 1, 2, 8))


def _splice(random: Random, data: bytearray, seeds: Sequence[bytes]) -> None:
    """The end of another seed."""
    other = random.choice(seeds)
    data[_at(random, data) :] = other[random.randrange(len(other) + 1) :]


_CHANGES: tuple[Change, ...] = (_flip, _flip, _overwrite, _count, _insert, _remove, _cut, _repeat, _splice)
