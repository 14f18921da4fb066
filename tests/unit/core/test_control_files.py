"""The calls for files in bulk: what they keep and for how long, what they know, what they refuse."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.core.ports import Claim, Keep
from cyfs_edge.objects.builder import build_object
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import make_dir_of_list
from cyfs_edge.objects.dir_list import EMPTY_LIST
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_file
from cyfs_edge.wire import file_batch
from cyfs_edge.wire.file_batch import Asked, MadeFile, Seen
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from tests.node import BytesBody, Node, Reply, make_node, read_body


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    return await make_node(tmp_path)


async def call(node: Node, method: str, name: str, body: bytes) -> Reply:
    request = HttpRequest(
        method, f"/control/{name}", Headers([("host", "localhost")]), BytesBody(body), Peer("local", uid=os.geteuid())
    )
    response = await node.stack.control.handle(request)
    return Reply(response.status, dict(response.headers), await read_body(response))


def file_of(data: bytes) -> NamedObject:
    chunks = [ChunkId.of_data(data)] if data else []
    return make_file(None, len(data), hashlib.sha256(data).digest(), chunks, update_time=0)


def chunks_of(*datas: bytes) -> bytes:
    return file_batch.encode_chunks((ChunkId.of_data(data), data) for data in datas)


async def bring(node: Node, data: bytes, seen: Seen | None = None) -> ObjectId:
    made = file_of(data)
    assert (await call(node, "PUT", "chunks", chunks_of(data))).status == 200
    assert (await call(node, "PUT", "files", file_batch.encode_files([MadeFile(made.raw, seen)]))).status == 200
    return made.object_id


async def known(node: Node, *seen: Seen, begin: str | None = None) -> list[ObjectId | None]:
    reply = await call(node, "POST", "files_known", file_batch.encode_asked(Asked(seen, begin)))
    assert reply.status == 200
    return [None if one == NULL_ID else one for one in file_batch.decode_ids(reply.body)]


async def test_chunks_are_kept_while_a_file_refers_to_them(node: Node) -> None:
    assert (await call(node, "PUT", "chunks", chunks_of(b"a", b"", b"a"))).json == {"new": 2}
    assert (await call(node, "PUT", f"chunk/{ChunkId.of_data(b'a')}", b"a")).json == {"new": 0}
    assert set(node.store.chunks.claims.values()) == {Claim(SYSTEM_DEC_ID, Keep.REFERRED, node.stack.zone.zone.owner)}
    ids = [ChunkId.of_data(data) for data in (b"a", b"b", b"")]
    reply = await call(node, "POST", "chunks_here", file_batch.encode_ids(ids))
    assert file_batch.decode_answers(reply.body, 3) == [True, False, True]


async def test_a_file_is_stored_when_its_chunks_are_here_and_can_be_found(node: Node) -> None:
    made = file_of(b"content")
    early = await call(node, "PUT", "files", file_batch.encode_files([MadeFile(made.raw)]))
    assert (early.status, early.code) == (404, ErrorCode.NOT_FOUND)
    assert await node.store.objects.get(made.object_id) is None
    await bring(node, b"content")
    record = await node.store.objects.get(made.object_id)
    assert record is not None
    assert record.create_dec_id == SYSTEM_DEC_ID
    entry = await node.store.files.by_hash(hashlib.sha256(b"content").digest())
    assert entry is not None
    assert (entry.file_id, entry.chunks) == (made.object_id, (ChunkId.of_data(b"content"),))


async def test_a_dir_needs_the_chunk_of_its_list_unless_it_carries_it(node: Node) -> None:
    listed = b"\0\x01" + (60_000).to_bytes(2, "big") + b"n" * 60_000 + bytes(5) + file_of(b"").object_id
    listed = b"\0\x02" + listed[2:] + listed[2:].replace(b"n", b"o")
    carried, alone = (make_dir_of_list(None, listed, update_time=0, carry=carry) for carry in (True, False))
    for made, status in ((alone, 404), (carried, 200), (make_dir_of_list(None, EMPTY_LIST, update_time=0), 200)):
        assert (await call(node, "PUT", "files", file_batch.encode_files([MadeFile(made.raw)]))).status == status
    await call(node, "PUT", f"chunk/{ChunkId.of_data(listed)}", listed)
    assert (await call(node, "PUT", "files", file_batch.encode_files([MadeFile(alone.raw)]))).status == 200


async def test_a_file_is_known_while_it_is_as_it_was_and_all_of_it_is_here(node: Node) -> None:
    seen = Seen("p/a", "1 7 5 5")
    file_id = await bring(node, b"content", seen)
    assert await known(node, seen, Seen("p/a", "1 7 6 5"), Seen("p/b", "1 7 5 5")) == [file_id, None, None]
    await node.store.chunks.delete(ChunkId.of_data(b"content"))
    assert await known(node, seen) == [None]
    await bring(node, b"content")
    assert await known(node, seen) == [file_id]
    await node.send("DELETE", "/non/", {"cyfs-object-id": str(file_id), "cyfs-dec-id": str(SYSTEM_DEC_ID)})
    assert await known(node, seen) == [None]


async def test_files_that_are_gone_are_forgotten_between_those_that_are_asked_for(node: Node) -> None:
    for key in ("p/a", "p/b", "p/c", "p/d", "q/a"):
        await bring(node, key.encode(), Seen(key, "1"))

    async def keys() -> list[str]:
        return [key async for key, _ in node.store.records.list("file-memo")]

    await known(node, Seen("p/c", "1"))
    assert await keys() == ["p/a", "p/b", "p/c", "p/d", "q/a"]
    await known(node, Seen("p/a", "1"), Seen("p/c", "1"), begin="p/")
    assert await keys() == ["p/a", "p/c", "p/d", "q/a"]
    await known(node, Seen("p/\U0010ffff", ""), begin="p/c")
    assert await keys() == ["p/a", "p/c", "q/a"]


async def test_things_are_read_as_many_as_fit(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    datas = [bytes([number]) * 400 for number in range(5)]
    ids = [ChunkId.of_data(data) for data in datas]
    file_id = await bring(node, datas[0])
    await call(node, "PUT", "chunks", chunks_of(*datas))
    asked = [file_id, ids[0], ChunkId.of_data(b"absent"), ObjectId(file_id[:-1] + b"\0"), *ids[1:]]
    monkeypatch.setattr(file_batch, "BATCH_SIZE", 1000)
    reply = await call(node, "POST", "read", file_batch.encode_ids(asked))
    items = file_batch.decode_items(reply.body)
    assert items == [file_of(datas[0]).raw, datas[0], None, None, datas[1]]
    monkeypatch.setattr(file_batch, "BATCH_SIZE", 10)
    one = file_batch.decode_items((await call(node, "POST", "read", file_batch.encode_ids(ids))).body)
    assert one == datas[:1], "one always comes, or nobody would get it"


def bad_bodies() -> Iterator[tuple[str, str, bytes, int]]:
    chunk = ChunkId.of_data(b"abc")
    yield "PUT", "chunks", chunk + b"ab", 500
    yield "PUT", "chunks", chunk + b"abd", 400
    yield "PUT", "chunks", SYSTEM_DEC_ID + b"abc", 500
    yield "PUT", f"chunk/{chunk}", b"abd", 400
    yield "PUT", f"chunk/{chunk}", b"ab", 500
    yield "PUT", "chunk/nothing", b"", 400
    yield "POST", "chunks_here", b"x" * 33, 400
    yield "PUT", "files", b"\x05abc", 500
    yield "PUT", "files", file_batch.encode_files([MadeFile(b"abc")]), 500
    other = build_object(40_000, desc_content=b"x").raw
    yield "PUT", "files", file_batch.encode_files([MadeFile(other)]), 400
    yield "PUT", "files", file_batch.encode_files([MadeFile(file_of(b"").raw, Seen("k" * 500, "1"))]), 400
    yield "POST", "files_known", b"\1\0", 500
    yield "POST", "read", b"abc", 400
    yield "POST", "read", bytes(ChunkId.of_hash(bytes(32), 65 << 20)), 413


@pytest.mark.parametrize(("method", "name", "body", "status"), list(bad_bodies()))
async def test_bad_calls_are_errors_and_store_nothing(
    node: Node, method: str, name: str, body: bytes, status: int
) -> None:
    before = node.store.stat()
    reply = await call(node, method, name, body)
    assert reply.status == status
    assert reply.code
    after = node.store.stat()
    assert after.chunk_count == before.chunk_count


async def test_ids_of_a_call(node: Node) -> None:
    ids = file_batch.encode_ids([ChunkId.of_data(b"x")] * (file_batch.IDS_MAX + 1))
    assert (await call(node, "POST", "chunks_here", ids)).status == 413
    chunks = chunks_of(*[b""] * (file_batch.IDS_MAX + 1))
    assert (await call(node, "PUT", "chunks", chunks)).status == 413
    files = file_batch.encode_files([MadeFile(b"")] * (file_batch.IDS_MAX + 1))
    assert (await call(node, "PUT", "files", files)).status == 413
    asked = file_batch.encode_asked(Asked((Seen("a", ""),) * (file_batch.IDS_MAX + 1)))
    assert (await call(node, "POST", "files_known", asked)).status == 413


async def test_size_of_a_batch(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await call(node, "PUT", "chunks", bytes(file_batch.BATCH_SIZE + 1))).status == 413
    large = file_batch.encode_files([MadeFile(bytes((16 << 20) + 1))])
    assert (await call(node, "PUT", "files", large)).status == 413


async def test_a_protocol_port_has_none_of_these_calls(node: Node) -> None:
    for method, name in (("PUT", "chunks"), ("POST", "read"), ("PUT", "files")):
        assert (await node.send(method, f"/control/{name}")).status == 404
