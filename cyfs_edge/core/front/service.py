"""What a front address leads to: an object, data, or a list of state (docs/protocol/http-front.md §3.1, §3.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.ndn import Data, NdnService
from cyfs_edge.core.non import NonService
from cyfs_edge.wire.front import FrontMode, FrontPath, FrontQuery, as_id, parse_items
from cyfs_edge.wire.requests import GetData, GetObject, GetObjectReply, NdnCommon, NonCommon
from cyfs_edge.wire.source import Source


@dataclass(frozen=True, slots=True)
class FrontCall:
    """One request. ``range_text``: the Range header, or the query's ``range`` without one; ``if_range``: as it came."""

    source: Source
    path: FrontPath
    query: FrontQuery
    range_text: str | None = None
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """``object``: what was found, unless it is a bare chunk. ``data``: its bytes, when they are asked for.

    ``name``: the last segment of the address, which may say what type the data has.
    """

    object: GetObjectReply | None
    data: Data | None
    name: str


class FrontService:
    """Objects and data by address; every access rule is that of the NON and NDN services below."""

    __slots__ = ("_ndn", "_non")

    def __init__(self, non: NonService, ndn: NdnService) -> None:
        self._non = non
        self._ndn = ndn

    async def open_object(self, call: FrontCall) -> Page:
        """``/o/{id}[/inner/path]``, ``/o/{target}/{id}[/inner/path]``."""
        items = parse_items(call.path.segments[0])
        if not items:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the address names nothing")
        target, rest = None, call.path.segments[1:]
        object_id = as_id(rest[0]) if rest else None
        if object_id is not None:
            target, rest = resolve(items[0]), rest[1:]
        elif len(items) > 1:
            raise CyfsError(ErrorCode.INVALID_PARAM, "a list of targets must be followed by an object id")
        else:
            object_id = resolve(items[0])
        inner_path = "/" + "/".join(rest) if rest else None
        return await self.show(call, object_id, inner_path, target)

    async def show(self, call: FrontCall, object_id: ObjectId, inner_path: str | None, target: ObjectId | None) -> Page:
        """An object, or what its inner path leads to, in the mode that is asked for."""
        query, name = call.query, call.path.segments[-1]
        if object_id.is_chunk:
            return Page(None, await self.data_of(call, object_id, target, None), name)
        common = NonCommon(call.source, target=target, flags=query.flags, req_path=query.req_path)
        try:
            found = await self._non.get_object(GetObject(common, object_id, inner_path))
        except CyfsError as error:
            if error.code != ErrorCode.INNER_PATH_NOT_FOUND:
                raise
            raise CyfsError(ErrorCode.NOT_FOUND, error.message) from None
        if query.req_path is not None:
            # The path leads to the object, not to what its inner path has found in it.
            call = replace(call, source=await self._non.enter(common, object_id))
        return Page(found, await self.data_of(call, found.object_id, target, None), name)

    async def data_of(
        self, call: FrontCall, object_id: ObjectId, target: ObjectId | None, req_path: str | None
    ) -> Data | None:
        """The data of a file or chunk when the mode asks for data; ``None`` when it asks for the object.

        ``NOT_SUPPORT`` for the object of a chunk and for the data of anything else.
        """
        mode = call.query.mode
        has_data = object_id.is_chunk or object_id.type_code == ObjectTypeCode.FILE
        if mode is FrontMode.OBJECT or (mode is FrontMode.DEFAULT and not has_data):
            if object_id.is_chunk:
                raise CyfsError(ErrorCode.NOT_SUPPORT, f"{object_id} is a chunk: it is data, not an object")
            return None
        if not has_data:
            raise CyfsError(ErrorCode.NOT_SUPPORT, f"{object_id} has no data, it is no file or chunk")
        common = NdnCommon(call.source, target=target, flags=call.query.flags, req_path=req_path)
        request = GetData(common, object_id, None, call.range_text, call.query.context, call.query.group, call.if_range)
        return await self._ndn.get_data(request)


def with_host_dec(source: Source, host_dec: ObjectId | None, is_named: bool) -> Source:
    """The source of a request to ``o.{dec}`` and the like; ``is_named``: the request has named its dec itself."""
    if host_dec is None or source.dec == host_dec:
        return source
    if is_named:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"a page of dec {host_dec} is not for {source.describe()}")
    return replace(source, dec=host_dec)


def resolve(item: ObjectId | str) -> ObjectId:
    """Names are looked up on the MetaChain, which this node does not ask: ``INTERNAL_ERROR``."""
    if isinstance(item, str):
        raise CyfsError(
            ErrorCode.INTERNAL_ERROR, f"the name {item!r} cannot be looked up: no name service is reachable"
        )
    return item
