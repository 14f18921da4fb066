"""A root map and the maps below it, by path (docs/protocol/object-map.md §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.maps import operations
from cyfs_edge.core.maps.node import map_of
from cyfs_edge.core.maps.tree import MapContext, MapInfo, MapTree, id_of
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import MapContentType

T = TypeVar("T")

SEGMENT_MAX = 256
"""Bytes of a path segment that is walked through; keys at the end of a path may be longer."""
SHOWN_MAX = 256 << 10
"""Bytes of unsaved maps kept because their ids were told; the oldest go first."""


def fix_path(path: str) -> str:
    """``/`` or ``/a/b`` without what a query adds. ``INVALID_FORMAT`` when it is no path."""
    path = path.strip()
    if path == "/":
        return path
    if "?" in path:
        path = path.rpartition("?")[0]
    path = path.rstrip("/")
    if not path.startswith("/"):
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{path!r} is no path: it must begin with a slash")
    return path


def split_path(path: str) -> tuple[str, str]:
    """``/a/b/c`` -> ``/a/b``, ``c``. The key of ``/`` is empty."""
    parent, _, key = fix_path(path).rpartition("/")
    return parent or "/", key


def _segments(path: str) -> list[str]:
    path = fix_path(path)
    segments = [] if path == "/" else path[1:].split("/")
    for segment in segments:
        if not segment:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"the path {path!r} has an empty segment")
        if len(segment.encode()) > SEGMENT_MAX:
            raise CyfsError(ErrorCode.UN_SUPPORT, f"a path segment has more than {SEGMENT_MAX} bytes")
    return segments


def place_of(path: str | None, key: str) -> tuple[str, str]:
    """Path and key of what is to be changed; without a path the key is the full path of it."""
    if path is not None:
        return path, key
    path, key = split_path(key)
    if not key:
        raise CyfsError(ErrorCode.INVALID_FORMAT, "the root itself cannot be changed")
    return path, key


class PathTree:
    """Operations of a path env on one root. On an error nothing is changed.

    Unsaved maps whose ids were told can be linked elsewhere by that id, so they are kept.
    """

    __slots__ = ("_context", "_load", "_shown", "_shown_size", "root")

    def __init__(self, context: MapContext, root: MapTree) -> None:
        self._load = context.load
        self._context = replace(context, load=self._load_shown)
        self._shown: dict[ObjectId, NamedObject] = {}
        self._shown_size = 0
        self.root = root

    @classmethod
    async def open(cls, context: MapContext, root_id: ObjectId) -> PathTree:
        made = cls(context, await MapTree.load(context, root_id))
        operations.require(made.root, MapContentType.MAP)
        return made

    async def get_by_path(self, path: str) -> ObjectId | None:
        """What the full path leads to; ``/`` is the root itself."""
        parent, key = split_path(path)
        return self.root.root_id() if not key else await self.get(parent, key)

    async def get(self, path: str, key: str) -> ObjectId | None:
        """The value of ``key`` in the map at ``path``."""
        tree = await self._reach(path)
        if tree is None:
            return None
        operations.require(tree, MapContentType.MAP)
        value = await tree.get(key)
        return None if value is None else self._show(value)

    async def insert_with_key(self, path: str, key: str, value: ObjectId) -> None:
        await self._edit(path, MapContentType.MAP, lambda tree: operations.insert_with_key(tree, key, value))

    async def set_with_key(
        self, path: str, key: str, value: ObjectId, prev: ObjectId | None, auto_insert: bool
    ) -> ObjectId | None:
        async def change(tree: MapTree) -> ObjectId | None:
            return await operations.set_with_key(tree, key, value, prev, auto_insert)

        return await self._edit(path, MapContentType.MAP if auto_insert else None, change)

    async def remove_with_key(self, path: str, key: str, prev: ObjectId | None) -> ObjectId | None:
        if await self._reach(path) is None:
            return None

        async def change(tree: MapTree) -> ObjectId | None:
            operations.require(tree, MapContentType.MAP)
            held = await tree.get(key)
            if isinstance(held, MapTree):
                self._show(held)
            return await operations.remove_with_key(tree, key, prev)

        return await self._edit(path, None, change)

    async def create_new(self, path: str, key: str, content_type: MapContentType) -> None:
        """An empty map at a free key. ``ALREADY_EXISTS`` when it is taken."""

        async def change(tree: MapTree) -> None:
            operations.require(tree, MapContentType.MAP)
            child = self._new_child(tree, content_type, await tree.child_depth(key))
            await operations.insert_with_key(tree, key, child)

        await self._edit(path, MapContentType.MAP, change)

    async def contains(self, path: str, value: ObjectId) -> bool:
        return await operations.contains(await self.reach(path), value)

    async def insert(self, path: str, value: ObjectId) -> bool:
        return await self._edit(path, MapContentType.SET, lambda tree: operations.insert(tree, value))

    async def remove(self, path: str, value: ObjectId) -> bool:
        return await self._edit(path, None, lambda tree: operations.remove(tree, value))

    async def info(self, path: str) -> MapInfo:
        return (await self.reach(path)).info

    async def entries(self, path: str) -> list[tuple[Any, Any]]:
        """All entries in listing order."""
        tree = await self.reach(path)
        found = [(key, value) async for key, value in tree.items()]
        return [(key, self._show(value) if isinstance(value, MapTree) else value) for key, value in found]

    def flush(self) -> tuple[ObjectId, list[NamedObject]]:
        """The root id and the objects to store: all that is new and reachable, parts first."""
        root_id, objects = self.root.flush()
        if not self._shown:
            return root_id, objects
        known = {obj.object_id for obj in objects}
        linked: list[NamedObject] = []
        waiting = list(objects)
        while waiting:
            for object_id in map_of(waiting.pop()).object_ids():
                shown = self._shown.get(object_id)
                if shown is not None and object_id not in known:
                    known.add(object_id)
                    linked.append(shown)
                    waiting.append(shown)
        return root_id, [*reversed(linked), *objects]

    def settle(self) -> None:
        """The store has what :meth:`flush` gave."""
        self.root.settle()
        self._shown.clear()
        self._shown_size = 0

    # -- walking ------------------------------------------------------------------------------------------------------

    async def reach(self, path: str) -> MapTree:
        """The map or set at ``path``; ``NOT_FOUND`` without one."""
        tree = await self._reach(path)
        if tree is None:
            raise _no_map(path)
        return tree

    async def _reach(self, path: str) -> MapTree | None:
        tree: MapTree | None = self.root
        for segment in _segments(path):
            if tree is None:
                break
            tree = await self._open(tree, segment)
        return tree

    async def _edit(self, path: str, create_as: MapContentType | None, change: Callable[[MapTree], Awaitable[T]]) -> T:
        """Runs ``change`` on the map at ``path``. ``create_as``: missing maps are made, the last one of that type."""
        segments = _segments(path)
        trees = [self.root]
        for segment in segments:
            child = await self._open(trees[-1], segment)
            if child is None:
                break
            trees.append(child)
        held = len(trees)
        if held <= len(segments):
            if create_as is None:
                raise _no_map(path)
            depth = await trees[-1].child_depth(segments[held - 1])
            for at in range(held, len(segments) + 1):
                content_type = create_as if at == len(segments) else MapContentType.MAP
                trees.append(self._new_child(trees[-1], content_type, depth + at - held))
        before = trees[-1].changes
        result = await change(trees[-1])
        if trees[-1].changes != before or held < len(trees):
            for at in range(len(segments), 0, -1):
                await trees[at - 1].put(segments[at - 1], trees[at])
        return result

    async def _open(self, tree: MapTree, key: str) -> MapTree | None:
        operations.require(tree, MapContentType.MAP)
        value = await tree.get(key)
        if value is None or isinstance(value, MapTree):
            return value
        if value.type_code != ObjectTypeCode.OBJECT_MAP:
            raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{key!r} holds {value}, which is no object map")
        return await MapTree.load(self._context, value)

    def _new_child(self, parent: MapTree, content_type: MapContentType, depth: int) -> MapTree:
        return MapTree.new(self._context, content_type, owner=parent.owner, dec_id=parent.dec_id, depth=depth)

    # -- unsaved maps whose ids were told -----------------------------------------------------------------------------

    def _show(self, value: ObjectId | MapTree) -> ObjectId:
        if isinstance(value, MapTree):
            for obj in value.flush()[1]:
                if obj.object_id not in self._shown:
                    self._shown[obj.object_id] = obj
                    self._shown_size += len(obj.raw)
            while self._shown_size > SHOWN_MAX:
                self._shown_size -= len(self._shown.pop(next(iter(self._shown))).raw)
        return id_of(value)

    async def _load_shown(self, object_id: ObjectId) -> NamedObject | None:
        return self._shown.get(object_id) or await self._load(object_id)


def _no_map(path: str) -> CyfsError:
    return CyfsError(ErrorCode.NOT_FOUND, f"there is no object map at {path!r}")
