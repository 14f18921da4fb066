"""Op-envs: changes to a state that take effect together (docs/protocol/object-map.md §5, http-api.md §11.2).

Each is an async context manager: it commits at the end of the block, and aborts when the block raises.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.sdk.caller import Fields, StatePlace, text
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire import state
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.state import CommitType, MapField, OpEnvAction, OpEnvType
from cyfs_edge.wire.state_reply import MapInfo, MapItem, RootInfo, read_items, read_map_info, read_root

STEP = 256
"""Entries that ``items`` asks for at a time."""


class OpEnv:
    """What all kinds have. Paths are absolute (``/a/b``); a map at ``path`` is one of ids by text keys."""

    __slots__ = ("_place", "committed", "open", "sid")

    def __init__(self, place: StatePlace, sid: str) -> None:
        self._place = place
        self.sid = sid
        self.open = True
        """Neither committed nor aborted."""
        self.committed: RootInfo | None = None
        """What the commit led to."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.open:
            return
        if kind is None:
            await self.commit()
            return
        with contextlib.suppress(CyfsError):  # what the block raised matters more; the stack drops idle envs itself
            await self.abort()

    async def commit(self) -> RootInfo:
        """Ends the env. ``CONFLICT`` or ``ALREADY_EXISTS`` when somebody changed the same keys meanwhile."""
        self.open = False
        self.committed = read_root(await self._json("POST", "transaction", OpEnvAction.COMMIT, {}))
        return self.committed

    async def update(self) -> RootInfo:
        """As ``commit``, and the env goes on from what is there then. After an error: abort."""
        body = {"op_type": CommitType.UPDATE.value}
        return read_root(await self._json("POST", "transaction", OpEnvAction.COMMIT, body))

    async def abort(self) -> None:
        """Ends the env; nothing has happened."""
        self.open = False
        await self._json("DELETE", "transaction", OpEnvAction.ABORT, {})

    async def get_current_root(self) -> RootInfo:
        return read_root(await self._get("root", OpEnvAction.GET_CURRENT_ROOT))

    async def _get(self, path: str, action: OpEnvAction, **headers: str | None) -> Members:
        return await self._place.call_json("GET", f"op-env/{path}", self._headers(action, **headers), None)

    async def _json(self, method: str, path: str, action: OpEnvAction, body: Members | None) -> Members:
        return await self._place.call_json(method, f"op-env/{path}", self._headers(action), body, sid=self.sid)

    def _headers(self, action: OpEnvAction, **more: str | None) -> Fields:
        return self._place.headers(**{state.OP_ENV_ACTION: action.value, state.OP_ENV_SID: self.sid, **more})

    async def _get_key(self, path: str | None, key: str) -> ObjectId | None:
        headers = {state.OP_ENV_PATH: text(path), state.OP_ENV_KEY: text(key)}
        return values.optional_id(await self._get("map", OpEnvAction.GET_BY_KEY, **headers), "value")

    async def _insert_key(self, path: str | None, key: str, value: ObjectId) -> None:
        await self._json("POST", "map", OpEnvAction.INSERT_WITH_KEY, _body(path=path, key=key, value=value))

    async def _set_key(
        self, path: str | None, key: str, value: ObjectId, prev: ObjectId | None, auto_insert: bool
    ) -> ObjectId | None:
        body = _body(path=path, key=key, value=value, prev_value=prev) | {"auto_insert": auto_insert}
        return values.optional_id(await self._json("PUT", "map", OpEnvAction.SET_WITH_KEY, body), "prev_value")

    async def _remove_key(self, path: str | None, key: str, prev: ObjectId | None) -> ObjectId | None:
        body = _body(path=path, key=key, prev_value=prev)
        return values.optional_id(await self._json("DELETE", "map", OpEnvAction.REMOVE_WITH_KEY, body), "value")

    async def _contains(self, path: str | None, value: ObjectId) -> bool:
        headers = {state.OP_ENV_PATH: text(path), state.OP_ENV_VALUE: str(value)}
        return bool((await self._get("set", OpEnvAction.CONTAINS, **headers)).get("result"))

    async def _insert(self, path: str | None, value: ObjectId) -> bool:
        body = _body(path=path, value=value)
        return bool((await self._json("POST", "set", OpEnvAction.INSERT, body)).get("result"))

    async def _remove(self, path: str | None, value: ObjectId) -> bool:
        body = _body(path=path, value=value)
        return bool((await self._json("DELETE", "set", OpEnvAction.REMOVE, body)).get("result"))

    async def _list(self, path: str | None) -> list[MapItem]:
        found = await self._get("list", OpEnvAction.LIST, **{state.OP_ENV_PATH: text(path)})
        return read_items(found.get("result"))

    async def _metadata(self, path: str | None) -> MapInfo:
        return read_map_info(await self._get("metadata", OpEnvAction.METADATA, **{state.OP_ENV_PATH: text(path)}))


