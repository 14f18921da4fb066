"""What an object needs to be of use: the ids that it leads to (docs/storage.md, "Collection")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.objects.dir import Dir, DirBody, DirList, decode_body_chunk
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import ChunkList
from cyfs_edge.objects.object_map import ObjectMap

T = TypeVar("T")

_CONTAINERS = frozenset((ObjectTypeCode.FILE, ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP))

ReadChunk = Callable[[ChunkId], bytes | None]
"""The bytes of a chunk; ``None`` when it is not here."""


def is_container(object_id: bytes) -> bool:
    """Whether such an object leads to others."""
    head = object_id[0]
    return head >> 6 == 1 and head >> 2 & 0xF in _CONTAINERS


def references(obj: NamedObject, read_chunk: ReadChunk) -> Iterator[ObjectId]:
    """Ids that a File, Dir or ObjectMap names, and those named by objects that a Dir carries along.

    What cannot be decoded names nothing: nobody could follow it either.
    """
    waiting = [obj]
    while waiting:
        one = waiting.pop()
        content = one.desc.value
        body = one.body.value if one.body is not None else None
        if isinstance(content, ObjectMap):
            yield from content.object_ids()
        elif isinstance(body, ChunkList):
            yield from body.chunk_ids
            if body.file_id is not None:
                yield body.file_id
        elif isinstance(content, Dir):
            carried: Mapping[ObjectId, bytes] = {}
            if isinstance(body, DirBody):
                carried = body.objects
                if body.chunk_id is not None:
                    yield body.chunk_id
                    carried = _decoded(decode_body_chunk, read_chunk(body.chunk_id)) or {}
            listing = content.content
            if isinstance(listing, ChunkId):
                yield listing
                found = _decoded(DirList.decode, carried.get(listing) or read_chunk(listing))
            else:
                found = listing
            if found is not None:
                yield from found.object_ids()
            for object_id, raw in carried.items():
                yield object_id
                inner = _decoded(decode_object, raw) if is_container(object_id) else None
                if inner is not None:
                    waiting.append(inner)


def _decoded(decode: Callable[[bytes], T], data: bytes | None) -> T | None:
    if data is None:
        return None
    try:
        return decode(data)
    except CyfsError:
        return None
