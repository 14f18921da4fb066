"""Handlers and events of a real gateway, with a WebSocket client that owes it nothing (websocket.md §4, §5, §7)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cyfs_edge.wire.ws_packet import WsCommand, WsPacket, decode_packet
from tests.gateway_process import GatewayProcess, running, start, write_identity
from tests.interop.recorded import load
from tests.node import DEC, OBJECTS, id_of

SYSTEM = "9tGpLNncauC9kGhZ7GsztFvVegaKwBXoSDjkxGDHqrn6"
ANSWER = {"action": "Response", "response": {"value": {}}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_identity(tmp_path / "root", load().root_files())
    return tmp_path / "root"


@pytest.fixture
def gateway(root: Path) -> Iterator[GatewayProcess]:
    with running(root) as process:
        yield process


class Client:
    """One WebSocket of a DecApp."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._seq = 0

    async def packet(self) -> WsPacket:
        return decode_packet(await self.ws.receive_bytes(timeout=20))

    async def ask(self, cmd: int, content: object) -> dict[str, Any]:
        """Sends a request; the next packet must be its answer."""
        self._seq += 1
        await self.ws.send_bytes(WsPacket(self._seq, cmd, json.dumps(content).encode()).encode())
        packet = await self.packet()
        assert packet.seq == self._seq
        answer: dict[str, Any] = json.loads(packet.content)
        return answer

    async def add(self, chain: str, category: str, dec: str = DEC, name: str = "h", **param: object) -> None:
        members = {"index": 0, "default_action": "Default", "routine": "1", **param}
        key = {"chain": chain, "category": category, "id": name, "dec_id": dec}
        assert await self.ask(WsCommand.HANDLER_ADD, {**key, "param": members}) == {"err": "0"}

    async def answer(self, packet: WsPacket, content: object) -> None:
        await self.ws.send_bytes(WsPacket(packet.seq, WsCommand.ANSWER, json.dumps(content).encode()).encode())


@asynccontextmanager
async def client(gateway: GatewayProcess) -> AsyncIterator[tuple[aiohttp.ClientSession, Client]]:
    url = f"http://{gateway.ws[0]}:{gateway.ws[1]}/"
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as ws:
        yield http, Client(ws)