class _Paths(OpEnv):
    """Calls by path: those of path and isolate envs. Maps on the way are made when they are missing."""

    __slots__ = ()

    async def get_by_path(self, path: str) -> ObjectId | None:
        return await self._get_key(None, path)

    async def insert_with_path(self, path: str, value: ObjectId) -> None:
        """``ALREADY_EXISTS`` when there is something."""
        await self._insert_key(None, path, value)

    async def set_with_path(
        self, path: str, value: ObjectId, prev: ObjectId | None = None, *, auto_insert: bool = True
    ) -> ObjectId | None:
        """What was there. ``UNMATCH`` when that is not ``prev``, if given; ``NOT_FOUND`` without ``auto_insert``."""
        return await self._set_key(None, path, value, prev, auto_insert)

    async def remove_with_path(self, path: str, prev: ObjectId | None = None) -> ObjectId | None:
        """What was there."""
        return await self._remove_key(None, path, prev)

    async def get_by_key(self, path: str, key: str) -> ObjectId | None:
        return await self._get_key(path, key)

    async def insert_with_key(self, path: str, key: str, value: ObjectId) -> None:
        await self._insert_key(path, key, value)

    async def set_with_key(
        self, path: str, key: str, value: ObjectId, prev: ObjectId | None = None, *, auto_insert: bool = True
    ) -> ObjectId | None:
        return await self._set_key(path, key, value, prev, auto_insert)

    async def remove_with_key(self, path: str, key: str, prev: ObjectId | None = None) -> ObjectId | None:
        return await self._remove_key(path, key, prev)

    async def contains(self, path: str, value: ObjectId) -> bool:
        return await self._contains(path, value)

    async def insert(self, path: str, value: ObjectId) -> bool:
        """Whether it is new in the set."""
        return await self._insert(path, value)

    async def remove(self, path: str, value: ObjectId) -> bool:
        """Whether it was in the set."""
        return await self._remove(path, value)

    async def create_new(self, path: str, content_type: MapContentType) -> None:
        """An empty map at ``path``; ``ALREADY_EXISTS`` when there is something."""
        body = {"key": path, "content_type": content_type.text}
        await self._json("POST", "init/new", OpEnvAction.CREATE_NEW, body)

    async def list(self, path: str) -> list[MapItem]:
        return await self._list(path)

    async def metadata(self, path: str) -> MapInfo:
        return await self._metadata(path)


