"""What the SDK does when WebSockets come and go, and with what a stack must not say."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from cyfs_edge.net.ws_client import MESSAGE_MAX
from cyfs_edge.sdk import (
    Category,
    CyfsError,
    CyfsStack,
    ErrorCode,
    EventCategory,
    HandlerCall,
    NonLevel,
    ObjectId,
    bucky_now,
    make_text,
)
from cyfs_edge.sdk.handlers import Handlers
from cyfs_edge.wire.ws_packet import WsCommand, WsPacket
from tests.node import DEC
from tests.unit.net.loops import until
from tests.unit.net.ws_client import serving
from tests.unit.sdk.stub import StubWs, stub_http

APP = ObjectId.from_text(DEC)
TAKEN = b'{"err":"0"}'


async def nothing(call: HandlerCall) -> None:
    return None


def handlers(port: int) -> Handlers:
    return Handlers("127.0.0.1", port, APP, retry_first=0.01)


async def add(target: Handlers, name: str = "h") -> None:
    await target.add(Category.POST_OBJECT, name, nothing, req_path="/a")


def names(stub: StubWs) -> list[str]:
    return [json.loads(packet.content)["id"] for packet in stub.seen]


async def test_handlers_are_registered_again_on_the_next_connection() -> None:
    stub = StubWs([TAKEN] * 5)
    async with serving(stub) as served:
        target = handlers(served.port)
        await add(target, "one")
        await add(target, "two")
        await target.remove(Category.POST_OBJECT, "one")
        stub.sessions[0].abort()
        await until(lambda: len(stub.sessions) == 2 and len(stub.seen) == 4)
        await add(target, "three")
        await target.close()
    assert names(stub) == ["one", "two", "one", "two", "three"]


async def test_a_call_waits_for_the_next_connection() -> None:
    """The first one breaks before the answer."""
    stub = StubWs()
    async with serving(stub) as served:
        target = handlers(served.port)
        adding = asyncio.ensure_future(add(target))
        await until(lambda: stub.seen)
        stub.answers.append(TAKEN)
        stub.sessions[0].abort()
        await adding
        await target.close()
    assert names(stub) == ["h", "h"]


async def test_a_refusal_is_raised_and_not_tried_again() -> None:
    stub = StubWs([b'{"err":"12","msg":"not yours"}'])
    async with serving(stub) as served:
        target = handlers(served.port)
        with pytest.raises(CyfsError, match="not yours") as caught:
            await add(target)
        assert caught.value.code == ErrorCode.PERMISSION_DENIED
        stub.sessions[0].abort()
        await until(lambda: stub.closed == 1)
        await target.close()
    assert len(stub.seen) == 1


async def test_nobody_listens_and_then_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    target = handlers(free.getsockname()[1])
    with pytest.raises(CyfsError, match="no WebSocket at") as caught:
        await target._link.ask(WsCommand.HANDLER_ADD, b"{}", timeout=0.1)
    assert caught.value.code == ErrorCode.TIMEOUT
    free.close()
    await target.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"chain":"nowhere","category":"post_object","id":"h","param":"{}"}',
        b'{"chain":"handler","category":"post_object","id":"h","param":"{"}',
        b'{"chain":"handler","category":"post_object","id":"h","param":"{}"}',
    ],
)
async def test_a_bad_call_gets_an_error_answer(content: bytes) -> None:
    stub = StubWs([TAKEN])
    async with serving(stub) as served:
        target = handlers(served.port)
        await add(target)
        with pytest.raises(CyfsError) as caught:
            await stub.sessions[0].calls.ask(WsCommand.HANDLER_EVENT, content, 10)
        assert caught.value.code in (ErrorCode.INVALID_FORMAT, ErrorCode.NOT_FOUND)
        await target.close()


async def test_a_listener_that_fails_is_told_and_stays() -> None:
    async def fail(event: dict[str, Any]) -> None:
        raise ValueError("a fault in the app")

    stub = StubWs([TAKEN])
    event = b'{"category":"test_event","id":"e","param":"{\\"request\\":{}}"}'
    async with serving(stub) as served, CyfsStack(APP, ws=f"127.0.0.1:{served.port}") as stack:
        await stack.events.add(EventCategory.TEST_EVENT, "e", fail)
        for _ in range(2):
            with pytest.raises(CyfsError, match="a fault in the app") as caught:
                await stub.sessions[0].calls.ask(WsCommand.EVENT_EMIT, event, 10)
            assert caught.value.code == ErrorCode.EXECUTE_ERROR


async def test_requests_over_websocket_break_with_it_and_the_next_one_connects() -> None:
    answer = b"HTTP/1.1 404 X\r\ncontent-length: 24\r\n\r\n" + b'{"code":"4","msg":"no!"}'
    stub = StubWs()
    async with serving(stub) as served, CyfsStack(APP, ws=f"127.0.0.1:{served.port}", over_ws=True) as stack:
        asking = asyncio.ensure_future(stack.util.get_device())
        await until(lambda: stub.seen)
        stub.sessions[0].abort()
        with pytest.raises(CyfsError) as caught:
            await asking
        assert caught.value.code == ErrorCode.CONNECTION_ABORTED
        stub.answers += [answer, WsPacket(0, WsCommand.ERROR, b'{"code":"22","msg":"bad"}'), b"no HTTP"]
        for code in (ErrorCode.NOT_FOUND, ErrorCode.INVALID_DATA, ErrorCode.INVALID_DATA):
            with pytest.raises(CyfsError) as caught:
                await stack.util.get_device()
            assert caught.value.code == code
        assert len(stub.sessions) == 2


async def test_a_message_that_the_gateway_would_not_take_is_not_sent() -> None:
    stub = StubWs()
    big = make_text("big", "", "x" * MESSAGE_MAX, update_time=bucky_now())
    async with serving(stub) as served, CyfsStack(APP, ws=f"127.0.0.1:{served.port}", over_ws=True) as stack:
        with pytest.raises(CyfsError) as caught:
            await stack.non.put(big, level=NonLevel.NOC)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert stub.seen == []


@pytest.mark.parametrize(
    ("call", "reply"),
    [
        (lambda stack: stack.non.put(make_text("a", "", "b", update_time=1)), b"cyfs-result: Odd\r\n\r\n"),
        (lambda stack: stack.non.get(APP), b"content-length: 3\r\n\r\nabc"),
        (lambda stack: stack.util.get_zone(), b"content-length: 0\r\n\r\n"),
        (lambda stack: stack.util.get_noc_info(), b"content-length: 2\r\n\r\n[]"),
        (lambda stack: stack.root_state.get_current_root(), b"content-length: 2\r\n\r\n{}"),
        (lambda stack: stack.root_state.list("/"), b"content-length: 5\r\n\r\n[1,2]"),
        (lambda stack: stack.root_state.get_by_path("/"), b"cyfs-revision: x\r\ncontent-length: 0\r\n\r\n"),
        (lambda stack: stack.crypto.verify(make_text("a", "", "b", update_time=1)), b"content-length: 2\r\n\r\n{}"),
    ],
)
async def test_a_success_that_is_none_is_a_coded_error(call: Any, reply: bytes) -> None:
    async with stub_http() as stub, CyfsStack(APP, http=stub.address, timeout=5) as stack:
        head = b"HTTP/1.1 200 OK\r\n"
        stub.replies.append(head + (reply if b"content-length" in reply else b"content-length: 0\r\n" + reply))
        with pytest.raises(CyfsError):
            await call(stack)
