"""Operations of the protocol that this node does not serve yet: NotSupport, after the usual look at the request.

A row each. Whoever serves an operation takes its row away, here and in docs/compatibility.md (Operations).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.api.call import Call
from cyfs_edge.core.api.operation import BINARY, ID, JSON, RAW, STRING, Operation, record
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import HttpResponse

_NOT_YET = "; not served yet, the answer is NotSupport"

ABSENT: list[Operation] = [
    Operation(
        "group_service",
        "PUT",
        "/group/service",
        "group",
        "Start the group of an id" + _NOT_YET,
        body=(JSON, record({"group-id": ID, "rpath": STRING})),
    ),
    Operation(
        "group_proposal",
        "PUT",
        "/group/proposal",
        "group",
        "Propose a change to a group" + _NOT_YET,
        (f"{fields.OBJECT_ID}!",),
        body=(RAW, BINARY),
    ),
]


def endpoint(operation: Operation) -> Callable[[Call], Awaitable[HttpResponse]]:
    """Answers a row: what it needs and is missing is told first, as by a node that serves it."""
    needed = [name[:-1] for name in operation.headers if name.endswith("!")]
    takes_json = operation.body is not None and operation.body[0] == JSON

    async def refuse(call: Call) -> HttpResponse:
        for name in needed:
            fields.required(call.headers, name)
        if takes_json:
            await call.json(bad_code=ErrorCode.INVALID_PARAM)
        raise CyfsError(
            ErrorCode.NOT_SUPPORT,
            f"{operation.method} {operation.path} ({operation.name}) is not served yet",
        )

    return refuse
