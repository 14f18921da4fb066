"""Making File, ObjectMap and Dir objects from local files (docs/protocol/http-api.md §8, objects.md §7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.access import require_category
from cyfs_edge.core.maps.making import make_map
from cyfs_edge.core.non import NonService
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.core.ports import (
    ChunkStore,
    Claim,
    Clock,
    FileIndex,
    FileIndexEntry,
    Keep,
    LocalFiles,
    Waits,
    Worker,
)
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_file
from cyfs_edge.objects.object_map import HubEntries, MapEntries, ObjectMap
from cyfs_edge.wire.requests import NonCommon, UtilCommon
from cyfs_edge.wire.source import ZoneCategory

CHUNK_SIZE_DEFAULT = 4 << 20
CHUNK_SIZE_MIN = 1024
CHUNK_SIZE_MAX = 16 << 20
FOLDER_ENTRIES_MAX = 100_000
FOLDER_DEPTH_MAX = 64


class ChunkMethod(Enum):
    """Whether the chunks become readable here. Track keeps a copy as well: the source may change behind our back."""

    TRACK = "Track"
    COPY = "Copy"
    NONE = "None"

    @classmethod
    def parse(cls, value: object) -> ChunkMethod:
        if value is None:
            return cls.TRACK
        try:
            return cls(value)
        except ValueError:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"unknown chunk_method {value!r}") from None


@dataclass(slots=True)
class _Job:
    common: UtilCommon
    owner: ObjectId
    chunk_size: int
    method: ChunkMethod
    access: int | None
    known: bool = False
    entries: int = 0


class BuildService:
    """``build_file`` reads files with the rights of this process, so only named decs of this machine may ask for it."""

    __slots__ = ("_cache", "_chunks", "_clock", "_files", "_index", "_non", "_waits", "_worker", "_zone")

    def __init__(
        self,
        non: NonService,
        cache: ObjectCache,
        chunks: ChunkStore,
        index: FileIndex,
        files: LocalFiles,
        zone: ZoneManager,
        clock: Clock,
        worker: Worker,
        waits: Waits,
    ) -> None:
        self._non = non
        self._cache = cache
        self._chunks = chunks
        self._index = index
        self._files = files
        self._zone = zone
        self._clock = clock
        self._worker = worker
        self._waits = waits

    async def build_file(
        self,
        common: UtilCommon,
        path: str,
        owner: ObjectId,
        chunk_size: int,
        method: ChunkMethod,
        access: int | None,
        *,
        known: bool = False,
    ) -> NamedObject:
        """The File object of a local file, or the ObjectMap of a folder. 0 as ``chunk_size`` is the customary 4 MiB.

        ``known``: a file whose content is in the index keeps the object that it has there. ``CONFLICT`` when a file
        changes while it is read.
        """
        require_category(common.source, ZoneCategory.CURRENT_DEVICE, "build_file")
        if common.source.dec == ANONYMOUS_DEC_ID:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "build_file needs a dec: the anonymous one may not read files")
        await self._zone.require_local(common.target)
        size = chunk_size or CHUNK_SIZE_DEFAULT
        if not CHUNK_SIZE_MIN <= size <= CHUNK_SIZE_MAX:
            raise CyfsError(
                ErrorCode.INVALID_PARAM, f"chunk_size must be 0 or {CHUNK_SIZE_MIN} to {CHUNK_SIZE_MAX}, not {size}"
            )
        if not path.startswith("/"):
            raise CyfsError(ErrorCode.NOT_FOUND, f"no file {path!r}: the path must be absolute")
        job = _Job(common, owner, size, method, access, known)
        if await self._files.is_dir(path):
            return await self._build_folder(job, path, 0)
        return await self._build_one(job, path)

    async def _build_one(self, job: _Job, path: str) -> NamedObject:
        digest, length = hashlib.sha256(), 0
        chunk_ids: list[ChunkId] = []
        async for piece in self._files.read(path, job.chunk_size):
            length += len(piece)
            await self._waits.all([self._hash_on(digest, piece), self._add_chunk(job, piece, chunk_ids)])
        held = await self._known(job, digest.digest(), tuple(chunk_ids)) if job.known else None
        if held is not None:
            return held
        now = self._clock.now()
        file = make_file(job.owner, length, digest.digest(), chunk_ids, create_time=now, update_time=now)
        await self._cache.put(job.common.source, file, job.access)
        if job.method is not ChunkMethod.NONE:
            await self._index.add(
                FileIndexEntry(file.object_id, digest.digest(), length, job.owner, chunks=tuple(chunk_ids))
            )
        return file

    async def _known(self, job: _Job, digest: bytes, chunk_ids: tuple[ChunkId, ...]) -> NamedObject | None:
        """The object that this content has already, with the same owner and chunks, if the caller may change it."""
        entry = await self._index.by_hash(digest)
        if entry is None or entry.owner != job.owner or entry.chunks != chunk_ids:
            return None
        try:
            file = await self._non.load(NonCommon(job.common.source), entry.file_id)
            await self._cache.put(job.common.source, file, job.access)
        except CyfsError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.PERMISSION_DENIED):
                return None
            raise
        return file

    async def _hash_on(self, digest: hashlib._Hash, piece: bytes) -> None:
        await self._worker.run(lambda: digest.update(piece))

    async def _add_chunk(self, job: _Job, piece: bytes, chunk_ids: list[ChunkId]) -> None:
        """The chunk is there for the File that comes after it, and no longer than that."""
        chunk_id = await self._worker.run(lambda: ChunkId.of_data(piece))
        chunk_ids.append(chunk_id)
        if job.method is not ChunkMethod.NONE:
            # On the account of this node's owner, whoever the File is said to belong to.
            claim = Claim(job.common.source.dec, Keep.REFERRED, self._zone.zone.owner)
            await self._chunks.put(chunk_id, piece, claim=claim)

    async def _build_folder(self, job: _Job, path: str, depth: int) -> NamedObject:
        if depth > FOLDER_DEPTH_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{path!r} is nested more than {FOLDER_DEPTH_MAX} folders deep")
        values: dict[str, ObjectId] = {}
        for entry in await self._files.list_dir(path):
            job.entries += 1
            if job.entries > FOLDER_ENTRIES_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {FOLDER_ENTRIES_MAX} files in one call")
            inner = f"{path.rstrip('/')}/{entry.name}"
            made = await (self._build_folder(job, inner, depth + 1) if entry.is_dir else self._build_one(job, inner))
            values[entry.name] = made.object_id
        maps = make_map(values, owner=job.owner, update_time=self._clock.now())
        for part in maps:
            await self._cache.put(job.common.source, part, job.access)
        return maps[-1]

    async def build_dir(self, common: UtilCommon, object_map_id: ObjectId) -> ObjectId:
        """The Dir of everything below an ObjectMap, stored; ``NOT_FOUND`` when the map is not here."""
        require_category(common.source, ZoneCategory.CURRENT_ZONE, "build_dir_from_object_map")
        await self._zone.require_local(common.target)
        non_common = NonCommon(common.source, req_path=common.req_path)
        root = await self._load_map(non_common, object_map_id)
        entries: dict[str, DirEntry] = {}
        await self._collect(non_common, root, "", entries, 0)
        now = self._clock.now()
        made = make_dir(root.owner, DirList(entries), create_time=now, update_time=now)
        await self._cache.put(common.source, made, None)
        return made.object_id

    async def _load_map(self, common: NonCommon, object_id: ObjectId) -> NamedObject:
        if object_id.type_code != ObjectTypeCode.OBJECT_MAP:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{object_id} is no object map")
        return await self._non.load(common, object_id)

    async def _collect(
        self, common: NonCommon, obj: NamedObject, prefix: str, entries: dict[str, DirEntry], depth: int
    ) -> None:
        if depth > FOLDER_DEPTH_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"object maps nested more than {FOLDER_DEPTH_MAX} deep")
        content = obj.desc.value
        if not isinstance(content, ObjectMap):
            raise CyfsError(ErrorCode.INVALID_DATA, f"{obj.object_id} is no readable object map")
        if isinstance(content.content, HubEntries):
            for sub_id in content.content.values.values():
                await self._collect(common, await self._load_map(common, sub_id), prefix, entries, depth + 1)
            return
        if not isinstance(content.content, MapEntries):
            raise CyfsError(ErrorCode.INVALID_DATA, f"{obj.object_id} is a {content.content_type.text}, no map")
        for key, value in content.content.values.items():
            if len(entries) >= FOLDER_ENTRIES_MAX:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {FOLDER_ENTRIES_MAX} entries in one dir")
            if value.type_code == ObjectTypeCode.OBJECT_MAP:
                await self._collect(common, await self._load_map(common, value), f"{prefix}{key}/", entries, depth + 1)
            else:
                entries[prefix + key] = DirEntry(ChunkId(value) if value.is_chunk else value)
