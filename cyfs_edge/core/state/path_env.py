"""Op-envs with paths: on the dec root, merged by replay, or on a root of their own (object-map.md §5.1, §5.4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.paths import PathTree, place_of
from cyfs_edge.core.maps.tree import MapInfo, MapTree
from cyfs_edge.core.state.loading import load_by_path, load_inner
from cyfs_edge.core.state.op_env import EnvKind, Items, MapOwner, OpEnv
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.wire.state_reply import RootInfo

Result = ObjectId | bool | None
Act = Callable[[PathTree], Awaitable[Result]]


class _TreeEnv(OpEnv):
    """The calls on a tree of maps; where the tree comes from and what becomes of it is up to the kind."""

    async def _tree(self) -> PathTree:
        raise CyfsError(ErrorCode.ERROR_STATE, "the op-env has no root yet")

    async def _write(self, path: str, act: Act, value: ObjectId | None = None) -> Result:
        """Runs one change. ``path``: what is written; ``value``: what is put in."""
        self._allow(path, Permission.WRITE)
        tree = await self._tree()
        self._count_write(value)
        self._charge(len(path))  # kept with the write until the commit
        return await act(tree)

    async def create_new(self, path: str | None, key: str | None, kind: MapContentType, owner: MapOwner) -> None:
        if key is None:
            raise CyfsError(ErrorCode.INVALID_PARAM, "create_new of a path op-env needs a key")
        at, name = place_of(path, key)
        await self._write(_join(at, name), lambda tree: tree.create_new(at, name, kind))

    async def get_by_key(self, path: str | None, key: str) -> ObjectId | None:
        self._allow(key if path is None else _join(path, key), Permission.READ)
        tree = await self._tree()
        return await tree.get_by_path(key) if path is None else await tree.get(path, key)

    async def insert_with_key(self, path: str | None, key: str, value: ObjectId) -> None:
        at, name = place_of(path, key)
        await self._write(_join(at, name), lambda tree: tree.insert_with_key(at, name, value), value)

    async def set_with_key(
        self, path: str | None, key: str, value: ObjectId, prev: ObjectId | None, auto_insert: bool
    ) -> ObjectId | None:
        at, name = place_of(path, key)
        old = await self._write(
            _join(at, name), lambda tree: tree.set_with_key(at, name, value, prev, auto_insert), value
        )
        return old if isinstance(old, ObjectId) else None

    async def remove_with_key(self, path: str | None, key: str, prev: ObjectId | None) -> ObjectId | None:
        at, name = place_of(path, key)
        old = await self._write(_join(at, name), lambda tree: tree.remove_with_key(at, name, prev))
        return old if isinstance(old, ObjectId) else None

    async def contains(self, path: str | None, value: ObjectId) -> bool:
        at = _needed(path)
        self._allow(at, Permission.READ)
        return await (await self._tree()).contains(at, value)

    async def insert(self, path: str | None, value: ObjectId) -> bool:
        at = _needed(path)
        return bool(await self._write(at, lambda tree: tree.insert(at, value), value))

    async def remove(self, path: str | None, value: ObjectId) -> bool:
        at = _needed(path)
        return bool(await self._write(at, lambda tree: tree.remove(at, value)))

    async def entries(self, path: str | None) -> tuple[MapContentType, Items]:
        at = _needed(path)
        self._allow(at, Permission.READ)
        tree = await self._tree()
        return (await tree.info(at)).content_type, await tree.entries(at)

    async def metadata(self, path: str | None) -> MapInfo:
        at = _needed(path, ErrorCode.INVALID_DATA)
        self._allow(at, Permission.READ)
        return await (await self._tree()).info(at)


class PathEnv(_TreeEnv):
    """Works on the dec root as it was at the first call, and is merged into what it is at the commit."""

    kind = EnvKind.PATH
    _held: PathTree | None = None

    async def _tree(self) -> PathTree:
        """Before the first write nothing but the id of the root is kept: many sessions may be open."""
        if self._held is not None:
            return self._held
        if self._base is None:
            self._base = await self.roots.require_dec_root(self.dec)
            self._done: list[tuple[Act, Result]] = []
        return await PathTree.open(self._context, self._base)

    async def _write(self, path: str, act: Act, value: ObjectId | None = None) -> Result:
        self.roots.locks(self.dec).check_write(self.sid, path)
        if self._held is None:
            tree = await self._tree()
            self._keep(tree.root)
            self._held = tree
        result = await super()._write(path, act, value)
        self._done.append((act, result))
        return result

    async def lock(self, paths: list[str], duration_ms: int, try_lock: bool) -> None:
        for path in paths:
            self._allow(path, Permission.WRITE)
        locks = self.roots.locks(self.dec)
        if try_lock:
            locks.try_lock(self.sid, paths, duration_ms)
        else:
            await locks.lock(self.sid, paths, duration_ms)

    async def current_root(self) -> RootInfo:
        await self._tree()
        assert self._base is not None
        return await self.roots.info(self._base)

    async def update(self) -> RootInfo:
        """On an error nothing is published, and the env is as it was.

        ``CONFLICT``: another env has changed what this one has seen. ``ALREADY_EXISTS``: both inserted one key.
        """
        tree = await self._tree()
        assert self._base is not None
        root_id, objects = tree.flush()
        if root_id == self._base:
            return await self.roots.info(root_id)
        async with self.roots.mutex:
            shared = await self.roots.require_dec_root(self.dec)
            if shared != self._base:
                tree = await self._replayed(shared)
                root_id, objects = tree.flush()
            if root_id == shared:
                info = await self.roots.info(root_id)
            else:
                info = await self.roots.publish(self.dec, root_id, objects)
        self._held, self._base = None, root_id
        self._done.clear()
        self._begun = 0
        self._forget_writes()
        return info

    async def _replayed(self, shared: ObjectId) -> PathTree:
        self._charging = False  # what is made here takes the place of what was made
        try:
            tree = await PathTree.open(self._context, shared)
            for act, seen in self._done:
                if await act(tree) != seen:
                    text = "another session has changed what this one has seen and changed"
                    raise CyfsError(ErrorCode.CONFLICT, text)
        finally:
            self._charging = True
        return tree

    def close(self) -> None:
        super().close()
        self.roots.locks(self.dec).release(self.sid)


class IsolatePathEnv(_TreeEnv):
    """Works on a root of its own, which the caller links where it belongs."""

    kind = EnvKind.ISOLATE_PATH
    _held: PathTree | None = None

    async def _tree(self) -> PathTree:
        return await super()._tree() if self._held is None else self._held

    def _allow(self, path: str, permission: Permission) -> None:
        """Paths of this env are no paths of the dec root."""

    def _begin(self, tree: MapTree) -> None:
        operations.require(tree, MapContentType.MAP)
        self._keep(tree)
        self._held, self._base = PathTree(self._context, tree), tree.root_id()

    def _require_new(self) -> None:
        if self._held is not None:
            raise CyfsError(ErrorCode.ALREADY_EXISTS, "the op-env has its root already")

    async def create_new(self, path: str | None, key: str | None, kind: MapContentType, owner: MapOwner) -> None:
        if key is not None:
            await super().create_new(path, key, kind, owner)
            return
        self._require_new()
        self._begin(MapTree.new(self._context, kind, owner=owner.owner, dec_id=owner.dec_id))

    async def load(self, object_id: ObjectId, inner_path: str | None) -> None:
        tree = await load_inner(self._context, object_id, inner_path)
        self._require_new()
        self._begin(tree)

    async def load_by_path(self, path: str) -> None:
        super()._allow(path, Permission.READ)
        tree = await load_by_path(self.roots, self._context, self.dec, path)
        self._require_new()
        self._begin(tree)

    async def current_root(self) -> RootInfo:
        root_id = (await self._tree()).flush()[0]
        return RootInfo(root_id, 0, root_id)

    async def update(self) -> RootInfo:
        tree = await self._tree()
        root_id, objects = tree.flush()
        await self.roots.store(self.dec, objects)
        tree.settle()
        self._base = root_id
        self._forget_writes()
        return RootInfo(root_id, 0, root_id)


def _join(path: str, key: str) -> str:
    return f"{path.rstrip('/')}/{key}"


def _needed(path: str | None, code: ErrorCode = ErrorCode.INVALID_PARAM) -> str:
    if path is None:
        raise CyfsError(code, "this call of a path op-env needs a path")
    return path
