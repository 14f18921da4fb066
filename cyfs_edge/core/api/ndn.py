"""``/ndn``: data calls in the dialects of SDK 0.6.0 and 0.5.8 (docs/protocol/http-api.md §7, §15)."""

from __future__ import annotations

from dataclasses import replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.caching import keeps_copies, validators
from cyfs_edge.core.api.call import Call, json_response
from cyfs_edge.core.ndn import Data, NdnService
from cyfs_edge.core.ports import FileIndexEntry
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.wire import fields, ndn
from cyfs_edge.wire.conditions import attachment, is_held
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import BodyStream, HttpResponse
from cyfs_edge.wire.ndn import NdnAction

_RANGES = ("accept-ranges", "bytes")


class NdnApi:
    __slots__ = ("_service", "_zone")

    def __init__(self, service: NdnService, zone: ZoneManager) -> None:
        self._service = service
        self._zone = zone

    async def put(self, call: Call) -> HttpResponse:
        return await self._put(call, fields.required_id(call.headers, fields.OBJECT_ID))

    async def _put(self, call: Call, object_id: ObjectId) -> HttpResponse:
        action = ndn.action(
            call.headers.get(fields.NDN_ACTION), NdnAction.PUT_DATA, (NdnAction.PUT_DATA, NdnAction.PUT_SHARED)
        )
        if action is NdnAction.PUT_SHARED:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "shared memory data cannot be put over HTTP")
        chunk_id = ndn.put_target(object_id)
        length = call.request.body.length
        if length is None:
            raise CyfsError(ErrorCode.INVALID_DATA, "put_data needs a Content-Length")
        if length != chunk_id.length:
            raise CyfsError(ErrorCode.UNMATCH, f"{length} bytes sent for a chunk of {chunk_id.length}")
        request = ndn.parse_put(call.headers, call.source, chunk_id, await call.body(call.limits.chunk_size))
        result = await self._service.put_data(request)
        return HttpResponse(200, [(fields.NDN_ACTION, action.value), (fields.RESULT, result.value)])

    async def get(self, call: Call) -> HttpResponse:
        if fields.NDN_ACTION not in call.headers:
            return await self._download(call)
        action = ndn.action(
            call.headers.get(fields.NDN_ACTION),
            NdnAction.GET_DATA,
            (NdnAction.GET_DATA, NdnAction.GET_SHARED, NdnAction.QUERY_FILE),
        )
        if action is NdnAction.QUERY_FILE:
            return await self._query(call)
        if action is NdnAction.GET_SHARED:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "shared memory data cannot be read over HTTP")
        return await self.reply(await self._service.get_data(ndn.parse_get(call.headers, call.source)))

    async def _download(self, call: Call) -> HttpResponse:
        pairs = call.pairs
        ndn.action(fields.last(pairs, fields.NDN_ACTION), NdnAction.GET_DATA, (NdnAction.GET_DATA,))
        dec = fields.last(pairs, fields.DEC_ID)
        source = replace(
            call.source, dec=self._zone.local_source(fields.parse_id(fields.DEC_ID, dec) if dec else None).dec
        )
        data = await self._service.get_data(ndn.parse_download(pairs, call.headers, source))
        response = await self.page(call, data, immutable=True)
        name = fields.last(pairs, fields.DOWNLOAD)
        if name is not None and response.status < 300:
            response.headers.append(attachment(name or str(data.object_id)))
        return response

    async def _query(self, call: Call) -> HttpResponse:
        request = ndn.parse_query_file(call.pairs, call.headers, call.source)
        response = json_response({"list": [_file_json(entry) for entry in await self._service.query_file(request)]})
        response.headers.append((fields.NDN_ACTION, NdnAction.QUERY_FILE.value))
        return response

    async def delete(self, call: Call) -> HttpResponse:
        return await self._delete(call, fields.required_id(call.headers, fields.OBJECT_ID))

    async def _delete(self, call: Call, object_id: ObjectId) -> HttpResponse:
        ndn.action(call.headers.get(fields.NDN_ACTION), NdnAction.DELETE_DATA, (NdnAction.DELETE_DATA,))
        await self._service.delete_data(ndn.parse_delete(call.headers, call.source, object_id))
        return HttpResponse(200, [(fields.NDN_ACTION, NdnAction.DELETE_DATA.value), (fields.OBJECT_ID, str(object_id))])

    async def put_by_path(self, call: Call) -> HttpResponse:
        return await self._put(call, ndn.parse_path_dialect(call.path)[1])

    async def delete_by_path(self, call: Call) -> HttpResponse:
        return await self._delete(call, ndn.parse_path_dialect(call.path)[1])

    async def post_by_path(self, call: Call) -> HttpResponse:
        """get_data of 0.5.8; without an id in the path it is query_file."""
        action = ndn.action(
            call.headers.get(fields.NDN_ACTION), NdnAction.GET_DATA, (NdnAction.GET_DATA, NdnAction.QUERY_FILE)
        )
        if action is NdnAction.QUERY_FILE:
            return await self._query(call)
        req_path, object_id, inner_path = ndn.parse_path_dialect(call.path)
        request = ndn.path_dialect_get(call.headers, call.source, req_path, object_id, inner_path)
        return await self.reply(await self._service.get_data(request))

    async def page(self, call: Call, data: Data, *, immutable: bool) -> HttpResponse:
        """:meth:`reply` with what those need who keep copies or go on with what broke off; 304 if they have it.

        ``immutable``: the address of the call leads to nothing else, ever.
        """
        if not keeps_copies(call):
            return await self.reply(data)
        lines = validators(call, data.tag, immutable)
        if is_held(call.headers, data.tag):
            return HttpResponse(304, lines)
        response = await self.reply(data, opened=not call.is_head)
        if response.status < 300:
            response.headers += lines
        if response.status == 200:
            response.headers.append(_RANGES)
        return response

    async def reply(self, data: Data, *, opened: bool = True) -> HttpResponse:
        """What was found, as a get_data reply; a range that cannot be had is one too.

        ``opened``: the store is asked for a single piece now, not when it is sent.
        """
        headers = [(fields.NDN_ACTION, NdnAction.GET_DATA.value), (fields.OBJECT_ID, str(data.object_id))]
        if data.owner is not None:
            headers.append((fields.OWNER_ID, str(data.owner)))
        status = 200
        if data.range is not None:
            status = 206
            content_range = data.range.content_range()
            headers += [_RANGES, (fields.DATA_RANGE, data.range.json_text())]
            if content_range is not None:
                headers.append(("content-range", content_range))
            if not data.range.ranges:
                response = error_to_response(data.range.error())
                response.headers += headers
                return response
        headers += [fields.OCTET_STREAM, (fields.TASK_GROUP, fields.encode_text(data.group))]
        pieces = self._service.read(data)
        # One piece is the common case, and goes out without the cost of a stream.
        body = await anext(pieces) if opened and len(data.chunks) == 1 else BodyStream(data.length, pieces)
        return HttpResponse(status, headers, body)


def _file_json(entry: FileIndexEntry) -> dict[str, object]:
    value: dict[str, object] = {
        "file_id": str(entry.file_id),
        "flags": entry.flags,
        "hash": entry.hash.hex(),
        "length": str(entry.length),
    }
    if entry.owner is not None:
        value["owner"] = str(entry.owner)
    if entry.quick_hash:
        value["quick_hash"] = list(entry.quick_hash)
    if entry.ref_dirs:
        value["ref_dirs"] = [{"dir_id": str(dir_id), "inner_path": path} for dir_id, path in entry.ref_dirs]
    return value
