"""What running backups and restores need of the store, held against collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cyfs_edge.base.ids import ObjectId


@dataclass(slots=True)
class Pins:
    """Roots that a running backup needs. The collection of the store asks for them."""

    _held: dict[int, frozenset[ObjectId]] = field(default_factory=dict)
    _next: int = 0
    _restores: int = 0

    def __call__(self) -> Iterable[ObjectId]:
        return frozenset[ObjectId]().union(*self._held.values())

    def hold(self, roots: Iterable[ObjectId]) -> int:
        self._next += 1
        self._held[self._next] = frozenset(roots)
        return self._next

    @property
    def blocked(self) -> bool:
        """Whether no collection may begin: a restore brings objects before those that name them."""
        return self._restores > 0

    @contextmanager
    def restoring(self) -> Iterator[None]:
        self._restores += 1
        try:
            yield
        finally:
            self._restores -= 1

    def release(self, pin: int) -> None:
        del self._held[pin]
