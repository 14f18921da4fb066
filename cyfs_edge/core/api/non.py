"""``/non``: object calls (docs/protocol/http-api.md §6)."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.api.call import Call
from cyfs_edge.core.non import NonService
from cyfs_edge.wire import non
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.non import NonAction


class NonApi:
    __slots__ = ("_service",)

    def __init__(self, service: NonService) -> None:
        self._service = service

    async def put(self, call: Call) -> HttpResponse:
        non.action(call.headers, NonAction.PUT, (NonAction.PUT,))
        request = non.parse_put(call.headers, call.source, await call.body(call.limits.object_size))
        return non.put_reply(await self._service.put_object(request))

    async def get(self, call: Call) -> HttpResponse:
        action = non.action(call.headers, NonAction.GET, (NonAction.GET, NonAction.SELECT))
        if action is NonAction.SELECT:
            non.check_select_filter(call.pairs)
            raise CyfsError(ErrorCode.NOT_SUPPORT, "select_object is not served by any node of this protocol version")
        return non.get_reply(await self._service.get_object(non.parse_get(call.headers, call.source)))

    async def post(self, call: Call) -> HttpResponse:
        non.action(call.headers, NonAction.POST, (NonAction.POST,))
        request = non.parse_post(call.headers, call.source, await call.body(call.limits.object_size))
        return non.object_reply(await self._service.post_object(request))

    async def delete(self, call: Call) -> HttpResponse:
        non.action(call.headers, NonAction.DELETE, (NonAction.DELETE,))
        return non.object_reply(await self._service.delete_object(non.parse_delete(call.headers, call.source)))
