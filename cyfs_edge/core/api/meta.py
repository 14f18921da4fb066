"""``/root-state/meta`` and ``/local-cache/meta``: path meta (docs/protocol/http-api.md §12)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import check_own_dec, require_category
from cyfs_edge.core.api.call import Call
from cyfs_edge.core.rmeta.service import MetaService
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.wire import fields, rmeta
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.req_path import CATEGORIES
from cyfs_edge.wire.rmeta import MetaKind, MetaVerb
from cyfs_edge.wire.source import ZoneCategory

_TEXT = ("content-type", "text/plain;charset=utf-8")


@dataclass(frozen=True, slots=True)
class MetaRoute:
    """One call: what is done to which list of which category."""

    category: str
    kind: MetaKind
    verb: MetaVerb

    @property
    def method(self) -> str:
        return rmeta.call_method(self.verb)

    @property
    def path(self) -> str:
        return rmeta.call_path(self.category, self.verb, self.kind)


ROUTES = [MetaRoute(category, kind, verb) for category in CATEGORIES for kind in MetaKind for verb in MetaVerb]


class MetaApi:
    """The calls are for the own zone: each dec for its own paths, the system dec for all."""

    __slots__ = ("_service", "_zone")

    def __init__(self, service: MetaService, zone: ZoneManager) -> None:
        self._service = service
        self._zone = zone

    def endpoints(self) -> list[tuple[str, str, Callable[[Call], Awaitable[HttpResponse]]]]:
        """Method, path and what answers it, for every call."""
        return [(route.method, route.path, self._endpoint(route)) for route in ROUTES]

    def _endpoint(self, route: MetaRoute) -> Callable[[Call], Awaitable[HttpResponse]]:
        async def answer(call: Call) -> HttpResponse:
            return await self._answer(route, call)

        return answer

    async def _answer(self, route: MetaRoute, call: Call) -> HttpResponse:
        rmeta.check_action(call.headers.get(rmeta.META_ACTION), route.verb, route.kind)
        if route.verb is MetaVerb.CLEAR:
            dec = await self._dec(route, call)
            return _reply({"count": await self._service.clear(dec, route.category, route.kind)})
        item = rmeta.parse_request(route.kind, route.verb, await call.json())
        dec = await self._dec(route, call)
        if route.verb is MetaVerb.ADD:
            return _reply({"updated": await self._service.add(dec, route.category, item)})
        removed = await self._service.remove(dec, route.category, item)
        return _reply({"item": None if removed is None else rmeta.item_json(removed)})

    async def _dec(self, route: MetaRoute, call: Call) -> ObjectId:
        """The dec whose path meta the call is about, if the caller may change it. The headers say, not the body."""
        service = f"{route.verb.value} of {route.kind.value}"
        require_category(call.source, ZoneCategory.CURRENT_ZONE, service)
        dec = check_own_dec(call.source, fields.optional_id(call.headers, rmeta.TARGET_DEC), service)
        await self._zone.require_local(fields.optional_id(call.headers, fields.TARGET))
        return dec


def _reply(value: object) -> HttpResponse:
    return HttpResponse(200, [_TEXT], fields.json_body(value))
