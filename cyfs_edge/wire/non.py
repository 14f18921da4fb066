"""NON requests and replies over HTTP (docs/protocol/http-api.md §6)."""

from __future__ import annotations

from enum import Enum

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectTypeCode
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import Headers, HttpResponse
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
)
from cyfs_edge.wire.source import Source


class NonAction(Enum):
    PUT = "put-object"
    GET = "get-object"
    POST = "post-object"
    SELECT = "select-object"
    DELETE = "delete-object"


_FILTER_NUMBERS = ("obj-type", "flags")
_FILTER_IDS = ("dec-id", "owner-id", "author-id")
_FILTER_TIMES = ("create-time", "update-time", "insert-time")
_TYPE_CODES = frozenset(code.name.lower() for code in ObjectTypeCode)


def action(headers: Headers, default: NonAction, allowed: tuple[NonAction, ...]) -> NonAction:
    """The action of a request; one that does not fit the method is ``INVALID_DATA``."""
    text = headers.get(fields.NON_ACTION)
    if text is None:
        return default
    try:
        found = NonAction(text)
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_DATA, f"unknown {fields.NON_ACTION}: {text!r}") from None
    if found not in allowed:
        raise CyfsError(ErrorCode.INVALID_DATA, f"{fields.NON_ACTION} {text!r} does not fit this method")
    return found


def common(headers: Headers, source: Source) -> NonCommon:
    level = NonLevel.ROUTER
    text = headers.get(fields.API_LEVEL)
    if text is not None:
        try:
            level = NonLevel(text)
        except ValueError:
            raise fields.bad_header(fields.API_LEVEL, text, "must be noc, non or router") from None
    return NonCommon(
        source=source,
        level=level,
        target=fields.optional_id(headers, fields.TARGET),
        flags=fields.flags(headers),
        req_path=fields.optional_text(headers, fields.REQ_PATH),
    )


def parse_put(headers: Headers, source: Source, raw: bytes) -> PutObject:
    return PutObject(
        common(headers, source),
        fields.required_id(headers, fields.OBJECT_ID),
        raw,
        fields.optional_u32(headers, fields.ACCESS),
    )


def parse_get(headers: Headers, source: Source) -> GetObject:
    return GetObject(
        common(headers, source),
        fields.required_id(headers, fields.OBJECT_ID),
        fields.optional_text(headers, fields.INNER_PATH),
    )


def parse_post(headers: Headers, source: Source, raw: bytes) -> PostObject:
    return PostObject(common(headers, source), fields.required_id(headers, fields.OBJECT_ID), raw)


def parse_delete(headers: Headers, source: Source) -> DeleteObject:
    return DeleteObject(
        common(headers, source),
        fields.required_id(headers, fields.OBJECT_ID),
        fields.optional_text(headers, fields.INNER_PATH),
    )


def check_select_filter(pairs: list[tuple[str, str]]) -> None:
    """Refuses a bad filter value; the call itself is answered ``NOT_SUPPORT`` by every node (§6.5)."""
    for name, value in pairs:
        if name in _FILTER_NUMBERS:
            fields.parse_u32(name, value)
        elif name in _FILTER_IDS:
            fields.parse_id(name, value)
        elif name in _FILTER_TIMES:
            for side in value.split(":"):
                if side and not (side.isascii() and side.isdigit()):
                    raise fields.bad_header(name, value, "must be begin:end in decimal")
        elif name == "obj-type-code" and value.lower() not in _TYPE_CODES:
            raise fields.bad_header(name, value, "unknown type")


def put_reply(reply: PutObjectReply) -> HttpResponse:
    return HttpResponse(
        200, [(fields.RESULT, reply.result.value), *fields.time_headers(reply.update_time, reply.expires_time)]
    )


def get_reply(reply: GetObjectReply) -> HttpResponse:
    headers = [
        fields.OCTET_STREAM,
        (fields.OBJECT_ID, str(reply.object_id)),
        *fields.time_headers(reply.update_time, reply.expires_time),
    ]
    if reply.attributes is not None:
        headers.append((fields.ATTRIBUTES, str(reply.attributes)))
    return HttpResponse(200, headers, reply.raw)


def object_reply(reply: PostObjectReply | DeleteObjectReply) -> HttpResponse:
    """Without an object: an empty 200 and no id header (§6.3)."""
    if reply.object_id is None:
        return HttpResponse(200)
    return HttpResponse(200, [fields.OCTET_STREAM, (fields.OBJECT_ID, str(reply.object_id))], reply.raw)
