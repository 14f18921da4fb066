"""The data of a reference node is taken over as it is, and nothing in it is believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import StorageCategory
from cyfs_edge.host.imports import reference_root
from cyfs_edge.host.imports.reference_root import ReferenceRoot
from cyfs_edge.objects.builder import BodyParts, build_object
from tests.node import DEC, OBJECTS, RECORDING
from tests.unit.host.imports.kit import (
    CHUNKS,
    RAWS,
    blob_path,
    chunk_path,
    id_of,
    imported,
    sql,
    write,
    write_root,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_root(tmp_path / "cyfs")


META = "data/named-object-cache/meta.db"
DATA = "data/named-data-cache/data.db"


async def test_objects_chunks_and_the_file_index_are_taken_over(root: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*"))
    store, done = await imported(ReferenceRoot(root))
    assert done.problems == []
    assert (done.objects, done.chunks, done.files, done.present) == (len(RAWS), len(CHUNKS), 1, 0)
    for number, raw in enumerate(RAWS):
        record = await store.objects.get(id_of(raw))
        assert record is not None
        assert record.raw == raw
        assert record.create_dec_id == ObjectId.from_text(DEC)
        assert (record.insert_time, record.update_time) == (1000 + number, 2000 + number)
        assert record.storage_category == StorageCategory(number % 2)
        assert (record.access, record.last_access_rpath) == (0o770, f"/a/{number}")
    for chunk_id, data in CHUNKS.items():
        assert await store.chunks.read_whole(chunk_id) == data
    (entry,) = [one async for one in store.files.entries()]
    assert entry.file_id == id_of(OBJECTS["file_small"])
    assert entry.quick_hash == ("quick",)
    assert entry.ref_dirs == ((ObjectId.from_text(RECORDING["objects"]["dir"]["id"]), "a/b.txt"),)
    # Nothing was written there, and a second time everything is here already.
    assert sorted((path, path.stat().st_mtime_ns) for path in root.rglob("*")) == before
    _, again = await imported(ReferenceRoot(root), store)
    assert (again.objects, again.chunks, again.present) == (0, 0, len(RAWS) + len(CHUNKS))


async def test_a_newer_object_there_replaces_an_older_one_here_and_not_the_other_way(root: Path) -> None:
    made = {
        time: build_object(40_000, desc_content=b"x", body=BodyParts(b"%d" % time, update_time=time)) for time in (5, 9)
    }
    object_id = made[5].object_id
    insert = "INSERT INTO data_namedobject_meta (object_id, insert_time, update_time) VALUES (?, 1, 2)"
    sql(root / META, insert, str(object_id))
    write(blob_path(root, object_id), made[9].raw)
    store, _ = await imported(ReferenceRoot(root))
    write(blob_path(root, object_id), made[5].raw)
    _, done = await imported(ReferenceRoot(root), store)
    held = await store.objects.get(object_id)
    assert held is not None
    assert held.raw == made[9].raw
    assert done.updated == 0
    other, _ = await imported(ReferenceRoot(root))
    write(blob_path(root, object_id), made[9].raw)
    _, done = await imported(ReferenceRoot(root), other)
    held = await other.objects.get(object_id)
    assert held is not None
    assert held.raw == made[9].raw
    assert done.updated == 1


async def test_what_is_wrong_is_told_and_the_rest_is_taken(root: Path, tmp_path: Path) -> None:
    first, second, third = (id_of(raw) for raw in RAWS[:3])
    write(blob_path(root, first), RAWS[1])
    write(blob_path(root, second), b"junk")
    blob_path(root, third).unlink()
    (tmp_path / "secret").write_bytes(RAWS[2])
    blob_path(root, third).symlink_to(tmp_path / "secret")
    chunk_ids = list(CHUNKS)
    write(chunk_path(root, chunk_ids[0]), bytes(chunk_ids[0].length))
    write(chunk_path(root, chunk_ids[1]), bytes(chunk_ids[1].length + 1))
    strange = root / "data/chunk-cache/default/aa/bb/not-an-id"
    write(strange, b"")
    chunk_path(root, chunk_ids[2]).unlink()
    os.mkfifo(chunk_path(root, chunk_ids[2]))
    sql(root / META, "INSERT INTO data_namedobject_meta (object_id) VALUES ('../../../etc/passwd')")
    sql(root / META, "INSERT INTO data_namedobject_meta (object_id) VALUES (x'ff00')")
    sql(root / DATA, "UPDATE file SET length = length + 1")
    store, done = await imported(ReferenceRoot(root))
    assert (done.objects, done.chunks, done.files) == (2, 1, 0)
    assert len(done.problems) == 9
    assert all(str(one) in " ".join(done.problems) for one in (first, second, third, *chunk_ids[:2]))
    assert await store.objects.get(third) is None
    assert [one async for one in store.chunks.list_ids()] == [chunk_ids[3]]


@pytest.mark.parametrize("name", ["OBJECT_MAX", "CHUNK_MAX", "ROWS_PER_FILE_MAX"])
async def test_sizes_and_counts_are_bounded(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_root, name, 1)
    sql(root / DATA, "INSERT INTO file_quick_hash SELECT 'more', length + 1, file_id FROM file_quick_hash")
    store, done = await imported(ReferenceRoot(root))
    if name == "ROWS_PER_FILE_MAX":
        assert [len(one.quick_hash) async for one in store.files.entries()] == [1]
    else:
        assert done.problems
        assert 0 in (done.objects, done.chunks - 1)


@pytest.mark.parametrize("end", ["-wal", "-journal"])
async def test_a_node_that_was_not_stopped_in_order_is_told(root: Path, end: str) -> None:
    (root / (META + end)).write_bytes(b"something")
    with pytest.raises(CyfsError) as raised:
        await imported(ReferenceRoot(root))
    assert raised.value.code == ErrorCode.ERROR_STATE


@pytest.mark.parametrize("isolate", ["..", "a/b", "", "a" * 65])
def test_the_name_of_an_instance_does_not_lead_away(root: Path, isolate: str) -> None:
    if isolate:
        with pytest.raises(CyfsError):
            ReferenceRoot(root, isolate)


def test_another_folder_is_not_taken_for_a_root(tmp_path: Path) -> None:
    with pytest.raises(CyfsError) as raised:
        ReferenceRoot(tmp_path)
    assert raised.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("statement", ["DROP TABLE data_namedobject_meta", "junk"])
async def test_a_database_that_is_none_is_a_clear_error(root: Path, statement: str) -> None:
    if statement == "junk":
        (root / META).write_bytes(b"junk" * 1000)
    else:
        sql(root / META, statement)
        forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n"
        sql(root / META, f"CREATE VIEW data_namedobject_meta AS {forever}")
    with pytest.raises(CyfsError) as raised:
        await imported(ReferenceRoot(root))
    assert raised.value.code in (ErrorCode.INVALID_DATA, ErrorCode.INVALID_FORMAT)


def test_paths_are_those_of_the_reference(tmp_path: Path) -> None:
    """The last two characters, the two before them; of an object its whole name, of a chunk the rest."""
    object_id = ObjectId.from_text("9tGpLNnC4Umq48HqJJDgLxPTaJe4svN8W8pubp3Hp96f")
    assert blob_path(tmp_path, object_id).relative_to(tmp_path).parts[-3:] == ("6f", "p9", str(object_id))
    chunk_id = ChunkId(ObjectId.from_text("7CNfCnRp1m1M2xMenKWxDEJ8bJF7dTpsZKTBncZCfW9T"))
    assert chunk_path(tmp_path, chunk_id).relative_to(tmp_path).parts[-3:] == ("9T", "fW", str(chunk_id)[:-4])
