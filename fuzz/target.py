"""What is fuzzed: a function of bytes, and inputs to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Seeds = Callable[[], list[bytes]]


@dataclass(frozen=True, slots=True)
class Target:
    """``run`` returns for good and for refused input alike, and raises when something is wrong.

    ``seeds``: good inputs, of which damaged ones are made.
    """

    run: Callable[[bytes], None]
    seeds: Seeds

    def __call__(self, data: bytes) -> None:
        self.run(data)


def just(*seeds: bytes) -> Seeds:
    return lambda: list(seeds)


def texts(*seeds: str) -> Seeds:
    return lambda: [seed.encode() for seed in seeds]


def distinct(seeds: Iterable[bytes]) -> list[bytes]:
    """In the order of their first appearance."""
    return list(dict.fromkeys(seeds))