class PathEnv(_Paths):
    """A change of the dec's own tree. What others commit meanwhile on other keys is kept."""

    __slots__ = ()

    async def lock(self, paths: Sequence[str], duration_ms: int = 0) -> None:
        """Keeps other envs from writing below ``paths``; waits for theirs. 0 = until the env ends."""
        await self._lock(paths, duration_ms, wait=True)

    async def try_lock(self, paths: Sequence[str], duration_ms: int = 0) -> bool:
        """As ``lock``, without waiting: false when another env holds one of them."""
        try:
            await self._lock(paths, duration_ms, wait=False)
        except CyfsError as error:
            if error.code == ErrorCode.ALREADY_EXISTS:
                return False
            raise
        return True

    async def _lock(self, paths: Sequence[str], duration_ms: int, *, wait: bool) -> None:
        body: Members = {
            "path_list": list(paths),
            "duration_in_millsecs": str(duration_ms),
            "try_lock": not wait,
        }
        await self._json("POST", "lock", OpEnvAction.LOCK, body)


class _Loading(OpEnv):
    """Envs on a map of their own, which begins with one of these calls."""

    __slots__ = ()

    async def load(self, target: ObjectId, inner_path: str | None = None) -> None:
        """A map by its id, or the one that ``inner_path`` leads to in it."""
        body = _body(target=target, inner_path=inner_path)
        await self._json("POST", "init/target", OpEnvAction.LOAD, body)

    async def load_by_path(self, path: str) -> None:
        """The map at ``path`` of the dec's tree."""
        await self._json("POST", "init/path", OpEnvAction.LOAD_BY_PATH, {"path": path})

    async def create(
        self, content_type: MapContentType, owner: MapField | None = None, dec: MapField | None = None
    ) -> None:
        """An empty map. ``owner``, ``dec``: those of the state unless given."""
        body: Members = {"content_type": content_type.text}
        for name, field in (("owner", owner), ("dec", dec)):
            if field is not None:
                body[name] = str(field) if isinstance(field, ObjectId) else field.value
        await self._json("POST", "init/new", OpEnvAction.CREATE_NEW, body)


class IsolateEnv(_Paths, _Loading):
    """A tree of its own: its commit gives a root id, which a path env may put somewhere."""

    __slots__ = ()


class SingleEnv(_Loading):
    """One map or set, without paths. Its commit gives the id, which a path env may put somewhere."""

    __slots__ = ()

    async def get_by_key(self, key: str) -> ObjectId | None:
        return await self._get_key(None, key)

    async def insert_with_key(self, key: str, value: ObjectId) -> None:
        await self._insert_key(None, key, value)

    async def set_with_key(
        self, key: str, value: ObjectId, prev: ObjectId | None = None, *, auto_insert: bool = True
    ) -> ObjectId | None:
        return await self._set_key(None, key, value, prev, auto_insert)

    async def remove_with_key(self, key: str, prev: ObjectId | None = None) -> ObjectId | None:
        return await self._remove_key(None, key, prev)

    async def contains(self, value: ObjectId) -> bool:
        return await self._contains(None, value)

    async def insert(self, value: ObjectId) -> bool:
        return await self._insert(None, value)

    async def remove(self, value: ObjectId) -> bool:
        return await self._remove(None, value)

    async def next(self, step: int) -> list[MapItem]:
        """The next ``step`` entries behind the env's one cursor."""
        return read_items((await self._json("POST", "iterator", OpEnvAction.NEXT, {"step": step})).get("result"))

    async def reset(self) -> None:
        """Puts the cursor back to the first entry."""
        await self._json("DELETE", "iterator", OpEnvAction.RESET, None)

    async def items(self, step: int = STEP) -> AsyncIterator[MapItem]:
        """All entries, from the first one, ``step`` at a time."""
        await self.reset()
        while found := await self.next(step):
            for item in found:
                yield item

    async def list(self) -> list[MapItem]:
        return await self._list(None)

    async def metadata(self) -> MapInfo:
        return await self._metadata(None)


ENV_TYPES: dict[type[OpEnv], OpEnvType] = {
    PathEnv: OpEnvType.PATH,
    SingleEnv: OpEnvType.SINGLE,
    IsolateEnv: OpEnvType.ISOLATE_PATH,
}


def _body(**members: str | ObjectId | None) -> Members:
    return {name: str(value) for name, value in members.items() if value is not None}
