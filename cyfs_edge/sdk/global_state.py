"""Root-state and local-cache: roots, op-envs, reading by path (docs/protocol/http-api.md §11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.net.http_client import HttpReply
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.sdk.caller import Caller, StatePlace, read_json, reply_number
from cyfs_edge.sdk.meta import Meta
from cyfs_edge.sdk.op_env import ENV_TYPES, IsolateEnv, OpEnv, PathEnv, SingleEnv
from cyfs_edge.sdk.storage import StateStorage
from cyfs_edge.wire import fields, state
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.state import PAGE_SIZE_DEFAULT, RootType, StateAccess, StateAction
from cyfs_edge.wire.state_reply import MapItem, RootInfo, read_items, read_root

E = TypeVar("E", bound=OpEnv)


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to. ``object`` ``None``: the id of data, which NDN has. ``root``: the global root."""

    object_id: ObjectId
    object: NamedObject | None
    root: ObjectId
    revision: int


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of a map or set, in its order. ``root``: the global root."""

    items: list[MapItem]
    root: ObjectId
    revision: int


class GlobalState:
    """One of the two states. Of another dec or device: ``state.of(dec=…, target=…)``."""

    __slots__ = ("_place", "meta")

    def __init__(self, caller: Caller, category: str, target: ObjectId | None = None, dec: ObjectId | None = None):
        self._place = StatePlace(caller, category, target, dec)
        self.meta = Meta(self._place)
        """Access rules, links and path settings of the state."""

    def of(self, *, dec: ObjectId | None = None, target: ObjectId | None = None) -> GlobalState:
        """The state of another dec, or on another device."""
        return GlobalState(self._place.caller, self._place.category, target, dec)

    async def get_current_root(self, root_type: RootType = RootType.DEC) -> RootInfo:
        """``NOT_FOUND`` for a dec that has no state yet."""
        return read_root(await self._call("root", StateAction.GET_CURRENT_ROOT, {"root_type": root_type.value}))

    async def path_env(self, access: StateAccess | None = None) -> PathEnv:
        """``async with await state.path_env() as env:``. ``access`` confines the env, as for another dec's state."""
        return await self._create(PathEnv, access)

    async def single_env(self, access: StateAccess | None = None) -> SingleEnv:
        return await self._create(SingleEnv, access)

    async def isolate_env(self, access: StateAccess | None = None) -> IsolateEnv:
        return await self._create(IsolateEnv, access)

    async def get_by_path(self, path: str) -> Found:
        """``NOT_FOUND`` when it leads nowhere. Open to others by the access rules of the path."""
        reply = await self._place.caller.call("GET", self._target(path), self._place.headers())
        root, revision = _root_of(reply)
        if not reply.body:
            return Found(fields.required_id(reply.headers, fields.OBJECT_ID), None, root, revision)
        found = decode_object(reply.body)
        return Found(found.object_id, found, root, revision)

    async def list(self, path: str, page_index: int = 0, page_size: int = PAGE_SIZE_DEFAULT) -> Page:
        """A page of the map or set at ``path``."""
        target = f"{self._target(path)}?action=list&page_index={page_index}&page_size={page_size}"
        reply = await self._place.caller.call("GET", target, self._place.headers())
        return Page(read_items(read_json(reply.body)), *_root_of(reply))

    @asynccontextmanager
    async def storage(
        self, path: str, content_type: MapContentType = MapContentType.MAP, *, autosave: float | None = None
    ) -> AsyncIterator[StateStorage]:
        """The map or set at ``path`` for as long as the block lasts, saved at its end (not when it raises) and, with
        ``autosave``, every so many seconds.
        """
        storage = StateStorage(self, path, content_type)
        await storage.load()
        try:
            if autosave is not None:
                storage.start_save(autosave)
            yield storage
            await storage.stop_save()
            await storage.save()
        finally:
            await storage.abort()

    async def _create(self, kind: type[E], access: StateAccess | None) -> E:
        body: Members = {"op_env_type": ENV_TYPES[kind].value}
        if access is not None:
            body["access"] = {"path": access.path, "access": access.permissions}
        return kind(self._place, values.text(await self._call("op-env", StateAction.CREATE_OP_ENV, body), "sid"))

    async def _call(self, path: str, action: StateAction, body: Members) -> Members:
        headers = self._place.headers(**{state.ROOT_STATE_ACTION: action.value})
        return await self._place.call_json("POST", path, headers, body)

    def _target(self, path: str) -> str:
        return f"/{self._place.category}/{quote(path.lstrip('/'), safe='/')}"


def _root_of(reply: HttpReply) -> tuple[ObjectId, int]:
    revision = reply_number(fields.required(reply.headers, state.REVISION))
    if revision is None:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{state.REVISION} is no number")
    return fields.required_id(reply.headers, state.ROOT), revision
