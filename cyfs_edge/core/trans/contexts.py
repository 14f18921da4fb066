"""TransContexts: the devices that an app downloads from, kept as objects (docs/protocol/core-objects.md §3.11)."""

from __future__ import annotations

from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.non import NonService
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.core.registry import decode_core
from cyfs_edge.objects.core.trans_context import TransContextBody, context_id
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.requests import NonCommon
from cyfs_edge.wire.source import Source
from cyfs_edge.wire.trans import DEVICES_MAX, GetContext, PutContext

TYPE_CODE = 350


class TransContexts:
    __slots__ = ("_cache", "_non")

    def __init__(self, non: NonService, cache: ObjectCache) -> None:
        self._non = non
        self._cache = cache

    async def get(self, request: GetContext) -> NamedObject:
        source = request.common.source
        wanted = request.context_id or _id_at(source, request.context_path or "")
        return await self._load(source, wanted)

    async def put(self, request: PutContext) -> None:
        """``UNMATCH`` for another object; ``PERMISSION_DENIED`` for a context of another dec."""
        source, raw = request.common.source, request.raw
        kind = int.from_bytes(raw[:2], "big")
        if kind != TYPE_CODE:
            raise CyfsError(ErrorCode.UNMATCH, f"a TransContext has type {TYPE_CODE}, not {kind}")
        obj = decode_object(raw)
        _devices_of(obj)
        if obj.desc.dec_id not in (None, source.dec) and source.dec != SYSTEM_DEC_ID:
            text = f"{obj.object_id} is a context of dec {obj.desc.dec_id}, not for {source.describe()}"
            raise CyfsError(ErrorCode.PERMISSION_DENIED, text)
        await self._cache.put(source, obj, request.access)

    async def devices(self, source: Source, context: str) -> list[ObjectId]:
        """What the context at a path, or of an id, names now."""
        try:
            wanted = ObjectId.from_text(context)
        except CyfsError:
            wanted = _id_at(source, context)
        return _devices_of(await self._load(source, wanted))

    async def _load(self, source: Source, wanted: ObjectId) -> NamedObject:
        obj = await self._non.load(NonCommon(source), wanted)
        if obj.obj_type != TYPE_CODE:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{wanted} is no TransContext")
        return obj


def _id_at(source: Source, path: str) -> ObjectId:
    return context_id(None if path.startswith("$") else source.dec, path)


def _devices_of(obj: NamedObject) -> list[ObjectId]:
    content: Any = decode_core(obj)
    body = content.body if content is not None else None
    if not isinstance(body, TransContextBody):
        return []
    if len(body.device_list) > DEVICES_MAX:
        text = f"a context names {len(body.device_list)} devices, at most {DEVICES_MAX}"
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)
    return [device.target for device in body.device_list]
