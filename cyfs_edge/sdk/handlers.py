"""Router handlers: routines that the stack calls for requests on their way (docs/protocol/websocket.md §4, §5)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.sdk.registrations import Registrations
from cyfs_edge.sdk.ws_link import RETRY_FIRST
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import (
    Action,
    Answer,
    Category,
    Chain,
    HandlerKey,
    HandlerParam,
    answer_json,
    key_json,
    parse_key,
    parse_outcome,
    registration_json,
)
from cyfs_edge.wire.handler_json import object_json, read_named_object, read_source
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.source import Source
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HandlerCall:
    """A request that the stack asks about. ``request``, ``reply``: JSON of http-api §14; ``reply`` is there on the
    chains behind the work, an error where that failed.
    """

    chain: Chain
    category: Category
    request: Members
    reply: Members | CyfsError | None

    @property
    def source(self) -> Source:
        """Who asks."""
        return read_source(values.inner(self._common, "source"))

    @property
    def req_path(self) -> str | None:
        return values.optional_text(self._common, "req_path")

    @property
    def object(self) -> NamedObject:
        """The object that is put, posted, signed or verified; ``NOT_FOUND`` where there is none."""
        return decode_object(read_named_object(values.inner(self.request, "object"))[1])

    @property
    def object_id(self) -> ObjectId:
        """What is asked for, or the id of ``object``."""
        members = self.request if "object_id" in self.request else values.inner(self.request, "object")
        return values.object_id(members, "object_id")

    @property
    def _common(self) -> Members:
        """Questions of the ACL chain have no ``common``; its members stand in the request itself."""
        return values.optional_inner(self.request, "common") or self.request


def respond(value: NamedObject | Members | None = None) -> Answer:
    """The reply, in place of the stack's. An object is that of a get, post or delete; ``None`` is none; all else is
    JSON of http-api §14.
    """
    if isinstance(value, NamedObject):
        value = {"object": object_json(value.object_id, value.raw)}
    return Answer(Action.RESPONSE, reply=value or {})


def permit(granted: bool) -> Answer:
    """The answer of an ACL handler."""
    return respond({"action": "accept" if granted else "reject"})


Routine = Callable[[HandlerCall], Awaitable[Answer | NamedObject | None]]
"""Answers with an action; an object is the reply ``Response``, ``None`` is ``Default``.

A ``CyfsError`` that it raises is what the caller gets; after any other exception the handler's default action decides.
"""


class Handlers(Registrations[HandlerKey, Routine]):
    """Handlers stay registered over reconnects until ``remove``."""

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

        It is called for requests at or below ``req_path`` that ``filter`` is true for; lower ``index`` first.
        ``PERMISSION_DENIED`` on chains and paths that are not the dec's.
        """
        key = HandlerKey(chain, category, id, self._dec_id)
        param = HandlerParam(index, default_action, filter, req_path, routine="1")
        await self._register(key, routine, registration_json(key, param))

    async def remove(self, category: Category, id: str, *, chain: Chain = Chain.HANDLER) -> bool:
        """Whether it was there."""
        key = HandlerKey(chain, category, id, self._dec_id)
        return await self._unregister(key, key_json(key))

    async def _answer(self, packet: WsPacket) -> bytes:
        members = values.read_object(packet.content, "a handler event")
        key = parse_key({**members, "dec_id": str(self._dec_id)})
        entry = self._entries.get(key)
        if packet.cmd != WsCommand.HANDLER_EVENT or entry is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no handler {key.id!r} here")
        param = values.read_object(values.text(members, "param"), "the param of a handler event")
        call = HandlerCall(key.chain, key.category, values.inner(param, "request"), parse_outcome(param))
        try:
            answer = await entry.routine(call)
        except CyfsError as error:
            answer = Answer(Action.RESPONSE, reply=error)
        except Exception as error:
            log.exception("handler %r failed", key.id)
            raise CyfsError(ErrorCode.EXECUTE_ERROR, f"handler {key.id!r} failed: {error}") from error
        if answer is None:
            answer = Answer(Action.DEFAULT)
        elif isinstance(answer, NamedObject):
            answer = respond(answer)
        return answer_json(answer)
