"""The files of a repository: what was written is read, and no bytes do more than raise a ``CyfsError``."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId
from cyfs_edge.wire.backup import layout, rows
from cyfs_edge.wire.backup.keys import NONCE_SIZE, BackupKey, Sealer
from cyfs_edge.wire.backup.layout import Blob, Entry, PackBuilder, PackInfo

SEALER = Sealer(BackupKey(bytes(32)), bytes(16))
NONCE = bytes(NONCE_SIZE)


def test_a_pack_is_its_blobs_and_its_directory() -> None:
    builder = PackBuilder()
    blobs = [(kind, bytes((kind,)) * 32, bytes((kind,)) * (kind * 10 + 41)) for kind in Blob]
    for kind, blob_id, sealed in blobs:
        builder.add(kind, blob_id, sealed)
    info = builder.finish(SEALER, NONCE)
    data = b"".join(builder.parts)
    assert len(data) == info.size
    assert data.startswith(b"CYFSPK1\n")
    for entry, (kind, blob_id, sealed) in zip(info.entries, blobs, strict=True):
        assert (entry.kind, entry.id) == (kind, blob_id)
        assert data[entry.offset : entry.offset + entry.length] == sealed
    size = layout.directory_size(data[-4:], len(data))
    entries = layout.decode_entries(SEALER.open(data[-4 - size : -4], layout.DIRECTORY_CONTEXT))
    assert entries == info.entries
    layout.check_entries(entries, len(data), size)
    with pytest.raises(CyfsError):
        layout.check_entries(entries, len(data) + 1, size)


@pytest.mark.parametrize("tail", [b"", b"\0\0\0", bytes(4), b"\xff" * 4, (39).to_bytes(4, "little")])
def test_a_directory_of_an_impossible_size_is_refused(tail: bytes) -> None:
    with pytest.raises(CyfsError):
        layout.directory_size(tail, 1000)


def test_index_files_and_snapshots_come_back() -> None:
    packs = [
        PackInfo(bytes((n,)) * 32, 100 + n, (Entry(0, bytes(32), 8, 50), Entry(1, bytes(32), 58, 60))) for n in (1, 2)
    ]
    assert layout.decode_index(layout.encode_index(packs)) == packs
    snapshot = rows.Snapshot(
        version=1, time=5, device_id=NULL_ID, release="1.0", listings=(rows.Listing(kind=1, ids=bytes(64)),)
    )
    assert rows.decode_snapshot(snapshot.encode()) == snapshot
    assert snapshot.listing(Blob.OBJECTS).segment_ids() == [bytes(32)] * 2
    assert snapshot.listing(Blob.FILES).segment_ids() == []


def test_a_newer_snapshot_is_told_by_its_release() -> None:
    newer = rows.Snapshot(version=2, time=5, device_id=NULL_ID, release="9.9")
    with pytest.raises(CyfsError) as raised:
        rows.decode_snapshot(newer.encode())
    assert raised.value.code == ErrorCode.NOT_SUPPORT
    assert "9.9" in raised.value.message


def test_fields_of_a_newer_release_are_skipped() -> None:
    row = rows.ChunkRow(chunk_id=ChunkId.of_data(b"x"), dec=NULL_ID, keep=1)
    more = row.encode() + b"\xfa\x7f\x03new"
    assert rows.decode_segment(rows.ChunkRow, rows.encode_segment([more])) == [row]


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "BLOB_MAX", 10_000)
    assert layout.unpack_segment(layout.pack_segment(bytes(10_000))) == bytes(10_000)
    with pytest.raises(CyfsError):
        layout.unpack_segment(zlib.compress(bytes(10_001)))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (
        layout.decode_head,
        layout.decode_entries,
        layout.decode_index,
        layout.unpack_segment,
        rows.decode_snapshot,
        lambda data: rows.decode_segment(rows.ObjectRow, data),
        lambda data: rows.decode_segment(rows.FileRow, data),
    ):
        try:
            read(data)
        except CyfsError:
            continue


@pytest.mark.parametrize("path", ["packs/ab", "index/" + "g" * 64, "index/" + "A" * 64, "index/.tmp-5", "config"])
def test_other_files_in_the_place_are_no_business_of_ours(path: str) -> None:
    assert layout.parse_name(path) is None
