"""The op-env of one map (docs/protocol/object-map.md §5.3)."""

from __future__ import annotations

from typing import Any

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.tree import MapInfo, MapTree, id_of
from cyfs_edge.core.state.loading import load_by_path, load_inner
from cyfs_edge.core.state.op_env import EnvKind, Items, MapOwner, OpEnv
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.wire.state_reply import RootInfo


class SingleEnv(OpEnv):
    """Works on one map of any type; paths of calls do not matter."""

    kind = EnvKind.SINGLE
    _held: MapTree | None = None
    _after: Any = None
    _at_end = False

    def _tree(self) -> MapTree:
        if self._held is None:
            raise CyfsError(ErrorCode.ERROR_STATE, "the op-env has no map yet")
        return self._held

    def _to_change(self, value: ObjectId | None = None) -> MapTree:
        tree = self._tree()
        self._count_write(value)
        return tree

    def _require_new(self) -> None:
        if self._held is not None:
            raise CyfsError(ErrorCode.ALREADY_EXISTS, "the op-env has its map already")

    def _begin(self, tree: MapTree) -> None:
        self._keep(tree)
        self._held, self._base = tree, tree.root_id()

    async def create_new(self, path: str | None, key: str | None, kind: MapContentType, owner: MapOwner) -> None:
        self._require_new()
        self._begin(MapTree.new(self._context, kind, owner=owner.owner, dec_id=owner.dec_id))

    async def load(self, object_id: ObjectId, inner_path: str | None) -> None:
        tree = await load_inner(self._context, object_id, inner_path)
        self._require_new()
        self._begin(tree)

    async def load_by_path(self, path: str) -> None:
        self._allow(path, Permission.READ)
        tree = await load_by_path(self.roots, self._context, self.dec, path)
        self._require_new()
        self._begin(tree)

    async def get_by_key(self, path: str | None, key: str) -> ObjectId | None:
        return await operations.get_by_key(self._tree(), key)

    async def insert_with_key(self, path: str | None, key: str, value: ObjectId) -> None:
        await operations.insert_with_key(self._to_change(value), key, value)

    async def set_with_key(
        self, path: str | None, key: str, value: ObjectId, prev: ObjectId | None, auto_insert: bool
    ) -> ObjectId | None:
        return await operations.set_with_key(self._to_change(value), key, value, prev, auto_insert)

    async def remove_with_key(self, path: str | None, key: str, prev: ObjectId | None) -> ObjectId | None:
        return await operations.remove_with_key(self._to_change(), key, prev)

    async def contains(self, path: str | None, value: ObjectId) -> bool:
        return await operations.contains(self._tree(), value)

    async def insert(self, path: str | None, value: ObjectId) -> bool:
        return await operations.insert(self._to_change(value), value)

    async def remove(self, path: str | None, value: ObjectId) -> bool:
        return await operations.remove(self._to_change(), value)

    async def entries(self, path: str | None) -> tuple[MapContentType, Items]:
        tree = self._tree()
        return tree.kind.content_type, [(key, _plain(value)) async for key, value in tree.items()]

    async def metadata(self, path: str | None) -> MapInfo:
        return self._tree().info

    async def next(self, step: int) -> tuple[MapContentType, Items]:
        """At most ``step`` entries behind the last one given; fewer are the end, and so is 0."""
        tree = self._tree()
        found: Items = []
        if not self._at_end and step:
            async for key, value in tree.items(self._after):
                found.append((key, _plain(value)))
                if len(found) == step:
                    break
            if found:
                self._after = found[-1][0]
            self._at_end = len(found) < step
        return tree.kind.content_type, found

    async def reset(self) -> None:
        self._tree()
        self._after, self._at_end = None, False

    async def current_root(self) -> RootInfo:
        """As loaded or last updated: changes that wait are not in it."""
        self._tree()
        assert self._base is not None
        return RootInfo(self._base, 0, self._base)

    async def update(self) -> RootInfo:
        """Without a change nothing is stored, not even a new map."""
        tree = self._tree()
        root_id, objects = tree.flush()
        if root_id != self._base:
            await self.roots.store(self.dec, objects)
            tree.settle()
            self._base = root_id
        self._forget_writes()
        return RootInfo(root_id, 0, root_id)


def _plain(value: Any) -> Any:
    return id_of(value) if isinstance(value, MapTree) else value