async def post(http: aiohttp.ClientSession, gateway: GatewayProcess, path: str) -> int:
    """The status of a post_object."""
    headers = {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_v1"), "cyfs-req-path": path}
    async with http.post(base(gateway) + "/non/", data=OBJECTS["text_v1"], headers=headers) as reply:
        await reply.read()
        return reply.status


def base(gateway: GatewayProcess) -> str:
    return f"http://{gateway.http[0]}:{gateway.http[1]}"


async def test_many_calls_at_a_time_each_get_their_own_answer(gateway: GatewayProcess) -> None:
    async with client(gateway) as (http, app):
        await app.add("handler", "post_object", req_path="/ask")
        posts = [asyncio.create_task(post(http, gateway, f"/ask/{n}")) for n in range(40)]
        calls = [await app.packet() for _ in posts]
        for call in reversed(calls):
            path = json.loads(json.loads(call.content)["param"])["request"]["common"]["req_path"]
            number = int(path.rpartition("/")[2])
            await app.answer(call, ANSWER if number % 2 else {"action": "Reject"})
        assert await asyncio.gather(*posts) == [200 if n % 2 else 403 for n in range(40)]


async def test_a_disconnect_in_the_middle_of_a_call_is_the_default_action(gateway: GatewayProcess) -> None:
    """At once, and so for later calls, until the client has come back."""
    async with client(gateway) as (http, _):
        async with client(gateway) as (_, app):
            await app.add("handler", "post_object", req_path="/ask", default_action="Drop")
            asked = asyncio.create_task(post(http, gateway, "/ask"))
            await app.packet()
        assert await asked == 406
        assert await post(http, gateway, "/ask") == 406
        async with client(gateway) as (_, app):
            await app.add("handler", "post_object", req_path="/ask", default_action="Drop")
            asked = asyncio.create_task(post(http, gateway, "/ask"))
            await app.answer(await app.packet(), ANSWER)
            assert await asked == 200


async def test_a_requester_that_leaves_does_not_disturb_the_handler(gateway: GatewayProcess) -> None:
    async with client(gateway) as (http, app):
        await app.add("handler", "post_object", req_path="/ask")
        asked = asyncio.create_task(post(http, gateway, "/ask"))
        call = await app.packet()
        asked.cancel()
        await app.answer(call, ANSWER)
        asked = asyncio.create_task(post(http, gateway, "/ask"))
        await app.answer(await app.packet(), ANSWER)
        assert await asked == 200


async def test_a_client_that_reads_nothing_holds_up_only_those_who_ask_it(gateway: GatewayProcess) -> None:
    """More calls than a client gets at a time, none answered: the gateway serves all others, also other handlers."""
    async with client(gateway) as (http, deaf), client(gateway) as (_, app):
        await deaf.add("handler", "post_object", name="deaf", req_path="/deaf", default_action="Drop")
        await app.add("handler", "post_object", req_path="/ask")
        stuck = [asyncio.create_task(post(http, gateway, "/deaf")) for _ in range(80)]
        await deaf.packet()
        other = aiohttp.ClientSession()
        async with other:
            asked = asyncio.create_task(post(other, gateway, "/ask"))
            await app.answer(await app.packet(), ANSWER)
            assert await asked == 200
        await deaf.ws.close()
        assert set(await asyncio.gather(*stuck)) == {406}


async def test_a_handler_may_call_the_node_before_it_answers(gateway: GatewayProcess) -> None:
    """Over the very connection on which it is being called."""
    async with client(gateway) as (http, app):
        await app.add("handler", "post_object", req_path="/ask")
        asked = asyncio.create_task(post(http, gateway, "/ask"))
        call = await app.packet()
        request = b"GET /util/device HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        await app.ws.send_bytes(WsPacket(900, WsCommand.HTTP, request).encode())
        assert (await app.packet()).content.startswith(b"HTTP/1.1 200 OK")
        await app.answer(call, ANSWER)
        assert await asked == 200


async def test_a_routine_over_http(gateway: GatewayProcess) -> None:
    """Registered, called, and skipped when its server is gone."""
    seen: list[str] = []

    async def routine(request: web.Request) -> web.Response:
        seen.append(request.path)
        assert "request" in json.loads(await request.read())
        return web.json_response(ANSWER)

    server = web.Application()
    server.router.add_post("/{tail:.*}", routine)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    param = {"index": 0, "default_action": "Reject", "req_path": "/ask", "routine": f"http://127.0.0.1:{port}/base/"}
    async with aiohttp.ClientSession() as http:
        url = f"{base(gateway)}/handler/non/handler/post_object/my%20id"
        async with http.post(url, json=param, headers={"cyfs-dec-id": DEC}) as reply:
            assert reply.status == 200
        assert await post(http, gateway, "/ask") == 200
        assert seen == ["/base/handler/post_object/my id/"]
        await runner.cleanup()
        assert await post(http, gateway, "/ask") == 403


async def test_a_test_event_reaches_its_listeners_in_order(gateway: GatewayProcess) -> None:
    async def emit() -> bool:
        connector = aiohttp.UnixConnector(str(gateway.root / "run" / "gateway.sock"))
        async with (
            aiohttp.ClientSession(connector=connector) as control,
            control.post("http://localhost/control/events/test_event") as reply,
        ):
            handled: bool = (await reply.json())["handled"]
            return handled

    async with client(gateway) as (_, app), client(gateway) as (_, other):
        for one, name, index in ((app, "second", 5), (other, "first", "-5")):
            key = {"category": "test_event", "id": name, "dec_id": DEC}
            assert await one.ask(WsCommand.EVENT_ADD, {**key, "index": index, "routine": "1"}) == {"err": "0"}
        emitted = asyncio.create_task(emit())
        first = await other.packet()
        assert (first.cmd, json.loads(first.content)) == (
            WsCommand.EVENT_EMIT,
            {"category": "test_event", "id": "first", "param": '{"request":{}}'},
        )
        await other.answer(first, {"handled": False, "call_next": True})
        await app.answer(await app.packet(), {"handled": True, "call_next": True})
        assert await emitted is True
        bare = {"category": "test_event", "id": "first"}
        assert await app.ask(WsCommand.EVENT_REMOVE, bare) == {"err": "4"}, "another connection's"
        assert await other.ask(WsCommand.EVENT_REMOVE, bare) == {"err": "0"}
        await app.ws.close()
        assert await emit() is False


async def test_default_actions_survive_a_kill(root: Path) -> None:
    """What was acknowledged is on disk."""
    gateway = start(root)
    try:
        async with client(gateway) as (_, app):
            await app.add("pre_noc", "put_object", SYSTEM, filter="obj_type == 41", default_action="Reject")
    finally:
        gateway.kill()
    headers = {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_v1")}
    with running(root) as again:
        async with aiohttp.ClientSession() as http:
            async with http.put(base(again) + "/non/", data=OBJECTS["text_v1"], headers=headers) as reply:
                assert reply.status == 403
            async with http.delete(
                base(again) + "/handler/non/pre_noc/put_object/h", headers={"cyfs-dec-id": SYSTEM}
            ) as reply:
                assert reply.status == 200
            async with http.put(base(again) + "/non/", data=OBJECTS["text_v1"], headers=headers) as reply:
                assert reply.status == 200
