"""One state as callers see it: who may, op-envs by session id, reads by path (object-map.md §5, §7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.access import PathRules, require_category
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.maps.tree import MapTree
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.core.ports import Clock, ObjectRecord, Random, Waits
from cyfs_edge.core.state.op_env import EnvKind, MapOwner, OpEnv, PathLimit, WriteBudget
from cyfs_edge.core.state.path_env import IsolatePathEnv, PathEnv
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.core.state.single_env import SingleEnv
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.wire.source import Source, ZoneCategory
from cyfs_edge.wire.state import FieldDefault, MapField, OpEnvType, RootType, StateAccess, StateCommon
from cyfs_edge.wire.state_reply import RootInfo

ENVS_MAX = 10_000
"""Op-envs open at a time."""
IDLE_MAX = 3600.0
"""Seconds after which an unused op-env is gone."""
_EXPIRE_EVERY = 60.0
_SID_BITS = 62
GLOBAL_STATE_PATH = "/.cyfs/api/global_state/"
GLOBAL_ROOT_PATH = f"{GLOBAL_STATE_PATH}root/"
"""The path of the system dec whose readers may ask for the global root (access-and-zone §5.2)."""

_KINDS: dict[OpEnvType, type[PathEnv | SingleEnv | IsolatePathEnv]] = {
    OpEnvType.PATH: PathEnv,
    OpEnvType.SINGLE: SingleEnv,
    OpEnvType.ISOLATE_PATH: IsolatePathEnv,
}


@dataclass(slots=True)
class _Session:
    """An open op-env, who opened it, and how many calls are in it. ``used``: monotonic seconds."""

    env: OpEnv
    dec: ObjectId
    device: ObjectId
    used: float
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What an accessor found in which root; ``record`` is ``None`` for data, which have no object."""

    info: RootInfo
    object_id: ObjectId
    record: ObjectRecord | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    info: RootInfo
    content_type: MapContentType
    items: list[tuple[Any, Any]]


