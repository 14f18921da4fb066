"""Files of backup repositories, archives and databases of the reference: anything is read or refused."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.base.text import encode_base36
from cyfs_edge.core.importing import FoundProblem
from cyfs_edge.host.imports.archive import ReferenceArchive
from cyfs_edge.host.imports.reference_root import ReferenceRoot
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.wire.backup import layout, rows
from cyfs_edge.wire.backup.address import parse_address
from cyfs_edge.wire.backup.keys import BackupKey, Sealer
from cyfs_edge.wire.backup.layout import Entry, PackInfo
from cyfs_edge.wire.reference_archive import parse_index
from cyfs_edge.wire.zip_volume import EntryMeta, entry_id, meta_field, parse_local
from fuzz.target import Target, texts

_SEALER = Sealer(BackupKey(bytes(32)), bytes(16))
_OBJECT = build_object(40_000, desc_content=b"x", body=BodyParts(b"y"))
_MEMORY = Path("/dev/shm")
_CHUNK = ChunkId.of_data(b"chunk")


def _of(read: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        try:
            read(data)
        except CyfsError:
            return

    return run


def _pack(data: bytes) -> None:
    """A pack from its end, as it is read that was left by a backup broken off."""
    size = layout.directory_size(data[-layout.TAIL_SIZE :], len(data))
    sealed = data[len(data) - layout.TAIL_SIZE - size : -layout.TAIL_SIZE]
    entries = layout.decode_entries(_SEALER.open(sealed, layout.DIRECTORY_CONTEXT))
    layout.check_entries(entries, len(data), size)


def _packs() -> list[bytes]:
    builder = layout.PackBuilder()
    builder.add(0, _CHUNK, _SEALER.seal(bytes(24), b"chunk", layout.blob_context(0, _CHUNK)))
    builder.finish(_SEALER, bytes(24))
    return [b"".join(builder.parts)]


def _segments() -> list[bytes]:
    row = rows.ObjectRow(raw=_OBJECT.raw, object_id=_OBJECT.object_id, create_dec_id=NULL_ID, context="c")
    file = rows.FileRow(file_id=_OBJECT.object_id, hash=bytes(32), length=5, chunks=(_CHUNK,), quick_hash=("q",))
    return [
        rows.encode_segment([row.encode()]),
        rows.encode_segment([file.encode()]),
        rows.encode_segment([rows.ChunkRow(chunk_id=_CHUNK, dec=NULL_ID, keep=1).encode()]),
    ]


def _read_segment(data: bytes) -> None:
    for kind in (rows.ObjectRow, rows.ChunkRow, rows.FileRow, rows.RecordRow, rows.ConfigRow):
        _of(lambda data, kind=kind: rows.decode_segment(kind, data))(data)  # type: ignore[misc]


def _snapshot() -> bytes:
    root = rows.RootRow(name="root-state/x", root=_OBJECT.object_id, revision=3)
    listing = rows.Listing(kind=1, ids=bytes(64), rows=2, size=10)
    return rows.Snapshot(version=1, time=1, device_id=NULL_ID, release="1", roots=(root,), listings=(listing,)).encode()


def _index_file() -> bytes:
    return layout.encode_index([PackInfo(bytes(32), 500, (Entry(0, _CHUNK, 8, 100), Entry(1, bytes(32), 108, 50)))])


def volume_seed() -> bytes:
    """A volume of an archive with one object and one chunk."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for object_id, data in ((_OBJECT.object_id, _OBJECT.raw), (ObjectId(_CHUNK), b"chunk")):
            text = encode_base36(object_id)
            info = zipfile.ZipInfo(f"{text[-3:]}/{text[:-3]}")
            meta = EntryMeta(access=5, insert_time=1, create_dec_id=bytes(NULL_ID)).encode()
            info.extra = (0x6D65).to_bytes(2, "little") + len(meta).to_bytes(2, "little") + meta
            file.writestr(info, data)
    return buffer.getvalue()


def _index_of(data: bytes) -> dict[str, object]:
    volume = {"name": "object.0.data", "hash": hashlib.sha256(data).hexdigest(), "file_len": len(data), "data_len": 1}
    return {
        "id": "x",
        "time": "",
        "format": "Zip",
        "strategy": "Uni",
        "device_id": str(_OBJECT.object_id),
        "owner": None,
        "crypto": "None",
        "en_device_id": None,
        "data_folder": None,
        "object_files": [volume],
        "chunk_files": [],
        "meta": None,
    }


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    # In memory where there is such a place: making a file anew is what takes the time.
    return tempfile.TemporaryDirectory(prefix="cyfs-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None)


def _read_volume(data: bytes) -> None:
    """A whole archive whose index tells the right hash of a volume that is anything."""
    folder = Path(_scratch().name) / "archive"
    folder.mkdir(exist_ok=True)
    (folder / "object.0.data").write_bytes(data)
    (folder / "index").write_text(json.dumps(_index_of(data)))
    for item in ReferenceArchive(folder)._items():
        assert not isinstance(item, FoundProblem) or item.text


def _database() -> list[bytes]:
    path = Path(_scratch().name) / "seed.db"
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.executescript(
        "PRAGMA page_size = 512; CREATE TABLE data_namedobject_meta (object_id TEXT PRIMARY KEY NOT NULL UNIQUE, "
        "create_dec_id TEXT, insert_time INTEGER, update_time INTEGER, storage_category SMALLINT, context TEXT, "
        "last_access_rpath TEXT, access INTEGER);"
    )
    row = (str(_OBJECT.object_id), str(NULL_ID), 1, 2, 0, "c", "/r", 511)
    db.execute("INSERT INTO data_namedobject_meta VALUES (?,?,?,?,?,?,?,?)", row)
    db.commit()
    db.close()
    return [path.read_bytes()]


def _read_database(data: bytes) -> None:
    folder = Path(_scratch().name) / "root" / "data" / "named-object-cache"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.db").write_bytes(data)
    for number, _ in enumerate(ReferenceRoot(folder.parents[1])._items()):
        assert number < 10_000


def _read_entry(data: bytes) -> None:
    _of(parse_local)(data[:30])
    _of(entry_id)(data[30:100])
    _of(meta_field)(data[30:])


TARGETS: dict[str, Target] = {
    "backup_head": Target(_of(layout.decode_head), lambda: [layout.encode_head(bytes(16), bytes(60))]),
    "backup_key": Target(_of(lambda data: BackupKey.parse(data.decode("latin-1"))), texts(BackupKey(bytes(32)).text())),
    "backup_address": Target(
        _of(lambda data: parse_address(data.decode("latin-1"))), texts("sftp://a@b:22/c", "s3://b/c?endpoint=http://x")
    ),
    "backup_pack": Target(_of(_pack), _packs),
    "backup_index": Target(_of(layout.decode_index), lambda: [_index_file()]),
    "backup_segment": Target(_read_segment, _segments),
    "backup_unpack": Target(_of(layout.unpack_segment), lambda: [layout.pack_segment(bytes(1000))]),
    "backup_snapshot": Target(_of(rows.decode_snapshot), lambda: [_snapshot()]),
    "archive_index": Target(_of(parse_index), lambda: [json.dumps(_index_of(b"x")).encode()]),
    "archive_entry": Target(_read_entry, lambda: [volume_seed()]),
    "archive_volume": Target(_of(_read_volume), lambda: [volume_seed()]),
    "reference_database": Target(_of(_read_database), _database),
}
