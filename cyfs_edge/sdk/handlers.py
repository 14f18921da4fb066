"""Router handlers: routines that the stack calls for requests on their way (docs/protocol/websocket.md §4, §5)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.sdk.registrations import Entry, Registrations
from cyfs_edge.sdk.ws_link import RETRY_FIRST
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import Action, Category, Chain, HandlerKey, parse_error, parse_key
from cyfs_edge.wire.handler_json import object_json, read_named_object
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.source import Source, ZoneCategory
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

log = logging.getLogger(__name__)

_CATEGORIES = {category.text: category for category in ZoneCategory}


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """A request that the stack asks about. ``request``, ``response``: JSON of http-api §14; ``response`` is there on
    the chains behind the work, an error where that failed.
    """

    chain: Chain
    category: Category
    request: Members
    response: Members | CyfsError | None

    @property
    def source(self) -> Source:
        """Who asks."""
        source = values.inner(values.inner(self.request, "common"), "source")
        zone = values.inner(source, "zone")
        device = values.object_id(zone, "device")
        category = values.text(zone, "zone_category")
        if category not in _CATEGORIES:
            raise values.bad("zone_category", "is unknown")
        return Source(
            values.text(source, "protocol"),
            device,
            values.optional_id(zone, "zone") or device,
            _CATEGORIES[category],
            values.object_id(source, "dec"),
            values.optional_id(source, "verified"),
        )

    @property
    def req_path(self) -> str | None:
        return values.optional_text(values.inner(self.request, "common"), "req_path")

    @property
    def object(self) -> NamedObject:
        """The object that is put, posted, signed or verified; ``NOT_FOUND`` where there is none."""
        return decode_object(read_named_object(values.inner(self.request, "object"))[1])

    @property
    def object_id(self) -> ObjectId:
        """What is asked for, or the id of ``object``."""
        members = self.request if "object_id" in self.request else values.inner(self.request, "object")
        return values.object_id(members, "object_id")


@dataclass(frozen=True, slots=True)
class HandlerAnswer:
    """``request``, ``response``: what the handler changes or replies, as JSON of http-api §14."""

    action: Action
    request: Members | None = None
    response: Members | CyfsError | None = None

    @classmethod
    def respond(cls, value: NamedObject | Members | None = None) -> HandlerAnswer:
        """The reply, in place of the stack's. An object is that of a get, post or delete; ``None`` is none."""
        if isinstance(value, NamedObject):
            value = {"object": object_json(value.object_id, value.raw)}
        return cls(Action.RESPONSE, response=value or {})

    def encode(self) -> bytes:
        members: Members = {"action": self.action.value}
        if self.request is not None:
            members["request"] = self.request
        if isinstance(self.response, CyfsError):
            error = {"code": str(int(self.response.code)), "msg": self.response.message}
            members["response"] = {"error": error}
        elif self.response is not None:
            members["response"] = {"value": self.response}
        return values.write(members).encode("utf-8", "backslashreplace")


Routine = Callable[[HandlerCall], Awaitable[HandlerAnswer | NamedObject | None]]
"""Answers with an action; an object is the reply ``Response``, ``None`` is ``Default``.

A ``CyfsError`` that it raises is what the caller gets; after any other exception the handler's default action decides.
"""


class Handlers(Registrations[HandlerKey, Routine]):
    __slots__ = ("_dec_id",)

    def __init__(self, host: str, port: int, dec_id: ObjectId, *, retry_first: float = RETRY_FIRST) -> None:
        super().__init__(host, port, WsCommand.HANDLER_ADD, WsCommand.HANDLER_REMOVE, retry_first=retry_first)
        self._dec_id = dec_id

    async def add(
        self,
        category: Category,
        id: str,
        routine: Routine,
        *,
        chain: Chain = Chain.HANDLER,
        req_path: str | None = None,
        filter: str | None = None,
        index: int = 0,
        default_action: Action = Action.DEFAULT,
    ) -> None:
        """Registers ``routine`` under ``id``, or puts it in the place of the one there; returns when the stack has it.

        It is called for requests at or below ``req_path`` that ``filter`` is true for; lower ``index`` first. It stays
        registered over reconnects until ``remove``.
        """
        key = HandlerKey(chain, category, id, self._dec_id)
        param: Members = {"index": index, "default_action": default_action.value, "routine": "1"}
        if req_path is not None:
            param["req_path"] = req_path
        if filter is not None:
            param["filter"] = filter
        name = _key_json(key)
        content = values.write({**name, "param": param}).encode()
        await self._register(key, Entry(routine, content, values.write(name).encode()))

    async def remove(self, category: Category, id: str, *, chain: Chain = Chain.HANDLER) -> bool:
        """Whether it was there."""
        key = HandlerKey(chain, category, id, self._dec_id)
        return await self._unregister(key, values.write(_key_json(key)).encode())

    async def _answer(self, packet: WsPacket) -> bytes:
        members = values.read_object(packet.content, "a handler event")
        key = parse_key({**members, "dec_id": str(self._dec_id)})
        entry = self._entries.get(key)
        if packet.cmd != WsCommand.HANDLER_EVENT or entry is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no handler {key.id!r} here")
        param = values.read_object(values.text(members, "param"), "the param of a handler event")
        call = HandlerCall(key.chain, key.category, values.inner(param, "request"), _response(param))
        try:
            answer = await entry.routine(call)
        except CyfsError as error:
            answer = HandlerAnswer(Action.RESPONSE, response=error)
        except Exception as error:
            log.exception("handler %r failed", key.id)
            raise CyfsError(ErrorCode.EXECUTE_ERROR, f"handler {key.id!r} failed: {error}") from error
        if answer is None:
            answer = HandlerAnswer(Action.DEFAULT)
        elif isinstance(answer, NamedObject):
            answer = HandlerAnswer.respond(answer)
        return answer.encode()


def _key_json(key: HandlerKey) -> Members:
    return {"chain": key.chain.value, "category": key.category.value, "id": key.id, "dec_id": str(key.dec)}


def _response(param: Members) -> Members | CyfsError | None:
    response = values.optional_inner(param, "response")
    if response is None:
        return None
    error = values.optional_inner(response, "error")
    return values.inner(response, "value") if error is None else parse_error(error)
