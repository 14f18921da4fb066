"""Requests and replies of the trans service, both SDK dialects (docs/protocol/http-api.md §10, §15).

A body that is no JSON is ``INVALID_PARAM`` here, a missing member ``NOT_FOUND``, a malformed one ``INVALID_FORMAT``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from cyfs_edge.base.access import ACCESS_MASK
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ObjectId, ObjectTypeCode
from cyfs_edge.base.text import decode_base58
from cyfs_edge.wire import fields, ndn
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.message import Headers
from cyfs_edge.wire.requests import NdnCommon
from cyfs_edge.wire.source import Source

E = TypeVar("E", bound=Enum)

PATH_MAX = 4096
"""Bytes of a local path."""
GROUP_MAX = 255
"""Bytes of the name of a task group, or of a context's path."""
DEVICES_MAX = 64
"""Devices that one task, or one context, names as sources."""
DIRS_MAX = 64
"""Dirs that a published file names."""

_U32, _U64 = (1 << 32) - 1, (1 << 64) - 1


class TaskAction(Enum):
    START = "Start"
    STOP = "Stop"
    DELETE = "Delete"


class TaskStatus(Enum):
    """What query_tasks asks for."""

    STOPPED = "Stopped"
    RUNNING = "Running"
    FINISHED = "Finished"
    FAILED = "Failed"


class PublishMethod(Enum):
    TRACK = "Track"
    COPY = "Copy"
    NONE = "None"


class GroupType(Enum):
    DOWNLOAD = "download"
    UPLOAD = "upload"


class GroupAction(Enum):
    RESUME = "Resume"
    CANCEL = "Cancel"
    PAUSE = "Pause"
    CLOSE = "Close"
    CLOSE_RECURSIVELY = "CloseRecursively"


class GroupControl(Enum):
    NORMAL = "Normal"
    PAUSED = "Paused"
    CANCELED = "Canceled"


@dataclass(frozen=True, slots=True)
class CreateTask:
    """``local_path`` empty: into the store only. ``context``: the id or the path of a TransContext."""

    common: NdnCommon
    object_id: ObjectId
    local_path: str
    device_list: tuple[ObjectId, ...]
    group: str | None
    context: str | None
    auto_start: bool


@dataclass(frozen=True, slots=True)
class ControlTask:
    common: NdnCommon
    task_id: str
    action: TaskAction


@dataclass(frozen=True, slots=True)
class GetTaskState:
    """``bare``: the reply is the state alone, as SDK 0.5.8 reads it."""

    common: NdnCommon
    task_id: str
    bare: bool


@dataclass(frozen=True, slots=True)
class QueryTasks:
    """``range``: offset and length; ``None`` = all."""

    common: NdnCommon
    status: TaskStatus | None
    range: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class FileDirRef:
    dir_id: ObjectId
    inner_path: str


@dataclass(frozen=True, slots=True)
class PublishFile:
    """``file_id``: a File object that is here already, and describes the file at ``local_path`` if there is one."""

    common: NdnCommon
    owner: ObjectId
    local_path: str
    chunk_size: int
    method: PublishMethod
    file_id: ObjectId | None
    dirs: tuple[FileDirRef, ...]
    access: int | None


@dataclass(frozen=True, slots=True)
class GetContext:
    """By id, or else by path."""

    common: NdnCommon
    context_id: ObjectId | None
    context_path: str | None


@dataclass(frozen=True, slots=True)
class PutContext:
    common: NdnCommon
    raw: bytes
    access: int | None


@dataclass(frozen=True, slots=True)
class GetGroupState:
    common: NdnCommon
    group_type: GroupType
    group: str
    speed_when: int | None


@dataclass(frozen=True, slots=True)
class ControlGroup:
    common: NdnCommon
    group_type: GroupType
    group: str
    action: GroupAction


@dataclass(frozen=True, slots=True)
class TaskState:
    """``status`` with ``percent`` and ``speed`` (bytes a second) while running, ``code`` when failed; ``waits``: it has
    to wait for its turn; ``group``: its full name, with the dec in front.
    """

    status: TaskStatus
    group: str
    percent: int = 0
    speed: int = 0
    code: int = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class TaskInfo:
    task_id: str
    object_id: ObjectId
    local_path: str
    device_list: tuple[ObjectId, ...]
    context: str | None


