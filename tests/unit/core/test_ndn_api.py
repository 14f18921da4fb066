"""NDN calls on a whole node in memory: chunks, files, ranges, referers, both dialects (http-api §7, §15)."""

from __future__ import annotations

import json

import pytest

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange, make_dir
from cyfs_edge.objects.file import make_file
from tests.node import DEC, NOW, OBJECTS, PEOPLE, Node, Reply, id_of

HELLO = OBJECTS["chunk_hello"]
HELLO_ID = ChunkId.of_data(HELLO)


async def put_chunk(node: Node, data: bytes, **headers: str) -> Reply:
    extra = {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()}
    return await node.send(
        "PUT", "/ndn/", {"cyfs-dec-id": DEC, "cyfs-object-id": str(ChunkId.of_data(data)), **extra}, data
    )


async def get_data(node: Node, object_id: object, **headers: str) -> Reply:
    extra = {name if name == "range" else f"cyfs-{name.replace('_', '-')}": value for name, value in headers.items()}
    base = {"cyfs-dec-id": DEC, "cyfs-ndn-action": "get-data", "cyfs-object-id": str(object_id)}
    return await node.send("GET", "/ndn/", {**base, **extra})


async def make_file_of(node: Node, *pieces: bytes) -> ObjectId:
    import hashlib

    chunk_ids = []
    for piece in pieces:
        await put_chunk(node, piece)
        chunk_ids.append(ChunkId.of_data(piece))
    whole = b"".join(pieces)
    owner = ObjectId.from_text(PEOPLE)
    file = make_file(owner, len(whole), hashlib.sha256(whole).digest(), chunk_ids, update_time=NOW)
    await node.put_raw(file.raw)
    return file.object_id


async def test_chunk_put_get_delete(node: Node) -> None:
    assert (await put_chunk(node, HELLO)).headers["cyfs-result"] == "Accept"
    assert (await put_chunk(node, HELLO)).headers["cyfs-result"] == "AlreadyExists"
    reply = await get_data(node, HELLO_ID)
    assert (reply.status, reply.body) == (200, HELLO)
    assert reply.headers["cyfs-task-group"].startswith(f"{DEC}%2F")
    headers = {"cyfs-dec-id": DEC, "cyfs-object-id": str(HELLO_ID)}
    assert (await node.send("DELETE", "/ndn/", headers)).status == 200
    assert (await get_data(node, HELLO_ID)).code == 4


async def test_the_empty_chunk_can_be_put_and_read(node: Node) -> None:
    assert (await put_chunk(node, b"")).status == 200
    reply = await get_data(node, ChunkId.of_data(b""))
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    ("object_id", "body", "chunked", "status", "code"),
    [
        (str(HELLO_ID), b"hello chunk dat!", False, 400, 22),
        (str(HELLO_ID), b"short", False, 500, 28),
        (str(HELLO_ID), HELLO, True, 400, 22),
        (id_of("file_small"), b"x", False, 500, 27),
        ("zz", b"x", False, 400, 8),
    ],
)
async def test_put_refuses_what_is_not_the_chunk(
    node: Node, object_id: str, body: bytes, chunked: bool, status: int, code: int
) -> None:
    reply = await node.send("PUT", "/ndn/", {"cyfs-dec-id": DEC, "cyfs-object-id": object_id}, body, chunked)
    assert (reply.status, reply.code) == (status, code)
    assert not node.store.chunks.chunks


@pytest.mark.parametrize(
    ("text", "body", "content_range"),
    [
        ("bytes=0-4", b"hello", "bytes 0-4/16"),
        ("0-4", b"hello", "bytes 0-4/16"),
        ("bytes=-4", b"data", "bytes 12-15/16"),
        ("bytes=10-999", b"k data", "bytes 10-15/16"),
        ("bytes=0-1,4-5,99-", b"heo ", "bytes 0-1/16"),
    ],
)
async def test_ranges_of_a_chunk(node: Node, text: str, body: bytes, content_range: str) -> None:
    await put_chunk(node, HELLO)
    reply = await get_data(node, HELLO_ID, range=text)
    assert (reply.status, reply.body, reply.headers["content-range"]) == (206, body, content_range)
    assert reply.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("text", "data_range"),
    [("bytes=16-", {"NoOverlap": 16}), ("bytes=-0", {"NoOverlap": 16}), ("bytes=5-2", "InvalidRange")],
)
async def test_ranges_that_cannot_be_served(node: Node, text: str, data_range: object) -> None:
    await put_chunk(node, HELLO)
    reply = await get_data(node, HELLO_ID, range=text)
    assert (reply.status, reply.code) == (416, 43)
    assert json.loads(reply.headers["cyfs-data-range"]) == data_range


async def test_a_file_is_read_across_its_chunks(node: Node) -> None:
    file_id = await make_file_of(node, b"a" * 60, b"b" * 50, b"")
    whole = await get_data(node, file_id)
    assert (whole.status, whole.body) == (200, b"a" * 60 + b"b" * 50)
    assert whole.headers["cyfs-owner-id"] == PEOPLE
    part = await get_data(node, file_id, range="bytes=55-65")
    assert (part.status, part.body) == (206, b"aaaaabbbbbb")


async def test_an_empty_file_is_read(node: Node) -> None:
    file_id = await make_file_of(node)
    reply = await get_data(node, file_id)
    assert (reply.status, reply.body) == (200, b"")
    assert (await get_data(node, file_id, range="bytes=0-")).status == 416


