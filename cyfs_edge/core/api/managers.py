"""The chunk-manager and the file-manager: small services of older programs, on ports of their own.

They are described in docs/protocol/services.md §11, §12. Who may call, and what a caller may do, is decided as on the
stack's port; pages have no business here.
"""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.api.router import split_target
from cyfs_edge.core.callers import Callers
from cyfs_edge.core.ndn import NdnService
from cyfs_edge.core.non import NonService
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import File
from cyfs_edge.wire import fields
from cyfs_edge.wire.browser import BrowserPolicy, is_browser
from cyfs_edge.wire.chunk_manager import SET_HEAD_SIZE, ChunkGet, ChunkSet, GetKind, chunk_set_reply
from cyfs_edge.wire.errors import error_response, error_to_response
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from cyfs_edge.wire.requests import GetData, GetObject, NdnCommon, NdnLevel, NonCommon, NonLevel, PutData, PutObject
from cyfs_edge.wire.source import Source

GET_SIZE_MAX = 1024
"""Bytes of a request to get_chunk."""


@dataclass(frozen=True, slots=True)
class PortGate:
    """Who calls a port that is not the stack's: the owner's programs as the system dec, a DecApp as itself."""

    policy: BrowserPolicy
    callers: Callers
    zone: ZoneManager

    def source(self, request: HttpRequest) -> Source:
        """``PERMISSION_DENIED`` for users and hosts that the stack's port refuses, and for browsers."""
        self.policy.check_host(request.headers)
        if is_browser(request.headers):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "this port is for programs, not for pages")
        dec = self.callers.dec_for(request.peer.uid)
        return self.zone.local_source(dec or SYSTEM_DEC_ID, request.peer.listener)


class ChunkManagerApi:
    """``get_chunk`` and ``set_chunk`` on the common store. Every failure of a call is 503, as in the reference."""

    __slots__ = ("_gate", "_limits", "_ndn")

    def __init__(self, gate: PortGate, ndn: NdnService, limits: ApiLimits) -> None:
        self._gate = gate
        self._ndn = ndn
        self._limits = limits

    async def handle(self, request: HttpRequest) -> HttpResponse:
        try:
            source = self._gate.source(request)
        except CyfsError as error:
            return error_to_response(error)
        path = split_target(request.target)[0]
        if request.method != "POST":
            return error_response(405, ErrorCode.NOT_SUPPORT, f"{path} takes POST")
        try:
            if path == "/get_chunk":
                return await self._get(request, source)
            if path == "/set_chunk":
                return await self._set(request, source)
            raise CyfsError(ErrorCode.NOT_SUPPORT, f"no service {path}")
        except CyfsError as error:
            return error_response(503, error.code, error.message)

    async def _get(self, request: HttpRequest, source: Source) -> HttpResponse:
        asked = ChunkGet.decode(await request.body.read(GET_SIZE_MAX))
        if asked.kind is not GetKind.DATA:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "only plain data (type 2) is given")
        found = await self._ndn.get_data(GetData(NdnCommon(source, NdnLevel.NDC), asked.chunk_id))
        return HttpResponse(200, [fields.OCTET_STREAM], await anext(self._ndn.read(found)))

    async def _set(self, request: HttpRequest, source: Source) -> HttpResponse:
        sent = ChunkSet.decode(await request.body.read(self._limits.chunk_size + SET_HEAD_SIZE))
        if sent.source != source.device:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"the chunk is for {sent.source}, not for this device")
        await self._ndn.put_data(PutData(NdnCommon(source, NdnLevel.NDC), sent.chunk_id, sent.data))
        return HttpResponse(200, [fields.OCTET_STREAM], chunk_set_reply(sent.source, sent.chunk_id))


class FileManagerApi:
    """``get_file`` and ``set_file`` on the objects of the node. Every failure of a call is 400, as in the reference."""

    __slots__ = ("_gate", "_limits", "_non")

    def __init__(self, gate: PortGate, non: NonService, limits: ApiLimits) -> None:
        self._gate = gate
        self._non = non
        self._limits = limits

    async def handle(self, request: HttpRequest) -> HttpResponse:
        try:
            source = self._gate.source(request)
        except CyfsError as error:
            return error_to_response(error)
        path, query = split_target(request.target)
        try:
            if (request.method, path) == ("GET", "/get_file"):
                return await self._get(fields.last(fields.parse_query(query), "fileid"), source)
            if (request.method, path) == ("POST", "/set_file"):
                return await self._set(await request.body.read(self._limits.object_size), source)
        except CyfsError as error:
            return error_response(400, error.code, error.message)
        return error_response(404, ErrorCode.NOT_FOUND, f"no service for {request.method} {path}")

    async def _get(self, text: str | None, source: Source) -> HttpResponse:
        file_id = ObjectId.from_text(text or "")
        reply = await self._non.get_object(GetObject(NonCommon(source, NonLevel.NOC), file_id, None))
        return HttpResponse(200, [fields.OCTET_STREAM], _file(reply.raw))

    async def _set(self, raw: bytes, source: Source) -> HttpResponse:
        file_id = decode_object(_file(raw)).object_id
        await self._non.put_object(PutObject(NonCommon(source, NonLevel.NOC), file_id, raw, None))
        return HttpResponse(200)


def _file(raw: bytes) -> bytes:
    obj = decode_object(raw)
    if not isinstance(obj.desc.value, File):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{obj.object_id} is no File")
    return raw
