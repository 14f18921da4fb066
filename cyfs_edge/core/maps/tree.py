"""An object map that can be changed: buckets are loaded when touched and encoded when asked for.

The id of a map follows from its class, depth, type, owner, dec and entries alone (docs/protocol/object-map.md §1.5), so
the tree may be kept and changed in any order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.maps.kinds import KINDS, Kind
from cyfs_edge.core.maps.node import DEPTH_MAX, Node, map_of
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.object_map import (
    HubEntries,
    MapClass,
    MapContentType,
    ObjectMap,
    hub_index,
    make_object_map,
)

SIMPLE_SIZE_MAX = 65535 - 64
"""Size of the entries, in bytes, above which a node becomes a hub."""

Load = Callable[[ObjectId], Awaitable[NamedObject | None]]


def _free(size: int) -> None:
    """Whoever sets no limit lets everything be kept."""


@dataclass(frozen=True, slots=True)
class MapContext:
    """What trees need of the world: ``load`` gives stored maps by id, ``now`` bucky µs.

    ``limit``: only to see splits in small tests; with any other than the protocol's, ids are not the protocol's.
    ``charge`` is told before so many more encoded bytes are kept for changes, and may refuse by an error.
    """

    load: Load
    now: Callable[[], int]
    limit: int = SIMPLE_SIZE_MAX
    charge: Callable[[int], None] = _free


@dataclass(frozen=True, slots=True)
class MapInfo:
    """What ``metadata`` tells of a map."""

    is_hub: bool
    content_type: MapContentType
    total: int
    size: int
    depth: int


class MapTree:
    """One map or set. A value of a map may be a tree itself: a child map that is being changed (§3)."""

    __slots__ = ("_context", "_root", "changes", "dec_id", "kind", "owner")

    def __init__(
        self, context: MapContext, kind: Kind, root: Node, owner: ObjectId | None, dec_id: ObjectId | None
    ) -> None:
        self._context = context
        self.kind = kind
        self._root = root
        self.owner = owner
        self.dec_id = dec_id
        # Rises with every change, so that it can be seen whether there was one.
        self.changes = 0

    @classmethod
    def new(
        cls,
        context: MapContext,
        content_type: MapContentType,
        *,
        owner: ObjectId | None,
        dec_id: ObjectId | None,
        map_class: MapClass = MapClass.ROOT,
        depth: int = 0,
    ) -> MapTree:
        if depth > DEPTH_MAX:
            raise _too_deep()
        return cls(context, KINDS[content_type], Node(map_class, depth, {}, 0), owner, dec_id)

    @classmethod
    def filled(
        cls,
        context: MapContext,
        content_type: MapContentType,
        entries: dict[Any, Any],
        *,
        owner: ObjectId | None,
        dec_id: ObjectId | None,
    ) -> MapTree:
        """A new map with these entries from the beginning."""
        tree = cls.new(context, content_type, owner=owner, dec_id=dec_id)
        tree._root = tree._made_of(entries, MapClass.ROOT, 0)
        return tree

    @classmethod
    def of(cls, context: MapContext, obj: NamedObject) -> MapTree:
        kind = KINDS[map_of(obj).content_type]
        return cls(context, kind, Node.of(obj, kind), obj.owner, obj.dec_id)

    @classmethod
    async def load(cls, context: MapContext, object_id: ObjectId) -> MapTree:
        """``NOT_FOUND`` when there is no such map."""
        if object_id.type_code != ObjectTypeCode.OBJECT_MAP:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{object_id} is no object map")
        obj = await context.load(object_id)
        if obj is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the object map {object_id} is not here")
        return cls.of(context, obj)

    @property
    def info(self) -> MapInfo:
        root = self._root
        return MapInfo(root.buckets is not None, self.kind.content_type, root.total, root.size, root.depth)

    # -- entries ------------------------------------------------------------------------------------------------------

    async def get(self, key: Any) -> Any:
        """The value, ``None`` without one. Values of sets are ``True``."""
        leaf = (await self._descend(key))[1]
        return None if leaf is None or leaf.entries is None else leaf.entries.get(key)

    async def put(self, key: Any, value: Any) -> None:
        """Adds or replaces an entry. On an error nothing is changed."""
        size = self.kind.size(key, value)
        if size > self._context.limit:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"an entry of {size} bytes, at most {self._context.limit}")
        path, leaf = await self._descend(key)
        if leaf is None:
            leaf = Node(MapClass.SUB, path[-1][0].depth + 1, {}, 0)
            if leaf.depth > DEPTH_MAX:
                raise _too_deep()
        entries = self._own_entries(leaf, size)
        added = 0 if key in entries else 1
        if not added:
            size -= self.kind.size(key, entries[key])
        if leaf.size + size > self._context.limit:
            leaf.become_hub(self._split({**entries, key: value}, leaf.depth))
        else:
            entries[key] = value
        leaf.count(added, size)
        for node, index in reversed(path):
            assert node.buckets is not None
            node.buckets[index] = leaf
            node.count(added, size)
            leaf = node
        self.changes += 1

    async def pop(self, key: Any) -> None:
        """Removes an entry that is there. On an error nothing is changed."""
        path, leaf = await self._descend(key)
        if leaf is None or leaf.entries is None or key not in leaf.entries:
            return
        size = self.kind.size(key, leaf.entries[key])
        for at, (node, _) in enumerate(path):
            if node.size - size <= self._context.limit:
                merged = await self._merged(node)
                del merged[key]
                node.become_simple(merged)
                path = path[:at]
                leaf = node
                break
        else:
            del self._own_entries(leaf, 0)[key]
        leaf.count(-1, -size)
        for node, index in reversed(path):
            assert node.buckets is not None
            if leaf.total:
                node.buckets[index] = leaf
            else:
                del node.buckets[index]
            node.count(-1, -size)
            leaf = node
        self.changes += 1

    async def has_bucket_of(self, key: Any) -> bool:
        """Whether there is a node that would hold ``key``; only hubs lack any."""
        return (await self._descend(key))[1] is not None

    async def child_depth(self, key: Any) -> int:
        """The depth of a child map made at ``key`` now (§1.6)."""
        path, leaf = await self._descend(key)
        return (path[-1][0].depth + 1 if leaf is None else leaf.depth) + 1

    async def items(self, after: Any = None) -> AsyncIterator[tuple[Any, Any]]:
        """Entries in listing order; those behind ``after``, which need not be there any more."""
        stack: list[tuple[ObjectId | Node, int, Any]] = [(self._root, self._root.depth, after)]
        while stack:
            held, depth, start = stack.pop()
            node = await self._loaded(held, depth)
            if node.buckets is None:
                for key in self._sorted(node, start):
                    yield key, (node.entries or {})[key]
                continue
            first = -1 if start is None else hub_index(self.kind.bucket_key(start), node.depth)
            for index in sorted(node.buckets, reverse=True):
                if index >= first:
                    stack.append((node.buckets[index], node.depth + 1, start if index == first else None))

    def _sorted(self, node: Node, after: Any) -> list[Any]:
        order = self.kind.order
        keys = sorted(node.entries or (), key=order)
        return keys if after is None else [key for key in keys if order(key) > order(after)]

    async def differing(self, other: MapTree) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Entries of both without the buckets that they share: what is in neither is equal."""
        mine: dict[Any, Any] = {}
        theirs: dict[Any, Any] = {}
        stack: list[tuple[ObjectId | Node, ObjectId | Node, int]] = [(self._root, other._root, self._root.depth)]
        if other._root.depth != self._root.depth:
            mine.update(await self._merged(self._root))
            theirs.update(await other._merged(other._root))
            return mine, theirs
        while stack:
            left_held, right_held, depth = stack.pop()
            left, right = await self._loaded(left_held, depth), await other._loaded(right_held, depth)
            if left.buckets is None or right.buckets is None:
                mine.update(await self._merged(left))
                theirs.update(await other._merged(right))
                continue
            for index in left.buckets.keys() | right.buckets.keys():
                one, two = left.buckets.get(index), right.buckets.get(index)
                if one is not None and two is not None:
                    if one != two:
                        stack.append((one, two, depth + 1))
                elif one is not None:
                    mine.update(await self._merged(await self._loaded(one, depth + 1)))
                elif two is not None:
                    theirs.update(await other._merged(await other._loaded(two, depth + 1)))
        return mine, theirs

    # -- nodes --------------------------------------------------------------------------------------------------------

    async def _descend(self, key: Any) -> tuple[list[tuple[Node, int]], Node | None]:
        """The hubs on the way to ``key``, each with the bucket to take, and the simple node at its end if any."""
        path: list[tuple[Node, int]] = []
        node = self._root
        while node.buckets is not None:
            index = hub_index(self.kind.bucket_key(key), node.depth)
            path.append((node, index))
            held = node.buckets.get(index)
            if held is None:
                return path, None
            node = await self._loaded(held, node.depth + 1)
        return path, node

    async def _loaded(self, held: ObjectId | Node, depth: int) -> Node:
        if isinstance(held, Node):
            return held
        obj = await self._context.load(held)
        if obj is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the part {held} of an object map is not here")
        node = Node.of(obj, self.kind)
        if node.map_class is not MapClass.SUB or node.depth != depth:
            raise CyfsError(ErrorCode.INVALID_DATA, f"{held} is no part of a map at depth {depth}")
        return node

    def _own_entries(self, leaf: Node, more: int) -> dict[Any, Any]:
        """The entries of a node, for a change that adds at most ``more`` bytes."""
        self._context.charge(more if leaf.owned else leaf.size + more)
        return leaf.own_entries(self.kind)

    def _split(self, entries: dict[Any, Any], depth: int) -> dict[int, ObjectId | Node]:
        if depth >= DEPTH_MAX:
            raise _too_deep()
        groups: dict[int, dict[Any, Any]] = {}
        for key, value in entries.items():
            groups.setdefault(hub_index(self.kind.bucket_key(key), depth), {})[key] = value
        return {index: self._made_of(group, MapClass.SUB, depth + 1) for index, group in groups.items()}

    def _made_of(self, entries: dict[Any, Any], map_class: MapClass, depth: int) -> Node:
        node = Node(map_class, depth, entries, sum(self.kind.size(key, value) for key, value in entries.items()))
        if node.size > self._context.limit:
            node.become_hub(self._split(entries, depth))
        return node

    async def _merged(self, node: Node) -> dict[Any, Any]:
        """All entries below a node."""
        merged: dict[Any, Any] = {}
        stack: list[tuple[ObjectId | Node, int]] = [(node, node.depth)]
        while stack:
            one = await self._loaded(*stack.pop())
            merged.update(one.entries or {})
            if len(merged) > node.total:
                raise CyfsError(ErrorCode.INVALID_DATA, "an object map has more entries than it tells")
            stack += ((held, one.depth + 1) for held in (one.buckets or {}).values())
        return merged

    # -- objects ------------------------------------------------------------------------------------------------------

    def root_id(self) -> ObjectId:
        """The id of the map as it is now. Only nodes that changed are encoded."""
        stack: list[tuple[MapTree, Node]] = [(self, self._root)]
        while stack:
            tree, node = stack[-1]
            if node.object is None:
                waiting = [child for child in tree._children(node) if child[1].object is None]
                if waiting:
                    stack += waiting
                    continue
                tree._encode(node)
            stack.pop()
        assert self._root.object is not None
        return self._root.object.object_id

    def flush(self) -> tuple[ObjectId, list[NamedObject]]:
        """The id, and the objects that the store does not have yet: parts before those that name them."""
        root_id = self.root_id()
        found: list[NamedObject] = []
        stack: list[tuple[MapTree, Node]] = [(self, self._root)]
        while stack:
            tree, node = stack.pop()
            if not node.stored and node.object is not None:
                found.append(node.object)
                stack += tree._children(node)
        # A part that two places share was found twice; the copy found last comes first in the end.
        return root_id, list({obj.object_id: obj for obj in reversed(found)}.values())

    def settle(self) -> None:
        """The store has what :meth:`flush` gave; nothing of it needs to be kept in memory."""
        self._root = Node.of(self.root_object, self.kind)

    @property
    def root_object(self) -> NamedObject:
        """The top node as an object."""
        self.root_id()
        assert self._root.object is not None
        return self._root.object

    def _children(self, node: Node) -> Iterator[tuple[MapTree, Node]]:
        if node.buckets is not None:
            for held in node.buckets.values():
                if isinstance(held, Node):
                    yield self, held
        elif node.entries is not None and self.kind.content_type is MapContentType.MAP:
            for value in node.entries.values():
                if isinstance(value, MapTree):
                    yield value, value._root

    def _encode(self, node: Node) -> None:
        content: Any
        if node.buckets is not None:
            content = HubEntries({index: _node_id(held) for index, held in node.buckets.items()})
        elif self.kind.content_type is MapContentType.MAP:
            content = self.kind.build({key: id_of(value) for key, value in (node.entries or {}).items()})
        else:
            content = self.kind.build(node.entries or {})
        value = ObjectMap(node.map_class, node.total, node.size, node.depth, self.kind.content_type, content)
        node.object = make_object_map(value, owner=self.owner, dec_id=self.dec_id, update_time=self._context.now())
        node.stored = False


def id_of(value: ObjectId | MapTree) -> ObjectId:
    """The id of a map's value."""
    return value.root_id() if isinstance(value, MapTree) else value


def _node_id(held: ObjectId | Node) -> ObjectId:
    if isinstance(held, ObjectId):
        return held
    assert held.object is not None
    return held.object.object_id


def _too_deep() -> CyfsError:
    return CyfsError(ErrorCode.OUT_OF_LIMIT, f"object maps are at most {DEPTH_MAX} deep")