async def test_a_file_with_a_missing_chunk_sends_nothing(node: Node) -> None:
    """All chunks are looked for before the first byte goes out."""
    file_id = await make_file_of(node, b"a" * 60, b"b" * 50)
    await node.store.chunks.delete(ChunkId.of_data(b"b" * 50))
    assert (await get_data(node, file_id)).code == 4
    assert (await get_data(node, file_id, range="bytes=0-9")).body == b"a" * 10


async def test_referers_must_hold_the_data(node: Node) -> None:
    file_id = await make_file_of(node, HELLO)
    await put_chunk(node, b"other")
    other = ChunkId.of_data(b"other")
    assert (await get_data(node, HELLO_ID, referer_object=str(file_id))).status == 200
    assert (await get_data(node, other, referer_object=str(file_id))).code == 12
    assert (await get_data(node, HELLO_ID, referer_object=id_of("text_v1"))).code == 2
    assert (await get_data(node, HELLO_ID, referer_object="zz")).code == 8


async def test_several_referers_come_in_one_line_or_many(node: Node) -> None:
    file_id = await make_file_of(node, HELLO)
    joined = f"{file_id},{file_id}"
    assert (await get_data(node, HELLO_ID, referer_object=joined)).status == 200


async def test_dir_entries_are_served_as_data(node: Node) -> None:
    """Files, single chunks and ranges of a parent chunk, by inner path."""
    file_id = await make_file_of(node, b"file content")
    await put_chunk(node, HELLO)
    entries = {"f": DirEntry(file_id), "c": DirEntry(HELLO_ID), "r": DirEntry(DirRange(6, 11))}
    made = make_dir(ObjectId.from_text(PEOPLE), DirList(entries, HELLO_ID), update_time=NOW)
    await node.put_raw(made.raw)
    bodies = [(await get_data(node, made.object_id, inner_path=path)).body for path in ("/f", "/c", "/r")]
    assert bodies == [b"file content", HELLO, b"chunk"]
    assert (await get_data(node, made.object_id, inner_path="/r", range="bytes=1-2")).body == b"hu"
    assert (await get_data(node, made.object_id, inner_path="/nope")).code == 4
    assert (await get_data(node, made.object_id)).code == 27


async def test_closed_files_are_closed_as_data(node: Node) -> None:
    """Reading data asks the same rights as reading the object."""
    import hashlib

    await put_chunk(node, HELLO)
    owner = ObjectId.from_text(PEOPLE)
    file = make_file(owner, len(HELLO), hashlib.sha256(HELLO).digest(), [HELLO_ID], update_time=NOW)
    await node.put_raw(file.raw, access=str(0o070777))
    assert (await get_data(node, file.object_id, dec_id=str(ANONYMOUS_DEC_ID))).code == 12
    assert (await get_data(node, file.object_id)).body == HELLO


async def test_too_many_referers(node: Node) -> None:
    file_id = await make_file_of(node, HELLO)
    for count, code in ((64, 0), (65, 2)):
        joined = ",".join([str(file_id)] * count)
        assert (await get_data(node, HELLO_ID, referer_object=joined)).code == code


async def test_chunks_without_referer_are_for_the_own_zone(node: Node) -> None:
    await put_chunk(node, HELLO)
    stranger = "5aSixgP8EPf6HkP54Qgybddhhsd1fgrkg7Atf2icJiiz"
    assert (await get_data(node, HELLO_ID, source=stranger)).code == 12


async def test_dialect_of_sdk_0_5_8(node: Node) -> None:
    """Ids in the path, POST to read, plain referers (http-api §15)."""
    path = f"/ndn/{HELLO_ID}"
    headers = {"cyfs-dec-id": DEC}
    assert (await node.send("PUT", path, headers, HELLO)).headers["cyfs-result"] == "Accept"
    assert (await node.send("POST", path, {**headers, "cyfs-ndn-action": "get-data"})).body == HELLO
    await make_file_of(node, b"file content")
    assert (await node.send("DELETE", path, headers)).status == 200
    assert (await node.send("POST", path, headers)).code == 4


async def test_dialect_of_sdk_0_5_8_with_inner_path(node: Node) -> None:
    file_id = await make_file_of(node, b"file content")
    made = make_dir(ObjectId.from_text(PEOPLE), DirList({"a/b c": DirEntry(file_id)}), update_time=NOW)
    await node.put_raw(made.raw)
    reply = await node.send("POST", f"/ndn/some/where/{made.object_id}/a/b%20c", {"cyfs-dec-id": DEC})
    assert (reply.status, reply.body) == (200, b"file content")


async def test_download_takes_everything_from_the_query(node: Node) -> None:
    await put_chunk(node, HELLO)
    query = f"cyfs-object-id={HELLO_ID}&cyfs-ndn-action=get-data&cyfs-dec-id={DEC}"
    assert (await node.send("GET", f"/ndn/?{query}")).body == HELLO
    assert (await node.send("GET", f"/ndn/?{query}", {"range": "bytes=0-3"})).body == b"hell"
    assert (await node.send("GET", "/ndn/?cyfs-ndn-action=get-data")).code == 2


async def test_query_file_finds_indexed_files_only(node: Node) -> None:
    file_id = await make_file_of(node, HELLO)
    headers = {"cyfs-dec-id": DEC, "cyfs-ndn-action": "query-file"}
    found = await node.send("GET", f"/ndn/?type=file&value={file_id}", headers)
    assert found.json == {"list": []}
    assert (await node.send("GET", "/ndn/?type=xyz&value=1", headers)).code == 2
    assert (await node.send("GET", "/ndn/?type=file&value=zz", headers)).code == 8
    assert (await node.send("GET", "/ndn/", headers)).code == 2


async def test_unknown_context_is_not_found(node: Node) -> None:
    await put_chunk(node, HELLO)
    assert (await get_data(node, HELLO_ID, context="%2Fctx")).code == 4
