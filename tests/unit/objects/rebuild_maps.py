"""Making the object maps of ``objects.json`` again from the inputs that the vectors tell."""

from __future__ import annotations

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import (
    DiffMapEntries,
    DiffMapItem,
    DiffSetEntries,
    DiffSetItem,
    Entries,
    HubEntries,
    MapClass,
    MapContentType,
    MapEntries,
    ObjectMap,
    SetEntries,
    hub_index,
    make_object_map,
)
from tests.unit.objects.rebuild import VECTORS, Vector, chunk, object_id, object_ids


def object_map_of(entries: Entries, map_class: MapClass = MapClass.ROOT, depth: int = 0) -> ObjectMap:
    """A simple map with the total and size of object-map.md §1.4."""
    size = 0
    if isinstance(entries, MapEntries):
        size = sum(2 + len(key.encode()) + 32 for key in entries.values)
    elif isinstance(entries, SetEntries):
        size = 32 * len(entries.values)
    elif isinstance(entries, DiffMapEntries):
        for key, item in entries.values.items():
            size += 2 + len(key.encode()) + options_size(item.prev, item.altered, item.diff)
    else:
        size = sum(options_size(item.prev, item.altered) for item in entries.values)
    return ObjectMap(map_class, len(entries.values), size, depth, _CONTENT_TYPES[type(entries)], entries)


def options_size(*ids: ObjectId | None) -> int:
    return sum(1 if one is None else 33 for one in ids)


_CONTENT_TYPES: dict[type, MapContentType] = {
    MapEntries: MapContentType.MAP,
    DiffMapEntries: MapContentType.DIFFMAP,
    SetEntries: MapContentType.SET,
    DiffSetEntries: MapContentType.DIFFSET,
}


def _object_map(entries: Entries, given: Vector, held: NamedObject, map_class: int = 0) -> NamedObject:
    return make_object_map(
        object_map_of(entries, MapClass(map_class)),
        owner=object_id(given["owner"]),
        dec_id=object_id(given["dec_id"]),
        update_time=held.update_time if held.body else None,
    )


def _map_entries(given: Vector) -> dict[str, ObjectId]:
    return {key: ObjectId.from_text(text) for key, text in given["content"].items()}


def _map(given: Vector, held: NamedObject) -> NamedObject:
    return _object_map(MapEntries(_map_entries(given)), given, held)


def _map_after_ops(given: Vector, held: NamedObject) -> NamedObject:
    entries = _map_entries(VECTORS["object_map_map_1"]["input"])
    del entries["b"]
    return _object_map(MapEntries({**entries, "a": chunk("zz")}), given, held)


def _set(given: Vector, held: NamedObject) -> NamedObject:
    return _object_map(SetEntries(frozenset(object_ids(given["content"]))), given, held)


def _diffmap(given: Vector, held: NamedObject) -> NamedObject:
    items = {key: DiffMapItem(None, chunk(key), chunk("d") if key == "a" else None) for key in given["keys"]}
    return _object_map(DiffMapEntries(items), given, held)


def _diffset(given: Vector, held: NamedObject) -> NamedObject:
    items = {DiffSetItem(chunk(key), None) if key == "a" else DiffSetItem(None, chunk(key)) for key in given["keys"]}
    return _object_map(DiffSetEntries(frozenset(items)), given, held)


def _map_class(given: Vector, held: NamedObject) -> NamedObject:
    # The classes of the two vectors are 0 and 2; the input numbers them 0 and 1.
    return _object_map(MapEntries({}), given, held, 2 * given["class"])


def hub_of(keys: list[str], given: Vector) -> tuple[NamedObject, dict[ObjectId, NamedObject]]:
    """A hub over simple sub maps whose values are ``chunk(key)``; second: the sub maps."""
    owner, dec_id = object_id(given["owner"]), object_id(given["dec_id"])
    buckets: dict[int, dict[str, ObjectId]] = {}
    for key in keys:
        buckets.setdefault(hub_index(key, 0), {})[key] = chunk(key)
    subs: dict[ObjectId, NamedObject] = {}
    hub: dict[int, ObjectId] = {}
    size = 0
    for index, entries in buckets.items():
        content = object_map_of(MapEntries(entries), MapClass.SUB, 1)
        size += content.size
        sub = make_object_map(content, owner=owner, dec_id=dec_id)
        subs[sub.object_id] = sub
        hub[index] = sub.object_id
    root = ObjectMap(MapClass.ROOT, len(keys), size, 0, MapContentType.MAP, HubEntries(hub))
    return make_object_map(root, owner=owner, dec_id=dec_id), subs


MAP_MAKERS = {
    "object_map_map": _map,
    "object_map_after_ops": _map_after_ops,
    "object_map_set": _set,
    "object_map_diffmap": _diffmap,
    "object_map_diffset": _diffset,
    "object_map_class": _map_class,
}
