"""Router events as they are registered, sent and answered (docs/protocol/websocket.md §7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import parse_id
from cyfs_edge.wire.json_values import Members


class EventCategory(Enum):
    TEST_EVENT = "test_event"
    ZONE_ROLE_CHANGED = "zone_role_changed"


@dataclass(frozen=True, slots=True)
class EventKey:
    category: EventCategory
    id: str
    dec: ObjectId | None


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """``call_next`` false: those behind this listener are not told."""

    handled: bool
    call_next: bool


def parse_event_key(members: Members) -> EventKey:
    name = values.text(members, "category")
    try:
        category = EventCategory(name)
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"unknown router event category: {name[:80]!r}") from None
    return EventKey(category, parse_id(values.text(members, "id")), values.optional_id(members, "dec_id"))


def parse_event_index(members: Members) -> int:
    """As text or, beyond the reference, as number. ``routine`` must be there and means nothing."""
    values.text(members, "routine")
    return values.number(members, "index", -(1 << 31), (1 << 31) - 1)


def event_key_json(key: EventKey) -> Members:
    """What a registration and its removal have in common; the removal is no more than this."""
    members: Members = {"category": key.category.value, "id": key.id}
    return members if key.dec is None else {**members, "dec_id": str(key.dec)}


def event_registration_json(key: EventKey, index: int) -> Members:
    """As the TypeScript SDK writes it."""
    return {**event_key_json(key), "index": str(index), "routine": "1"}


def emit_json(key: EventKey, request: Members) -> bytes:
    """The content of cmd 3."""
    event = {"category": key.category.value, "id": key.id, "param": values.write({"request": request})}
    return values.write(event).encode()


def role_changed(current: str, new: str) -> Members:
    """The request of ``zone_role_changed``."""
    return {"current_role": current, "new_role": new}


def parse_event_answer(data: bytes) -> EventAnswer:
    members = values.read_object(data, "the answer to an event")
    handled, call_next = members.get("handled"), members.get("call_next")
    if not isinstance(handled, bool) or not isinstance(call_next, bool):
        raise values.bad("handled, call_next", "must be true or false")
    return EventAnswer(handled, call_next)


def event_answer_json(answer: EventAnswer) -> bytes:
    return values.write({"handled": answer.handled, "call_next": answer.call_next}).encode()