class GroupPhase(Enum):
    RUNNING = "Running"
    PAUSED = "Paused"
    ERROR = "Error"
    FINISHED = "Finished"


@dataclass(frozen=True, slots=True)
class GroupState:
    """Speeds in bytes a second, ``transferred`` in bytes. ``error``: code and text, with ``ERROR``."""

    phase: GroupPhase
    control: GroupControl
    speed: int | None
    current_speed: int
    history_speed: int
    transferred: int
    error: tuple[int, str] | None = None


# ---- requests -------------------------------------------------------------------------------------------------------


def common(headers: Headers, source: Source) -> NdnCommon:
    """As for NDN, but the level must be stated."""
    fields.required(headers, fields.API_LEVEL)
    return ndn.common(headers, source)


def read_body(data: bytes) -> Members:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise CyfsError(ErrorCode.INVALID_PARAM, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise CyfsError(ErrorCode.INVALID_PARAM, "the body is no JSON object")
    return value


def parse_create(common: NdnCommon, members: Members) -> CreateTask:
    """SDK 0.5.8 names its context ``context_id``."""
    object_id = values.object_id(members, "object_id")
    ndn.check_referers(object_id, common.referers)
    return CreateTask(
        common,
        object_id,
        _path(members, "local_path"),
        _devices(members),
        _optional_name(members, "group"),
        _optional_name(members, "context") or _optional_name(members, "context_id"),
        _flag(members, "auto_start"),
    )


def parse_control(common: NdnCommon, members: Members) -> ControlTask:
    action = _word(members, "action", TaskAction)
    return ControlTask(common, _task_id(members), action)


def parse_get_state(common: NdnCommon, members: Members) -> GetTaskState:
    """SDK 0.5.8 sends no ``common``, and reads the state at the top of the reply."""
    return GetTaskState(common, _task_id(members), "common" not in members)


def parse_query(common: NdnCommon, members: Members) -> QueryTasks:
    status = None if members.get("task_status") is None else _word(members, "task_status", TaskStatus)
    offset = values.optional_number(members, "offset", 0, _U64)
    length = values.optional_number(members, "length", 0, _U32)
    return QueryTasks(common, status, None if offset is None or length is None else (offset, length))


def parse_publish(common: NdnCommon, members: Members) -> PublishFile:
    method = members.get("chunk_method")
    return PublishFile(
        common,
        values.object_id(members, "owner"),
        _path(members, "local_path"),
        values.number(members, "chunk_size", 0, _U32),
        PublishMethod.TRACK if method is None else _word(members, "chunk_method", PublishMethod),
        values.optional_id(members, "file_id"),
        _dirs(members),
        values.optional_number(members, "access", 0, ACCESS_MASK),
    )


def parse_get_context(common: NdnCommon, members: Members) -> GetContext:
    context_id = values.optional_id(members, "context_id")
    path = _optional_name(members, "context_path")
    if context_id is None and path is None:
        raise CyfsError(ErrorCode.INVALID_PARAM, "get_context needs context_id or context_path")
    return GetContext(common, context_id, path)


def parse_put_context(common: NdnCommon, headers: Headers, raw: bytes) -> PutContext:
    return PutContext(common, raw, fields.optional_u32(headers, fields.ACCESS))


def parse_get_group_state(common: NdnCommon, members: Members) -> GetGroupState:
    group_type = _word(members, "group_type", GroupType)
    when = values.optional_number(members, "speed_when", 0, _U64)
    return GetGroupState(common, group_type, _name(members, "group"), when)


def parse_control_group(common: NdnCommon, members: Members) -> ControlGroup:
    """An unknown action is ``INVALID_DATA``, unlike the words of other calls."""
    group_type, group = _word(members, "group_type", GroupType), _name(members, "group")
    action = values.text(members, "action")
    try:
        return ControlGroup(common, group_type, group, GroupAction(action))
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_DATA, f"field action: unknown word {action!r}") from None


def parse_task_id(text: str) -> str:
    """The base58 text of 32 bytes; ``INVALID_FORMAT`` for any other."""
    if len(decode_base58(text)) != ID_SIZE:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{text!r} is no id of a task")
    return text


def _task_id(members: Members) -> str:
    return parse_task_id(values.text(members, "task_id"))


