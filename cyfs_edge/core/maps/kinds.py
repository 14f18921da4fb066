"""What the four content types of object maps have of their own: sizes, order, bucket keys (object-map.md §1.3-§1.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ObjectId
from cyfs_edge.objects.object_map import (
    DiffMapEntries,
    DiffMapItem,
    DiffSetEntries,
    DiffSetItem,
    Entries,
    MapContentType,
    MapEntries,
    SetEntries,
)

KEY_LENGTH_SIZE = 2
"""Bytes in front of a key that hold its length."""


class Kind(Protocol):
    """Entries are held as ``key -> value``. Sets have ids as keys and no values, diff sets their items."""

    @property
    def content_type(self) -> MapContentType: ...

    def size(self, key: Any, value: Any) -> int:
        """Bytes that the entry counts (§1.4)."""
        ...

    def bucket_key(self, key: Any) -> str | bytes: ...

    def order(self, key: Any) -> Any:
        """What entries of one node are sorted by."""
        ...

    def read(self, content: Entries) -> Mapping[Any, Any]: ...

    def build(self, entries: Mapping[Any, Any]) -> Entries: ...


class _Map:
    content_type = MapContentType.MAP

    def size(self, key: str, value: object) -> int:
        return KEY_LENGTH_SIZE + len(key.encode()) + ID_SIZE

    def bucket_key(self, key: str) -> str:
        return key

    def order(self, key: str) -> str:
        return key

    def read(self, content: Entries) -> Mapping[str, ObjectId]:
        if not isinstance(content, MapEntries):
            raise _mixed(self.content_type)
        return content.values

    def build(self, entries: Mapping[str, ObjectId]) -> Entries:
        return MapEntries(entries)


class _DiffMap:
    content_type = MapContentType.DIFFMAP

    def size(self, key: str, value: DiffMapItem) -> int:
        return KEY_LENGTH_SIZE + len(key.encode()) + _options_size(value.prev, value.altered, value.diff)

    def bucket_key(self, key: str) -> str:
        return key

    def order(self, key: str) -> str:
        return key

    def read(self, content: Entries) -> Mapping[str, DiffMapItem]:
        if not isinstance(content, DiffMapEntries):
            raise _mixed(self.content_type)
        return content.values

    def build(self, entries: Mapping[str, DiffMapItem]) -> Entries:
        return DiffMapEntries(entries)


class _Set:
    content_type = MapContentType.SET

    def size(self, key: ObjectId, value: object) -> int:
        return ID_SIZE

    def bucket_key(self, key: ObjectId) -> bytes:
        return key

    def order(self, key: ObjectId) -> bytes:
        return key

    def read(self, content: Entries) -> Mapping[ObjectId, bool]:
        if not isinstance(content, SetEntries):
            raise _mixed(self.content_type)
        return dict.fromkeys(content.values, True)

    def build(self, entries: Mapping[ObjectId, bool]) -> Entries:
        return SetEntries(frozenset(entries))


class _DiffSet:
    content_type = MapContentType.DIFFSET

    def size(self, key: DiffSetItem, value: object) -> int:
        return _options_size(key.prev, key.altered)

    def bucket_key(self, key: DiffSetItem) -> bytes:
        return key.prev or key.altered or b""

    def order(self, key: DiffSetItem) -> tuple[bytes, bytes]:
        return key.order()

    def read(self, content: Entries) -> Mapping[DiffSetItem, bool]:
        if not isinstance(content, DiffSetEntries):
            raise _mixed(self.content_type)
        return dict.fromkeys(content.values, True)

    def build(self, entries: Mapping[DiffSetItem, bool]) -> Entries:
        return DiffSetEntries(frozenset(entries))


KINDS: Final[dict[MapContentType, Kind]] = {
    kind.content_type: kind for kind in (_Map(), _DiffMap(), _Set(), _DiffSet())
}


def _options_size(*options: ObjectId | None) -> int:
    return sum(1 if one is None else 1 + ID_SIZE for one in options)


def _mixed(content_type: MapContentType) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, f"a {content_type.text} with the entries of another type")
