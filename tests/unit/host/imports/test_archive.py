"""Backup archives of the reference are read, also encrypted ones; hostile ones are told and do nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.host.imports import archive as archives
from cyfs_edge.host.imports.archive import ReferenceArchive
from cyfs_edge.wire.zip_volume import entry_id
from tests.node import DEC, DEVICE
from tests.unit.host.imports.kit import (
    CHUNKS,
    RAWS,
    Archive,
    Entry,
    chunk_entries,
    id_of,
    imported,
    object_entries,
    plain_archive,
)


@pytest.mark.parametrize("password", [None, "", "pässword"])
async def test_objects_and_chunks_are_taken_over_with_what_is_known_of_them(
    tmp_path: Path, password: str | None
) -> None:
    folder = plain_archive(tmp_path / "archive", password)
    store, done = await imported(ReferenceArchive(folder, password))
    assert done.problems == []
    assert (done.objects, done.chunks) == (len(RAWS), len(CHUNKS))
    for raw in RAWS:
        record = await store.objects.get(id_of(raw))
        assert record is not None
        assert (record.raw, record.create_dec_id) == (raw, ObjectId.from_text(DEC))
        assert (record.insert_time, record.update_time, record.access, record.context) == (5, 6, 0o770, "here")
    for chunk_id, data in CHUNKS.items():
        assert await store.chunks.read_whole(chunk_id) == data


def test_a_wrong_password_and_none_are_told(tmp_path: Path) -> None:
    folder = plain_archive(tmp_path / "archive", "right")
    for password, code in (("wrong", ErrorCode.PERMISSION_DENIED), (None, ErrorCode.INVALID_PARAM)):
        with pytest.raises(CyfsError) as raised:
            ReferenceArchive(folder, password)
        assert raised.value.code == code


async def test_a_damaged_volume_is_not_used_at_all_and_the_others_are(tmp_path: Path) -> None:
    folder = plain_archive(tmp_path / "archive")
    data = bytearray((folder / "data" / "object.0.data").read_bytes())
    data[-1] ^= 1
    (folder / "data" / "object.0.data").write_bytes(data)
    (folder / "data" / "chunk.0.data").unlink()
    _, done = await imported(ReferenceArchive(folder))
    assert (done.objects, done.chunks) == (2, 0)
    assert len(done.problems) == 2


async def test_what_entries_say_is_not_believed(tmp_path: Path) -> None:
    good = object_entries()
    bomb = Entry(id_of(RAWS[0]), bytes(1 << 20), compress=zipfile.ZIP_DEFLATED)
    bad = [
        Entry(id_of(RAWS[0]), RAWS[1]),
        Entry(id_of(RAWS[1]), b""),
        Entry(id_of(RAWS[1]), RAWS[1], name="../../../etc/passwd"),
        Entry(id_of(RAWS[1]), RAWS[1], name="a/b/c"),
        Entry(id_of(RAWS[1]), RAWS[1], name="/"),
        Entry(id_of(RAWS[1]), RAWS[1], meta=b"\xff\xff"),
    ]
    chunk_id, data = next(iter(CHUNKS.items()))
    folder = Archive(
        tmp_path / "archive", [[*bad, good[2]], [bomb, good[3]], [good[4]]], [[Entry(chunk_id, data + b"x")]]
    ).write()
    store, done = await imported(ReferenceArchive(folder))
    # What comes after an entry that is not stored cannot be found.
    assert {one async for one in store.objects.list_ids()} == {good[2].object_id, good[4].object_id}
    assert done.chunks == 0
    assert len(done.problems) == len(bad) + 2
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize("at", [14, 18, 22, 26, 28])
async def test_heads_that_lie_are_told(tmp_path: Path, at: int) -> None:
    """CRC, packed size, size, length of the name and of the extra fields of the second entry."""
    folder = plain_archive(tmp_path / "archive")
    path = folder / "data" / "object.0.data"
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x03\x04", 4)
    data[start + at : start + at + 2] = b"\xff\x7f"
    path.write_bytes(data)
    index = json.loads((folder / "index").read_text())
    index["object_files"][0]["hash"] = hashlib.sha256(data).hexdigest()
    (folder / "index").write_text(json.dumps(index))
    store, done = await imported(ReferenceArchive(folder))
    assert done.problems
    assert 3 <= done.objects <= 4
    assert (await store.objects.get(id_of(RAWS[0]))) is not None


async def test_large_entries_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "CHUNK_MAX", 1000)
    folder = Archive(tmp_path / "archive", [object_entries()], [chunk_entries()]).write()
    _, done = await imported(ReferenceArchive(folder))
    assert done.chunks == 3
    assert len(done.problems) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"format": "Tar"},
        {"crypto": "Rot13"},
        {"device_id": "x"},
        {"data_folder": "../.."},
        {"data_folder": "/etc"},
        {"data_folder": 5},
        {"object_files": None},
        {"object_files": [{"name": "../x", "hash": "00" * 32, "file_len": 5}]},
        {"object_files": [{"name": "x", "hash": "00", "file_len": 5}]},
        {"object_files": [{"name": "x", "hash": "00" * 32, "file_len": -1}]},
        {"object_files": [{}] * 20_001},
    ],
)
def test_an_index_that_is_wrong_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    folder = Archive(tmp_path / "archive", change=change).write()
    with pytest.raises(CyfsError) as raised:
        ReferenceArchive(folder)
    assert raised.value.code in (ErrorCode.INVALID_FORMAT, ErrorCode.NOT_SUPPORT)


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000, b"\xff", b"5"])
def test_junk_is_no_index(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "index").write_bytes(data)
    with pytest.raises(CyfsError) as raised:
        ReferenceArchive(tmp_path)
    assert raised.value.code == ErrorCode.INVALID_FORMAT


def test_an_index_is_bounded_and_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CyfsError) as raised:
        ReferenceArchive(tmp_path)
    assert raised.value.code == ErrorCode.NOT_FOUND
    folder = plain_archive(tmp_path / "archive")
    monkeypatch.setattr(archives, "INDEX_MAX", 100)
    with pytest.raises(CyfsError) as raised:
        ReferenceArchive(folder)
    assert raised.value.code == ErrorCode.OUT_OF_LIMIT
    shutil.rmtree(folder)


def test_names_of_devices_have_a_mark() -> None:
    """The reference cannot use some names as folders."""
    object_id = ObjectId.from_text(DEVICE)
    text = Entry(object_id, b"").path()
    assert entry_id(text.encode()) == object_id
    folder, _, rest = text.partition("/")
    assert len(folder) == 3
    with pytest.raises(CyfsError):
        entry_id(f"{folder}_/{rest}".encode())


async def test_problems_are_told_up_to_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cyfs_edge.core.importing.PROBLEMS_MAX", 2)
    wrong = [Entry(id_of(raw), b"junk") for raw in RAWS]
    _, done = await imported(ReferenceArchive(Archive(tmp_path / "archive", [wrong]).write()))
    assert (len(done.problems), done.more) == (2, len(RAWS) - 2)