def _word(members: Members, name: str, words: type[E]) -> E:
    text = values.text(members, name)
    try:
        return words(text)
    except ValueError:
        raise values.bad(name, f"has an unknown word: {text!r}") from None


def _path(members: Members, name: str) -> str:
    """A local path; empty where there is none."""
    text = values.text(members, name)
    if "\0" in text:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"field {name} holds NUL, which no path can")
    if len(text.encode()) > PATH_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"field {name} has more than {PATH_MAX} bytes")
    return text


def _name(members: Members, name: str) -> str:
    text = values.text(members, name)
    if "\0" in text:
        raise values.bad(name, "holds NUL")
    if len(text.encode()) > GROUP_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"field {name} has more than {GROUP_MAX} bytes")
    return text


def _optional_name(members: Members, name: str) -> str | None:
    return None if members.get(name) is None else _name(members, name)


def _flag(members: Members, name: str) -> bool:
    value = members.get(name)
    if value is None:
        raise CyfsError(ErrorCode.NOT_FOUND, f"field not found: {name}")
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise values.bad(name, "must be true or false")
    return value


def _list(members: Members, name: str, most: int) -> list[object]:
    value = members.get(name)
    if not isinstance(value, list):
        raise values.bad(name, "must be a list")
    if len(value) > most:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"field {name} has {len(value)} items, at most {most}")
    return value


def _devices(members: Members) -> tuple[ObjectId, ...]:
    if members.get("device_list") is None:
        raise CyfsError(ErrorCode.NOT_FOUND, "field not found: device_list")
    found: list[ObjectId] = []
    for text in _list(members, "device_list", DEVICES_MAX):
        device = values.object_id({"device_list": text}, "device_list")
        if device.type_code != ObjectTypeCode.DEVICE:
            raise values.bad("device_list", f"names {device}, which is no device")
        found.append(device)
    return tuple(found)


def _dirs(members: Members) -> tuple[FileDirRef, ...]:
    if members.get("dirs") is None:
        return ()
    found: list[FileDirRef] = []
    for item in _list(members, "dirs", DIRS_MAX):
        if not isinstance(item, dict):
            raise values.bad("dirs", "must hold objects")
        found.append(FileDirRef(values.object_id(item, "dir_id"), _path(item, "inner_path")))
    return tuple(found)


# ---- replies --------------------------------------------------------------------------------------------------------


def state_json(state: TaskState, bare: bool) -> object:
    told: object
    if state.status is TaskStatus.RUNNING and state.waits:
        told = "Pending"
    elif state.status is TaskStatus.RUNNING:
        told = {
            "Downloading": {
                "download_percent": state.percent,
                "download_speed": min(state.speed, _U32),
                "upload_speed": 0,
            }
        }
    elif state.status is TaskStatus.FINISHED:
        told = {"Finished": 0}
    elif state.status is TaskStatus.FAILED:
        told = {"Err": state.code}
    else:
        told = "Paused"
    return told if bare else {"state": told, "group": state.group}


def tasks_json(tasks: Sequence[TaskInfo]) -> object:
    return {"task_list": [_task_json(task) for task in tasks]}


def _task_json(task: TaskInfo) -> dict[str, object]:
    context = {} if task.context is None else {"context": task.context}
    return {
        **context,
        "device_list": [str(device) for device in task.device_list],
        "local_path": task.local_path,
        "object_id": str(task.object_id),
        "task_id": task.task_id,
    }


def group_state_json(state: GroupState) -> object:
    told: object = state.phase.value
    if state.error is not None:
        told = {"Error": {"code": state.error[0], "msg": state.error[1]}}
    return {
        "state": told,
        "control_state": state.control.value,
        "speed": None if state.speed is None else min(state.speed, _U32),
        "cur_speed": min(state.current_speed, _U32),
        "history_speed": min(state.history_speed, _U32),
        "transfered": state.transferred,
    }


def group_name(dec: ObjectId, group: str | None) -> str:
    """The full name of a group that a task is put into."""
    return f"{dec}/{(group or '').lstrip('/')}"


def find_group_name(dec: ObjectId, group: str) -> str:
    """The full name of a group that is asked for; one that has the dec in front already stays."""
    name = group.lstrip("/")
    return name if name.startswith(f"{dec}/") else group_name(dec, name)
