"""Making ObjectMaps from finished contents (docs/protocol/objects.md §7.13)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.base.ids import ID_SIZE, ObjectId
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import (
    HubEntries,
    MapClass,
    MapContentType,
    MapEntries,
    ObjectMap,
    hub_index,
    make_object_map,
)

SIMPLE_SIZE_MAX = 65535 - 64
"""Size of the entries, in bytes, above which a map becomes a hub of sub maps."""
KEY_LENGTH_SIZE = 2


def entries_size(values: Mapping[str, ObjectId]) -> int:
    return sum(KEY_LENGTH_SIZE + len(key.encode()) + ID_SIZE for key in values)


def make_map(values: Mapping[str, ObjectId], *, owner: ObjectId | None, update_time: int) -> list[NamedObject]:
    """The map of ``values`` and before it all of its parts: the last object is the map itself."""
    made: list[NamedObject] = []
    _make(made, values, MapClass.ROOT, 0, owner, update_time)
    return made


def _make(
    made: list[NamedObject],
    values: Mapping[str, ObjectId],
    map_class: MapClass,
    depth: int,
    owner: ObjectId | None,
    update_time: int,
) -> ObjectId:
    size = entries_size(values)
    content: MapEntries | HubEntries = MapEntries(values)
    if size > SIMPLE_SIZE_MAX:
        buckets: dict[int, dict[str, ObjectId]] = {}
        for key, value in values.items():
            buckets.setdefault(hub_index(key, depth), {})[key] = value
        content = HubEntries(
            {
                index: _make(made, bucket, MapClass.SUB, depth + 1, owner, update_time)
                for index, bucket in buckets.items()
            }
        )
    desc = ObjectMap(map_class, len(values), size, depth, MapContentType.MAP, content)
    obj = make_object_map(desc, owner=owner, update_time=update_time)
    made.append(obj)
    return obj.object_id
