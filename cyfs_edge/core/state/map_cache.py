"""Object maps read from the store, kept while there is room (docs/protocol/object-map.md §4)."""

from __future__ import annotations

from collections.abc import Iterable

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.object_cache import decode_held
from cyfs_edge.core.ports import ObjectStore
from cyfs_edge.objects.envelope import NamedObject

CACHE_SIZE = 4 << 20
"""Bytes of encoded maps kept. In memory they take about six times as much."""


class MapCache:
    """Maps never change, so nothing goes stale. The one read longest ago goes first."""

    __slots__ = ("_limit", "_maps", "_objects", "size")

    def __init__(self, objects: ObjectStore, limit: int = CACHE_SIZE) -> None:
        self._objects = objects
        self._limit = limit
        self._maps: dict[ObjectId, NamedObject] = {}
        self.size = 0

    async def load(self, object_id: ObjectId) -> NamedObject | None:
        found = self._maps.pop(object_id, None)
        if found is not None:
            self._maps[object_id] = found
            return found
        record = await self._objects.get(object_id)
        if record is None:
            return None
        found = decode_held(record)
        self.keep((found,))
        return found

    def clear(self) -> None:
        """The next reads go to the store, which then knows of them."""
        self._maps.clear()
        self.size = 0

    def keep(self, maps: Iterable[NamedObject]) -> None:
        """What was stored just now is soon read again."""
        for one in maps:
            if one.object_id not in self._maps:
                self._maps[one.object_id] = one
                self.size += len(one.raw)
        while self.size > self._limit and self._maps:
            self.size -= len(self._maps.pop(next(iter(self._maps))).raw)
