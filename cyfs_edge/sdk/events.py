"""Router events: what happens in the stack (docs/protocol/websocket.md §7)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.sdk.registrations import Registrations
from cyfs_edge.sdk.ws_link import RETRY_FIRST
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.router_event import (
    EventAnswer,
    EventCategory,
    EventKey,
    event_answer_json,
    event_key_json,
    event_registration_json,
    parse_event_key,
)
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

log = logging.getLogger(__name__)

Listener = Callable[[Members], Awaitable[EventAnswer | None]]
"""Gets the event's JSON: ``{}``, or ``current_role`` and ``new_role``. ``None``: handled, and the next one is told."""


class Events(Registrations[EventKey, Listener]):
    """Listeners stay registered over reconnects until ``remove``."""

    __slots__ = ("_dec_id",)

    def __init__(self, host: str, port: int, dec_id: ObjectId, *, retry_first: float = RETRY_FIRST) -> None:
        super().__init__(host, port, WsCommand.EVENT_ADD, WsCommand.EVENT_REMOVE, retry_first=retry_first)
        self._dec_id = dec_id

    async def add(self, category: EventCategory, id: str, listener: Listener, *, index: int = 0) -> None:
        """Registers ``listener`` under ``id``; returns when the stack has it. Lower ``index`` first."""
        key = EventKey(category, id, self._dec_id)
        await self._register(key, listener, event_registration_json(key, index))

    async def remove(self, category: EventCategory, id: str) -> bool:
        """Whether it was there."""
        key = EventKey(category, id, self._dec_id)
        return await self._unregister(key, event_key_json(key))

    async def _answer(self, packet: WsPacket) -> bytes:
        members = values.read_object(packet.content, "an event")
        key = parse_event_key({**members, "dec_id": str(self._dec_id)})
        entry = self._entries.get(key)
        if packet.cmd != WsCommand.EVENT_EMIT or entry is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no listener {key.id!r} here")
        param = values.read_object(values.text(members, "param"), "the param of an event")
        try:
            answer = await entry.routine(values.inner(param, "request"))
        except CyfsError:
            raise
        except Exception as error:
            log.exception("listener %r failed", key.id)
            raise CyfsError(ErrorCode.EXECUTE_ERROR, f"listener {key.id!r} failed: {error}") from error
        return event_answer_json(answer or EventAnswer(handled=True, call_next=True))
