"""Bringing a backup back: all of it into an empty store, or what belongs to one dec into a running node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.base.proto import Message
from cyfs_edge.core.backup.create import Progress
from cyfs_edge.core.backup.ports import RootFile
from cyfs_edge.core.backup.repository import Repository
from cyfs_edge.core.ports import (
    Change,
    Claim,
    FileIndexEntry,
    Keep,
    ObjectRecord,
    RootChange,
    RootRecord,
    StorageCategory,
    Store,
    Worker,
)
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.wire.backup import rows
from cyfs_edge.wire.backup.layout import Blob, damaged
from cyfs_edge.wire.backup.rows import Snapshot

M = TypeVar("M", bound=Message)

_BATCH_BYTES = 4 << 20
_BATCH_CHUNKS = 64
_BATCH_RECORDS = 64


@dataclass(slots=True)
class Restored:
    """What was brought back; what was there already is not counted."""

    objects: int = 0
    chunks: int = 0
    bytes: int = 0
    files: int = 0
    records: int = 0
    roots: dict[str, str] = field(default_factory=dict)


class SnapshotReader:
    """The rows of a snapshot, read and verified segment by segment."""

    def __init__(self, repository: Repository, snapshot: Snapshot, worker: Worker) -> None:
        self._repository = repository
        self.snapshot = snapshot
        self._worker = worker

    async def check_complete(self) -> None:
        """``INVALID_DATA`` when the repository lacks a segment. Nothing is read for it."""
        for kind in Blob:
            missing = await self._repository.index.missing(kind, self.snapshot.listing(kind).segment_ids())
            if missing:
                raise damaged("it is not whole", f"{len(missing)} pieces with {kind.name.lower()} are missing")

    async def _segments(self, kind: Blob, message: type[M], seen: Collection[bytes] = ()) -> AsyncIterator[list[M]]:
        for blob_id in self.snapshot.listing(kind).segment_ids():
            if blob_id in seen:
                continue
            plain = await self._repository.read_blob(kind, blob_id)
            try:
                yield await self._worker.run(partial(rows.decode_segment, message, plain))
            except CyfsError as error:
                raise damaged(f"{kind.name.lower()} {blob_id.hex()}", error.message) from None

    async def objects(self) -> AsyncIterator[list[ObjectRecord]]:
        """In groups, each compared with its id."""
        async for segment in self._segments(Blob.OBJECTS, rows.ObjectRow):
            yield await self._worker.run(partial(_records_of, segment))

    async def chunks(self, seen: Collection[bytes] = ()) -> AsyncIterator[list[tuple[ChunkId, Claim]]]:
        """Without those in the segments ``seen``."""
        async for segment in self._segments(Blob.CHUNKS, rows.ChunkRow, seen):
            yield [(row.chunk_id, Claim(row.dec, _keep(row.keep), row.owner)) for row in segment]

    async def files(self) -> AsyncIterator[FileIndexEntry]:
        async for segment in self._segments(Blob.FILES, rows.FileRow):
            for row in segment:
                yield FileIndexEntry(
                    row.file_id,
                    row.hash,
                    row.length,
                    row.owner,
                    row.flags,
                    row.quick_hash,
                    tuple((one.dir_id, one.inner_path) for one in row.ref_dirs),
                    row.chunks,
                )

    async def records(self) -> AsyncIterator[rows.RecordRow]:
        async for segment in self._segments(Blob.RECORDS, rows.RecordRow):
            for row in segment:
                yield row

    async def config(self) -> list[RootFile]:
        return [
            RootFile(row.path, row.data, row.mode & 0o777)
            async for segment in self._segments(Blob.CONFIG, rows.ConfigRow)
            for row in segment
        ]

    async def chunk(self, chunk_id: ChunkId) -> bytes:
        """Verified; ``INVALID_DATA``."""
        data = await self._repository.read_blob(Blob.CHUNK, chunk_id)
        digest = await self._worker.run(lambda: sha256(data).digest())
        if len(data) != chunk_id.length or digest[:27] != chunk_id.hash_head:
            raise damaged(f"chunk {chunk_id}", "its bytes do not match its id")
        return data


def _records_of(segment: list[rows.ObjectRow]) -> list[ObjectRecord]:
    found: list[ObjectRecord] = []
    for row in segment:
        try:
            obj = decode_object(row.raw)
        except CyfsError as error:
            raise damaged(f"object {row.object_id}", error.message) from None
        if obj.object_id != row.object_id:
            raise damaged(f"object {row.object_id}", f"its bytes are those of {obj.object_id}")
        category = StorageCategory.CACHE if row.storage_category == StorageCategory.CACHE else StorageCategory.STORAGE
        found.append(
            ObjectRecord(
                obj.object_id,
                row.raw,
                row.create_dec_id,
                row.insert_time,
                row.update_time,
                row.object_update_time,
                row.object_expired_time,
                row.access,
                category,
                row.context,
                row.last_access_rpath,
                obj.owner,
            )
        )
    return found


def _keep(number: int) -> Keep:
    # What a newer release keeps in a way that is not known here stays.
    return Keep.REFERRED if number == Keep.REFERRED else Keep.ALWAYS


class Restorer:
    """Puts what a snapshot has into a store. What is there already stays, so that it can be run again."""

    def __init__(
        self, reader: SnapshotReader, store: Store, report: Callable[[Progress], None], done: Restored | None = None
    ) -> None:
        self._reader = reader
        self._store = store
        self._report = report
        self._progress = Progress(total=sum(reader.snapshot.listing(kind).rows for kind in (Blob.OBJECTS, Blob.CHUNKS)))
        self.done = done or Restored()

    async def all(self) -> Restored:
        """Everything, verified before it is stored; the roots last. The files of the root are left to the caller."""
        await self._reader.check_complete()
        async for records in self._reader.objects():
            await self._keep_objects(records)
        async for chunks in self._reader.chunks():
            await self.put_chunks(chunks)
        self._tell("files", 0)
        async for entry in self._reader.files():
            await self._store.files.add(entry)
            self.done.files += 1
        self._tell("records", 0)
        async for row in self._reader.records():
            if await self._store.records.get(row.space, row.key) != row.value:
                await self._store.records.put(row.space, row.key, row.value)
            self.done.records += 1
        self._tell("roots", 0)
        for root in self._reader.snapshot.roots:
            await self._set_root(root.name, RootRecord(root.root, root.revision))
        return self.done

    async def _set_root(self, name: str, wanted: RootRecord) -> None:
        held = await self._store.state.root(name)
        if held != wanted and not await self._store.state.commit([], RootChange(name, held, wanted)):
            raise CyfsError(ErrorCode.CONFLICT, f"the root {name} was changed meanwhile; run the restore again")
        self.done.roots[name] = str(wanted.root)

    async def _keep_objects(self, records: list[ObjectRecord]) -> None:
        """Adds those that are not there, in one commit for each batch."""
        before = self._store.stat().object_count
        await self._store.state.commit(records)
        self.done.objects += self._store.stat().object_count - before
        self.done.bytes += sum(len(record.raw) for record in records)
        self._tell("objects", len(records))

    async def merge_objects(self, records: Iterable[ObjectRecord]) -> None:
        """Adds those that are not there; of two states of one object the newer stays."""
        for record in records:
            held = await self._store.objects.get(record.object_id)
            if held is None or held.object_update_time < record.object_update_time:
                self.done.objects += await self._store.objects.update(record.object_id, partial(_newer, record))
                self.done.bytes += len(record.raw)

    async def put_chunks(self, chunks: list[tuple[ChunkId, Claim]]) -> None:
        waiting: dict[Claim, list[tuple[ChunkId, bytes]]] = {}
        size = count = 0
        for chunk_id, claim in chunks:
            self._tell("chunks", 1)
            if await self._store.chunks.contains(chunk_id):
                continue
            data = await self._reader.chunk(chunk_id)
            waiting.setdefault(claim, []).append((chunk_id, data))
            size, count = size + len(data), count + 1
            if size >= _BATCH_BYTES or count >= _BATCH_CHUNKS:
                await self._put(waiting)
                waiting, size, count = {}, 0, 0
        await self._put(waiting)

    async def _put(self, waiting: dict[Claim, list[tuple[ChunkId, bytes]]]) -> None:
        for claim, batch in waiting.items():
            self.done.chunks += await self._store.chunks.put_many(batch, claim=claim)
            self.done.bytes += sum(len(data) for _, data in batch)

    def _tell(self, phase: str, done: int) -> None:
        self._progress.phase = phase
        self._progress.done += done
        self._report(self._progress)


def _newer(record: ObjectRecord, held: ObjectRecord | None) -> Change[bool]:
    if held is None:
        return Change(True, record)
    if held.object_update_time >= record.object_update_time:
        return Change(False)
    return Change(True, replace(held, raw=record.raw, object_update_time=record.object_update_time))
