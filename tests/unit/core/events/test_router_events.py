"""Router events: order, the end of the chain, failures, replacement, removal (websocket.md §7)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.events import router_events
from cyfs_edge.core.events.router_events import RouterEvents
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.router_event import EventAnswer, EventCategory, EventKey
from cyfs_edge.wire.source import Source, ZoneCategory
from tests.node import DEC, DEC2, DEVICE

HERE = Source("http-local", ObjectId.from_text(DEVICE), ANONYMOUS_DEC_ID, ZoneCategory.CURRENT_DEVICE, ANONYMOUS_DEC_ID)


class Ear:
    """Answers as told; ``log`` is shared, to see the order."""

    def __init__(self, log: list[tuple[str, Members]], handled: bool = True, call_next: bool = True) -> None:
        self._log = log
        self._answer = EventAnswer(handled, call_next)
        self.failing = False

    async def tell(self, key: EventKey, request: Members) -> EventAnswer:
        self._log.append((key.id, request))
        if self.failing:
            raise CyfsError(ErrorCode.TIMEOUT, "asleep")
        return self._answer


def key(name: str, category: EventCategory = EventCategory.TEST_EVENT, dec: str = DEC) -> EventKey:
    return EventKey(category, name, ObjectId.from_text(dec))


async def test_listeners_are_told_by_index_until_one_ends_it() -> None:
    events, log = RouterEvents(), list[tuple[str, Members]]()
    events.add(HERE, key("third"), 5, Ear(log))
    events.add(HERE, key("second"), 0, Ear(log, handled=True, call_next=False))
    events.add(HERE, key("first"), -5, Ear(log, handled=False))
    assert await events.test_event() is True
    assert log == [("first", {}), ("second", {})]


async def test_a_failing_listener_counts_as_not_handled() -> None:
    events, log = RouterEvents(), list[tuple[str, Members]]()
    ear = Ear(log, call_next=False)
    ear.failing = True
    events.add(HERE, key("a"), 0, ear)
    events.add(HERE, key("b"), 1, Ear(log, handled=False))
    assert await events.test_event() is False
    assert [name for name, _ in log] == ["a", "b"]


async def test_a_change_of_the_role_tells_both() -> None:
    events, log = RouterEvents(), list[tuple[str, Members]]()
    events.add(HERE, key("a", EventCategory.ZONE_ROLE_CHANGED), 0, Ear(log))
    events.add(HERE, key("b"), 0, Ear(log))
    assert await events.zone_role_changed("standby-ood", "active-ood") is True
    assert log == [("a", {"current_role": "standby-ood", "new_role": "active-ood"})]


async def test_nobody_listens() -> None:
    assert await RouterEvents().test_event() is False


async def test_the_same_key_replaces_and_another_dec_adds() -> None:
    events, log = RouterEvents(), list[tuple[str, Members]]()
    for listener in (key("a"), key("a"), key("a", dec=DEC2)):
        events.add(HERE, listener, 0, Ear(log))
    await events.test_event()
    assert len(log) == 2


async def test_removal() -> None:
    events = RouterEvents()
    events.add(HERE, key("a"), 0, Ear([]))
    with pytest.raises(CyfsError) as caught:
        events.remove(HERE, key("a", dec=DEC2))
    assert caught.value.code == ErrorCode.NOT_FOUND
    events.remove(HERE, key("a"))
    assert await events.test_event() is False


async def test_a_key_without_dec_is_made_whole_from_the_callers_own_listeners_only() -> None:
    events, mine = RouterEvents(), Ear([])
    events.add(HERE, key("a", dec=DEC2), 0, Ear([]))
    events.add(HERE, key("a"), 0, mine)
    bare = EventKey(EventCategory.TEST_EVENT, "a", None)
    assert events.own_key(bare, lambda listener: listener is mine) == key("a")
    assert events.own_key(bare, lambda listener: False) == bare
    assert events.own_key(key("a", dec=DEC2), lambda listener: listener is mine) == key("a", dec=DEC2)


async def test_other_zones_listen_to_nothing() -> None:
    away = Source("http-bdt", ANONYMOUS_DEC_ID, ANONYMOUS_DEC_ID, ZoneCategory.FRIEND_ZONE, ANONYMOUS_DEC_ID)
    with pytest.raises(CyfsError) as caught:
        RouterEvents().add(away, key("a"), 0, Ear([]))
    assert caught.value.code == ErrorCode.PERMISSION_DENIED


async def test_no_more_listeners_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_events, "LISTENERS_MAX", 2)
    events = RouterEvents()
    for name in ("a", "b", "a"):
        events.add(HERE, key(name), 0, Ear([]))
    with pytest.raises(CyfsError) as caught:
        events.add(HERE, key("c"), 0, Ear([]))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
