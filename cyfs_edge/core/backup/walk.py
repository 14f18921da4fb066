"""Whether all object maps below a root are there."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.ports import ObjectStore
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.object_map import ObjectMap


async def walk_maps(objects: ObjectStore, root: ObjectId) -> tuple[int, list[ObjectId]]:
    """How many object maps a root leads to, itself included, and which of them are missing or cannot be read."""
    seen, waiting, missing = {root}, [root], list[ObjectId]()
    while waiting:
        object_id = waiting.pop()
        record = await objects.get(object_id)
        try:
            obj = decode_object(record.raw) if record is not None else None
        except CyfsError:
            obj = None
        if obj is None or not isinstance(obj.desc.value, ObjectMap):
            missing.append(object_id)
            continue
        for one in obj.desc.value.object_ids():
            if one.type_code == ObjectTypeCode.OBJECT_MAP and one not in seen:
                seen.add(one)
                waiting.append(one)
    return len(seen), missing
