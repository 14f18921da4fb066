"""Bodies of trans requests and records of tasks: every input gives a value or one ``CyfsError``."""

from __future__ import annotations

import json

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.trans.plan import name_fault
from cyfs_edge.core.trans.record import decode_record, encode_record
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire import trans
from cyfs_edge.wire.requests import NdnCommon
from cyfs_edge.wire.source import PROTOCOL_HTTP_LOCAL, Source, ZoneCategory
from fuzz.target import Target, just

_ID = str(SYSTEM_DEC_ID)
_CHUNK = "7CNfCnRp1m1M2xMenKWxDEJ8bJF7dTpsZKTBncZCfW9T"
_DEVICE = "5aSixgLoYGTTbQAwuqWV2Febw7CzfCHBLpirXKzE5v7C"
_COMMON = NdnCommon(
    Source(PROTOCOL_HTTP_LOCAL, SYSTEM_DEC_ID, SYSTEM_DEC_ID, ZoneCategory.CURRENT_DEVICE, SYSTEM_DEC_ID)
)
_READERS = (
    trans.parse_create,
    trans.parse_control,
    trans.parse_get_state,
    trans.parse_query,
    trans.parse_publish,
    trans.parse_get_context,
    trans.parse_get_group_state,
    trans.parse_control_group,
)


def read_request(data: bytes) -> None:
    """By the reader of every call, whichever it was meant for."""
    try:
        members = trans.read_body(data)
    except CyfsError:
        return
    for read in _READERS:
        try:
            read(_COMMON, members)
        except CyfsError:
            continue


def read_record(data: bytes) -> None:
    """What is read is written as it was."""
    try:
        record = decode_record("id", data)
    except CyfsError:
        return
    assert decode_record("id", encode_record(record)) == record


def judge_name(data: bytes) -> None:
    """A name that passes stays below its folder."""
    try:
        name = data.decode()
    except UnicodeDecodeError:
        return
    if name_fault(name) is None:
        parts = name.split("/")
        assert all(part not in ("", ".", "..") and "\0" not in part for part in parts)


_REQUESTS = [
    {
        "object_id": _CHUNK,
        "local_path": "/a/b",
        "device_list": [_DEVICE],
        "auto_start": True,
        "group": "g/h",
        "context": "/c",
        "common": {},
    },
    {"task_id": "2GDn3gp4mHh3gtdEPCLxamJeqkPwU5aiNFFMTKzhmvkd", "action": "Start"},
    {"task_status": "Finished", "offset": "0", "length": 10},
    {
        "owner": _ID,
        "local_path": "/a",
        "chunk_size": "65536",
        "chunk_method": "Track",
        "file_id": _ID,
        "dirs": [{"dir_id": _ID, "inner_path": "x"}],
        "access": 1,
    },
    {"context_id": _ID, "context_path": "/c"},
    {"group_type": "download", "group": "g", "action": "Pause", "speed_when": 1},
]
_RECORD = {
    "dec": _ID,
    "device": _DEVICE,
    "object_id": _CHUNK,
    "local_path": "/a",
    "device_list": [_DEVICE],
    "group": "g",
    "context": "/c",
    "referers": [_CHUNK],
    "req_path": "/p",
    "created": 1,
    "status": "Failed",
    "priority": 1,
    "held": True,
    "ended": 2,
    "error": {"code": 22, "msg": "m"},
    "done": 1,
    "total": 2,
    "refused": [{"name": "n", "code": "22", "msg": "m"}],
    "refused_count": 1,
}

TARGETS: dict[str, Target] = {
    "trans_request": Target(read_request, just(*(json.dumps(one).encode() for one in _REQUESTS))),
    "trans_record": Target(read_record, just(json.dumps(_RECORD).encode())),
    "trans_name": Target(judge_name, just(b"a/b", b"../a", "ü/ö".encode())),
}
