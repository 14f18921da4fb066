"""The operations on tasks, task groups and contexts (docs/protocol/http-api.md §10)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.core.api.operation import (
    BINARY,
    COUNT,
    FLAG,
    ID,
    JSON,
    NUMBER_TEXT,
    RAW,
    STRING,
    U32,
    Operation,
    Reply,
    Schema,
    array,
    json_reply,
    nullable,
    record,
    whole,
    words,
)

_TAG = "trans"
_HEADERS = ("cyfs-api-level!", "cyfs-flags", "cyfs-target", "cyfs-req-path", "cyfs-referer-object")
_ANY_NUMBER: Schema = {"anyOf": [COUNT, NUMBER_TEXT]}
_COMMON = record(dec_id=ID, level=words("ndc", "ndn", "router"), flags=U32)


def trans_operations() -> list[Operation]:
    running = record({"download_percent": whole(100), "download_speed": U32, "upload_speed": U32})
    state: Schema = {
        "anyOf": [
            words("Pending", "Paused", "Canceled"),
            record({"Downloading": running}),
            record({"Finished": U32}),
            record({"Err": whole(0xFFFF)}),
        ]
    }
    told: Schema = {"anyOf": [record({"state": state, "group": nullable(STRING)}), state]}
    task_id: Mapping[str, Schema] = {"task_id": STRING}
    task = record({"task_id": STRING, "object_id": ID, "local_path": STRING, "device_list": array(ID)}, context=STRING)
    tasks = json_reply(record({"task_list": array(task)}))
    create: Mapping[str, Schema] = {
        "object_id": ID,
        "local_path": STRING,
        "device_list": array(ID),
        "auto_start": FLAG,
    }
    queried = _body(
        task_status=words("Stopped", "Running", "Finished", "Failed"), offset=_ANY_NUMBER, length=_ANY_NUMBER
    )
    published = _body(
        {"owner": ID, "local_path": STRING, "chunk_size": _ANY_NUMBER},
        chunk_method=words("Track", "Copy", "None"),
        file_id=ID,
        dirs=array(record({"dir_id": ID, "inner_path": STRING})),
        access=whole(0o777777),
    )
    group: Mapping[str, Schema] = {"group_type": words("download", "upload"), "group": STRING}
    control = words("Normal", "Paused", "Canceled")
    group_state = record(
        {
            "state": {"anyOf": [words("Running", "Paused", "Finished"), record({"Error": record()})]},
            "control_state": control,
            "speed": nullable(U32),
            "cur_speed": U32,
            "history_speed": U32,
            "transfered": COUNT,
        }
    )
    group_actions = words("Resume", "Cancel", "Pause", "Close", "CloseRecursively")
    return [
        _operation(
            "create_task",
            "POST",
            "task",
            "Make a task that downloads a chunk, a file or a folder",
            _body(create, group=STRING, context=STRING),
            json_reply(record(task_id)),
        ),
        _operation(
            "control_task",
            "PUT",
            "task",
            "Start, stop or delete a task",
            _body({**task_id, "action": words("Start", "Stop", "Delete")}),
        ),
        _operation("get_task_state", "POST", "task/state", "How far a task is", _body(task_id), reply=json_reply(told)),
        _operation(
            "get_task_state_by_get", "GET", "task/state", "The same with GET and a body", None, reply=json_reply(told)
        ),
        _operation("query_tasks", "POST", "tasks", "The tasks of the DecApp", queried, tasks),
        _operation("query_tasks_of_sdk", "POST", "query", "The same, where the TypeScript SDKs ask", queried, tasks),
        _operation(
            "publish_file",
            "POST",
            "file",
            "Make a local file or folder readable by its id",
            published,
            json_reply(record({"file_id": ID})),
        ),
        _operation(
            "get_context",
            "POST",
            "get_context",
            "The devices that tasks download from, by path or id",
            _body(context_id=ID, context_path=STRING),
            (Reply((), RAW, BINARY),),
        ),
        _operation(
            "put_context",
            "POST",
            "put_context",
            "Keep a TransContext",
            (RAW, BINARY),
            headers=("cyfs-access", *_HEADERS),
        ),
        _operation(
            "get_task_group_state",
            "POST",
            "task_group/state",
            "How far the tasks of a group are together",
            _body(group, speed_when=COUNT),
            json_reply(group_state),
        ),
        _operation(
            "control_task_group",
            "PUT",
            "task_group",
            "Control all tasks of a group",
            _body({**group, "action": group_actions}),
            json_reply(record({"control_state": control})),
        ),
    ]


def _body(required: Mapping[str, Schema] | None = None, **optional: Schema) -> tuple[str, Schema]:
    return JSON, record(required, common=_COMMON, **optional)


def _operation(
    name: str,
    method: str,
    path: str,
    summary: str,
    body: tuple[str, Schema] | None,
    reply: tuple[Reply, ...] = (Reply(),),
    headers: tuple[str, ...] = _HEADERS,
) -> Operation:
    return Operation(name, method, f"/trans/{path}", _TAG, summary, headers, body=body, replies=reply)
