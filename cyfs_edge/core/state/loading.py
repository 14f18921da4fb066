"""Finding the map that a single or isolate-path op-env begins with (docs/protocol/object-map.md §5.3, §5.4)."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.core.state.roots import StateRoots


async def load_by_path(roots: StateRoots, context: MapContext, dec: ObjectId, path: str) -> MapTree:
    """The map or set at a path of the dec root; ``/`` is the dec root itself. ``NOT_FOUND`` without one."""
    return await load_inner(context, await roots.require_dec_root(dec), path)


async def load_inner(context: MapContext, object_id: ObjectId, inner_path: str | None) -> MapTree:
    """A map by its id, or what lies at a path below it."""
    if inner_path is not None:
        found = await (await PathTree.open(context, object_id)).get_by_path(inner_path)
        if found is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{object_id} has nothing at {inner_path!r}")
        object_id = found
    return await MapTree.load(context, object_id)
