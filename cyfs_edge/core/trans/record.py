"""A task as the store keeps it, so that it goes on after a restart."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.text import encode_base58
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.trans import TaskStatus

SPACE = "trans-tasks"
"""Where records of tasks are kept, by the id of the task."""

_U64 = (1 << 64) - 1


class Priority(IntEnum):
    LOW = 0
    NORMAL = 1
    HIGH = 2


class TaskKind(IntEnum):
    """The numbers are part of a task's id. Those of chunk and file are the reference's."""

    CHUNK = 111
    FILE = 112
    DIR = 113

    @classmethod
    def of(cls, object_id: ObjectId) -> TaskKind | None:
        return _KINDS.get(object_id.type_code)


_KINDS = {
    ObjectTypeCode.CHUNK: TaskKind.CHUNK,
    ObjectTypeCode.FILE: TaskKind.FILE,
    ObjectTypeCode.DIR: TaskKind.DIR,
    ObjectTypeCode.OBJECT_MAP: TaskKind.DIR,
}


@dataclass(frozen=True, slots=True)
class Told:
    """Something that went wrong, and with whom: the name of an entry."""

    name: str
    code: int
    msg: str

    def to_json(self) -> Members:
        return {"name": self.name, "code": str(self.code), "msg": self.msg}


@dataclass(slots=True)
class TaskRecord:
    """``device``: who asked for it. ``group``: its full name. ``referers``, ``req_path``: what gives the right to the
    data elsewhere. ``held``: stopped by its group, and to be started by it. ``done`` and ``total``: bytes, as they were
    when this was kept. ``refused``: entries that are not written; ``refused_count`` of them in all.
    """

    task_id: str
    dec: ObjectId
    device: ObjectId
    object_id: ObjectId
    local_path: str
    device_list: tuple[ObjectId, ...]
    group: str
    context: str | None
    referers: tuple[str, ...]
    req_path: str | None
    created: int
    status: TaskStatus = TaskStatus.STOPPED
    priority: Priority = Priority.NORMAL
    held: bool = False
    ended: int | None = None
    error: tuple[int, str] | None = None
    done: int = 0
    total: int = 0
    refused: list[Told] = field(default_factory=list)
    refused_count: int = 0

    @property
    def kind(self) -> TaskKind:
        kind = TaskKind.of(self.object_id)
        if kind is None:
            raise values.bad("object_id", f"names {self.object_id}, which is no chunk, file, dir or object map")
        return kind


def task_id_of(
    dec: ObjectId, kind: TaskKind, object_id: ObjectId, group: str, context: str | None, local_path: str
) -> str:
    """The same for the same task of the same dec, as in the reference."""
    digest = hashlib.sha256(dec + kind.to_bytes(2, "little") + object_id + group.encode())
    digest.update((context or "").encode() + local_path.encode())
    return encode_base58(digest.digest())


def encode_record(record: TaskRecord) -> bytes:
    error = None if record.error is None else {"code": record.error[0], "msg": record.error[1]}
    members: Members = {
        "dec": str(record.dec),
        "device": str(record.device),
        "object_id": str(record.object_id),
        "local_path": record.local_path,
        "device_list": [str(device) for device in record.device_list],
        "group": record.group,
        "context": record.context,
        "referers": list(record.referers),
        "req_path": record.req_path,
        "created": record.created,
        "status": record.status.value,
        "priority": int(record.priority),
        "held": record.held,
        "ended": record.ended,
        "error": error,
        "done": record.done,
        "total": record.total,
        "refused": [told.to_json() for told in record.refused],
        "refused_count": record.refused_count,
    }
    return values.write(members).encode("utf-8")


def decode_record(task_id: str, data: bytes) -> TaskRecord:
    """Any bytes give a record or one ``CyfsError``."""
    members = values.read_object(data, f"the record of task {task_id}")
    try:
        status = TaskStatus(values.text(members, "status"))
    except ValueError:
        raise values.bad("status", "is unknown") from None
    error = values.optional_inner(members, "error")
    record = TaskRecord(
        task_id,
        values.object_id(members, "dec"),
        values.object_id(members, "device"),
        values.object_id(members, "object_id"),
        values.text(members, "local_path"),
        tuple(values.object_id({"id": one}, "id") for one in _texts(members, "device_list")),
        values.text(members, "group"),
        values.optional_text(members, "context"),
        tuple(_texts(members, "referers")),
        values.optional_text(members, "req_path"),
        values.number(members, "created", 0, _U64),
        status,
        Priority(values.number(members, "priority", Priority.LOW, Priority.HIGH)),
        members.get("held") is True,
        values.optional_number(members, "ended", 0, _U64),
        None if error is None else (values.number(error, "code", 0, 0xFFFF), values.text(error, "msg")),
        values.number(members, "done", 0, _U64),
        values.number(members, "total", 0, _U64),
        [_told(one) for one in _list(members, "refused")],
        values.number(members, "refused_count", 0, _U64),
    )
    if TaskKind.of(record.object_id) is None:
        raise values.bad("object_id", "names nothing that can be downloaded")
    return record


def _list(members: Members, name: str) -> list[object]:
    value = members.get(name)
    if not isinstance(value, list):
        raise values.bad(name, "must be a list")
    return value


def _texts(members: Members, name: str) -> list[str]:
    return [values.text({name: one}, name) for one in _list(members, name)]


def _told(value: object) -> Told:
    if not isinstance(value, dict):
        raise values.bad("refused", "must hold objects")
    return Told(values.text(value, "name"), values.number(value, "code", 0, 0xFFFF), values.text(value, "msg"))
