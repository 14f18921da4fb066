"""Walking an inner path through Dir and ObjectMap objects (docs/protocol/http-api.md §6.2, objects.md §7.8, §7.13)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.maps.making import value_of
from cyfs_edge.objects.dir import DirList, DirRange, dir_list
from cyfs_edge.objects.envelope import NamedObject

MAX_DEPTH = 64
"""Most objects one inner path may pass through."""

_DIR_DEPTH_MAX = 256
"""Most folders above an entry that is looked for as a Dir of its own."""

Loader = Callable[[ObjectId], Awaitable[NamedObject | None]]
ChunkLoader = Callable[[ChunkId], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Found:
    """Where a path ended: an object or chunk id, or a range of a dir's parent chunk. ``attributes`` of a dir entry."""

    object_id: ObjectId
    attributes: int | None = None
    range: tuple[int, int] | None = None


def can_walk(object_id: ObjectId) -> bool:
    return object_id.type_code in (ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP)


async def walk(start: NamedObject, inner_path: str, load: Loader, load_chunk: ChunkLoader) -> Found:
    """Follows ``inner_path`` from a Dir or ObjectMap. ``INNER_PATH_NOT_FOUND`` when it leads nowhere."""
    segments = [segment for segment in inner_path.split("/") if segment]
    found = Found(start.object_id)
    obj: NamedObject | None = start
    for _ in range(MAX_DEPTH):
        if not segments:
            return found
        if obj is None:
            break
        if obj.type_code == ObjectTypeCode.DIR:
            found, segments = await _in_dir(obj, segments, load_chunk)
            obj = await load(found.object_id) if segments else None
            continue
        if obj.type_code != ObjectTypeCode.OBJECT_MAP:
            break
        value = await value_of(obj, segments.pop(0), load)
        if value is None:
            break
        found = Found(value)
        obj = await load(value) if segments else None
    raise CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"{start.object_id} has nothing at {inner_path!r}")


async def _in_dir(obj: NamedObject, segments: list[str], load_chunk: ChunkLoader) -> tuple[Found, list[str]]:
    """The entry of a whole path; else the Dir that is listed for the longest part of it, and what is left of the path.

    Other nodes list everything below a folder in one Dir. A large tree is divided into several.
    """
    listing = dir_list(obj)
    if not isinstance(listing, DirList):
        data = await load_chunk(listing)
        if data is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the chunk {listing} that lists {obj.object_id} is not here")
        listing = DirList.decode(data)
    for count in (len(segments), *range(min(len(segments) - 1, _DIR_DEPTH_MAX), 0, -1)):
        path = "/".join(segments[:count])
        # Makers disagree about a slash in front of the names, so both are looked for.
        entry = listing.entries.get(path) or listing.entries.get("/" + path)
        if entry is None:
            continue
        rest = segments[count:]
        if isinstance(entry.node, DirRange):
            if listing.parent_chunk is None:
                raise CyfsError(ErrorCode.INVALID_DATA, f"{obj.object_id} has a range but no parent chunk")
            found = Found(listing.parent_chunk, entry.attributes, (entry.node.begin, entry.node.end))
        else:
            found = Found(entry.node, entry.attributes)
        if not rest or (found.range is None and found.object_id.type_code == ObjectTypeCode.DIR):
            return found, rest
    raise CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"{obj.object_id} has nothing at {'/'.join(segments)!r}")
