"""``/handler/non/{chain}/{category}/{id}``: handlers registered over HTTP, and their HTTP routines
(docs/protocol/websocket.md §5.4).
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote, unquote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.access import require_category
from cyfs_edge.core.api.call import Call
from cyfs_edge.core.handlers.registration import HandlerRegistration
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.errors import code_of_status
from cyfs_edge.wire.handler import (
    Category,
    Chain,
    HandlerKey,
    RoutineUrl,
    parse_id,
    parse_name,
    parse_param,
    parse_routine_url,
)
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.source import ZoneCategory

PREFIX = "/handler/non/"


class HttpCaller(Protocol):
    """Calls HTTP servers of this machine."""

    async def post(self, url: RoutineUrl, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body.

        ``TIMEOUT``, ``CONNECT_FAILED``, ``CONNECTION_ABORTED``, ``OUT_OF_LIMIT``, ``INVALID_DATA`` for what is no HTTP.
        """
        ...


class HttpRoutine:
    """A callback that a small HTTP server of a client takes."""

    __slots__ = ("_caller", "_url")

    def __init__(self, caller: HttpCaller, url: RoutineUrl) -> None:
        self._caller = caller
        self._url = url

    async def call(self, key: HandlerKey, param: str) -> bytes:
        path = f"{self._url.path}{key.chain.value}/{key.category.value}/{quote(key.id, safe='')}/"
        status, body = await self._caller.post(self._url, path, param.encode("utf-8", "backslashreplace"))
        if status != 200:
            code = ErrorCode.INVALID_FORMAT if status == 400 else code_of_status(status)
            raise CyfsError(code or ErrorCode.FAILED, f"the routine at {self._url.authority} answers status {status}")
        return body


class HandlerApi:
    __slots__ = ("_caller", "_own_ports", "_registration")

    def __init__(self, registration: HandlerRegistration, caller: HttpCaller, own_ports: frozenset[int]) -> None:
        """``own_ports``: no routine listens there; a call would come to the node from its own user."""
        self._registration = registration
        self._caller = caller
        self._own_ports = own_ports

    async def add(self, call: Call) -> HttpResponse:
        key = _key(call)
        members = values.read_object(await call.body(call.limits.json_size), "the body")
        param = parse_param(members)
        routine = None
        if param.routine is not None:
            url = parse_routine_url(param.routine)
            if url.port in self._own_ports:
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"port {url.port} is this node's own, not a routine's")
            routine = HttpRoutine(self._caller, url)
        await self._registration.add(call.source, key, param, routine)
        return HttpResponse(200)

    async def remove(self, call: Call) -> HttpResponse:
        await self._registration.remove(call.source, _key(call))
        return HttpResponse(200)


def _key(call: Call) -> HandlerKey:
    require_category(call.source, ZoneCategory.CURRENT_DEVICE, "handler registration")
    segments = call.path[len(PREFIX) :].removesuffix("/").split("/")
    if len(segments) != 3:
        raise CyfsError(ErrorCode.NOT_FOUND, f"no service for {call.request.method} {call.path}")
    chain, category, handler_id = map(unquote, segments)
    return HandlerKey(parse_name(Chain, chain), parse_name(Category, category), parse_id(handler_id), call.source.dec)
