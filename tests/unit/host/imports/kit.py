"""Data folders and archives as the reference writes them, with small real objects: facts of its schema and formats."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cyfs_edge.base.aes import AesKey
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.base.text import encode_base36, encode_base58
from cyfs_edge.core.importing import Imported, Importer, ImportSource
from cyfs_edge.core.jobs import Job
from cyfs_edge.host.worker import ThreadWorker
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import File
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.wire.zip_volume import EntryMeta
from tests.node import DEC, DEVICE, OBJECTS, RECORDING

NAMES = ("text_v1", "text_b", "file_small", "file_11000", "dir")
RAWS = [OBJECTS[name] for name in NAMES]
CHUNKS = {ChunkId.of_data(data): data for data in (OBJECTS["chunk_hello"], OBJECTS["chunk_60"], bytes(200_000), b"")}
WORKER = ThreadWorker()

_META = """
CREATE TABLE data_namedobject_meta (object_id TEXT PRIMARY KEY NOT NULL UNIQUE, owner_id TEXT, create_dec_id TEXT,
    insert_time INTEGER, update_time INTEGER, object_update_time INTEGER, object_expired_time INTEGER,
    storage_category SMALLINT, context TEXT, last_access_time INTEGER, last_access_rpath TEXT, access INTEGER,
    object_type SMALLINT, object_create_time INTEGER, author BLOB, dec_id BLOB, prev BLOB, body_prev_version BLOB,
    ref_objs BLOB, nonce BLOB, difficulty INTEGER);
PRAGMA user_version = 1;
"""
_DATA = """
CREATE TABLE file (hash TEXT PRIMARY KEY NOT NULL UNIQUE, file_id TEXT NOT NULL UNIQUE,
    length UNSIGNED BIG INT NOT NULL, owner TEXT DEFAULT NULL, insert_time UNSIGNED BIG INT NOT NULL,
    update_time UNSIGNED BIG INT NOT NULL, flags INTEGER DEFAULT 0);
CREATE TABLE file_quick_hash (hash TEXT NOT NULL, length UNSIGNED BIG INT NOT NULL, file_id TEXT NOT NULL,
    PRIMARY KEY(hash, length));
CREATE TABLE file_dirs (file_id TEXT NOT NULL, dir_id TEXT NOT NULL, inner_path TEXT NOT NULL,
    PRIMARY KEY(file_id, dir_id, inner_path));
