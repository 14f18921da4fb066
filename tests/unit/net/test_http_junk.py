"""Junk against a live server: whatever is sent, there is a 4xx or a close, and the next client is served."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress

import pytest
from wsproto.events import BytesMessage

from cyfs_edge.net.ws_commands import WsCommands, http_command
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from cyfs_edge.wire.ws_packet import WsCommand
from tests import vector_count
from tests.unit.net import http_client, ws_client
from tests.unit.net.loops import both_loops

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SEEDS = [
    GET,
    b"PUT /non/ HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nabcde",
    b"PUT /a HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST http://127.0.0.1/a HTTP/1.1\r\nHost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\na",
    b"OPTIONS * HTTP/1.0\r\nconnection: close\r\n\r\n",
    *[
        bytes.fromhex(item["request"]["raw"]["hex"])
        for item in vector_count.load("http-replies.json")["items"]
        if item["group"] == "http" and item["transport"] == "tcp" and "hex" in item["request"]["raw"]
    ],
]
PIECES = [b"\r\n", b"\n", b"\0", b":", b" ", b"\t", b"\xff", b"0", b"-1", b"chunked", b"close", b"HTTP/1.1", b"a" * 99]


def mutated(rng: random.Random, seed: bytes) -> bytes:
    """``seed`` with a few cuts, doublings and pieces of trouble."""
    data = bytearray(seed)
    for _ in range(rng.randint(0, 4)):
        at = rng.randint(0, len(data))
        match rng.randint(0, 3):
            case 0:
                data[at : at + rng.randint(1, 8)] = b""
            case 1:
                data[at:at] = rng.choice(PIECES)
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 40)]
            case _:
                data[at : at + 1] = rng.randbytes(1)
    return bytes(data)


async def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [], await request.body.read(1000))


@both_loops
@pytest.mark.parametrize("seed", range(4))
async def test_http_junk(seed: int) -> None:
    rng = random.Random(seed)
    async with http_client.serving(echo) as served:
        for _ in range(150):
            data = mutated(rng, rng.choice(SEEDS))
            async with served.client() as client:
                client.writer.write(data)
                client.half_close()
                with suppress(asyncio.IncompleteReadError):
                    while True:
                        reply = await client.reply()
                        if reply.status == 100:
                            continue
                        assert reply.status == 200 or 400 <= reply.status < 500 or reply.status == 501, (data, reply)
                        if reply.status != 200:
                            assert set(json.loads(reply.body)) == {"code", "msg"}
        async with served.client() as client:
            assert (await client.ask(GET)).status == 200


@both_loops
@pytest.mark.parametrize("seed", range(4))
async def test_websocket_junk(seed: int) -> None:
    rng = random.Random(seed)
    handler = WsCommands({WsCommand.HTTP: http_command(echo)})
    frames = [
        bytes.fromhex(frame["hex"])
        for item in vector_count.load("http-replies.json")["items"]
        for frame in item.get("frames", [])
        if frame["dir"] == "client->server"
    ]
    async with ws_client.serving(handler) as served:
        for _ in range(100):
            async with served.raw() as client:
                packet = mutated(rng, rng.choice(frames))
                wire = client.ws.send(BytesMessage(packet))
                client.writer.write(mutated(rng, ws_client.HANDSHAKE) if rng.random() < 0.3 else ws_client.HANDSHAKE)
                client.writer.write(wire if rng.random() < 0.5 else mutated(rng, wire))
                client.half_close()
                await client.closed()
        async with served.client() as client:
            answer = await client.ask(1, WsCommand.HTTP, GET)
            assert answer.content.startswith(b"HTTP/1.1 200 OK")
