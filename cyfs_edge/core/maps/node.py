"""One node of an object map in memory: the top of a map or a bucket of a hub (docs/protocol/object-map.md §1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.kinds import Kind
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import HubEntries, MapClass, ObjectMap

DEPTH_MAX = 255


class Node:
    """Either ``entries`` or ``buckets`` is there.

    A bucket that was not touched is just its id. ``object``: the node as an object, ``None`` since it was changed.
    ``stored``: the store has it. ``owned``: the entries may be changed.
    """

    __slots__ = ("buckets", "depth", "entries", "map_class", "object", "owned", "size", "stored", "total")

    def __init__(self, map_class: MapClass, depth: int, entries: dict[Any, Any], size: int) -> None:
        self.map_class = map_class
        self.depth = depth
        self.total = len(entries)
        self.size = size
        self.entries: Mapping[Any, Any] | None = entries
        self.buckets: dict[int, ObjectId | Node] | None = None
        self.object: NamedObject | None = None
        self.stored = False
        self.owned = True

    @classmethod
    def of(cls, obj: NamedObject, kind: Kind) -> Node:
        """A node from the store."""
        value = map_of(obj)
        if value.content_type is not kind.content_type:
            raise CyfsError(
                ErrorCode.INVALID_DATA,
                f"{obj.object_id} is a {value.content_type.text}, not a {kind.content_type.text}",
            )
        node = cls(value.map_class, value.depth, {}, value.size)
        node.total = value.total
        if isinstance(value.content, HubEntries):
            node.entries, node.buckets = None, dict(value.content.values)
        else:
            node.entries = kind.read(value.content)
        node.object = obj
        node.stored = True
        node.owned = False
        return node

    def own_entries(self, kind: Kind) -> dict[Any, Any]:
        """The entries for changing: an object's own are never touched.

        ``INVALID_DATA`` when the stored node told a wrong size, on which the ids of all its successors would rest.
        """
        if not self.owned:
            entries = dict(self.entries or {})
            if (len(entries), sum(kind.size(*item) for item in entries.items())) != (self.total, self.size):
                raise CyfsError(ErrorCode.INVALID_DATA, "an object map does not have the size that it tells")
            self.entries = entries
            self.owned = True
        assert isinstance(self.entries, dict)
        return self.entries

    def become_simple(self, entries: dict[Any, Any]) -> None:
        self.entries, self.buckets, self.owned = entries, None, True

    def become_hub(self, buckets: dict[int, ObjectId | Node]) -> None:
        self.entries, self.buckets = None, buckets

    def count(self, entries: int, size: int) -> None:
        """The node has changed by so much; its object is no longer its."""
        if self.total + entries < 0 or self.size + size < 0:
            raise CyfsError(ErrorCode.INVALID_DATA, "an object map has more entries than it tells")
        self.total += entries
        self.size += size
        self.object = None


def map_of(obj: NamedObject) -> ObjectMap:
    value = obj.desc.value
    if not isinstance(value, ObjectMap):
        raise CyfsError(ErrorCode.INVALID_DATA, f"{obj.object_id} is no readable object map")
    return value
