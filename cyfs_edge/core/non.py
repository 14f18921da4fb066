"""The NON service: objects by level and target under their rules (docs/protocol/access-and-zone.md §5.1)."""

from __future__ import annotations

from dataclasses import replace

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.access import PathRules, require_category
from cyfs_edge.core.inner_path import Found, can_walk, walk
from cyfs_edge.core.object_cache import ObjectCache, decode_held
from cyfs_edge.core.ports import ChunkStore, ObjectRecord
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.req_path import ReqPath
from cyfs_edge.wire.requests import (
    DeleteObject,
    DeleteObjectReply,
    GetObject,
    GetObjectReply,
    NonCommon,
    NonLevel,
    PostObject,
    PostObjectReply,
    PutObject,
    PutObjectReply,
    PutResult,
    RequestFlag,
)
from cyfs_edge.wire.source import Source, ZoneCategory

_LEVEL_MOST = {
    NonLevel.NOC: ZoneCategory.CURRENT_DEVICE,
    NonLevel.NON: ZoneCategory.CURRENT_ZONE,
    NonLevel.ROUTER: ZoneCategory.OTHER_ZONE,
}
LIST_CHUNK_MAX = 64 << 20
"""Largest chunk that is read into memory as the list of a Dir."""


class NonService:
    """put, get, post and delete of objects. Every error is a ``CyfsError`` with the protocol's code."""

    __slots__ = ("_cache", "_chunks", "_rules", "_zone")

    def __init__(self, cache: ObjectCache, chunks: ChunkStore, zone: ZoneManager, rules: PathRules) -> None:
        self._cache = cache
        self._chunks = chunks
        self._zone = zone
        self._rules = rules

    async def put_object(self, request: PutObject) -> PutObjectReply:
        common = request.common
        _gate(common, "put_object", router_most=ZoneCategory.CURRENT_ZONE)
        await self._zone.require_local(common.target)
        source = self._check_path(common, Permission.WRITE)
        if not request.raw:
            await self._cache.set_access(source, request.object_id, request.access)
            return PutObjectReply(PutResult.ACCEPT)
        obj = decode_as(request.object_id, request.raw)
        return await self._cache.put(source, obj, request.access)

    async def get_object(self, request: GetObject) -> GetObjectReply:
        common = request.common
        _gate(common, "get_object")
        await self._zone.require_local(common.target)
        try:
            source = self._check_path(common, Permission.READ)
        except CyfsError as error:
            if error.code != ErrorCode.INVALID_FORMAT:
                raise
            # A path that names no place names no object either.
            raise _not_found(request.object_id, request.inner_path) from None
        record = await self._cache.get(source, request.object_id)
        if record is None:
            raise _not_found(request.object_id, request.inner_path)
        attributes = None
        if request.inner_path is not None and can_walk(request.object_id):
            found, record = await self._walk(source, record, request.inner_path)
            attributes = found.attributes
        return GetObjectReply(
            record.object_id,
            record.raw,
            record.object_update_time or None,
            record.object_expired_time or None,
            attributes,
        )

    async def find(self, common: NonCommon, object_id: ObjectId, inner_path: str | None) -> Found:
        """Where an object, or a path inside it, leads; the last step is not loaded. For the NDN service."""
        source = self._check_path(common, Permission.READ)
        record = await self._cache.get(source, object_id)
        if record is None:
            raise _not_found(object_id, inner_path)
        if inner_path is None or not can_walk(object_id):
            return Found(object_id)
        return await self._walk_found(source, record, inner_path)

    async def load(self, common: NonCommon, object_id: ObjectId) -> NamedObject:
        """An object under the rules of ``common``; ``NOT_FOUND`` when it is not here."""
        source = self._check_path(common, Permission.READ)
        record = await self._cache.get(source, object_id)
        if record is None:
            raise _not_found(object_id, None)
        return decode_held(record)

    async def post_object(self, request: PostObject) -> PostObjectReply:
        """Only a handler can answer, and this node has none yet: ``NOT_HANDLED``, after all checks."""
        common = request.common
        _gate(common, "post_object")
        if common.req_path is None:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"post_object of {request.object_id} needs a request path")
        if request.raw:
            decode_as(request.object_id, request.raw)
        await self._zone.require_local(common.target)
        self._check_path(common, Permission.CALL)
        raise CyfsError(ErrorCode.NOT_HANDLED, f"no handler takes {request.object_id} at {common.req_path}")

    async def delete_object(self, request: DeleteObject) -> DeleteObjectReply:
        """Deletes the named object itself, also when the request has an inner path, as every node does."""
        common = request.common
        _gate(common, "delete_object", router_most=ZoneCategory.CURRENT_ZONE)
        await self._zone.require_local(common.target)
        source = self._check_path(common, Permission.WRITE)
        deleted = await self._cache.delete(source, request.object_id)
        if deleted is None or not common.flags & RequestFlag.DELETE_WITH_OBJECT:
            return DeleteObjectReply()
        return DeleteObjectReply(deleted.object_id, deleted.raw)

    def _check_path(self, common: NonCommon, permission: Permission) -> Source:
        """The path check of a request (§5.1, step 2); gives the source, verified for the path's dec."""
        source = common.source
        if common.req_path is None:
            return source
        path = ReqPath.parse(common.req_path)
        dec = path.dec or source.dec
        if not (source.category <= ZoneCategory.CURRENT_ZONE and source.dec in (dec, SYSTEM_DEC_ID)):
            self._rules.check(source, dec, path.path, permission)
        return replace(source, verified=dec)

    async def _walk(self, source: Source, record: ObjectRecord, inner_path: str) -> tuple[Found, ObjectRecord]:
        found = await self._walk_found(source, record, inner_path)
        target = None if found.object_id.is_chunk else await self._cache.get(source, found.object_id)
        if target is None:
            raise _not_found(record.object_id, inner_path)
        return found, target

    async def _walk_found(self, source: Source, record: ObjectRecord, inner_path: str) -> Found:
        async def load(object_id: ObjectId) -> NamedObject | None:
            held = await self._cache.get(source, object_id)
            return decode_held(held) if held is not None else None

        return await walk(decode_held(record), inner_path, load, self._load_chunk)

    async def _load_chunk(self, chunk_id: ChunkId) -> bytes | None:
        return await read_list_chunk(self._chunks, chunk_id)


async def read_list_chunk(chunks: ChunkStore, chunk_id: ChunkId) -> bytes | None:
    """A chunk that holds a list of an object (a large Dir), whole."""
    if chunk_id.length > LIST_CHUNK_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"list chunk {chunk_id} has more than {LIST_CHUNK_MAX} bytes")
    return await chunks.read_whole(chunk_id)


def decode_as(object_id: ObjectId, raw: bytes) -> NamedObject:
    """The object in ``raw``; ``UNMATCH`` when it is another one than announced."""
    obj = decode_object(raw)
    if obj.object_id != object_id:
        raise CyfsError(ErrorCode.UNMATCH, f"the object sent is {obj.object_id}, not {object_id}")
    return obj


def _gate(common: NonCommon, service: str, router_most: ZoneCategory = ZoneCategory.OTHER_ZONE) -> None:
    require_category(common.source, min(_LEVEL_MOST[common.level], router_most), service)


def _not_found(object_id: ObjectId, inner_path: str | None) -> CyfsError:
    where = "" if inner_path is None else f" with inner path {inner_path!r}"
    return CyfsError(ErrorCode.NOT_FOUND, f"object {object_id}{where} is not here")
