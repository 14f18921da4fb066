"""What the tests of object maps share: a pool of stored maps, and the values of the vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.tree import SIMPLE_SIZE_MAX, MapContext
from cyfs_edge.objects.envelope import NamedObject

NOW = 13_300_000_000_000_000


def val(text: str) -> ObjectId:
    """The value id that the vectors call ``val(text)``."""
    return ObjectId(b"\x84" + hashlib.sha256(text.encode()).digest()[1:])


OWNER, DEC = val("owner"), val("dec")


class Pool:
    """Stored maps; ``loads`` counts what was read."""

    def __init__(self) -> None:
        self.objects: dict[ObjectId, NamedObject] = {}
        self.loads = 0

    async def load(self, object_id: ObjectId) -> NamedObject | None:
        self.loads += 1
        return self.objects.get(object_id)

    def store(self, objects: Iterable[NamedObject]) -> None:
        """Keeps them; everything that an object names by then must be there already."""
        for obj in objects:
            for named in obj.desc.value.object_ids():
                assert named.type_code != 14 or named in self.objects, "a map came before its parts"
            self.objects[obj.object_id] = obj

    def context(self, limit: int = SIMPLE_SIZE_MAX) -> MapContext:
        return MapContext(self.load, lambda: NOW, limit)