"""


def id_of(raw: bytes) -> ObjectId:
    return decode_object(raw).object_id


def blob_path(root: Path, object_id: ObjectId) -> Path:
    text = str(object_id)
    return root / "data/named-object-cache/objects" / text[-2:] / text[-4:-2] / text


def chunk_path(root: Path, chunk_id: ChunkId) -> Path:
    text = str(chunk_id)
    return root / "data/chunk-cache/default" / text[-2:] / text[-4:-2] / text[:-4]


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_root(root: Path) -> Path:
    """The data folder of a reference node."""
    folder = root / "data" / "named-object-cache"
    folder.mkdir(parents=True)
    db = sqlite3.connect(folder / "meta.db")
    db.executescript(_META)
    for number, raw in enumerate(RAWS):
        db.execute(
            "INSERT INTO data_namedobject_meta (object_id, create_dec_id, insert_time, update_time, "
            "object_update_time, storage_category, context, last_access_rpath, access) VALUES (?,?,?,?,?,?,?,?,?)",
            (str(id_of(raw)), DEC, 1000 + number, 2000 + number, 0, number % 2, None, f"/a/{number}", 0o770),
        )
        write(blob_path(root, id_of(raw)), raw)
    db.commit()
    db.close()
    for chunk_id, data in CHUNKS.items():
        write(chunk_path(root, chunk_id), data)
    (root / "data" / "named-data-cache").mkdir()
    db = sqlite3.connect(root / "data/named-data-cache/data.db")
    db.executescript(_DATA)
    file = decode_object(OBJECTS["file_small"])
    content = file.desc.value
    assert isinstance(content, File)
    db.execute(
        "INSERT INTO file VALUES (?,?,?,?,?,?,?)",
        (content.hash.hex(), str(file.object_id), content.length, None, 1, 2, 3),
    )
    db.execute("INSERT INTO file_quick_hash VALUES (?,?,?)", ("quick", content.length, str(file.object_id)))
    db.execute(
        "INSERT INTO file_dirs VALUES (?,?,?)", (str(file.object_id), RECORDING["objects"]["dir"]["id"], "a/b.txt")
    )
    db.commit()
    db.close()
    return root


def sql(path: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(path)
    db.execute(statement, values)
    db.commit()
    db.close()


@dataclass
class Entry:
    """One entry of a volume; ``name`` for one that is not named after its id."""

    object_id: ObjectId
    data: bytes
    meta: bytes | None = None
    name: str | None = None
    compress: int = zipfile.ZIP_STORED

    def path(self) -> str:
        text = encode_base36(self.object_id)
        folder = text[-3:] + ("_" if text[-3:] in ("con", "aux", "nul", "prn") else "")
        return self.name or f"{folder}/{text[:-3]}"


@dataclass
class Archive:
    folder: Path
    objects: list[list[Entry]] = field(default_factory=list)
    chunks: list[list[Entry]] = field(default_factory=list)
    password: str | None = None
    change: dict[str, object] = field(default_factory=dict)

    def write(self) -> Path:
        data = self.folder / "data"
        data.mkdir(parents=True)
        key = None
        if self.password is not None:
            derived = hashlib.pbkdf2_hmac("sha512", self.password.encode(), DEVICE.encode(), 4096, 64)
            key = AesKey(derived[:48])
        index = {
            "id": "20230531",
            "time": "2023-05-31T09:46:40+08:00",
            "format": "Zip",
            "strategy": "Uni",
            "device_id": DEVICE,
            "owner": None,
            "crypto": "None" if key is None else "AES",
            "en_device_id": None if key is None else encode_base58(key.encrypt(ObjectId.from_text(DEVICE))),
            "data_folder": "data",
            "object_files": [volume(data / f"object.{n}.data", one, key) for n, one in enumerate(self.objects)],
            "chunk_files": [volume(data / f"chunk.{n}.data", one, key) for n, one in enumerate(self.chunks)],
            "meta": None,
        }
        (self.folder / "index").write_text(json.dumps({**index, **self.change}, indent=2))
        return self.folder


def volume(path: Path, entries: Iterable[Entry], key: AesKey | None) -> dict[str, object]:
    size = 0
    with zipfile.ZipFile(path, "w") as file:
        for entry in entries:
            info = zipfile.ZipInfo(entry.path())
            info.compress_type = entry.compress
            meta = entry.meta if key is None or entry.meta is None else key.encrypt(entry.meta)
            if meta is not None:
                info.extra = (0x6D65).to_bytes(2, "little") + len(meta).to_bytes(2, "little") + meta
            file.writestr(info, entry.data if key is None else key.encrypt(entry.data))
            size += len(entry.data)
    data = path.read_bytes()
    return {"name": path.name, "hash": hashlib.sha256(data).hexdigest(), "file_len": len(data), "data_len": size}


def object_entries() -> list[Entry]:
    meta = EntryMeta(
        access=0o770, insert_time=5, update_time=6, create_dec_id=bytes(ObjectId.from_text(DEC)), context="here"
    )
    return [Entry(id_of(raw), raw, meta.encode()) for raw in RAWS]


def chunk_entries() -> list[Entry]:
    return [Entry(chunk_id, data) for chunk_id, data in CHUNKS.items()]


def plain_archive(folder: Path, password: str | None = None) -> Path:
    entries = object_entries()
    return Archive(folder, [entries[:3], entries[3:]], [chunk_entries()], password).write()


async def imported(source: ImportSource, store: MemoryStore | None = None) -> tuple[MemoryStore, Imported]:
    made = store or MemoryStore()
    return made, await Importer(made, WORKER, Job("1", "import")).run(source)
