"""Files that the owner's own commands bring and fetch: many chunks and objects in a call, kept while they are needed.

Chunks of files are kept while an object that stays refers to them (``Keep.REFERRED``), so the File must follow its
chunks within ``LEASE``; whoever brings it has them renewed by asking for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.core.ports import Claim, Durability, FileIndexEntry, Keep, Store, Waits
from cyfs_edge.objects.dir import Dir
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import ChunkList, ChunkListKind, File
from cyfs_edge.wire.file_batch import Asked, MadeFile
from cyfs_edge.wire.source import Source

SPACE = "file-memo"
"""Space of the records: key of a local file → its stamp and the File made of it."""


class FileIntake:
    """For callers that may do what the owner may; nothing is asked of the rules of access but those of a put."""

    __slots__ = ("_cache", "_claim", "_source", "_store", "_waits")

    def __init__(self, cache: ObjectCache, store: Store, waits: Waits, source: Source) -> None:
        """``source``: on whose behalf objects are put."""
        self._cache = cache
        self._store = store
        self._waits = waits
        self._source = source
        self._claim = Claim(source.dec, Keep.REFERRED, source.zone)

    async def put_chunks(self, chunks: list[tuple[ChunkId, bytes]]) -> int:
        """How many were new. They are on the disk, for ``LEASE`` or as long as an object refers to them."""
        return await self._store.chunks.put_many(chunks, claim=self._claim)

    async def here(self, chunk_ids: Sequence[ChunkId]) -> list[bool]:
        """Which chunks are here; their leases begin anew."""
        return await self._store.chunks.renew_many(chunk_ids)

    async def put_files(self, files: Sequence[MadeFile]) -> None:
        """Stores Files and Dirs, enters the Files into the index, and remembers what they were made of.

        ``NOT_FOUND`` when a chunk of one is not here (any more): none is stored then. ``INVALID_PARAM`` for another
        kind of object.
        """
        objects = [_file_or_dir(file.raw) for file in files]
        needed = list(dict.fromkeys(chunk for obj in objects for chunk in _chunks_of(obj)))
        for chunk_id, there in zip(needed, await self.here(needed), strict=True):
            if not there:
                raise CyfsError(ErrorCode.NOT_FOUND, f"chunk {chunk_id} of a file is not here")
        await self._waits.all([self._cache.put(self._source, obj, None) for obj in objects])
        await self._waits.all([self._store.files.add(entry) for obj in objects if (entry := _index_entry(obj))])
        # Lazily: without it the file is read again, no more. It follows what it speaks of in the store's order.
        records = self._store.records
        await self._waits.all(
            [
                records.put(SPACE, file.seen.key, encode_memo(file.seen.stamp, obj.object_id), Durability.LAZY)
                for file, obj in zip(files, objects, strict=True)
                if file.seen is not None
            ]
        )

    async def known(self, asked: Asked) -> list[ObjectId | None]:
        """For each local file the File that was made of it, when it is the same since, and all of it is here."""
        if asked.begin is not None and asked.files:
            await self._forget(asked)
        found: list[ObjectId | None] = []
        for seen in asked.files:
            row = await self._store.records.get(SPACE, seen.key)
            memo = decode_memo(row) if row is not None else None
            known = memo is not None and memo[0] == seen.stamp and await self._is_whole(memo[1])
            found.append(memo[1] if memo is not None and known else None)
        return found

    async def read(self, ids: Sequence[ObjectId], limit: int) -> list[bytes | None]:
        """Objects and chunks, ``None`` for what is not here; as many as ``limit`` bytes hold, but at least one."""
        found: list[bytes | None] = []
        size = 0
        for object_id in ids:
            data: bytes | None
            if object_id.is_chunk:
                if found and size + ChunkId(object_id).length > limit:
                    break
                data = await self._store.chunks.read_whole(ChunkId(object_id))
            else:
                record = await self._store.objects.get(object_id)
                data = record.raw if record is not None else None
            size += len(data or b"")
            if found and size > limit:
                break
            found.append(data)
        return found

    async def _forget(self, asked: Asked) -> None:
        """Drops what is remembered of files that are gone: between two that are there in the order of keys."""
        kept = {seen.key for seen in asked.files}
        begin, end = asked.begin or "", asked.files[-1].key
        gone: list[str] = []
        prefix = end.partition("/")[0] + "/"
        async for key, _ in self._store.records.list(SPACE, prefix, begin or None):
            if key.encode() >= end.encode():
                break
            if key not in kept:
                gone.append(key)
        await self._waits.all([self._store.records.delete(SPACE, key, Durability.LAZY) for key in gone])

    async def _is_whole(self, file_id: ObjectId) -> bool:
        record = await self._store.objects.get(file_id)
        if record is None:
            return False
        chunks = _chunks_of(decode_object(record.raw))
        return all(await self.here(chunks))


def _file_or_dir(raw: bytes) -> NamedObject:
    obj = decode_object(raw)
    if not isinstance(obj.desc.value, File | Dir):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{obj.object_id} is neither a File nor a Dir")
    return obj


def _chunks_of(obj: NamedObject) -> tuple[ChunkId, ...]:
    """The chunks that must be here for an object: those of a File, and that of a Dir's list which it does not carry."""
    value, body = obj.desc.value, obj.body.value if obj.body is not None else None
    if isinstance(value, File):
        return body.chunk_ids if isinstance(body, ChunkList) else ()
    if isinstance(value, Dir) and isinstance(value.content, ChunkId):
        return () if body is not None and value.content in body.objects else (value.content,)
    return ()


def _index_entry(obj: NamedObject) -> FileIndexEntry | None:
    value, body = obj.desc.value, obj.body.value if obj.body is not None else None
    if not isinstance(value, File) or not isinstance(body, ChunkList) or body.kind is ChunkListKind.FILE:
        return None
    return FileIndexEntry(obj.object_id, value.hash, value.length, obj.owner, chunks=body.chunk_ids)


def encode_memo(stamp: str, file_id: ObjectId) -> bytes:
    return Writer().raw(file_id).string(stamp).getvalue()


def decode_memo(row: bytes) -> tuple[str, ObjectId] | None:
    """Stamp and file; ``None`` for what another release wrote otherwise."""
    reader = Reader(row)
    try:
        file_id = ObjectId.read(reader)
        return reader.string(), file_id
    except CodecError:
        return None
