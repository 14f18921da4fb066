"""Taking over what another store has: objects and chunks, each verified, none replaced by an older one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import Change, FileIndexEntry, ObjectRecord, Store, Worker
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import File, file_chunks

PROBLEMS_MAX = 1000
"""Most problems that are told one by one."""
_BATCH_COUNT = 256
_BATCH_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class FoundObject:
    """``record.object_id`` is what it is said to be; times and the rest as they were there."""

    record: ObjectRecord


@dataclass(frozen=True, slots=True)
class FoundChunk:
    chunk_id: ChunkId
    data: bytes


@dataclass(frozen=True, slots=True)
class FoundFile:
    """An entry of a file index; its chunks are taken from the File object."""

    entry: FileIndexEntry


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """Something that cannot be taken over."""

    text: str


Found = FoundObject | FoundChunk | FoundFile | FoundProblem


class ImportSource(Protocol):
    """Where things are imported from. Nothing in it is believed."""

    def items(self) -> AsyncIterator[Found]: ...


@dataclass(slots=True)
class Imported:
    """``present``: objects and chunks that were here already, as new or newer. ``problems``: a sentence each."""

    objects: int = 0
    updated: int = 0
    chunks: int = 0
    files: int = 0
    present: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    more: int = 0

    def add_problem(self, text: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)
        else:
            self.more += 1


class Importer:
    """One import. It may be broken off anywhere and run again."""

    def __init__(self, store: Store, worker: Worker, job: Job) -> None:
        self._store = store
        self._worker = worker
        self._job = job
        self._done = Imported()
        self._records: list[ObjectRecord] = []
        self._chunks: dict[ChunkId, bytes] = {}
        self._size = 0

    async def run(self, source: ImportSource) -> Imported:
        async for item in source.items():
            self._job.done += 1
            if isinstance(item, FoundObject):
                self._records.append(item.record)
                self._size += len(item.record.raw)
            elif isinstance(item, FoundChunk):
                self._chunks[item.chunk_id] = item.data
                self._size += len(item.data)
            elif isinstance(item, FoundFile):
                await self._flush()
                await self._file(item.entry)
            else:
                self._done.add_problem(item.text)
            if len(self._records) + len(self._chunks) >= _BATCH_COUNT or self._size >= _BATCH_BYTES:
                await self._flush()
        await self._flush()
        return self._done

    async def _flush(self) -> None:
        records, self._records = self._records, []
        chunks, self._chunks = self._chunks, {}
        self._size = 0
        if records:
            await self._put_objects(records)
        if chunks:
            await self._put_chunks(chunks)

    async def _put_objects(self, records: list[ObjectRecord]) -> None:
        verified = await self._worker.run(partial(_verified, records))
        new: list[ObjectRecord] = []
        for record in verified:
            if isinstance(record, str):
                self._done.add_problem(record)
                continue
            held = await self._store.objects.get(record.object_id)
            if held is None:
                new.append(record)
            elif held.object_update_time < record.object_update_time:
                self._done.updated += await self._store.objects.update(record.object_id, partial(_newer, record))
            else:
                self._done.present += 1
        if new:
            await self._store.state.commit(new)
            self._done.objects += len({record.object_id for record in new})
            self._done.bytes += sum(len(record.raw) for record in new)

    async def _put_chunks(self, chunks: dict[ChunkId, bytes]) -> None:
        sound = await self._worker.run(partial(_sound, chunks))
        for chunk_id in chunks.keys() - sound.keys():
            self._done.add_problem(f"chunk {chunk_id}: its bytes do not match its id")
        if sound:
            new = await self._store.chunks.put_many(list(sound.items()))
            self._done.chunks += new
            self._done.present += len(sound) - new
            self._done.bytes += sum(map(len, sound.values()))

    async def _file(self, entry: FileIndexEntry) -> None:
        record = await self._store.objects.get(entry.file_id)
        if record is None:
            self._done.add_problem(f"file {entry.file_id} of the index: its object is not there")
            return
        obj = decode_object(record.raw)
        content = obj.desc.value
        if not isinstance(content, File) or (content.hash, content.length) != (entry.hash, entry.length):
            self._done.add_problem(f"file {entry.file_id} of the index: its object tells another hash or length")
            return
        await self._store.files.add(replace(entry, owner=obj.owner, chunks=file_chunks(obj)))
        self._done.files += 1


def _verified(records: list[ObjectRecord]) -> list[ObjectRecord | str]:
    """The records with the times of the objects themselves; a sentence in the place of one that is not what it says."""
    found: list[ObjectRecord | str] = []
    for record in records:
        try:
            obj = decode_object(record.raw)
        except CyfsError as error:
            found.append(f"object {record.object_id}: {error.message}")
            continue
        if obj.object_id != record.object_id:
            found.append(f"object {record.object_id}: its bytes are those of {obj.object_id}")
            continue
        found.append(
            replace(
                record,
                object_update_time=obj.update_time,
                object_expired_time=obj.desc.expired_time or 0,
                owner=obj.owner,
            )
        )
    return found


def _sound(chunks: dict[ChunkId, bytes]) -> dict[ChunkId, bytes]:
    return {chunk_id: data for chunk_id, data in chunks.items() if ChunkId.of_data(data) == chunk_id}


def _newer(record: ObjectRecord, held: ObjectRecord | None) -> Change[bool]:
    if held is None:
        return Change(True, record)
    if held.object_update_time >= record.object_update_time:
        return Change(False)
    return Change(True, replace(held, raw=record.raw, object_update_time=record.object_update_time))


def object_id_of(text: str) -> ObjectId | None:
    """An id from a text of others; ``None`` when it is none."""
    try:
        return ObjectId.from_text(text)
    except CyfsError:
        return None
