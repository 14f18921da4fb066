"""The operations on one map, set, diff map or diff set (docs/protocol/object-map.md §2).

Each needs a tree of its content type; any other is ``NOT_SUPPORT``.
"""

from __future__ import annotations

from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.tree import MapTree, id_of
from cyfs_edge.objects.object_map import DiffMapItem, DiffSetItem, MapContentType


async def get_by_key(tree: MapTree, key: str) -> ObjectId | None:
    require(tree, MapContentType.MAP)
    value = await tree.get(key)
    return None if value is None else id_of(value)


async def insert_with_key(tree: MapTree, key: str, value: ObjectId | MapTree) -> None:
    """``ALREADY_EXISTS`` when the key is taken, by the same value too."""
    require(tree, MapContentType.MAP)
    await _insert(tree, key, value)


async def set_with_key(
    tree: MapTree, key: str, value: ObjectId, prev: ObjectId | None, auto_insert: bool
) -> ObjectId | None:
    """Gives the old value. ``NOT_FOUND``: no such key, no ``auto_insert``; ``UNMATCH``: ``prev`` is not the value."""
    old = await get_by_key(tree, key)
    await _set(tree, key, value, old, prev, auto_insert)
    return old


async def remove_with_key(tree: MapTree, key: str, prev: ObjectId | None) -> ObjectId | None:
    """Gives what was there. ``UNMATCH`` when that is not ``prev``."""
    old = await get_by_key(tree, key)
    await _remove(tree, key, old, prev)
    return old


async def contains(tree: MapTree, value: ObjectId) -> bool:
    require(tree, MapContentType.SET)
    return await tree.get(value) is not None


async def insert(tree: MapTree, value: ObjectId) -> bool:
    """False when it was there."""
    if await contains(tree, value):
        return False
    await tree.put(value, True)
    return True


async def remove(tree: MapTree, value: ObjectId) -> bool:
    """False when it was not there; ``NOT_FOUND`` when not even its bucket was, as clients know it of hubs."""
    if await contains(tree, value):
        await tree.pop(value)
        return True
    if not await tree.has_bucket_of(value):
        raise CyfsError(ErrorCode.NOT_FOUND, f"{value} is not in the set, nor is its bucket")
    return False


async def diff_get_by_key(tree: MapTree, key: str) -> DiffMapItem | None:
    require(tree, MapContentType.DIFFMAP)
    found: DiffMapItem | None = await tree.get(key)
    return found


async def diff_insert_with_key(tree: MapTree, key: str, item: DiffMapItem) -> None:
    require(tree, MapContentType.DIFFMAP)
    await _insert(tree, key, item)


async def diff_set_with_key(
    tree: MapTree, key: str, item: DiffMapItem, prev: DiffMapItem | None, auto_insert: bool
) -> DiffMapItem | None:
    old = await diff_get_by_key(tree, key)
    await _set(tree, key, item, old, prev, auto_insert)
    return old


async def diff_remove_with_key(tree: MapTree, key: str, prev: DiffMapItem | None) -> DiffMapItem | None:
    old = await diff_get_by_key(tree, key)
    await _remove(tree, key, old, prev)
    return old


async def diff_contains(tree: MapTree, item: DiffSetItem) -> bool:
    require(tree, MapContentType.DIFFSET)
    return await tree.get(item) is not None


async def diff_insert(tree: MapTree, item: DiffSetItem) -> bool:
    if await diff_contains(tree, item):
        return False
    await tree.put(item, True)
    return True


async def diff_remove(tree: MapTree, item: DiffSetItem) -> bool:
    if not await diff_contains(tree, item):
        return False
    await tree.pop(item)
    return True


def require(tree: MapTree, content_type: MapContentType) -> None:
    held = tree.kind.content_type
    if held is not content_type:
        raise CyfsError(ErrorCode.NOT_SUPPORT, f"this call is for a {content_type.text}, not for a {held.text}")


async def _insert(tree: MapTree, key: str, value: Any) -> None:
    if await tree.get(key) is not None:
        raise CyfsError(ErrorCode.ALREADY_EXISTS, f"the key {key!r} is taken")
    await tree.put(key, value)


async def _set(tree: MapTree, key: str, value: Any, old: Any, prev: Any, auto_insert: bool) -> None:
    if old is None:
        if not auto_insert:
            raise CyfsError(ErrorCode.NOT_FOUND, f"there is no key {key!r}")
    elif prev is not None and prev != old:
        raise _changed(key)
    if old != value:
        await tree.put(key, value)


async def _remove(tree: MapTree, key: str, old: Any, prev: Any) -> None:
    if old is None:
        return
    if prev is not None and prev != old:
        raise _changed(key)
    await tree.pop(key)


def _changed(key: str) -> CyfsError:
    return CyfsError(ErrorCode.UNMATCH, f"the value of {key!r} is another one than was expected")
