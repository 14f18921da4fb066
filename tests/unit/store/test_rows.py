"""Rows: they come back as they went, and any damage is an error with a clear text, never an answer."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import Claim, FileIndexEntry, Keep, ObjectRecord, StorageCategory
from cyfs_edge.store import rows

ids = st.binary(min_size=32, max_size=32).map(ObjectId)
u64 = st.integers(0, (1 << 64) - 1)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
chunk_ids = st.binary(max_size=40).map(ChunkId.of_data)

records = st.builds(
    ObjectRecord,
    object_id=ids,
    raw=st.binary(max_size=200),
    create_dec_id=ids,
    insert_time=u64,
    update_time=u64,
    object_update_time=u64,
    object_expired_time=u64,
    access=st.integers(0, 0o777777),
    storage_category=st.sampled_from(StorageCategory),
    context=st.none() | texts,
    last_access_rpath=st.none() | texts,
)
entries = st.builds(
    FileIndexEntry,
    file_id=ids,
    hash=st.binary(min_size=1, max_size=64),
    length=u64,
    owner=st.none() | ids,
    flags=st.integers(0, (1 << 32) - 1),
    quick_hash=st.lists(texts, max_size=3).map(tuple),
    ref_dirs=st.lists(st.tuples(ids, texts), max_size=3).map(tuple),
    chunks=st.lists(chunk_ids, max_size=3).map(tuple),
)


@given(records)
def test_objects_come_back(record: ObjectRecord) -> None:
    row = rows.encode_object(record)
    assert rows.decode_object(record.object_id, row) == record
    assert rows.object_raw_size(row) == len(record.raw)


@given(entries)
def test_file_entries_come_back(entry: FileIndexEntry) -> None:
    assert rows.decode_file(entry.file_id, rows.encode_file(entry)) == entry


claims = st.builds(Claim, ids, st.sampled_from(Keep))


@given(st.binary(max_size=100), u64, claims)
def test_chunks_come_back(data: bytes, time: int, claim: Claim) -> None:
    chunk_id = ChunkId.of_data(data)
    head = rows.ChunkHead(rows.INLINE, time, claim)
    row = rows.encode_chunk(chunk_id, head, data)
    assert rows.decode_chunk_head(chunk_id, row) == head
    assert rows.chunk_place(chunk_id, row) == rows.INLINE
    assert rows.is_inline(row)
    assert row[rows.CHUNK_HEAD :] == data
    row = rows.encode_chunk(chunk_id, rows.ChunkHead(rows.IN_FILE, time, claim))
    assert rows.chunk_place(chunk_id, row) == rows.IN_FILE
    assert not rows.is_inline(row)


@given(st.binary(max_size=100))
def test_records_come_back(value: bytes) -> None:
    key = rows.record_key("space", "key")
    assert rows.decode_record(key, rows.encode_record(key, value)) == value


SAMPLES = [
    (
        rows.encode_object(ObjectRecord(ObjectId(bytes(32)), b"raw" * 9, ObjectId(bytes(32)), 1, 2, context="c")),
        bytes(32),
        rows.decode_object,
    ),
    (
        rows.encode_file(FileIndexEntry(ObjectId(bytes(32)), b"hash", 5, quick_hash=("q",), ref_dirs=())),
        bytes(32),
        rows.decode_file,
    ),
    (
        rows.encode_chunk(ChunkId.of_data(b"data"), rows.ChunkHead(rows.INLINE, 7, Claim()), b"data"),
        ChunkId.of_data(b"data"),
        rows.decode_chunk_head,
    ),
    (rows.encode_record(b"space\0key", b"value"), b"space\0key", rows.decode_record),
]


@pytest.mark.parametrize(("row", "key", "read"), SAMPLES, ids=["object", "file", "chunk", "record"])
def test_every_changed_byte_and_every_cut_is_found(row: bytes, key: bytes, read: object) -> None:
    assert callable(read)
    read(key, row)
    damaged = [row[:size] for size in range(len(row))] + [row + b"x", bytes(len(row))]
    damaged += [row[:at] + bytes((row[at] ^ 0x41,)) + row[at + 1 :] for at in range(len(row))]
    for wrong in damaged:
        with pytest.raises(CyfsError) as caught:
            read(key, wrong)
        assert caught.value.code == ErrorCode.IO_ERROR
        assert key.hex() in caught.value.message
    with pytest.raises(CyfsError):
        read(bytes(key[:-1]) + b"\x77", row)


@given(st.binary(max_size=300))
def test_rows_with_a_good_checksum_but_junk_inside_are_damage(content: bytes) -> None:
    """What only a fault in the writer could make; the reader still does not fall over it."""
    for key, read in (
        (bytes(32), rows.decode_object),
        (bytes(32), rows.decode_file),
        (bytes(ChunkId.of_data(b"x")), rows.chunk_place),
    ):
        with contextlib.suppress(CyfsError):
            read(key, rows._seal(key, content))
