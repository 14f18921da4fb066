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
_LEVEL = (f"{fields.API_LEVEL}!",)


def _trans(name: str, method: str, path: str, summary: str, *members: str) -> Operation:
    body = JSON, record(dict.fromkeys(members, STRING))
    return Operation(name, method, f"/trans/{path}", "trans", summary + _NOT_YET, _LEVEL, body=body)


ABSENT: list[Operation] = [
    _trans("trans_create_task", "POST", "task", "Download an object", "object_id", "local_path"),
    _trans("trans_control_task", "PUT", "task", "Start, stop or delete a task", "task_id", "action"),
    _trans("trans_task_state", "POST", "task/state", "The state of a task", "task_id"),
    _trans("trans_task_state_get", "GET", "task/state", "The state of a task, asked with a body", "task_id"),
    _trans("trans_query_tasks", "POST", "tasks", "All tasks"),
    _trans("trans_query_tasks_sdk", "POST", "query", "All tasks, by the path of the official SDK"),
    _trans("trans_publish_file", "POST", "file", "Make a File of a local file", "owner", "local_path"),
    _trans("trans_get_context", "POST", "get_context", "The context of downloads at a path", "context_path"),
    Operation("trans_put_context", "POST", "/trans/put_context", "trans", "Keep a context" + _NOT_YET, _LEVEL),
    _trans("trans_task_group_state", "POST", "task_group/state", "The state of a group", "group_type", "group"),
    _trans("trans_control_task_group", "PUT", "task_group", "Pause or resume a group", "group_type", "group", "action"),
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
