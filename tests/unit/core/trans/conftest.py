"""Two whole nodes in memory: ``node`` downloads, over real HTTP, from ``source``, which may misbehave."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest_asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode, make_object_id
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_file
from cyfs_edge.stack import compose
from cyfs_edge.wire.config import TransConfig
from cyfs_edge.wire.message import BodyStream, Headers, HttpRequest, HttpResponse
from tests.node import DEC, NOW, PEOPLE, Node, Reply, make_node, read_body

SOURCE = make_object_id(bytes([1] * 32), ObjectTypeCode.DEVICE)
SECOND = make_object_id(bytes([2] * 32), ObjectTypeCode.DEVICE)
NOWHERE = make_object_id(bytes([3] * 32), ObjectTypeCode.DEVICE)
OWNER = ObjectId.from_text(PEOPLE)


@dataclass
class Door:
    """The way to a node. ``wrong``: ids whose bytes come out wrong; ``longer``: … with one byte too many; ``refused``:
    … that are answered by an error of this status; ``stuck``: … that do not come before ``let_go``; ``cut``: … of which
    half comes, with a wrong byte, and then the connection ends; ``whole``: … of which no ranges are given.
    """

    node: Node
    server: HttpServer | None = None
    port: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    longer: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        sock = listen_tcp("127.0.0.1", 0)
        self.port = sock.getsockname()[1]
        self.server = HttpServer(self.handle)
        await self.server.start(sock)

    async def handle(self, request: HttpRequest) -> HttpResponse:
        object_id = request.headers.get("cyfs-object-id") or ""
        self.asked[object_id] += 1
        self.headers.append(dict(request.headers.items))
        if object_id in self.stuck:
            await self.let_go.wait()
        if object_id in self.refused:
            return HttpResponse(self.refused[object_id])
        if object_id in self.whole:
            request.headers = Headers([pair for pair in request.headers.items if pair[0] != "range"])
        request.peer = replace(request.peer, uid=os.geteuid())
        response = await self.node.stack.handle(request)
        if object_id in self.wrong | self.longer and response.status < 300:
            body = await read_body(response) if isinstance(response.body, BodyStream) else response.body
            assert isinstance(body, bytes)
            response.body = body + b"x" if object_id in self.longer else bytes([body[0] ^ 1]) + body[1:]
        if object_id in self.cut:
            assert isinstance(response.body, bytes)
            response.body = BodyStream(len(response.body), half_of(response.body))
        return response


async def half_of(data: bytes) -> AsyncIterator[bytes]:
    yield bytes([data[0] ^ 1]) + data[1 : len(data) // 2]
    raise CyfsError(ErrorCode.ABORTED, "cut")


@pytest_asyncio.fixture
async def source(tmp_path: Path) -> AsyncIterator[Door]:
    made = await make_node(tmp_path / "source")
    door = Door(made)
    await door.open()
    yield door
    door.let_go.set()
    assert door.server is not None
    await door.server.close(1)
    await made.stack.close()


@pytest_asyncio.fixture
async def second(source: Door) -> AsyncIterator[Door]:
    """Another way to the same node."""
    door = Door(source.node)
    await door.open()
    yield door
    door.let_go.set()
    assert door.server is not None
    await door.server.close(1)


@pytest_asyncio.fixture
async def node(tmp_path: Path, source: Door, second: Door) -> AsyncIterator[Node]:
    addresses = {str(SOURCE): f"http://127.0.0.1:{source.port}", str(SECOND): f"http://127.0.0.1:{second.port}"}
    made = await make_node(tmp_path / "root", trans=TransConfig(addresses, stall=20))
    yield made
    await made.stack.close()


async def restarted(node: Node) -> Node:
    """The node after an end and a start, on the same store."""
    await node.stack.trans.close()
    stack = await compose(node.stack.config, node.identity, node.store, node.clock)
    await stack.trans.go_on()
    return Node(stack, node.store, node.clock, node.identity)


async def trans(node: Node, method: str, path: str, body: Any, dec: str = DEC, **headers: str) -> Reply:
    lines = {f"cyfs-{name.replace('_', '-')}": value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps({"common": {}, **body}).encode()
    return await node.send(method, f"/trans/{path}", {"cyfs-dec-id": dec, "cyfs-api-level": "router", **lines}, data)


async def create(
    node: Node, object_id: ObjectId | str, path: Path | str = "", devices: Sequence[ObjectId] = (SOURCE,), **more: Any
) -> str:
    body = {
        "object_id": str(object_id),
        "local_path": str(path),
        "device_list": [str(device) for device in devices],
        "auto_start": True,
        **more,
    }
    reply = await trans(node, "POST", "task", body)
    assert reply.status == 200, reply.body
    return str(reply.json["task_id"])


async def state(node: Node, task_id: str) -> Any:
    reply = await trans(node, "POST", "task/state", {"task_id": task_id})
    assert reply.status == 200, reply.body
    return reply.json["state"]


async def ended(node: Node, task_id: str) -> Any:
    """The state in which a task ends."""
    async with asyncio.timeout(20):
        while (found := await state(node, task_id)) == "Pending" or "Downloading" in found:
            await asyncio.sleep(0.005)
    return found


def pieces_of(count: int, size: int = 1000, seed: int = 1) -> list[bytes]:
    return [hashlib.sha256(b"%d %d" % (seed, index)).digest() * (size // 32 + 1) for index in range(count)]


async def put_file(node: Node, pieces: Sequence[bytes], *, only_object: bool = False, **more: Any) -> NamedObject:
    """A file of these chunks, on a node."""
    whole = b"".join(pieces)
    chunk_ids = [ChunkId.of_data(piece) for piece in pieces]
    length = more.pop("length", len(whole))
    digest = more.pop("digest", hashlib.sha256(whole).digest())
    file = make_file(OWNER, length, digest, chunk_ids, update_time=NOW, create_time=NOW)
    assert (await node.put_raw(file.raw)).status == 200
    for piece in () if only_object else pieces:
        await node.store.chunks.put(ChunkId.of_data(piece), piece)
    return file
