"""What an object leads to: the ids that have to be there for it to be of use."""

from __future__ import annotations

from collections.abc import Iterator

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.ports import ObjectStore
from cyfs_edge.objects.dir import Dir, DirBody, dir_list
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import ChunkList
from cyfs_edge.objects.object_map import ObjectMap


def needs(obj: NamedObject) -> Iterator[ObjectId]:
    """Ids that a File, Dir or ObjectMap names. Those in a Dir's chunk are not known before the chunk is read."""
    content = obj.desc.value
    body = obj.body.value if obj.body is not None else None
    if isinstance(content, ObjectMap):
        yield from content.object_ids()
    elif isinstance(content, Dir):
        listing = dir_list(obj)
        if isinstance(listing, ChunkId):
            yield listing
        else:
            yield from listing.object_ids()
        if isinstance(body, DirBody) and body.chunk_id is not None:
            yield body.chunk_id
    if isinstance(body, ChunkList):
        yield from body.chunk_ids
        if body.file_id is not None:
            yield body.file_id


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
