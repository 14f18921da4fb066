"""Handlers and listeners over WebSocket on a node in memory: time, messages that lack something (websocket.md §5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cyfs_edge.net.ws_commands import WsCommands
from cyfs_edge.net.ws_handlers import WsHandlers
from cyfs_edge.wire.ws_packet import WsCommand
from tests.node import DEC, Node, make_node
from tests.unit.core.handlers.routines import post
from tests.unit.net.ws_client import WsClient, serving

ADD = {
    "chain": "handler",
    "category": "post_object",
    "id": "h",
    "dec_id": DEC,
    "param": {"index": 0, "default_action": "Drop", "req_path": "/ask", "routine": "1"},
}
LISTEN = {"category": "test_event", "id": "e", "dec_id": DEC, "index": "0", "routine": "1"}


@asynccontextmanager
async def connected(root: Path, timeout: float) -> AsyncIterator[tuple[Node, WsClient]]:
    node = await make_node(root, local_users="any")
    own = WsHandlers(node.stack.handlers, node.stack.events, node.stack.source_of, timeout)
    async with serving(WsCommands(own.commands())) as served, served.client() as client:
        yield node, client
    await node.stack.close()


async def test_a_client_that_does_not_answer_in_time_is_its_default_action(tmp_path: Path) -> None:
    async with connected(tmp_path, timeout=0.02) as (node, client):
        assert (await client.ask(1, WsCommand.HANDLER_ADD, json.dumps(ADD).encode())).content == b'{"err":"0"}'
        assert (await post(node, "/ask")).code == 31
        (handler,) = node.stack.registry
        assert "no answer over WebSocket within 0.02 s" in handler.last_failure
        late = await client.packet()
        await client.send_packet(late.seq, WsCommand.ANSWER, b'{"action":"Reject"}')
        assert (await post(node, "/ask")).code == 31


async def test_a_client_that_answers_with_an_error_packet_is_its_default_action(tmp_path: Path) -> None:
    async with connected(tmp_path, timeout=30) as (node, client):
        await client.ask(1, WsCommand.HANDLER_ADD, json.dumps(ADD).encode())
        asked = asyncio.create_task(post(node, "/ask"))
        await client.send_packet((await client.packet()).seq, WsCommand.ERROR, b'{"code":"4","msg":"unknown id"}')
        assert (await asked).code == 31


async def test_a_listener_that_does_not_answer_in_time_is_passed_over(tmp_path: Path) -> None:
    async with connected(tmp_path, timeout=0.02) as (node, client):
        assert (await client.ask(1, WsCommand.EVENT_ADD, json.dumps(LISTEN).encode())).content == b'{"err":"0"}'
        assert await node.stack.events.test_event() is False


@pytest.mark.parametrize(
    ("cmd", "content", "code"),
    [
        (WsCommand.HANDLER_ADD, "junk", 8),
        (WsCommand.HANDLER_ADD, "[]", 8),
        (WsCommand.HANDLER_ADD, json.dumps({**ADD, "id": 5}), 8),
        (WsCommand.HANDLER_ADD, json.dumps({**ADD, "id": ""}), 8),
        (WsCommand.HANDLER_ADD, json.dumps({**ADD, "dec_id": "x"}), 8),
        (WsCommand.HANDLER_ADD, json.dumps({**ADD, "param": None}), 4),
        (WsCommand.HANDLER_ADD, json.dumps({**ADD, "param": []}), 8),
        (WsCommand.HANDLER_REMOVE, json.dumps({"chain": "handler", "category": "post_object"}), 4),
        (WsCommand.EVENT_ADD, json.dumps({**LISTEN, "index": "x"}), 8),
        (WsCommand.EVENT_ADD, json.dumps({**LISTEN, "routine": None}), 4),
        (WsCommand.EVENT_REMOVE, "{}", 4),
    ],
)
async def test_messages_that_cannot_be_read_get_an_error_packet(
    tmp_path: Path, cmd: int, content: str, code: int
) -> None:
    async with connected(tmp_path, timeout=30) as (node, client):
        reply = await client.ask(1, cmd, content.encode())
        assert (reply.cmd, json.loads(reply.content)["code"]) == (WsCommand.ERROR, str(code))
        assert node.stack.registry.idle
