"""Maps of finished contents, and reads of single values (docs/protocol/object-map.md §1.5)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.tree import Load, MapContext, MapTree, id_of
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import MapContentType


def make_map(values: Mapping[str, ObjectId], *, owner: ObjectId | None, update_time: int) -> list[NamedObject]:
    """The map of ``values`` and before it all of its parts: the last object is the map itself."""
    context = MapContext(_load_nothing, lambda: update_time)
    tree = MapTree.filled(context, MapContentType.MAP, dict(values), owner=owner, dec_id=None)
    return tree.flush()[1]


async def value_of(obj: NamedObject, key: str, load: Load) -> ObjectId | None:
    """The value of a key in a stored map; ``None`` without one, and for sets."""
    tree = MapTree.of(MapContext(load, int), obj)
    if tree.kind.content_type is not MapContentType.MAP:
        return None
    value = await tree.get(key)
    return None if value is None else id_of(value)


async def _load_nothing(object_id: ObjectId) -> NamedObject | None:
    return None
