"""Differences of two maps or sets, and their application (docs/protocol/object-map.md §6)."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.tree import MapContext, MapTree, id_of
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import DiffMapItem, DiffSetItem, MapContentType

NESTED_MAX = 64
"""How deep differences of maps inside maps go."""


async def diff(
    context: MapContext, prev_id: ObjectId, next_id: ObjectId, *, expand: bool
) -> tuple[ObjectId, list[NamedObject]]:
    """The difference that leads from one to the other, and the objects it is made of, parts first.

    ``expand``: maps that are values of both under one key get a difference of their own. ``INVALID_PARAM``: the two are
    one; ``UNMATCH``: they are of different types; ``NOT_SUPPORT``: they are differences themselves.
    """
    made: list[NamedObject] = []
    return await _diff(context, prev_id, next_id, expand, made, 0), made


async def _diff(
    context: MapContext, prev_id: ObjectId, next_id: ObjectId, expand: bool, made: list[NamedObject], depth: int
) -> ObjectId:
    if prev_id == next_id:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"no difference of {prev_id} and itself")
    if depth > NESTED_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"differences are nested at most {NESTED_MAX} deep")
    prev, new = await MapTree.load(context, prev_id), await MapTree.load(context, next_id)
    content_type = prev.kind.content_type
    if new.kind.content_type is not content_type:
        raise CyfsError(
            ErrorCode.UNMATCH, f"a {content_type.text} and a {new.kind.content_type.text} have no difference"
        )
    if content_type not in (MapContentType.MAP, MapContentType.SET):
        raise CyfsError(ErrorCode.NOT_SUPPORT, f"differences of a {content_type.text} are not defined")
    old_entries, new_entries = await prev.differing(new)
    is_map = content_type is MapContentType.MAP
    kind = MapContentType.DIFFMAP if is_map else MapContentType.DIFFSET
    tree = MapTree.new(context, kind, owner=prev.owner, dec_id=prev.dec_id)
    for key in old_entries.keys() | new_entries.keys():
        old, value = old_entries.get(key), new_entries.get(key)
        if old == value:
            continue
        if not is_map:
            item = DiffSetItem(prev=key) if value is None else DiffSetItem(altered=key)
            await operations.diff_insert(tree, item)
            continue
        nested = None
        if expand and old is not None and value is not None and _is_map(old) and _is_map(value):
            nested = await _diff(context, old, value, expand, made, depth + 1)
        await operations.diff_insert_with_key(tree, key, DiffMapItem(old, value, nested))
    diff_id, objects = tree.flush()
    made += objects
    return diff_id


async def apply_diff(context: MapContext, source_id: ObjectId, diff_id: ObjectId) -> tuple[ObjectId, list[NamedObject]]:
    """The map that comes of ``source`` with the difference, and its new objects.

    Values that differ from those the difference was made of are overwritten. ``UNMATCH``: the types do not go together,
    or a nested difference does not lead where it says.
    """
    made: list[NamedObject] = []
    return await _apply(context, source_id, diff_id, made, 0), made


async def _apply(
    context: MapContext, source_id: ObjectId, diff_id: ObjectId, made: list[NamedObject], depth: int
) -> ObjectId:
    if depth > NESTED_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"differences are nested at most {NESTED_MAX} deep")
    tree, changes = await MapTree.load(context, source_id), await MapTree.load(context, diff_id)
    pair = (tree.kind.content_type, changes.kind.content_type)
    if pair not in ((MapContentType.MAP, MapContentType.DIFFMAP), (MapContentType.SET, MapContentType.DIFFSET)):
        raise CyfsError(ErrorCode.UNMATCH, f"a {pair[1].text} does not apply to a {pair[0].text}")
    async for key, item in changes.items():
        if isinstance(key, DiffSetItem):
            if key.prev is not None:
                await tree.pop(key.prev)
            if key.altered is not None:
                await operations.insert(tree, key.altered)
            continue
        if item.altered is None:
            await operations.remove_with_key(tree, key, None)
            continue
        if item.diff is not None:
            held = await tree.get(key)
            reached = await _apply(context, id_of(held), item.diff, made, depth + 1) if held is not None else None
            if reached != item.altered:
                raise CyfsError(ErrorCode.UNMATCH, f"the difference {item.diff} does not lead to {item.altered}")
        await operations.set_with_key(tree, key, item.altered, None, True)
    result, objects = tree.flush()
    made += objects
    return result


def _is_map(value: ObjectId) -> bool:
    return value.type_code == ObjectTypeCode.OBJECT_MAP
