"""What a running backup needs of the store, held against collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cyfs_edge.base.ids import ObjectId


@dataclass(slots=True)
class Pins:
    """Roots that a running backup needs. The collection of the store asks for them."""

    _held: dict[int, frozenset[ObjectId]] = field(default_factory=dict)
    _next: int = 0

    def __call__(self) -> Iterable[ObjectId]:
        return frozenset[ObjectId]().union(*self._held.values())

    def hold(self, roots: Iterable[ObjectId]) -> int:
        self._next += 1
        self._held[self._next] = frozenset(roots)
        return self._next

    def release(self, pin: int) -> None:
        del self._held[pin]
