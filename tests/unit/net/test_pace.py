"""How slow is too slow, on a clock that the test moves: bodies that come, and replies that are taken."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.http_body import StreamBody
from cyfs_edge.net.outlet import Outlet


class SlowTransport:
    """A transport whose peer takes what the test says."""

    def __init__(self) -> None:
        self.waiting = 0
        self.closing = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0

    def get_extra_info(self, name: str) -> object:
        return None

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        assert not self.closing
        self.waiting += len(data)


def outlet_of(transport: SlowTransport) -> Outlet:
    return Outlet(cast("asyncio.Transport", transport), 0.0)


async def a_waiting_reader(body: StreamBody) -> asyncio.Future[bytes]:
    waiting = asyncio.Event()
    body._on_read = waiting.set
    reader = asyncio.ensure_future(body.read(1 << 20))
    await waiting.wait()
    return reader


async def test_a_body_may_take_long_if_every_window_brings_enough() -> None:
    body = StreamBody(1000, lambda: None)
    reader = await a_waiting_reader(body)
    for now in range(100):
        body.check_pace(now, window=10, minimum=10)
        body.receive(b"a")
        await asyncio.sleep(0)
        assert not body.broken
    body.end()
    assert await reader == b"a" * 100


async def test_a_window_that_brings_too_little_is_the_last() -> None:
    body = StreamBody(1000, lambda: None)
    reader = await a_waiting_reader(body)
    for now in range(10):
        body.check_pace(now, window=10, minimum=11)
        body.receive(b"a")
        await asyncio.sleep(0)
        assert not body.broken
    body.check_pace(10, window=10, minimum=11)
    assert body.broken
    with pytest.raises(CyfsError) as caught:
        await reader
    assert (caught.value.code, caught.value.context["status"]) == (ErrorCode.TIMEOUT, 408)


async def test_a_slow_handler_is_not_a_slow_sender() -> None:
    """The pace of a body is measured only while its reader waits for it."""
    body = StreamBody(2, lambda: None)
    for now in range(1000):
        body.check_pace(now, window=1, minimum=1)
    assert not body.broken
    body.receive(b"ab")
    assert await body.read(2) == b"ab"


def test_a_taker_that_takes_nothing_stalls() -> None:
    transport = SlowTransport()
    outlet = outlet_of(transport)
    assert not outlet.stalled(5, limit=60)
    outlet.write(b"a" * 100)
    assert not outlet.stalled(64, limit=60)
    assert outlet.stalled(65, limit=60)


def test_a_slow_taker_is_not_a_stalled_one() -> None:
    transport = SlowTransport()
    outlet = outlet_of(transport)
    outlet.write(b"a" * 1000)
    for now in range(0, 500, 50):
        transport.waiting -= 1
        assert not outlet.stalled(now, limit=60)


def test_a_sender_that_refills_does_not_hide_that_something_is_taken() -> None:
    transport = SlowTransport()
    outlet = outlet_of(transport)
    outlet.write(b"a" * 100)
    for now in range(0, 500, 50):
        assert not outlet.stalled(now, limit=60)
        transport.waiting -= 10
        outlet.write(b"a" * 10)


def test_a_sender_that_adds_does_not_hide_that_nothing_is_taken() -> None:
    outlet = outlet_of(SlowTransport())
    outlet.write(b"a")
    assert not outlet.stalled(0, limit=60)
    outlet.write(b"a")
    assert outlet.stalled(60, limit=60)


def test_an_idle_connection_does_not_stall() -> None:
    outlet = outlet_of(SlowTransport())
    assert not outlet.stalled(10_000, limit=60)


async def test_a_sender_that_never_waits_sees_at_once_that_the_connection_is_lost() -> None:
    transport = SlowTransport()
    outlet = outlet_of(transport)
    await outlet.send(b"a")
    transport.closing = True
    with pytest.raises(CyfsError) as caught:
        await outlet.send(b"b")
    assert caught.value.code == ErrorCode.CONNECTION_RESET
    assert transport.waiting == 1


async def test_a_sender_that_waits_goes_on_when_there_is_room_or_the_connection_is_lost() -> None:
    transport = SlowTransport()
    outlet = outlet_of(transport)
    outlet.pause()
    sending = asyncio.ensure_future(outlet.send(b"a"))
    await asyncio.sleep(0)
    assert not sending.done()
    outlet.resume()
    await sending
    outlet.pause()
    sending = asyncio.ensure_future(outlet.send(b"b"))
    await asyncio.sleep(0)
    transport.closing = True
    outlet.lost()
    with pytest.raises(CyfsError):
        await sending
