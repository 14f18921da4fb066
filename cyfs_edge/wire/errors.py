"""Errors as HTTP carries them: one mapping of codes to statuses, and the JSON body (docs/protocol/http-api.md §4.4)."""

from __future__ import annotations

import json

from cyfs_edge.base.errors import CyfsError, ErrorCode, normalize_code
from cyfs_edge.wire.json_values import number, optional_text, read_object
from cyfs_edge.wire.message import HttpResponse

_STATUS_OF_CODE: dict[int, int] = {
    ErrorCode.OK: 204,
    ErrorCode.INVALID_FORMAT: 400,
    ErrorCode.INVALID_INPUT: 400,
    ErrorCode.INVALID_PARAM: 400,
    ErrorCode.INVALID_DATA: 400,
    ErrorCode.ALREADY_EXISTS: 409,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.INNER_PATH_NOT_FOUND: 404,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.REJECT: 403,
    ErrorCode.ERROR_STATE: 504,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.CONNECT_FAILED: 504,
    ErrorCode.CONNECT_INTER_ZONE_FAILED: 504,
    ErrorCode.IGNORED: 406,
    ErrorCode.NOT_HANDLED: 501,
    ErrorCode.RANGE_NOT_SATISFIABLE: 416,
}

_CODE_OF_STATUS: dict[int, ErrorCode] = {
    400: ErrorCode.INVALID_DATA,
    403: ErrorCode.REJECT,
    404: ErrorCode.NOT_FOUND,
    406: ErrorCode.IGNORED,
    416: ErrorCode.RANGE_NOT_SATISFIABLE,
    500: ErrorCode.UNKNOWN,
    501: ErrorCode.NOT_HANDLED,
    504: ErrorCode.TIMEOUT,
}


def status_of(code: int) -> int:
    """The HTTP status that goes with an error code: 500 for every code without a row of its own."""
    return _STATUS_OF_CODE.get(code, 500)


def code_of_status(status: int) -> ErrorCode:
    """What a reply with an empty body means to a client, by its status alone."""
    if 200 <= status < 300:
        return ErrorCode.OK
    return _CODE_OF_STATUS.get(status, ErrorCode.UNKNOWN)


def error_json(code: int, msg: str) -> bytes:
    """``{"code":"<decimal>","msg":"<text>"}`` in UTF-8: the error form of HTTP bodies and WebSocket answers."""
    # A message may quote text out of a request, lone surrogates included, which UTF-8 cannot carry.
    text = json.dumps({"code": str(int(code)), "msg": msg}, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def error_response(status: int, code: int, msg: str) -> HttpResponse:
    """A reply that says what failed, in the protocol's JSON."""
    return HttpResponse(status, [("content-type", "application/json")], error_json(code, msg))


def error_to_response(error: CyfsError) -> HttpResponse:
    """The reply of a failed request. ``status`` in the error's context overrules the mapping (413, 415 … have none)."""
    status = error.context.get("status")
    return error_response(status if isinstance(status, int) else status_of(error.code), error.code, error.message)


def error_of_reply(status: int, body: bytes) -> CyfsError:
    """What a reply that is no success says, in its JSON or by its status alone; ``status`` is in its context."""
    code: int = code_of_status(status)
    message = f"the gateway answered with status {status}"
    try:
        members = read_object(body, "the error")
        code = normalize_code(number(members, "code", 0, 0xFFFF))
        message = optional_text(members, "msg") or message
    except CyfsError:
        pass  # not from the gateway itself, or empty
    return CyfsError(code, message, status=status)
