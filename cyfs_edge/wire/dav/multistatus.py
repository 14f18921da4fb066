"""Replies in XML (RFC 4918 §13, §14). Pieces are text without a document around them until the last step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.dav.errors import Names
from cyfs_edge.wire.dav.paths import href_of
from cyfs_edge.wire.dav.xml import XML_HEAD, escape
from cyfs_edge.wire.errors import error_response
from cyfs_edge.wire.http_reply import REASONS
from cyfs_edge.wire.message import HttpResponse

XML_TYPE = ("content-type", "application/xml; charset=utf-8")
MULTISTATUS_START = f'{XML_HEAD}<D:multistatus xmlns:D="DAV:">\n'
MULTISTATUS_END = "</D:multistatus>\n"
SUPPORTED_LOCK = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in ("exclusive", "shared")
)

_STATUS_OF_CODE: dict[int, int] = {
    ErrorCode.INVALID_PARAM: 400,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_SUPPORT: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.UN_SUPPORT: 405,
    ErrorCode.ALREADY_EXISTS: 405,
    ErrorCode.INNER_PATH_NOT_FOUND: 409,
    ErrorCode.CONFLICT: 409,
    ErrorCode.OUT_OF_SESSION_LIMIT: 503,
    ErrorCode.ERROR_STATE: 503,
    ErrorCode.OUT_OF_LIMIT: 507,
}


def propstat(status: int, props: Sequence[str], condition: str | None = None) -> str:
    """Properties that share a status; nothing when there are none. ``condition``: which rule was broken."""
    if not props:
        return ""
    error = f"<D:error><D:{condition}/></D:error>" if condition is not None else ""
    return (
        f"<D:propstat><D:prop>{''.join(props)}</D:prop>"
        f"<D:status>HTTP/1.1 {status} {REASONS[status]}</D:status>{error}</D:propstat>"
    )


def response(href: str, propstats: Iterable[str]) -> str:
    """What is told of one address."""
    told = "".join(propstats) or propstat(200, [""])
    return f"<D:response><D:href>{escape(href)}</D:href>{told}</D:response>\n"


def multistatus(responses: Iterable[str]) -> HttpResponse:
    text = "".join([MULTISTATUS_START, *responses, MULTISTATUS_END])
    return HttpResponse(207, [XML_TYPE], text.encode())


def active_lock(token: str, href: str, *, exclusive: bool, deep: bool, owner: str, seconds: int) -> str:
    """``href``: what was locked, which may be a folder further up. ``owner``: XML."""
    return (
        f"<D:activelock><D:locktype><D:write/></D:locktype>"
        f"<D:lockscope><D:{'exclusive' if exclusive else 'shared'}/></D:lockscope>"
        f"<D:depth>{'infinity' if deep else '0'}</D:depth>{owner}<D:timeout>Second-{seconds}</D:timeout>"
        f"<D:locktoken><D:href>{escape(token)}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{escape(href)}</D:href></D:lockroot></D:activelock>"
    )


def lock_reply(status: int, active: str, token: str | None) -> HttpResponse:
    """``token``: that of a new lock."""
    body = f'{XML_HEAD}<D:prop xmlns:D="DAV:"><D:lockdiscovery>{active}</D:lockdiscovery></D:prop>\n'
    headers = [XML_TYPE] if token is None else [XML_TYPE, ("lock-token", f"<{token}>")]
    return HttpResponse(status, headers, body.encode())


def error_to_reply(error: CyfsError, prefix: str) -> HttpResponse:
    """The reply of a failed request: a condition in XML, anything else in the protocol's JSON."""
    condition = error.context.get("condition")
    status = error.context.get("status")
    if not isinstance(status, int):
        status = _STATUS_OF_CODE.get(error.code, 500)
    if isinstance(condition, str):
        paths: Sequence[Names] = error.context["paths"]
        named = "".join(f"<D:href>{escape(href_of(prefix, path, False))}</D:href>" for path in paths)
        inner = f"<D:{condition}>{named}</D:{condition}>" if named else f"<D:{condition}/>"
        body = f'{XML_HEAD}<D:error xmlns:D="DAV:">{inner}</D:error>\n'
        return HttpResponse(status, [XML_TYPE], body.encode())
    response = error_response(status, error.code, error.message)
    if status == 503:
        response.headers.append(("retry-after", "5"))
    return response
