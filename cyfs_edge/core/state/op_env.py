"""The three kinds of op-envs (docs/protocol/object-map.md §5). Each serves one call at a time, by its mutex."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Any

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.tree import MapInfo, MapTree
from cyfs_edge.core.ports import Mutex
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.wire.state_reply import RootInfo

Items = list[tuple[Any, Any]]
"""Entries as ``MapTree.items`` gives them."""

WRITES_MAX = 200_000
"""Most writes of one env between two updates: they are kept in memory."""
ALL_WRITES_MAX = 500_000
"""Most of all envs together."""
CHANGED_MAX = 24 << 20
"""Most encoded bytes that one env keeps: its root, changed maps, keys and paths. In memory they take several times as
much."""
ALL_CHANGED_MAX = 48 << 20
"""Most of all envs together."""


@dataclass(slots=True)
class WriteBudget:
    """What all envs together keep in memory: writes, and encoded bytes of what they changed."""

    used: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class MapOwner:
    """Owner and dec of a new map: ``None`` is none."""

    owner: ObjectId | None
    dec_id: ObjectId | None


@dataclass(frozen=True, slots=True)
class PathLimit:
    """What an env of another dec may touch (§5.5): everything below ``path``, which begins and ends with ``/``."""

    path: str
    permissions: Permission

    def check(self, path: str, permission: Permission) -> None:
        wanted = "/" + "".join(f"{segment}/" for segment in path.split("/") if segment)
        if not wanted.startswith(self.path) or permission & self.permissions != permission:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"this op-env is limited to {self.path}, not for {path}")


class EnvKind(IntFlag):
    """The two top bits of a sid."""

    PATH = 0
    SINGLE = 1
    ISOLATE_PATH = 2


class OpEnv(ABC):
    """What the three have in common. Calls that a kind does not know raise the code that clients expect of it."""

    kind: EnvKind

    def __init__(
        self, sid: int, roots: StateRoots, dec: ObjectId, limit: PathLimit | None, mutex: Mutex, budget: WriteBudget
    ) -> None:
        self.sid = sid
        self.roots = roots
        self.dec = dec
        self.limit = limit
        self.mutex = mutex
        self._writes = 0
        self._changed = 0
        self._begun = 0
        self._charging = True
        self._budget = budget
        self._context = replace(roots.context, charge=self._charge)
        self._base: ObjectId | None = None
        """The root that the env began with, or has kept last."""
        self._values: set[ObjectId] = set()
        """What its writes put in since then."""

    def held_ids(self) -> Iterable[ObjectId]:
        """What the env needs, and no root may lead to any more."""
        return self._values if self._base is None else (self._base, *self._values)

    def _allow(self, path: str, permission: Permission) -> None:
        if self.limit is not None:
            self.limit.check(path, permission)

    def _charge(self, size: int) -> None:
        """``OUT_OF_LIMIT`` when so many more bytes would be too many."""
        if not self._charging:
            return
        if size > min(CHANGED_MAX - self._changed, ALL_CHANGED_MAX - self._budget.changed):
            text = f"too much waits (at most {CHANGED_MAX} bytes of an op-env, {ALL_CHANGED_MAX} of all): commit first"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)
        self._changed += size
        self._budget.changed += size

    def _keep(self, tree: MapTree) -> None:
        """Charges what the env keeps from now on, changed or not, until it is closed."""
        size = len(tree.root_object.raw)
        self._charge(size - self._begun)
        self._begun = size

    def _count_write(self, value: ObjectId | None = None) -> None:
        """``value``: what it puts in."""
        if self._writes >= WRITES_MAX or self._budget.used >= ALL_WRITES_MAX:
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT,
                f"too many writes wait (at most {WRITES_MAX} of an op-env, {ALL_WRITES_MAX} of all): commit first",
            )
        self._writes += 1
        self._budget.used += 1
        if value is not None:
            self._values.add(value)

    def _forget_writes(self) -> None:
        self._budget.used -= self._writes
        self._budget.changed -= self._changed - self._begun
        self._writes, self._changed = 0, self._begun
        self._values.clear()

    # Calls of some kinds only. What is not overridden is refused.

    async def load(self, object_id: ObjectId, inner_path: str | None) -> None:
        raise CyfsError(ErrorCode.NOT_SUPPORT, "a path op-env has the dec root, nothing is loaded into it")

    async def load_by_path(self, path: str) -> None:
        raise CyfsError(ErrorCode.NOT_SUPPORT, "a path op-env has the dec root, nothing is loaded into it")

    async def lock(self, paths: list[str], duration_ms: int, try_lock: bool) -> None:
        raise CyfsError(ErrorCode.UNMATCH, "only path op-envs have locks")

    async def next(self, step: int) -> tuple[MapContentType, Items]:
        raise CyfsError(ErrorCode.UNMATCH, "only single op-envs have a cursor")

    async def reset(self) -> None:
        raise CyfsError(ErrorCode.UNMATCH, "only single op-envs have a cursor")

    # Calls of all kinds.

    @abstractmethod
    async def create_new(self, path: str | None, key: str | None, kind: MapContentType, owner: MapOwner) -> None: ...

    @abstractmethod
    async def get_by_key(self, path: str | None, key: str) -> ObjectId | None: ...

    @abstractmethod
    async def insert_with_key(self, path: str | None, key: str, value: ObjectId) -> None: ...

    @abstractmethod
    async def set_with_key(
        self, path: str | None, key: str, value: ObjectId, prev: ObjectId | None, auto_insert: bool
    ) -> ObjectId | None: ...

    @abstractmethod
    async def remove_with_key(self, path: str | None, key: str, prev: ObjectId | None) -> ObjectId | None: ...

    @abstractmethod
    async def contains(self, path: str | None, value: ObjectId) -> bool: ...

    @abstractmethod
    async def insert(self, path: str | None, value: ObjectId) -> bool: ...

    @abstractmethod
    async def remove(self, path: str | None, value: ObjectId) -> bool: ...

    @abstractmethod
    async def entries(self, path: str | None) -> tuple[MapContentType, Items]: ...

    @abstractmethod
    async def metadata(self, path: str | None) -> MapInfo: ...

    @abstractmethod
    async def current_root(self) -> RootInfo: ...

    @abstractmethod
    async def update(self) -> RootInfo:
        """Keeps what was changed, durably, and goes on."""

    def close(self) -> None:
        """The env is gone: it gives up what it holds."""
        self._begun = 0
        self._forget_writes()
