"""NDN requests and replies over HTTP, both SDK dialects (docs/protocol/http-api.md §7, §15)."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from urllib.parse import unquote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import Headers
from cyfs_edge.wire.requests import (
    DeleteData,
    GetData,
    NdnCommon,
    NdnLevel,
    PutData,
    QueryFile,
    QueryKind,
    Referer,
)
from cyfs_edge.wire.source import Source

REFERER_MAX = 64
"""Most referer objects of one request."""


class NdnAction(Enum):
    PUT_DATA = "put-data"
    GET_DATA = "get-data"
    DELETE_DATA = "delete-data"
    PUT_SHARED = "put-shared-data"
    GET_SHARED = "get-shared-data"
    QUERY_FILE = "query-file"


def action(text: str | None, default: NdnAction, allowed: tuple[NdnAction, ...]) -> NdnAction:
    """Unknown text is ``INVALID_FORMAT``; an action that does not fit the method ``INVALID_DATA``."""
    if text is None:
        return default
    try:
        found = NdnAction(text)
    except ValueError:
        raise fields.bad_header(fields.NDN_ACTION, text, "unknown action") from None
    if found not in allowed:
        raise CyfsError(ErrorCode.INVALID_DATA, f"{fields.NDN_ACTION} {text!r} does not fit this method")
    return found


def parse_level(text: str | None) -> NdnLevel:
    if text is None:
        return NdnLevel.ROUTER
    try:
        return NdnLevel(text)
    except ValueError:
        raise fields.bad_header(fields.API_LEVEL, text, "must be ndc, ndn or router") from None


def parse_referer(text: str) -> Referer:
    """``[target:]object_id[/inner/path]``, already decoded."""
    head, slash, inner = text.partition("/")
    target, colon, object_id = head.rpartition(":")
    return Referer(
        fields.parse_id(fields.REFERER_OBJECT, object_id),
        fields.parse_id(fields.REFERER_OBJECT, target) if colon else None,
        slash + inner if slash and inner else None,
    )


def referer_text(referer: Referer) -> str:
    """What :func:`parse_referer` reads, not yet encoded."""
    target = "" if referer.target is None else f"{referer.target}:"
    return f"{target}{referer.object_id}{referer.inner_path or ''}"


def _referers(lines: list[str]) -> tuple[Referer, ...]:
    """One header line per item, or several joined by commas, each item encoded or plain (§0.9, §15)."""
    items = [item.strip() for line in lines for item in line.split(",") if item.strip()]
    if len(items) > REFERER_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{len(items)} referer objects, at most {REFERER_MAX}")
    return tuple(parse_referer(fields.decode_text(fields.REFERER_OBJECT, item)) for item in items)


def common(headers: Headers, source: Source) -> NdnCommon:
    return NdnCommon(
        source=source,
        level=parse_level(headers.get(fields.API_LEVEL)),
        target=fields.optional_id(headers, fields.TARGET),
        flags=fields.flags(headers),
        req_path=fields.optional_text(headers, fields.REQ_PATH),
        referers=_referers(headers.get_all(fields.REFERER_OBJECT)),
    )


def put_target(object_id: ObjectId) -> ChunkId:
    """Only chunks can be put: ``UN_SUPPORT`` for any other id."""
    if not object_id.is_chunk:
        raise CyfsError(
            ErrorCode.UN_SUPPORT, f"only chunks can be put, {object_id} is a {object_id.type_code.name.lower()}"
        )
    return ChunkId(object_id)


def parse_put(headers: Headers, source: Source, object_id: ObjectId, data: bytes) -> PutData:
    return PutData(common(headers, source), put_target(object_id), data)


def parse_get(headers: Headers, source: Source) -> GetData:
    object_id = fields.required_id(headers, fields.OBJECT_ID)
    request = GetData(
        common(headers, source),
        object_id,
        fields.optional_text(headers, fields.INNER_PATH),
        headers.get("range"),
        fields.optional_text(headers, fields.CONTEXT),
        fields.optional_text(headers, fields.TASK_GROUP),
    )
    check_referers(object_id, request.common.referers)
    return request


def parse_download(pairs: list[tuple[str, str]], range_text: str | None, source: Source) -> GetData:
    """Download mode: every parameter stands in the query, under the header names (§7.3)."""
    query = Headers(pairs)
    object_id = query.get(fields.OBJECT_ID)
    if object_id is None:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"a download needs {fields.OBJECT_ID} in its query")
    return GetData(
        NdnCommon(
            source,
            parse_level(query.get(fields.API_LEVEL)),
            fields.optional_id(query, fields.TARGET),
            fields.flags(query),
            query.get(fields.REQ_PATH),
            tuple(parse_referer(item) for item in query.get_all(fields.REFERER_OBJECT)[:REFERER_MAX]),
        ),
        fields.parse_id(fields.OBJECT_ID, object_id),
        query.get(fields.INNER_PATH),
        range_text,
        query.get(fields.CONTEXT),
        query.get(fields.TASK_GROUP),
    )


def parse_path_dialect(path: str) -> tuple[str | None, ObjectId, str | None]:
    """``/ndn/[req_path/]{object_id}[/inner_path]`` of SDK 0.5.8 → (req_path, object id, inner path).

    The first segment of 43 or 44 characters that parses as an id is the object (§15).
    """
    segments = [segment for segment in path.split("/")[2:] if segment]
    for index, segment in enumerate(segments):
        if len(segment) in (43, 44):
            try:
                object_id = ObjectId.from_text(segment)
            except CyfsError:
                continue
            before, after = segments[:index], segments[index + 1 :]
            return (
                unquote("/" + "/".join(before)) if before else None,
                object_id,
                unquote("/" + "/".join(after)) if after else None,
            )
    raise CyfsError(ErrorCode.NOT_FOUND, f"no object id in path {path}")


def parse_delete(headers: Headers, source: Source, object_id: ObjectId) -> DeleteData:
    return DeleteData(common(headers, source), object_id, fields.optional_text(headers, fields.INNER_PATH))


def parse_query_file(pairs: list[tuple[str, str]], headers: Headers, source: Source) -> QueryFile:
    kind, value = fields.last(pairs, "type"), fields.last(pairs, "value")
    if kind is None or value is None:
        raise CyfsError(ErrorCode.INVALID_PARAM, "query-file needs type and value in its query")
    try:
        query_kind = QueryKind(kind)
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"unknown query-file type {kind!r}") from None
    return QueryFile(common(headers, source), query_kind, value)


def check_referers(object_id: ObjectId, referers: tuple[Referer, ...]) -> None:
    """Which object may grant access to which kind of data (§7): violations are ``INVALID_PARAM``."""
    kind = object_id.type_code
    if kind not in (ObjectTypeCode.CHUNK, ObjectTypeCode.FILE, ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{object_id} is no chunk, file, dir or object map")
    for referer in referers:
        other = referer.object_id.type_code
        has_path = referer.inner_path is not None
        if kind == ObjectTypeCode.CHUNK:
            good = (
                (other == ObjectTypeCode.FILE and not has_path)
                or other == ObjectTypeCode.DIR
                or (other == ObjectTypeCode.OBJECT_MAP and has_path)
            )
        elif kind == ObjectTypeCode.FILE:
            good = other in (ObjectTypeCode.DIR, ObjectTypeCode.OBJECT_MAP) and has_path
        else:
            good = False
        if not good:
            raise CyfsError(
                ErrorCode.INVALID_PARAM,
                f"{referer.object_id} ({other.name.lower()}{'' if has_path else ', no inner path'}) "
                f"cannot refer to {object_id} ({kind.name.lower()})",
            )


def path_dialect_get(
    headers: Headers, source: Source, req_path: str | None, object_id: ObjectId, inner_path: str | None
) -> GetData:
    """get_data of SDK 0.5.8, whose path carries what 0.6.0 sends in headers (§15)."""
    base = common(headers, source)
    check_referers(object_id, base.referers)
    return GetData(
        replace(base, req_path=req_path or base.req_path),
        object_id,
        inner_path if inner_path is not None else fields.optional_text(headers, fields.INNER_PATH),
        headers.get("range"),
    )
