"""chunk-manager and file-manager: their calls on the common store, their errors, and who may call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.callers import Callers
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import make_dir_of_list
from cyfs_edge.objects.dir_list import EMPTY_LIST
from cyfs_edge.objects.file import make_file
from cyfs_edge.wire.chunk_manager import ChunkSet, GetKind
from cyfs_edge.wire.message import Headers, HttpHandler, HttpRequest, Peer
from tests.node import DEC, BytesBody, Node, Reply, make_node, read_body

APP = 20_001
DATA = b"some chunk"
CHUNK = ChunkId.of_data(DATA)
FILE = make_file(None, len(DATA), bytes(32), [CHUNK], update_time=0)


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    return await make_node(tmp_path)


async def send(
    handler: HttpHandler,
    method: str,
    target: str,
    body: bytes = b"",
    uid: int | None = os.geteuid(),
    **headers: str,
) -> Reply:
    lines = {"host": "127.0.0.1:1310"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = HttpRequest(method, target, Headers(lines.items()), BytesBody(body), Peer("127.0.0.1:5", uid=uid))
    response = await handler(request)
    return Reply(response.status, dict(response.headers), await read_body(response))


def chunk_set(node: Node, data: bytes = DATA, chunk_id: ChunkId = CHUNK) -> bytes:
    return ChunkSet(node.identity.device.object_id, chunk_id, data).encode()


def chunk_get(chunk_id: ChunkId = CHUNK, kind: int = GetKind.DATA) -> bytes:
    return bytes(64) + chunk_id + bytes(8) + bytes((kind,))


async def test_a_chunk_is_set_and_got(node: Node) -> None:
    handle = node.stack.chunk_manager.handle
    reply = await send(handle, "POST", "/set_chunk", chunk_set(node))
    assert (reply.status, reply.body) == (200, node.identity.device.object_id + CHUNK + b"\0")
    assert await node.store.chunks.read_whole(CHUNK) == DATA
    assert (await send(handle, "POST", "/get_chunk", chunk_get())).body == DATA
    # As in the reference: an unknown kind is data, and what follows a request is not looked at.
    assert (await send(handle, "POST", "/get_chunk", chunk_get(kind=9) + b"more")).body == DATA
    seen = await node.send("GET", "/ndn/", {"cyfs-ndn-action": "get-data", "cyfs-object-id": str(CHUNK)})
    assert seen.body == DATA


async def test_every_failure_of_the_chunk_manager_is_503(node: Node) -> None:
    handle = node.stack.chunk_manager.handle
    other = ChunkSet(ObjectId(bytes(32)), CHUNK, DATA).encode()
    for path, body in (
        ("/get_chunk", chunk_get()),
        ("/get_chunk", b""),
        ("/get_chunk", chunk_get(kind=0)),
        ("/get_chunk", chunk_get(kind=1)),
        ("/get_chunk", bytes(2000)),
        ("/set_chunk", chunk_set(node)[:-1]),
        ("/set_chunk", chunk_set(node, b"some other")),
        ("/set_chunk", chunk_set(node, DATA + b"!")),
        ("/set_chunk", other),
        ("/create_chunk_delegate", b""),
        ("/redeem_chunk_proof", b""),
        ("/query_chunk_delegate", b""),
        ("/nothing", b""),
    ):
        reply = await send(handle, "POST", path, body)
        assert (reply.status, bool(reply.code)) == (503, True), path
    assert (await send(handle, "GET", "/get_chunk")).status == 405
    assert node.store.stat().chunk_count == 0


async def test_a_file_is_set_and_got(node: Node) -> None:
    handle = node.stack.file_manager.handle
    assert (await send(handle, "POST", "/set_file", FILE.raw)).status == 200
    for _ in range(2):
        reply = await send(handle, "GET", f"/get_file?fileid={FILE.object_id}")
        assert (reply.status, reply.body) == (200, FILE.raw)
    assert (await node.get(FILE.object_id)).body == FILE.raw


async def test_every_failure_of_the_file_manager_is_400(node: Node) -> None:
    handle = node.stack.file_manager.handle
    folder = make_dir_of_list(None, EMPTY_LIST, update_time=0)
    await node.put_raw(folder.raw)
    for query in ("", "?fileid=", "?fileid=x", f"?fileid={FILE.object_id}", f"?fileid={folder.object_id}", "?id=1"):
        assert (await send(handle, "GET", "/get_file" + query)).status == 400, query
    for body in (b"", b"junk", FILE.raw[:-1], folder.raw):
        assert (await send(handle, "POST", "/set_file", body)).status == 400
    assert (await send(handle, "POST", "/get_file")).status == 404
    assert (await send(handle, "GET", "/")).status == 404


async def test_requests_are_as_long_as_they_may_be(node: Node) -> None:
    reply = await send(node.stack.chunk_manager.handle, "POST", "/get_chunk", bytes(1025))
    assert (reply.status, reply.code) == (503, ErrorCode.OUT_OF_LIMIT)
    reply = await send(node.stack.file_manager.handle, "POST", "/set_file", bytes((16 << 20) + 1))
    assert (reply.status, reply.code) == (400, ErrorCode.OUT_OF_LIMIT)


class Table:
    def dec_of(self, uid: int) -> ObjectId | None:
        return ObjectId.from_text(DEC) if uid == APP else None


@pytest.mark.parametrize("name", ["chunk_manager", "file_manager"])
async def test_who_may_call(node: Node, name: str) -> None:
    gate = getattr(node.stack, name)._gate
    object.__setattr__(gate, "callers", Callers(500, Table(), apps=range(20_000, 20_100)))
    handle = getattr(node.stack, name).handle
    for uid, refused in ((500, False), (0, False), (APP, False), (APP + 1, True), (1000, True), (None, True)):
        reply = await send(handle, "POST", "/set_file", FILE.raw, uid)
        assert (reply.status == 403) is refused, uid
    for headers in (
        {"host": "evil.example"},
        {"origin": "http://localhost"},
        {"sec_fetch_site": "none"},
        {"user_agent": "Mozilla/5.0 (X11) Chrome/100"},
    ):
        assert (await send(handle, "POST", "/set_file", FILE.raw, 500, **headers)).status == 403, headers


async def test_an_app_puts_as_itself_and_the_owner_as_the_system(node: Node) -> None:
    gate = node.stack.file_manager._gate
    object.__setattr__(gate, "callers", Callers(500, Table(), apps=range(20_000, 20_100)))
    second = make_file(None, 0, bytes(32), [], update_time=0)
    for uid, made, dec in ((500, FILE, SYSTEM_DEC_ID), (APP, second, ObjectId.from_text(DEC))):
        assert (await send(node.stack.file_manager.handle, "POST", "/set_file", made.raw, uid)).status == 200
        record = await node.store.objects.get(made.object_id)
        assert record is not None
        assert record.create_dec_id == dec
