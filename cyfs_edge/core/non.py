"""The NON service: objects by level and target under their rules (docs/protocol/access-and-zone.md §5.1)."""

from __future__ import annotations

from dataclasses import replace

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.access import PathRules, require_category
from cyfs_edge.core.handlers.interceptor import Interceptor
from cyfs_edge.core.inner_path import Found, can_walk, walk
from cyfs_edge.core.object_cache import ObjectCache, decode_held
from cyfs_edge.core.ports import ChunkStore, ObjectRecord
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.handler import Chain
from cyfs_edge.wire.handler_json import DELETE_OBJECT, GET_OBJECT, POST_OBJECT, PUT_OBJECT
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
_ROUTER = (Chain.PRE_ROUTER, Chain.POST_ROUTER)
_NOC = (Chain.PRE_NOC, Chain.POST_NOC)
LIST_CHUNK_MAX = 64 << 20
"""Largest chunk that is read into memory as the list of a Dir."""


class NonService:
    """put, get, post and delete of objects. Every error is a ``CyfsError`` with the protocol's code."""

    __slots__ = ("_cache", "_chunks", "_handlers", "_rules", "_zone")

    def __init__(
        self, cache: ObjectCache, chunks: ChunkStore, zone: ZoneManager, rules: PathRules, handlers: Interceptor
    ) -> None:
        self._cache = cache
        self._chunks = chunks
        self._zone = zone
        self._rules = rules
        self._handlers = handlers

    async def put_object(self, request: PutObject) -> PutObjectReply:
        _gate(request.common, "put_object", router_most=ZoneCategory.CURRENT_ZONE)
        if self._unseen(request.common):
            return await self._put_here(request)
        return await self._handlers.around(*_ROUTER, PUT_OBJECT, request, self._put_here)

    async def _put_here(self, request: PutObject) -> PutObjectReply:
        await self._zone.require_local(request.common.target)
        request = replace(request, common=await self._checked(request.common, Permission.WRITE))
        if self._handlers.idle:
            return await self._put_cached(request)
        return await self._handlers.around(*_NOC, PUT_OBJECT, request, self._put_cached)

    async def _put_cached(self, request: PutObject) -> PutObjectReply:
        source = request.common.source
        if not request.raw:
            await self._cache.set_access(source, request.object_id, request.access)
            return PutObjectReply(PutResult.ACCEPT)
        obj = decode_as(request.object_id, request.raw)
        return await self._cache.put(source, obj, request.access)

    async def get_object(self, request: GetObject) -> GetObjectReply:
        _gate(request.common, "get_object")
        if self._unseen(request.common):
            return await self._get_here(request)
        return await self._handlers.around(*_ROUTER, GET_OBJECT, request, self._get_here)

    async def _get_here(self, request: GetObject) -> GetObjectReply:
        await self._zone.require_local(request.common.target)
        try:
            request = replace(request, common=await self._checked(request.common, Permission.READ, request.object_id))
        except CyfsError as error:
            if error.code != ErrorCode.INVALID_FORMAT:
                raise
            # A path that names no place names no object either.
            raise _not_found(request.object_id, request.inner_path) from None
        if self._handlers.idle:
            return await self._get_cached(request)
        return await self._handlers.around(*_NOC, GET_OBJECT, request, self._get_cached)

    async def _get_cached(self, request: GetObject) -> GetObjectReply:
        source = request.common.source
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
        source = await self._check_path(common, Permission.READ, object_id)
        record = await self._cache.get(source, object_id)
        if record is None:
            raise _not_found(object_id, inner_path)
        if inner_path is None or not can_walk(object_id):
            return Found(object_id)
        return await self._walk_found(source, record, inner_path)

    async def load(self, common: NonCommon, object_id: ObjectId) -> NamedObject:
        """An object under the rules of ``common``; ``NOT_FOUND`` when it is not here."""
        source = await self._check_path(common, Permission.READ, object_id)
        record = await self._cache.get(source, object_id)
        if record is None:
            raise _not_found(object_id, None)
        return decode_held(record)

    async def enter(self, common: NonCommon, object_id: ObjectId) -> Source:
        """The source for what lies inside ``object_id``, whose path is checked here and need not be again."""
        return await self._check_path(common, Permission.READ, object_id)

    async def post_object(self, request: PostObject) -> PostObjectReply:
        """Only a handler can answer; ``NOT_HANDLED`` when none does."""
        _gate(request.common, "post_object")
        if self._unseen(request.common):
            return await self._post_here(request)
        return await self._handlers.around(*_ROUTER, POST_OBJECT, request, self._post_here)

    async def _post_here(self, request: PostObject) -> PostObjectReply:
        common = request.common
        if common.req_path is None:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"post_object of {request.object_id} needs a request path")
        if request.raw:
            decode_as(request.object_id, request.raw)
        await self._zone.require_local(common.target)
        request = replace(request, common=await self._checked(common, Permission.CALL))
        return await self._handlers.consume(POST_OBJECT, request)

    async def delete_object(self, request: DeleteObject) -> DeleteObjectReply:
        """Deletes the named object itself, also when the request has an inner path, as every node does."""
        _gate(request.common, "delete_object", router_most=ZoneCategory.CURRENT_ZONE)
        if self._unseen(request.common):
            return await self._delete_here(request)
        return await self._handlers.around(*_ROUTER, DELETE_OBJECT, request, self._delete_here)

    async def _delete_here(self, request: DeleteObject) -> DeleteObjectReply:
        await self._zone.require_local(request.common.target)
        request = replace(request, common=await self._checked(request.common, Permission.WRITE, request.object_id))
        if self._handlers.idle:
            return await self._delete_cached(request)
        return await self._handlers.around(*_NOC, DELETE_OBJECT, request, self._delete_cached)

    async def _delete_cached(self, request: DeleteObject) -> DeleteObjectReply:
        deleted = await self._cache.delete(request.common.source, request.object_id)
        if deleted is None or not request.common.flags & RequestFlag.DELETE_WITH_OBJECT:
            return DeleteObjectReply()
        return DeleteObjectReply(deleted.object_id, deleted.raw)

    def _unseen(self, common: NonCommon) -> bool:
        """No handler around the router sees this request."""
        return self._handlers.idle or common.level is not NonLevel.ROUTER

    async def _checked(self, common: NonCommon, permission: Permission, object_id: ObjectId | None = None) -> NonCommon:
        """``common`` with the source as the path check leaves it."""
        source = await self._check_path(common, permission, object_id)
        return common if source is common.source else replace(common, source=source)

    async def _check_path(self, common: NonCommon, permission: Permission, object_id: ObjectId | None = None) -> Source:
        """The source as the path check of the request leaves it. ``object_id``: what must lie at the path."""
        if common.req_path is None:
            return common.source
        return await self._rules.check_request(common.source, common.req_path, permission, object_id)

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
