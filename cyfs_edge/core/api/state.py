"""``/root-state`` and ``/local-cache``: state, op-envs and reads by path (docs/protocol/http-api.md §11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.call import Call
from cyfs_edge.core.ports import Worker
from cyfs_edge.core.state.op_env import Items
from cyfs_edge.core.state.service import Found, StateService
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.wire import fields, state
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.state import Body, CommitType, OpEnvAction, StateAction, StateCommon
from cyfs_edge.wire.state_reply import MapInfo, RootInfo, map_info_json, root_json

_TEXT = ("content-type", "text/plain;charset=utf-8")

ENCODED_AT_ONCE = 2000
"""Entries of a listing that are made into JSON on the loop; more go to the worker."""

Endpoint = Callable[[Call], Awaitable[HttpResponse]]
EnvCall = Callable[[Call, StateCommon, int], Awaitable[HttpResponse]]


class StateApi:
    """The calls on one of the two states."""

    __slots__ = ("_service", "_worker")

    def __init__(self, service: StateService, worker: Worker) -> None:
        self._service = service
        self._worker = worker

    @property
    def prefix(self) -> str:
        """Where the accessor begins: every path below that is no other call is one into the state."""
        return f"/{self._service.category}/"

    def endpoints(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path and what answers it, for every call but the accessor."""
        calls: list[tuple[str, str, OpEnvAction, EnvCall]] = [
            ("POST", "init/target", OpEnvAction.LOAD, self._load),
            ("POST", "init/path", OpEnvAction.LOAD_BY_PATH, self._load_by_path),
            ("POST", "init/new", OpEnvAction.CREATE_NEW, self._create_new),
            ("POST", "lock", OpEnvAction.LOCK, self._lock),
            ("GET", "root", OpEnvAction.GET_CURRENT_ROOT, self._env_root),
            ("POST", "transaction", OpEnvAction.COMMIT, self._commit),
            ("DELETE", "transaction", OpEnvAction.ABORT, self._abort),
            ("GET", "metadata", OpEnvAction.METADATA, self._metadata),
            ("GET", "map", OpEnvAction.GET_BY_KEY, self._get_by_key),
            ("POST", "map", OpEnvAction.INSERT_WITH_KEY, self._insert_with_key),
            ("PUT", "map", OpEnvAction.SET_WITH_KEY, self._set_with_key),
            ("DELETE", "map", OpEnvAction.REMOVE_WITH_KEY, self._remove_with_key),
            ("GET", "set", OpEnvAction.CONTAINS, self._contains),
            ("POST", "set", OpEnvAction.INSERT, self._insert),
            ("DELETE", "set", OpEnvAction.REMOVE, self._remove),
            ("POST", "iterator", OpEnvAction.NEXT, self._next),
            ("DELETE", "iterator", OpEnvAction.RESET, self._reset),
            ("GET", "list", OpEnvAction.LIST, self._list),
        ]
        found: list[tuple[str, str, Endpoint]] = [
            ("POST", f"{self.prefix}root", self._get_current_root),
            ("POST", f"{self.prefix}op-env", self._create_op_env),
        ]
        found += (
            (method, f"{self.prefix}op-env/{path}", _env_call(action, act)) for method, path, action, act in calls
        )
        return found

    async def access(self, call: Call) -> HttpResponse:
        """Get and list by path."""
        common = state.parse_common(call.headers, call.source)
        request = state.parse_accessor(call.path.removeprefix(self.prefix[:-1]), call.pairs)
        if request.page is not None:
            listed = await self._service.list(common, request.path, *request.page)
            body = await self._encoded(listed.content_type, listed.items, lambda items: items)
            return HttpResponse(200, [fields.JSON_TYPE, *_root_headers(listed.info)], body)
        return _found(await self._service.get_object(common, request.path))

    async def _get_current_root(self, call: Call) -> HttpResponse:
        state.check_action(call.headers, state.ROOT_STATE_ACTION, StateAction, StateAction.GET_CURRENT_ROOT)
        body = Body.of(await call.json())
        common = state.parse_common(call.headers, call.source)
        return _root(await self._service.get_current_root(common, body.root_type()))

    async def _create_op_env(self, call: Call) -> HttpResponse:
        state.check_action(call.headers, state.ROOT_STATE_ACTION, StateAction, StateAction.CREATE_OP_ENV)
        body = Body.of(await call.json())
        common = state.parse_common(call.headers, call.source)
        sid = await self._service.create_op_env(common, body.op_env_type(), body.access())
        return _json({"sid": str(sid)})

    async def _load(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        await self._service.load(common, sid, body.id("target"), body.optional_text("inner_path"))
        return HttpResponse(200)

    async def _load_by_path(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        await self._service.load_by_path(common, sid, body.text("path"))
        return HttpResponse(200)

    async def _create_new(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        place = body.optional_text("path"), body.optional_text("key")
        fields_ = body.map_field("owner"), body.map_field("dec")
        await self._service.create_new(common, sid, place, body.content_type("content_type"), fields_)
        return HttpResponse(200)

    async def _lock(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        paths, duration = body.texts("path_list"), body.number("duration_in_millsecs")
        try_lock = body.flag("try_lock")
        async with self._service.env(common, sid) as env:
            await env.lock(paths, duration, try_lock)
        return HttpResponse(200)

    async def _env_root(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        async with self._service.env(common, sid) as env:
            return _root(await env.current_root())

    async def _commit(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        act = self._service.update if body.commit_type() is CommitType.UPDATE else self._service.commit
        return _root(await act(common, sid))

    async def _abort(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        await self._service.abort(common, sid)
        return HttpResponse(200)

    async def _metadata(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        async with self._service.env(common, sid) as env:
            found = await env.metadata(_path(call))
        info = MapInfo(found.content_type, found.is_hub, found.total, found.size, found.depth)
        return _json(map_info_json(info))

    async def _get_by_key(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        key = fields.decode_text(state.OP_ENV_KEY, fields.required(call.headers, state.OP_ENV_KEY))
        async with self._service.env(common, sid) as env:
            return _maybe("value", await env.get_by_key(_path(call), key))

    async def _insert_with_key(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        path, key, value = body.optional_text("path"), body.text("key"), body.id("value")
        async with self._service.env(common, sid) as env:
            await env.insert_with_key(path, key, value)
        return HttpResponse(200)

    async def _set_with_key(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        path, key, value = body.optional_text("path"), body.text("key"), body.id("value")
        prev, auto_insert = body.optional_id("prev_value"), body.flag("auto_insert")
        async with self._service.env(common, sid) as env:
            return _maybe("prev_value", await env.set_with_key(path, key, value, prev, auto_insert))

    async def _remove_with_key(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        path, key, prev = body.optional_text("path"), body.text("key"), body.optional_id("prev_value")
        async with self._service.env(common, sid) as env:
            return _maybe("value", await env.remove_with_key(path, key, prev))

    async def _contains(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        value = fields.required_id(call.headers, state.OP_ENV_VALUE)
        async with self._service.env(common, sid) as env:
            return _json({"result": await env.contains(_path(call), value)})

    async def _insert(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        path, value = body.optional_text("path"), body.id("value")
        async with self._service.env(common, sid) as env:
            return _json({"result": await env.insert(path, value)})

    async def _remove(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        body = Body.of(await call.json())
        path, value = body.optional_text("path"), body.id("value")
        async with self._service.env(common, sid) as env:
            return _json({"result": await env.remove(path, value)})

    async def _next(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        step = Body.of(await call.json()).number("step", 0xFFFF_FFFF)
        async with self._service.env(common, sid) as env:
            kind, items = await env.next(step)
        return await self._result(kind, items)

    async def _reset(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        async with self._service.env(common, sid) as env:
            await env.reset()
        return HttpResponse(200)

    async def _list(self, call: Call, common: StateCommon, sid: int) -> HttpResponse:
        async with self._service.env(common, sid) as env:
            kind, items = await env.entries(_path(call))
        return await self._result(kind, items)

    async def _result(self, kind: MapContentType, items: Items) -> HttpResponse:
        return HttpResponse(200, [_TEXT], await self._encoded(kind, items, lambda listed: {"result": listed}))

    async def _encoded(self, kind: MapContentType, items: Items, wrap: Callable[[object], object]) -> bytes:
        def encode() -> bytes:
            return fields.json_body(wrap(state.items_json(kind, items)))

        # A hundred thousand entries take a second, in which others are served.
        return encode() if len(items) <= ENCODED_AT_ONCE else await self._worker.run(encode)


def _env_call(action: OpEnvAction, act: EnvCall) -> Endpoint:
    async def endpoint(call: Call) -> HttpResponse:
        state.check_action(call.headers, state.OP_ENV_ACTION, OpEnvAction, action)
        return await act(call, state.parse_common(call.headers, call.source), state.parse_sid(call.headers))

    return endpoint


def _json(value: object) -> HttpResponse:
    """The reference calls its JSON text here, and clients do not mind."""
    return HttpResponse(200, [_TEXT], fields.json_body(value))


def _path(call: Call) -> str | None:
    return fields.optional_text(call.headers, state.OP_ENV_PATH)


def _maybe(name: str, value: ObjectId | None) -> HttpResponse:
    return _json({} if value is None else {name: str(value)})


def _root(info: RootInfo) -> HttpResponse:
    return _json(root_json(info))


def _root_headers(info: RootInfo) -> list[tuple[str, str]]:
    return [(state.ROOT, str(info.root)), (state.REVISION, str(info.revision))]


def _found(found: Found) -> HttpResponse:
    headers = [(fields.OBJECT_ID, str(found.object_id)), *_root_headers(found.info)]
    record = found.record
    if record is None:
        return HttpResponse(200, headers)
    headers.append(fields.OCTET_STREAM)
    headers += fields.time_headers(record.object_update_time or None, record.object_expired_time or None)
    return HttpResponse(200, headers, record.raw)
