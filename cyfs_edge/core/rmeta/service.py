"""Path meta by dec and category: read often, changed seldom (docs/protocol/access-and-zone.md §4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.wire.rmeta import MetaItem, MetaKind

T = TypeVar("T")
Place = tuple[ObjectId, str]
"""A dec and a category, ``root-state`` or ``local-cache``."""

CACHE_MAX = 256
"""Most records kept in memory; the one read longest ago goes first."""


class MetaStore(Protocol):
    """Where records are kept, as bytes."""

    async def version(self, dec: ObjectId) -> object:
        """Differs from earlier ones when a record of the dec has changed; ``None`` while it has none."""
        ...

    async def load(self, dec: ObjectId, category: str) -> bytes | None: ...

    async def update(self, dec: ObjectId, category: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Keeps what ``change`` makes of the bytes held, durably; ``None`` leaves them. Updates come one after another.

        ``change`` is pure and may be run again; what it raises is raised here, and nothing is kept.
        """
        ...


class MetaDump(Protocol):
    """A readable copy for whoever reviews the rules of a box. It is never read back."""

    async def write(self, dec: ObjectId, category: str, data: bytes) -> None: ...


class MetaService:
    """The records, kept parsed. What ``record`` gives is shared and must not be changed."""

    __slots__ = ("_cache", "_dump", "_store")

    def __init__(self, store: MetaStore, dump: MetaDump) -> None:
        self._store = store
        self._dump = dump
        self._cache: dict[Place, tuple[object, MetaRecord]] = {}

    async def record(self, dec: ObjectId, category: str) -> MetaRecord:
        """As it is now, whoever changed it. Empty when the dec has none; ``INVALID_DATA`` when it is damaged."""
        place = dec, category
        # Asked before the bytes: should they be newer than this, they are only read once more than needed.
        version = await self._store.version(dec)
        if version is None:
            return MetaRecord()
        found = self._cache.pop(place, None)
        if found is None or found[0] != version:
            data = await self._store.load(dec, category)
            found = version, MetaRecord() if data is None else MetaRecord.decode(data)
        self._cache[place] = found
        if len(self._cache) > CACHE_MAX:
            del self._cache[next(iter(self._cache))]
        return found[1]

    async def add(self, dec: ObjectId, category: str, item: MetaItem) -> bool:
        """True when something changed."""
        return await self._change(dec, category, lambda record: record.add(item))

    async def remove(self, dec: ObjectId, category: str, item: MetaItem) -> MetaItem | None:
        """What stood in the place of ``item`` and is gone now."""
        return await self._change(dec, category, lambda record: record.remove(item))

    async def clear(self, dec: ObjectId, category: str, kind: MetaKind) -> int:
        """How many items there were."""
        return await self._change(dec, category, lambda record: record.clear(kind))

    async def _change(self, dec: ObjectId, category: str, act: Callable[[MetaRecord], T]) -> T:
        """``act`` gives something true when it changed the record."""
        results: list[T] = []
        written: list[bytes] = []

        def change(held: bytes | None) -> bytes | None:
            record = MetaRecord() if held is None else MetaRecord.decode(held)
            results.append(act(record))
            if not results[-1]:
                return None
            written.append(record.encode())
            return written[-1]

        await self._store.update(dec, category, change)
        if results[-1]:
            await self._dump.write(dec, category, written[-1])
        return results[-1]
