"""Registration of handlers and event listeners over WebSocket, and calling them (docs/protocol/websocket.md §5, §7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.events.router_events import RouterEvents
from cyfs_edge.core.handlers.registration import HandlerRegistration
from cyfs_edge.net.ws_calls import WsCalls
from cyfs_edge.net.ws_commands import Command
from cyfs_edge.net.ws_session import WsSession
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import HandlerKey, event_json, parse_key, parse_param, result_json
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.message import Peer
from cyfs_edge.wire.router_event import (
    EventAnswer,
    EventKey,
    emit_json,
    parse_event_answer,
    parse_event_index,
    parse_event_key,
)
from cyfs_edge.wire.source import Source
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket

K = TypeVar("K", HandlerKey, EventKey)
SourceOf = Callable[[Peer, ObjectId | None], Source]
"""Who asks: what is known of the connection, and the dec that the message names."""


class WsRoutine:
    """A handler's callback and an event's listener: the client of one session, as long as that lasts."""

    __slots__ = ("_calls", "_timeout")

    def __init__(self, calls: WsCalls, timeout: float) -> None:
        self._calls = calls
        self._timeout = timeout

    def is_of(self, calls: WsCalls) -> bool:
        return self._calls is calls

    async def call(self, key: HandlerKey, param: str) -> bytes:
        return await self._calls.ask(WsCommand.HANDLER_EVENT, event_json(key, param), self._timeout)

    async def tell(self, key: EventKey, request: Members) -> EventAnswer:
        content = emit_json(key, request)
        return parse_event_answer(await self._calls.ask(WsCommand.EVENT_EMIT, content, self._timeout))


def _of_session(session: WsSession) -> Callable[[object], bool]:
    """Tells the routines of a session from all others."""
    return lambda routine: isinstance(routine, WsRoutine) and routine.is_of(session.calls)


class WsHandlers:
    """The commands 1, 2, 11 and 12."""

    __slots__ = ("_events", "_registration", "_source_of", "_timeout")

    def __init__(
        self,
        registration: HandlerRegistration,
        events: RouterEvents,
        source_of: SourceOf,
        timeout: float,
    ) -> None:
        """``timeout``: seconds for a client to answer; then its default action applies."""
        self._registration = registration
        self._events = events
        self._source_of = source_of
        self._timeout = timeout

    def commands(self) -> dict[int, Command]:
        return {
            WsCommand.EVENT_ADD: self._add_event,
            WsCommand.EVENT_REMOVE: self._remove_event,
            WsCommand.HANDLER_ADD: self._add_handler,
            WsCommand.HANDLER_REMOVE: self._remove_handler,
        }

    def _caller(self, session: WsSession, key: K) -> tuple[Source, K]:
        """Who asks, and the key with his dec: one who names none must not reach what others have registered."""
        source = self._source_of(session.peer, key.dec)
        if key.dec is None and source.dec != ANONYMOUS_DEC_ID:
            key = replace(key, dec=source.dec)
        return source, key

    async def _add_handler(self, session: WsSession, packet: WsPacket) -> bytes:
        members = values.read_object(packet.content, "the registration")
        key, param = parse_key(members), parse_param(values.inner(members, "param"))
        routine = None if param.routine is None else WsRoutine(session.calls, self._timeout)
        try:
            source, key = self._caller(session, key)
            await self._registration.add(source, key, param, routine)
        except CyfsError as error:
            return result_json(error)
        return result_json(None)

    async def _remove_handler(self, session: WsSession, packet: WsPacket) -> bytes:
        key = parse_key(values.read_object(packet.content, "the removal"))
        try:
            source, key = self._caller(session, key)
            await self._registration.remove(source, key)
        except CyfsError as error:
            return result_json(error)
        return result_json(None)

    async def _add_event(self, session: WsSession, packet: WsPacket) -> bytes:
        members = values.read_object(packet.content, "the registration")
        key, index = parse_event_key(members), parse_event_index(members)
        try:
            listener = WsRoutine(session.calls, self._timeout)
            source, key = self._caller(session, key)
            self._events.add(source, key, index, listener)
        except CyfsError as error:
            return result_json(error)
        return result_json(None)

    async def _remove_event(self, session: WsSession, packet: WsPacket) -> bytes:
        # SDK 0.5.8 registers listeners with its dec and removes them without.
        key = parse_event_key(values.read_object(packet.content, "the removal"))
        key = self._events.own_key(key, _of_session(session))
        try:
            source, key = self._caller(session, key)
            self._events.remove(source, key)
        except CyfsError as error:
            return result_json(error)
        return result_json(None)
