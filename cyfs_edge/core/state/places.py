"""Whether an object lies where a request says (docs/protocol/object-map.md §7.6)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.node import map_of
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.maps.tree import MapTree
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.object_map import MapClass, MapContentType
from cyfs_edge.wire.req_path import ReqPath


class StatePlaces:
    """Answers from the roots of this node. Nothing is remembered: what was put there just now is seen."""

    __slots__ = ("_roots",)

    def __init__(self, roots: Mapping[str, StateRoots]) -> None:
        """``roots``: by category."""
        self._roots = roots

    async def require(self, path: ReqPath, dec: ObjectId, object_id: ObjectId) -> None:
        """Passes when ``object_id`` is at the path, or in the set there; ``PERMISSION_DENIED`` when another is.

        ``NOT_FOUND`` for a path that leads nowhere, ``UNMATCH`` for a root that is none of the dec.
        """
        roots = self._roots[path.category]
        root_id, at = await self._root(roots, path, dec)
        found = await (await PathTree.open(roots.context, root_id)).get_by_path(at)
        if found is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"nothing is at {path.path} of dec {dec}")
        if found == object_id:
            return
        if found.type_code == ObjectTypeCode.OBJECT_MAP:
            tree = await MapTree.load(roots.context, found)
            if tree.kind.content_type is MapContentType.SET and await operations.contains(tree, object_id):
                return
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{object_id} is not at {path.path} of dec {dec}")

    async def _root(self, roots: StateRoots, path: ReqPath, dec: ObjectId) -> tuple[ObjectId, str]:
        """The root to begin at, and the path from there."""
        inner = path.path.rstrip("/") or "/"
        if path.root is None:
            return await roots.require_dec_root(dec), inner
        kind, root_id = path.root
        held = await roots.context.load(root_id) if root_id.type_code == ObjectTypeCode.OBJECT_MAP else None
        if held is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the root {root_id} is not here")
        map_class = map_of(held).map_class
        if kind == "root":
            if map_class is not MapClass.GLOBAL_ROOT or held.dec_id not in (None, SYSTEM_DEC_ID):
                raise CyfsError(ErrorCode.UNMATCH, f"{root_id} is no global root")
            return root_id, f"/{dec}{inner}" if inner != "/" else f"/{dec}"
        if map_class is not MapClass.DEC_ROOT or held.dec_id != dec:
            raise CyfsError(ErrorCode.UNMATCH, f"{root_id} is no root of dec {dec}")
        return root_id, inner