class StateService:
    """root-state or local-cache of this device."""

    def __init__(
        self,
        category: str,
        roots: StateRoots,
        cache: ObjectCache,
        zone: ZoneManager,
        rules: PathRules,
        clock: Clock,
        waits: Waits,
        random: Random,
    ) -> None:
        self.category = category
        self.roots = roots
        self._cache = cache
        self._zone = zone
        self._rules = rules
        self._clock = clock
        self._waits = waits
        self._sessions: dict[int, _Session] = {}
        self._ending: set[OpEnv] = set()
        self._budget = WriteBudget()
        self._expired = clock.monotonic()
        # As the reference does: large enough to be guessed by nobody, small enough to be a number of a script.
        self._next_sid = int.from_bytes(random.bytes(4), "big") * int.from_bytes(random.bytes(2), "big") + 1

    async def start(self) -> None:
        """Makes what every state has from its beginning: the global root, and the root of the system dec."""
        await self.roots.make_dec_root(SYSTEM_DEC_ID)

    # -- state --------------------------------------------------------------------------------------------------------

    async def get_current_root(self, common: StateCommon, kind: RootType) -> RootInfo:
        await self._gate(common)
        dec = common.dec
        if not _is_own(common.source, dec):
            if kind is RootType.GLOBAL:
                await self._check(common.source, SYSTEM_DEC_ID, GLOBAL_ROOT_PATH, Permission.READ)
            else:
                await self._check(common.source, dec, "/", Permission.READ)
        if kind is RootType.GLOBAL:
            return await self.roots.current()
        return await self.roots.info(await self.roots.require_dec_root(dec))

    async def create_op_env(self, common: StateCommon, kind: OpEnvType, access: StateAccess | None) -> int:
        """The session id. ``OUT_OF_LIMIT`` when too many are open."""
        await self._gate(common)
        dec, source = common.dec, common.source
        limit = None if access is None else PathLimit(_rule_path(access.path), Permission(access.permissions))
        if not _is_own(source, dec):
            if limit is None:
                raise CyfsError(
                    ErrorCode.PERMISSION_DENIED,
                    f"{source.describe()} must say which access it needs to dec {dec}",
                )
            await self._check(source, dec, limit.path, limit.permissions)
        await self.roots.make_dec_root(dec)
        self._expire(at_once=len(self._sessions) >= ENVS_MAX)
        if len(self._sessions) >= ENVS_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{ENVS_MAX} op-envs are open: commit or abort some")
        env_class = _KINDS[kind]
        sid = env_class.kind << _SID_BITS | self._next_sid & (1 << _SID_BITS) - 1
        self._next_sid += 1
        env = env_class(sid, self.roots, dec, limit, self._waits.mutex(), self._budget)
        self._sessions[sid] = _Session(env, source.dec, source.device, self._clock.monotonic())
        return sid

    def held_ids(self) -> Iterator[ObjectId]:
        """What open op-envs need, and no root may lead to any more."""
        for env in (*(session.env for session in self._sessions.values()), *self._ending):
            yield from env.held_ids()

    # -- op-envs ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def env(self, common: StateCommon, sid: int) -> AsyncIterator[OpEnv]:
        """The op-env for one call, alone. ``NOT_FOUND``: no such session; ``PERMISSION_DENIED``: somebody else's."""
        session = await self._session(common, sid)
        session.calls += 1
        try:
            async with session.env.mutex:
                yield session.env
        finally:
            session.calls -= 1
            session.used = self._clock.monotonic()

    async def load(self, common: StateCommon, sid: int, object_id: ObjectId, inner_path: str | None) -> None:
        async with self.env(common, sid) as env:
            if env.kind is not EnvKind.PATH and object_id.type_code == ObjectTypeCode.OBJECT_MAP:
                await self._cache.get(common.source, object_id)
            await env.load(object_id, inner_path)

    async def load_by_path(self, common: StateCommon, sid: int, path: str) -> None:
        async with self.env(common, sid) as env:
            if not _is_own(common.source, common.dec):
                await self._check(common.source, common.dec, _rule_path(path), Permission.READ)
            await env.load_by_path(path)

    async def create_new(
        self,
        common: StateCommon,
        sid: int,
        place: tuple[str | None, str | None],
        content_type: MapContentType,
        fields: tuple[MapField, MapField],
    ) -> None:
        """``place``: path and key; ``fields``: owner and dec of the new map."""
        async with self.env(common, sid) as env:
            owner = MapOwner(_field(fields[0], self.roots.owner), _field(fields[1], env.dec))
            await env.create_new(*place, content_type, owner)

    async def update(self, common: StateCommon, sid: int) -> RootInfo:
        async with self.env(common, sid) as env:
            return await env.update()

    async def commit(self, common: StateCommon, sid: int) -> RootInfo:
        """Ends the session, whatever comes of it."""
        session = await self._take(common, sid)
        self._ending.add(session.env)
        try:
            return await session.env.update()
        finally:
            self._ending.discard(session.env)
            session.env.close()

    async def abort(self, common: StateCommon, sid: int) -> None:
        (await self._take(common, sid)).env.close()

    async def _session(self, common: StateCommon, sid: int) -> _Session:
        await self._gate(common)
        self._expire()
        found = self._sessions.get(sid)
        if found is None or found.env.dec != common.dec:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no op-env {sid} of dec {common.dec}")
        if (found.dec, found.device) != (common.source.dec, common.source.device):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"op-env {sid} is not for {common.source.describe()}")
        return found

    async def _take(self, common: StateCommon, sid: int) -> _Session:
        session = await self._session(common, sid)
        if session.calls:
            raise CyfsError(ErrorCode.ERROR_STATE, f"op-env {sid} is in the middle of another call")
        del self._sessions[sid]
        return session

    def _expire(self, at_once: bool = False) -> None:
        now = self._clock.monotonic()
        if now - self._expired < _EXPIRE_EVERY and not at_once:
            return
        self._expired = now
        for sid, session in list(self._sessions.items()):
            if not session.calls and now - session.used >= IDLE_MAX:
                del self._sessions[sid]
                session.env.close()

    # -- accessor -----------------------------------------------------------------------------------------------------

    async def get_object(self, common: StateCommon, path: str) -> Found:
        """What lies at a path of the dec's current root; ``NOT_FOUND`` when nothing does."""
        source = await self._reader(common, path)
        info, object_id = await self._resolve(common, path)
        if object_id.is_chunk or object_id.is_data:
            return Found(info, object_id)
        record = await self._cache.get(source, object_id)
        if record is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{object_id} at {path!r} of dec {common.dec} is not here")
        return Found(info, object_id, record)

    async def list(self, common: StateCommon, path: str, page_index: int, page_size: int) -> Listed:
        """One page of the map or set at a path, in listing order. ``UN_SUPPORT`` when it is none."""
        await self._reader(common, path)
        info, object_id = await self._resolve(common, path)
        if object_id.type_code != ObjectTypeCode.OBJECT_MAP:
            raise CyfsError(ErrorCode.UN_SUPPORT, f"{object_id} at {path!r} is no object map")
        tree = await MapTree.load(self.roots.context, object_id)
        items: list[tuple[Any, Any]] = []
        skip = page_index * page_size
        if page_size and skip < tree.info.total:
            async for item in tree.items():
                if skip:
                    skip -= 1
                    continue
                items.append(item)
                if len(items) == page_size:
                    break
        return Listed(info, tree.kind.content_type, items)

    async def _resolve(self, common: StateCommon, path: str) -> tuple[RootInfo, ObjectId]:
        dec_root = await self.roots.require_dec_root(common.dec)
        found = await (await PathTree.open(self.roots.context, dec_root)).get_by_path(path)
        if found is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"nothing is at {path!r} of dec {common.dec}")
        return await self.roots.info(dec_root), found

    async def _reader(self, common: StateCommon, path: str) -> Source:
        """Who reads: any zone by the rules of the path, the dec itself and the system dec of this zone freely."""
        source, dec = common.source, common.dec
        if dec == ANONYMOUS_DEC_ID:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "the anonymous dec has no state")
        await self._zone.require_local(common.target)
        if source.category <= ZoneCategory.CURRENT_ZONE and _is_own(source, dec):
            return source
        before, mark, query = path.rpartition("?")
        at = _rule_path(before if mark else path)
        await self._rules.check(source, dec, at, Permission.READ, self.category, query if mark else None)
        return replace(source, verified=dec)

    # -- rules --------------------------------------------------------------------------------------------------------

    async def _gate(self, common: StateCommon) -> None:
        require_category(common.source, ZoneCategory.CURRENT_ZONE, self.category)
        if ANONYMOUS_DEC_ID in (common.source.dec, common.dec):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "the anonymous dec has no state")
        await self._zone.require_local(common.target)

    async def _check(self, source: Source, dec: ObjectId, path: str, permission: Permission) -> None:
        await self._rules.check(source, dec, path, permission, self.category)


def _is_own(source: Source, dec: ObjectId) -> bool:
    return source.dec in (dec, SYSTEM_DEC_ID)


def _rule_path(path: str) -> str:
    return "/" + "".join(f"{segment}/" for segment in path.split("/") if segment)


def _field(value: MapField, default: ObjectId) -> ObjectId | None:
    if isinstance(value, FieldDefault):
        return default if value is FieldDefault.DEFAULT else None
    return value
