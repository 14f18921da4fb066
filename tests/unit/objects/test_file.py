"""Files and their chunk lists."""

from __future__ import annotations

import hashlib

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, make_object_id
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.file import File, file_chunks, make_bundle, make_file, make_file_in_file

CHUNKS = [ChunkId.of_data(b"one"), ChunkId.of_data(b"three")]
HASH = hashlib.sha256(b"onethree").digest()
FILE_DESC = File(8, HASH).encode()


def test_a_file_lists_its_chunks() -> None:
    file = make_file(None, 8, HASH, CHUNKS, update_time=1)
    assert file.desc.value == File(8, HASH)
    assert file_chunks(file) == tuple(CHUNKS)


def test_the_chunk_list_is_no_part_of_the_id() -> None:
    assert (
        make_file(None, 8, HASH, CHUNKS, update_time=1).object_id
        == make_file(None, 8, HASH, [], update_time=2).object_id
    )


def test_a_bundle_is_named_by_its_chunks() -> None:
    bundle = make_bundle(None, CHUNKS, update_time=1)
    assert bundle.desc.value == File(8, hashlib.sha256(CHUNKS[0] + CHUNKS[1]).digest())
    assert file_chunks(bundle) == tuple(CHUNKS)
    assert bundle.body is not None
    assert bundle.body.content.endswith(bytes.fromhex("2000"))  # the hash method is always there


def test_the_chunks_of_some_files_are_not_told() -> None:
    other = make_object_id(HASH, 8)
    for file, code in (
        (make_file_in_file(None, 8, HASH, other, update_time=1), ErrorCode.NOT_SUPPORT),
        (build_object(8, desc_content=FILE_DESC), ErrorCode.NOT_FOUND),
    ):
        with pytest.raises(CyfsError) as caught:
            file_chunks(file)
        assert caught.value.code == code


def test_a_hash_has_32_bytes() -> None:
    with pytest.raises(CyfsError):
        make_file(None, 8, HASH[:31], CHUNKS, update_time=1)


@pytest.mark.parametrize("content", ["", "0a00"])
def test_a_list_that_is_not_there_is_empty(content: str) -> None:
    """Other writers leave empty messages out."""
    file = build_object(8, desc_content=FILE_DESC, body=BodyParts(bytes.fromhex(content)))
    assert file_chunks(file) == ()


@pytest.mark.parametrize(
    "content",
    ["0a020803", "0a020801", "0a0408022001", "0a0412020000"],
    ids=["kind", "file without id", "hash method", "chunk id"],
)
def test_other_chunk_lists_are_invalid_data(content: str) -> None:
    with pytest.raises(CodecError) as caught:
        build_object(8, desc_content=FILE_DESC, body=BodyParts(bytes.fromhex(content)))
    assert caught.value.code == ErrorCode.INVALID_DATA
