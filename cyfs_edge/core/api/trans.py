"""``/trans``: tasks, groups, contexts and publishing in both SDK dialects (docs/protocol/http-api.md §10, §15)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cyfs_edge.core.api.call import Call, json_response
from cyfs_edge.core.trans.service import TransService
from cyfs_edge.wire import fields, trans
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.message import HttpResponse

Endpoint = Callable[[Call], Awaitable[HttpResponse]]


class TransApi:
    __slots__ = ("_service",)

    def __init__(self, service: TransService) -> None:
        self._service = service

    def endpoints(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path and call. Rust asks for a state with GET and a body; queries have two names (§0.7)."""
        return [
            ("POST", "/trans/task", self.create_task),
            ("PUT", "/trans/task", self.control_task),
            ("POST", "/trans/task/state", self.get_task_state),
            ("GET", "/trans/task/state", self.get_task_state),
            ("POST", "/trans/tasks", self.query_tasks),
            ("POST", "/trans/query", self.query_tasks),
            ("POST", "/trans/file", self.publish_file),
            ("POST", "/trans/get_context", self.get_context),
            ("POST", "/trans/put_context", self.put_context),
            ("POST", "/trans/task_group/state", self.get_group_state),
            ("PUT", "/trans/task_group", self.control_group),
        ]

    async def create_task(self, call: Call) -> HttpResponse:
        request = trans.parse_create(trans.common(call.headers, call.source), await _members(call))
        return json_response({"task_id": await self._service.create_task(request)})

    async def control_task(self, call: Call) -> HttpResponse:
        request = trans.parse_control(trans.common(call.headers, call.source), await _members(call))
        await self._service.control_task(request)
        return HttpResponse(200)

    async def get_task_state(self, call: Call) -> HttpResponse:
        request = trans.parse_get_state(trans.common(call.headers, call.source), await _members(call))
        return json_response(trans.state_json(await self._service.get_task_state(request), request.bare))

    async def query_tasks(self, call: Call) -> HttpResponse:
        request = trans.parse_query(trans.common(call.headers, call.source), await _members(call))
        return json_response(trans.tasks_json(await self._service.query_tasks(request)))

    async def publish_file(self, call: Call) -> HttpResponse:
        request = trans.parse_publish(trans.common(call.headers, call.source), await _members(call))
        return json_response({"file_id": str(await self._service.publish_file(request))})

    async def get_context(self, call: Call) -> HttpResponse:
        request = trans.parse_get_context(trans.common(call.headers, call.source), await _members(call))
        return HttpResponse(200, [fields.OCTET_STREAM], (await self._service.get_context(request)).raw)

    async def put_context(self, call: Call) -> HttpResponse:
        common = trans.common(call.headers, call.source)
        raw = await call.body(call.limits.object_size)
        await self._service.put_context(trans.parse_put_context(common, call.headers, raw))
        return HttpResponse(200)

    async def get_group_state(self, call: Call) -> HttpResponse:
        request = trans.parse_get_group_state(trans.common(call.headers, call.source), await _members(call))
        return json_response(trans.group_state_json(await self._service.get_group_state(request)))

    async def control_group(self, call: Call) -> HttpResponse:
        request = trans.parse_control_group(trans.common(call.headers, call.source), await _members(call))
        control = await self._service.control_group(request)
        return json_response({"control_state": control.value})


async def _members(call: Call) -> Members:
    return trans.read_body(await call.body(call.limits.json_size))
