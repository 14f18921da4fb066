"""Taking a backup: the roots first, then all that is there, a little at a time (docs/backup.md, "What is in it")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from cyfs_edge import __version__
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.backup.pins import Pins
from cyfs_edge.core.backup.ports import RootFiles
from cyfs_edge.core.backup.repository import Found, Repository
from cyfs_edge.core.ports import NO_CLAIM, Clock, FileIndexEntry, ObjectRecord, RootRecord, Store, Worker
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.wire.backup import rows
from cyfs_edge.wire.backup.layout import VERSION, Blob

T = TypeVar("T")

SEGMENT_MIN = 64 * 1024
"""From so many bytes on a segment ends where an id says so: the same rows make the same segments again."""
SEGMENT_MAX = 1 << 20
_CUT_MASK = 0x3F
_BATCH = 128
_PROBLEMS_MAX = 1000


@dataclass(slots=True)
class Progress:
    """``done`` of ``total`` objects and chunks."""

    phase: str = ""
    done: int = 0
    total: int = 0


class Creator:
    """One backup of one store."""

    def __init__(
        self,
        store: Store,
        files: RootFiles,
        repository: Repository,
        clock: Clock,
        worker: Worker,
        pins: Pins,
        report: Callable[[Progress], None],
    ) -> None:
        self._store = store
        self._files = files
        self._repository = repository
        self._clock = clock
        self._worker = worker
        self._pins = pins
        self._report = report
        self._progress = Progress()
        self._listings: dict[Blob, _Listing] = {}
        self.problems: list[str] = []
        """What is damaged in the store, and therefore not in the backup."""

    async def run(self, device_id: ObjectId, *, secret: bool = False) -> Found:
        """What was put before the call is in it, with all that its roots lead to; what comes meanwhile may be."""
        before = self._repository.written
        stat = self._store.stat()
        self._progress.total = stat.object_count + stat.chunk_count
        time = self._clock.now()
        roots, pin = await self._take_roots()
        try:
            await self._objects()
            await self._chunks()
            await self._rows(Blob.FILES, "files", self._store.files.entries(), _file_row)
            await self._records()
            await self._config(secret)
            self._tell("finishing", 0)
            await self._repository.flush()
            return await self._repository.write_snapshot(
                rows.Snapshot(
                    version=VERSION,
                    time=time,
                    device_id=device_id,
                    release=__version__,
                    roots=tuple(
                        rows.RootRow(name=name, root=record.root, revision=record.revision) for name, record in roots
                    ),
                    listings=tuple(listing.row() for listing in self._listings.values()),
                    added=self._repository.written - before,
                    problems=tuple(self.problems),
                )
            )
        finally:
            self._pins.release(pin)

    async def _take_roots(self) -> tuple[list[tuple[str, RootRecord]], int]:
        """The roots, held against collection from a moment on at which they were the current ones."""
        roots = [item async for item in self._store.state.roots()]
        while True:
            pin = self._pins.hold(record.root for _, record in roots)
            again = [item async for item in self._store.state.roots()]
            if again == roots:
                return roots, pin
            self._pins.release(pin)
            roots = again

    def _tell(self, phase: str, done: int) -> None:
        self._progress.phase = phase
        self._progress.done += done
        self._report(self._progress)

    def _problem(self, text: str) -> None:
        if len(self.problems) < _PROBLEMS_MAX:
            self.problems.append(text)

    # -- objects ------------------------------------------------------------------------------------------------------

    async def _objects(self) -> None:
        segment = _Segment()
        async for object_id in self._store.objects.list_ids():
            try:
                record = await self._store.objects.get(object_id)
            except CyfsError as error:
                if error.code != ErrorCode.IO_ERROR or self._store.failure is not None:
                    raise
                self._problem(f"object {object_id}: {error.message}")
                continue
            if record is not None and segment.add(record, object_id, len(record.raw)):
                await self._object_segment(segment.take())
        await self._object_segment(segment.take())

    async def _object_segment(self, records: list[ObjectRecord]) -> None:
        if not records:
            return
        plain = await self._worker.run(partial(_encode_objects, records))
        blob_id = self._repository.segment_id(Blob.OBJECTS, plain)
        if await self._repository.index.missing(Blob.OBJECTS, [blob_id]):
            sound = await self._worker.run(partial(_sound, records))
            for record in records:
                if record.object_id not in sound:
                    self._problem(f"object {record.object_id}: its bytes do not match its id")
            if len(sound) < len(records):
                records = [record for record in records if record.object_id in sound]
                if not records:
                    return
                plain = await self._worker.run(partial(_encode_objects, records))
        await self._segment(Blob.OBJECTS, plain, len(records), sum(len(record.raw) for record in records))
        self._tell("objects", len(records))

    async def _segment(self, kind: Blob, plain: bytes, count: int, size: int) -> None:
        blob_id = self._repository.segment_id(kind, plain)
        if await self._repository.index.missing(kind, [blob_id]):
            await self._repository.add_blob(kind, blob_id, plain)
        self._listings.setdefault(kind, _Listing(kind)).add(blob_id, count, size)

    # -- chunks -------------------------------------------------------------------------------------------------------

    async def _chunks(self) -> None:
        segment = _Segment()
        batch: list[ChunkId] = []
        async for chunk_id in self._store.chunks.list_ids():
            batch.append(chunk_id)
            if len(batch) == _BATCH:
                await self._chunk_batch(batch, segment)
                batch = []
        await self._chunk_batch(batch, segment)
        await self._chunk_segment(segment.take())

    async def _chunk_batch(self, batch: list[ChunkId], segment: _Segment) -> None:
        missing = set(await self._repository.index.missing(Blob.CHUNK, batch))
        for chunk_id in batch:
            try:
                claim = await self._store.chunks.claim(chunk_id)
                if claim is None or (chunk_id in missing and not await self._send_chunk(chunk_id)):
                    continue
            except CyfsError as error:
                if error.code != ErrorCode.IO_ERROR or self._store.failure is not None:
                    raise
                self._problem(f"chunk {chunk_id}: {error.message}")
                if chunk_id in missing:
                    continue
                claim = NO_CLAIM  # an earlier backup has its bytes: they must not be forgotten now
            row = rows.ChunkRow(chunk_id=chunk_id, dec=claim.dec, keep=claim.keep, owner=claim.owner)
            if segment.add(row, chunk_id, 80):
                await self._chunk_segment(segment.take())
            self._tell("chunks", 1)

    async def _send_chunk(self, chunk_id: ChunkId) -> bool:
        """Whether it was there, and sound."""
        data = await self._store.chunks.read_whole(chunk_id)
        if data is None:
            return False
        digest = await self._worker.run(lambda: sha256(data).digest())
        if len(data) != chunk_id.length or digest[:27] != chunk_id.hash_head:
            self._problem(f"chunk {chunk_id}: its bytes do not match the hash in its id")
            return False
        await self._repository.add_blob(Blob.CHUNK, chunk_id, data)
        return True

    async def _chunk_segment(self, chunks: list[rows.ChunkRow]) -> None:
        if chunks:
            plain = rows.encode_segment([row.encode() for row in chunks])
            await self._segment(Blob.CHUNKS, plain, len(chunks), sum(row.chunk_id.length for row in chunks))

    # -- all else -----------------------------------------------------------------------------------------------------

    async def _rows(
        self, kind: Blob, phase: str, items: AsyncIterator[T], encode: Callable[[T], tuple[bytes, bytes]]
    ) -> None:
        """``encode`` gives the key of an item, by which segments are cut, and its row."""
        segment = _Segment()
        self._tell(phase, 0)
        async for item in items:
            key, row = encode(item)
            if segment.add(row, sha256(key).digest(), len(row)):
                await self._row_segment(kind, segment.take())
        await self._row_segment(kind, segment.take())

    async def _row_segment(self, kind: Blob, encoded: Sequence[bytes]) -> None:
        if encoded:
            await self._segment(kind, rows.encode_segment(list(encoded)), len(encoded), sum(map(len, encoded)))

    async def _records(self) -> None:
        async def all_records() -> AsyncIterator[rows.RecordRow]:
            async for space in self._store.records.spaces():
                async for key, value in self._store.records.list(space):
                    yield rows.RecordRow(space=space, key=key, value=value)

        await self._rows(
            Blob.RECORDS, "records", all_records(), lambda row: (f"{row.space}\0{row.key}".encode(), row.encode())
        )

    async def _config(self, secret: bool) -> None:
        self._tell("configuration", 0)
        for file in await self._files.read_all(secret=secret):
            row = rows.ConfigRow(path=file.path, data=file.data, mode=file.mode).encode()
            await self._row_segment(Blob.CONFIG, [row])


class _Segment:
    """Rows until it is time to close a segment. Where that is follows from the rows, not from where one began."""

    __slots__ = ("_rows", "_size")

    def __init__(self) -> None:
        self._rows: list[Any] = []
        self._size = 0

    def add(self, row: object, key: bytes, size: int) -> bool:
        """Whether the segment is to be closed."""
        self._rows.append(row)
        self._size += size
        return self._size >= SEGMENT_MAX or (self._size >= SEGMENT_MIN and not key[-1] & _CUT_MASK)

    def take(self) -> list[Any]:
        taken, self._rows, self._size = self._rows, [], 0
        return taken


class _Listing:
    __slots__ = ("_ids", "_kind", "_rows", "_size")

    def __init__(self, kind: Blob) -> None:
        self._kind = kind
        self._ids = bytearray()
        self._rows = 0
        self._size = 0

    def add(self, blob_id: bytes, count: int, size: int) -> None:
        self._ids += blob_id
        self._rows += count
        self._size += size

    def row(self) -> rows.Listing:
        return rows.Listing(kind=self._kind, ids=bytes(self._ids), rows=self._rows, size=self._size)


def _encode_objects(records: Sequence[ObjectRecord]) -> bytes:
    return rows.encode_segment(
        [
            rows.ObjectRow(
                raw=record.raw,
                object_id=record.object_id,
                create_dec_id=record.create_dec_id,
                insert_time=record.insert_time,
                update_time=record.update_time,
                object_update_time=record.object_update_time,
                object_expired_time=record.object_expired_time,
                access=record.access,
                storage_category=record.storage_category,
                context=record.context,
                last_access_rpath=record.last_access_rpath,
            ).encode()
            for record in records
        ]
    )


def _sound(records: Sequence[ObjectRecord]) -> set[ObjectId]:
    """Those whose bytes are those of their ids."""
    sound: set[ObjectId] = set()
    for record in records:
        try:
            if decode_object(record.raw).object_id == record.object_id:
                sound.add(record.object_id)
        except CyfsError:
            continue
    return sound


def _file_row(entry: FileIndexEntry) -> tuple[bytes, bytes]:
    row = rows.FileRow(
        file_id=entry.file_id,
        hash=entry.hash,
        length=entry.length,
        owner=entry.owner,
        flags=entry.flags,
        quick_hash=entry.quick_hash,
        ref_dirs=tuple(rows.RefDirRow(dir_id=dir_id, inner_path=path) for dir_id, path in entry.ref_dirs),
        chunks=entry.chunks,
    )
    return entry.file_id, row.encode()
