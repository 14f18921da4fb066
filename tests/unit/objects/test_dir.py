"""Dirs: two forms with one id, inner paths, lists too long for a desc."""

from __future__ import annotations

import pytest
from hypothesis import given

from cyfs_edge.base.codec import Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, make_object_id
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.dir import (
    Dir,
    DirBody,
    DirEntry,
    DirList,
    DirRange,
    decode_body_chunk,
    dir_list,
    encode_body_chunk,
    make_dir,
)
from tests import strategies

FILE = make_object_id(bytes(range(32)), 8)
CHUNK = ChunkId.of_data(b"content")
LISTING = DirList({"b/c.txt": DirEntry(FILE), "a": DirEntry(CHUNK, 7), "z": DirEntry(DirRange(2, 5))}, CHUNK)


def test_an_inner_path_is_a_key_of_the_list() -> None:
    assert LISTING.get("b/c.txt") == LISTING.get("/b/c.txt") == DirEntry(FILE)
    assert LISTING.get("a") == DirEntry(CHUNK, 7)
    assert LISTING.get("z") == DirEntry(DirRange(2, 5))
    for missing in ("b", "b/", "b/c", "c.txt", ""):
        assert LISTING.get(missing) is None


def test_all_that_a_list_names() -> None:
    assert LISTING.object_ids() == {FILE, CHUNK}
    assert DirList({}).object_ids() == set()


@given(strategies.dir_lists)
def test_both_forms_have_one_id(listing: DirList) -> None:
    chunk_id = ChunkId.of_data(listing.encode())
    listed = make_dir(None, listing, update_time=1, attributes=3)
    chunked = make_dir(None, chunk_id, update_time=1, attributes=3)
    assert listed.object_id == chunked.object_id
    assert listed.desc_hash == chunked.desc_hash
    assert listed.raw != chunked.raw
    assert DirList.decode(listing.encode()) == listing
    assert dir_list(listed) == listing
    assert dir_list(chunked) == chunk_id


def test_attributes_make_another_dir() -> None:
    ids = {make_dir(None, LISTING, update_time=1, attributes=attributes).object_id for attributes in (0, 1)}
    assert len(ids) == 2


def test_a_list_too_long_for_the_desc_goes_along_as_a_chunk() -> None:
    listing = DirList({f"file number {index}": DirEntry(FILE) for index in range(2000)})
    made = make_dir(None, listing, update_time=1, body=DirBody({FILE: b"object"}))
    chunk_id = ChunkId.of_data(listing.encode())
    assert made.desc.value == Dir(chunk_id)
    assert made.body is not None
    assert made.body.value == DirBody({FILE: b"object", chunk_id: listing.encode()})
    assert dir_list(made) == listing
    assert made.object_id == make_dir(None, chunk_id, update_time=1).object_id
    with pytest.raises(CyfsError) as caught:
        make_dir(None, listing, update_time=1, body=DirBody(chunk_id=CHUNK))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_a_false_chunk_in_the_body_is_not_believed() -> None:
    chunk_id = ChunkId.of_data(LISTING.encode())
    forged = DirBody({chunk_id: DirList({}).encode()})
    assert dir_list(make_dir(None, chunk_id, update_time=1, body=forged)) == chunk_id


def test_keys_may_come_in_any_order_and_the_id_is_that_of_the_bytes() -> None:
    writer = Writer().u32(0).varint(1).u8(0).varint(2)
    for name in ("b", "a"):
        DirEntry(FILE).write(writer.string(name))
    obj = build_object(9, desc_content=writer.getvalue())
    assert obj.desc.value == Dir(DirList({"a": DirEntry(FILE), "b": DirEntry(FILE)}))
    sorted_one = make_dir(None, DirList({"a": DirEntry(FILE), "b": DirEntry(FILE)}), update_time=1)
    assert obj.object_id != sorted_one.object_id


def test_objects_of_a_body_in_a_chunk() -> None:
    objects: dict[ObjectId, bytes] = {FILE: b"file", CHUNK: b"content"}
    raw = encode_body_chunk(objects)
    assert decode_body_chunk(raw) == objects
    assert raw.hex().startswith("02" + min(objects).hex())
    for size in range(len(raw)):
        with pytest.raises(CodecError):
            decode_body_chunk(raw[:size])


@pytest.mark.parametrize(
    "content",
    [
        Writer().u32(0).varint(2),
        Writer().u32(0).varint(0).raw(FILE),
        Writer().u32(0).varint(1).u8(0).varint(1).string("a").u32(0).varint(3).raw(bytes(32)),
        Writer().u32(0).varint(1).u8(0).varint(1).string("a").u32(0).varint(1).raw(FILE),
        Writer().u32(0).varint(1).u8(0).varint(1 << 20),
    ],
    ids=["form", "list in a file", "entry", "chunk that is a file", "count"],
)
def test_other_contents_are_refused(content: Writer) -> None:
    with pytest.raises(CodecError):
        build_object(9, desc_content=content.getvalue())


@pytest.mark.parametrize("content", ["", "0800", "0802"], ids=["chunk without id", "the same, told", "type"])
def test_other_bodies_are_invalid_data(content: str) -> None:
    with pytest.raises(CodecError) as caught:
        build_object(9, desc_content=Dir(CHUNK).encode(), body=BodyParts(bytes.fromhex(content)))
    assert caught.value.code == ErrorCode.INVALID_DATA
