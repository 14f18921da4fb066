"""NON: named objects (docs/protocol/http-api.md §6)."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.sdk.caller import OCTETS, Caller, Fields, reply_number, text
from cyfs_edge.wire import fields
from cyfs_edge.wire.non import NonAction
from cyfs_edge.wire.requests import NonLevel, PutObjectReply, PutResult, RequestFlag


class Non:
    """``level``: how far a request may go. ``target``: a device, or whose zone is meant; none = this zone.

    ``req_path``: the path that grants access, or that a handler listens at.
    """

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def put(
        self,
        obj: NamedObject,
        *,
        access: int | None = None,
        level: NonLevel = NonLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
        flags: int = 0,
    ) -> PutObjectReply:
        """Stores ``obj``. ``access``: who may do what with it (18 bits); ``None`` = the node's default."""
        headers = _common(NonAction.PUT, obj.object_id, level, target, req_path, flags)
        return await self._put({**headers, fields.ACCESS: access}, obj.raw)

    async def set_access(
        self,
        object_id: ObjectId,
        access: int,
        *,
        level: NonLevel = NonLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
    ) -> PutObjectReply:
        """Changes who may do what with an object that is there (``update_object_meta`` of the official SDK)."""
        headers = _common(NonAction.PUT, object_id, level, target, req_path, 0)
        return await self._put({**headers, fields.ACCESS: access}, None)

    async def get(
        self,
        object_id: ObjectId,
        inner_path: str | None = None,
        *,
        level: NonLevel = NonLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
        flags: int = 0,
    ) -> NamedObject:
        """The object, or what ``inner_path`` leads to in it."""
        headers = _common(NonAction.GET, object_id, level, target, req_path, flags)
        reply = await self._caller.call("GET", "/non/", {**headers, fields.INNER_PATH: text(inner_path)})
        return decode_object(reply.body)

    async def post(
        self,
        obj: NamedObject,
        req_path: str | None = None,
        *,
        level: NonLevel = NonLevel.ROUTER,
        target: ObjectId | None = None,
        flags: int = 0,
    ) -> NamedObject | None:
        """Sends ``obj`` to the handler at ``req_path``; its answer, if it gives an object."""
        headers = _common(NonAction.POST, obj.object_id, level, target, req_path, flags)
        reply = await self._caller.call("POST", "/non/", headers, obj.raw, OCTETS)
        return decode_object(reply.body) if reply.body else None

    async def delete(
        self,
        object_id: ObjectId,
        inner_path: str | None = None,
        *,
        return_object: bool = False,
        level: NonLevel = NonLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
    ) -> NamedObject | None:
        """Also a success when it was not there. The deleted object comes back when it is asked for and was there."""
        flags = int(RequestFlag.DELETE_WITH_OBJECT) if return_object else 0
        headers = _common(NonAction.DELETE, object_id, level, target, req_path, flags)
        reply = await self._caller.call("DELETE", "/non/", {**headers, fields.INNER_PATH: text(inner_path)})
        return decode_object(reply.body) if reply.body else None

    async def _put(self, headers: Fields, raw: bytes | None) -> PutObjectReply:
        reply = await self._caller.call("PUT", "/non/", headers, raw, None if raw is None else OCTETS)
        word = reply.headers.get(fields.RESULT)
        try:
            result = PutResult(word)
        except ValueError:
            raise CyfsError(ErrorCode.INVALID_DATA, f"an unknown result of a put: {word!r}") from None
        times = (reply_number(reply.headers.get(name)) for name in (fields.UPDATE_TIME, fields.EXPIRES_TIME))
        return PutObjectReply(result, *times)


def _common(
    action: NonAction,
    object_id: ObjectId,
    level: NonLevel,
    target: ObjectId | None,
    req_path: str | None,
    flags: int,
) -> Fields:
    return {
        fields.NON_ACTION: action.value,
        fields.API_LEVEL: level.value,
        fields.REQ_PATH: text(req_path),
        fields.TARGET: target,
        fields.FLAGS: flags,
        fields.OBJECT_ID: object_id,
    }
