"""The NDN service: chunks and files with ranges (docs/protocol/http-api.md §7, access-and-zone.md §5.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.access import require_category
from cyfs_edge.core.non import NonService
from cyfs_edge.core.ports import ChunkStore, Claim, FileIndex, FileIndexEntry, FileRange
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.trans_context import context_id
from cyfs_edge.objects.dir import Dir, DirList
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import File, file_chunks
from cyfs_edge.objects.object_map import ObjectMap
from cyfs_edge.wire.conditions import data_tag, range_applies
from cyfs_edge.wire.data_range import DataRange, parse_range
from cyfs_edge.wire.requests import (
    DeleteData,
    GetData,
    NdnCommon,
    NdnLevel,
    NonCommon,
    NonLevel,
    PutData,
    PutDataResult,
    QueryFile,
    QueryKind,
    Referer,
)
from cyfs_edge.wire.source import ZoneCategory

_LEVEL_MOST = {
    NdnLevel.NDC: ZoneCategory.CURRENT_DEVICE,
    NdnLevel.NDN: ZoneCategory.CURRENT_ZONE,
    NdnLevel.ROUTER: ZoneCategory.OTHER_ZONE,
}


@dataclass(frozen=True, slots=True)
class Data:
    """A datum ready to be sent: its ``chunks`` in order with the part of each that is wanted, half-open.

    ``part``: what of ``object_id`` is meant, when an entry of a folder says so; ``range`` is one of that.
    """

    object_id: ObjectId
    part: tuple[int, int] | None
    owner: ObjectId | None
    group: str
    total: int
    range: DataRange | None
    chunks: tuple[tuple[ChunkId, int, int], ...]

    @property
    def length(self) -> int:
        return sum(end - start for _, start, end in self.chunks)

    @property
    def tag(self) -> str:
        """The entity tag of all of it."""
        return data_tag(self.object_id, self.part)


class NdnService:
    """put, get, delete and query of data. ``new_group`` numbers task groups without a name."""

    __slots__ = ("_chunks", "_files", "_new_group", "_non", "_zone")

    def __init__(
        self,
        non: NonService,
        chunks: ChunkStore,
        files: FileIndex,
        zone: ZoneManager,
        new_group: Callable[[], int],
    ) -> None:
        self._non = non
        self._chunks = chunks
        self._files = files
        self._zone = zone
        self._new_group = new_group

    async def put_data(self, request: PutData) -> PutDataResult:
        await self._gate(request.common, "put_data", ZoneCategory.CURRENT_ZONE)
        claim = Claim(request.common.source.dec, owner=self._zone.zone.owner)
        new = await self._chunks.put(request.chunk_id, request.data, claim=claim)
        return PutDataResult.ACCEPT if new else PutDataResult.ALREADY_EXISTS

    async def delete_data(self, request: DeleteData) -> None:
        """Deletes a chunk; nothing there is no error. Files go chunk by chunk: ``UN_SUPPORT`` for their ids."""
        await self._gate(request.common, "delete_data", ZoneCategory.CURRENT_ZONE)
        if not request.object_id.is_chunk:
            raise CyfsError(ErrorCode.UN_SUPPORT, f"only chunks can be deleted, not {request.object_id}")
        await self._chunks.delete(ChunkId(request.object_id))

    async def get_data(self, request: GetData) -> Data:
        """Finds the data and checks that all of it is here, before a byte is sent. ``NOT_FOUND`` when it is not."""
        common = request.common
        await self._gate(common, "get_data", ZoneCategory.OTHER_ZONE)
        if request.context is not None:
            await self._check_context(request)
        group = f"{common.source.dec}/{request.group if request.group is not None else self._new_group()}"
        object_id, within = request.object_id, None
        if object_id.type_code in (ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP):
            object_id, within = await self._resolve(request)
            source = await self._non.enter(_non_common(common), request.object_id)
            common = replace(common, source=source, req_path=None)
        if object_id.is_chunk:
            if request.object_id.is_chunk:
                await self._check_chunk_access(common, ChunkId(object_id))
            owner = None
            chunks: tuple[ChunkId, ...] = (ChunkId(object_id),)
            total = ChunkId(object_id).length
        else:
            file = await self._load_file(common, object_id)
            owner, total = file.owner, _file(file).length
            chunks = file_chunks(file)
        begin, end = within or (0, total)
        if end > total or begin > end:
            raise CyfsError(ErrorCode.INVALID_DATA, f"range {begin}-{end} is outside {object_id}")
        applies = range_applies(request.if_range, data_tag(object_id, within))
        wanted = parse_range(request.range_text if applies else None, end - begin)
        spans = ((0, end - begin),) if wanted is None else wanted.ranges or ()
        parts = cut_chunks(chunks, [(begin + start, begin + stop) for start, stop in spans])
        for chunk_id in {part[0] for part in parts}:
            if not await self._chunks.contains(chunk_id):
                raise CyfsError(ErrorCode.NOT_FOUND, f"chunk {chunk_id} of {object_id} is not here")
        return Data(object_id, within, owner, group, end - begin, wanted, parts)

    async def read(self, data: Data) -> AsyncIterator[bytes | FileRange]:
        """The wanted bytes, chunk by chunk."""
        for chunk_id, start, end in data.chunks:
            piece = await self._chunks.read(chunk_id, start, end)
            if piece is None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"chunk {chunk_id} was deleted while it was sent")
            yield piece

    async def query_file(self, request: QueryFile) -> list[FileIndexEntry]:
        await self._gate(request.common, "query_file", ZoneCategory.CURRENT_ZONE)
        value = request.value
        if request.kind is QueryKind.HASH:
            try:
                digest = bytes.fromhex(value)
            except ValueError:
                raise CyfsError(ErrorCode.INVALID_FORMAT, f"not a hash in hex: {value!r}") from None
            entry = await self._files.by_hash(digest)
            return [entry] if entry is not None else []
        if request.kind is QueryKind.QUICK_HASH:
            return await self._files.by_quick_hash(value)
        object_id = ObjectId.from_text(value)
        if request.kind is QueryKind.CHUNK:
            return await self._files.by_chunk(ChunkId(object_id))
        entry = await self._files.by_id(object_id)
        return [entry] if entry is not None else []

    async def _gate(self, common: NdnCommon, service: str, router_most: ZoneCategory) -> None:
        most = min(_LEVEL_MOST[common.level], router_most)
        require_category(common.source, most, service)
        await self._zone.require_local(common.target)

    async def _resolve(self, request: GetData) -> tuple[ObjectId, tuple[int, int] | None]:
        """Where the inner path of a dir or object map leads. Whatever is no file or chunk is not here."""
        if request.inner_path is None:
            raise CyfsError(ErrorCode.UN_SUPPORT, f"{request.object_id} is no file: data needs an inner path")
        try:
            found = await self._non.find(_non_common(request.common), request.object_id, request.inner_path)
        except CyfsError as error:
            if error.code == ErrorCode.INNER_PATH_NOT_FOUND:
                raise CyfsError(ErrorCode.NOT_FOUND, error.message) from None
            raise
        if found.object_id.is_chunk or found.object_id.type_code == ObjectTypeCode.FILE:
            return found.object_id, found.range
        raise CyfsError(ErrorCode.NOT_FOUND, f"{request.inner_path!r} of {request.object_id} is no file")

    async def _load_file(self, common: NdnCommon, object_id: ObjectId) -> NamedObject:
        if object_id.type_code != ObjectTypeCode.FILE:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{object_id} is no chunk, file, dir or object map")
        for referer in common.referers:
            await self._check_contains(common, referer, object_id)
        return await self._non.load(_non_common(common), object_id)

    async def _check_chunk_access(self, common: NdnCommon, chunk_id: ChunkId) -> None:
        """A chunk alone is for the own zone; others must name an object that holds it and that they may read."""
        if not common.referers:
            require_category(common.source, ZoneCategory.CURRENT_ZONE, "get_data of a chunk without referer")
        for referer in common.referers:
            await self._check_contains(common, referer, chunk_id)

    async def _check_contains(self, common: NdnCommon, referer: Referer, wanted: ObjectId) -> None:
        """``PERMISSION_DENIED`` unless the referer object, or what its inner path leads to, holds ``wanted``."""
        non_common = _non_common(common)
        if referer.inner_path is not None:
            found = await self._non.find(non_common, referer.object_id, referer.inner_path)
            if found.object_id == wanted:
                return
            if found.object_id.type_code != ObjectTypeCode.FILE:
                raise _not_part(wanted, referer)
            obj = await self._non.load(non_common, found.object_id)
        else:
            obj = await self._non.load(non_common, referer.object_id)
        if not _holds(obj, wanted):
            raise _not_part(wanted, referer)

    async def _check_context(self, request: GetData) -> None:
        """A named transfer context must exist, by id or by (dec, path)."""
        context = request.context or ""
        source = request.common.source
        try:
            wanted = ObjectId.from_text(context)
        except CyfsError:
            wanted = context_id(None if context.startswith("$") else source.dec, context)
        await self._non.load(NonCommon(source), wanted)


def _non_common(common: NdnCommon) -> NonCommon:
    level = NonLevel.ROUTER if common.level is NdnLevel.ROUTER else NonLevel.NON
    return NonCommon(common.source, level, common.target, common.flags, common.req_path)


def _not_part(wanted: ObjectId, referer: Referer) -> CyfsError:
    return CyfsError(ErrorCode.PERMISSION_DENIED, f"{wanted} is no part of {referer.object_id}")


def _file(obj: NamedObject) -> File:
    content = obj.desc.value
    if not isinstance(content, File):
        raise CyfsError(ErrorCode.INVALID_DATA, f"{obj.object_id} is no readable file")
    return content


def _holds(obj: NamedObject, wanted: ObjectId) -> bool:
    content = obj.desc.value
    if isinstance(content, File):
        return wanted.is_chunk and wanted in file_chunks(obj)
    if isinstance(content, Dir) and isinstance(content.listing, DirList):
        return wanted in content.listing.object_ids()
    return isinstance(content, ObjectMap) and wanted in content.object_ids()


def cut_chunks(chunks: tuple[ChunkId, ...], spans: list[tuple[int, int]]) -> tuple[tuple[ChunkId, int, int], ...]:
    """The parts of ``chunks`` (laid end to end) that cover each of ``spans``, in order."""
    starts = [0]
    for chunk_id in chunks:
        starts.append(starts[-1] + chunk_id.length)
    parts: list[tuple[ChunkId, int, int]] = []
    for start, end in spans:
        if end > starts[-1]:
            raise CyfsError(ErrorCode.INVALID_DATA, f"the chunk list covers {starts[-1]} bytes, not {end}")
        index = max(0, bisect_right(starts, start) - 1) if start < end else 0
        while index < len(chunks) and starts[index] <= end:
            low, high = max(start, starts[index]), min(end, starts[index + 1])
            if low < high or chunks[index].length == 0:
                parts.append((chunks[index], low - starts[index], high - starts[index]))
            index += 1
    return tuple(parts)
