"""Targets of the core objects beyond their contents, and seeds for the types that no golden vector shows."""

from __future__ import annotations

from contextlib import suppress

from cyfs_edge.base.errors import CodecError, CyfsError
from cyfs_edge.base.ids import NULL_ID
from cyfs_edge.objects.core.admin import AdminDesc, GlobalStateAccessMode, GlobalStateAccessModeData
from cyfs_edge.objects.core.app_version import find_version
from cyfs_edge.objects.core.group_block import GROUP_CONSENSUS_BLOCK, check_group_consensus_block
from cyfs_edge.objects.core.group_command import ExecuteResult, GroupCommandBody, NewRPath
from cyfs_edge.objects.core.miner_group import MinerGroupBody
from cyfs_edge.objects.core.object_shell import OBJECT_SHELL, ObjectShellBody, ObjectShellDesc, shell_content
from cyfs_edge.objects.core.perf import (
    PerfAccumulation,
    PerfAction,
    PerfBody,
    PerfDesc,
    PerfIsolateEntity,
    PerfRecord,
    PerfRequest,
    PerfTimeRange,
)
from cyfs_edge.objects.core.sync_record import SyncRecord
from cyfs_edge.objects.core.trans_context import fix_context_path, is_context_path
from cyfs_edge.objects.envelope import decode_object
from fuzz.objects import check_offset, content_target, known_objects
from fuzz.target import Seeds, Target, just, texts

_VERSIONS = ("1.0.0", "1.4.0.20", "1.4.1.21-preview", "2.5.30")
_DEVICE = 1


def run_shell(data: bytes) -> None:
    """A shell's body: its parts are an object, or are refused. The hash is made right, so that it hides nothing."""
    try:
        body = ObjectShellBody.decode(data)
    except CodecError as error:
        check_offset(error, data)
        return
    digest = body.hash(desc_signs=False, body_signs=False, nonce=False)
    with suppress(CyfsError):
        obj = shell_content(OBJECT_SHELL.build(ObjectShellDesc(fix_content_hash=digest), body))
        assert decode_object(obj.raw, exact=True) == obj


def run_block(data: bytes) -> None:
    with suppress(CyfsError):
        check_group_consensus_block(decode_object(data))


def run_sync_record(data: bytes) -> None:
    try:
        record = SyncRecord.decode(data)
    except CodecError as error:
        check_offset(error, data)
        return
    assert SyncRecord.decode(record.encode()) == record


def run_version_request(data: bytes) -> None:
    with suppress(CyfsError):
        assert find_version(_VERSIONS, data.decode("utf-8", "replace"), "preview") in _VERSIONS


def run_version_key(data: bytes) -> None:
    key = data.decode("utf-8", "replace")
    with suppress(CyfsError):
        assert find_version([key], "*", "preview") == key


def run_context_path(data: bytes) -> None:
    fixed = fix_context_path(data.decode("utf-8", "replace"))
    assert is_context_path(fixed)
    assert fix_context_path(fixed) == fixed


def objects_of_type(obj_type: int) -> Seeds:
    return lambda: [obj.raw for obj in known_objects() if obj.obj_type == obj_type]


def shell_bodies() -> list[bytes]:
    shells = [obj for obj in known_objects() if obj.obj_type == OBJECT_SHELL.code]
    return [shell.body.content for shell in shells if shell.body is not None]


def admin_descs() -> list[bytes]:
    data = GlobalStateAccessModeData(access_mode=GlobalStateAccessMode.WRITE)
    return [AdminDesc(target=NULL_ID, global_state_access_mode=data).encode()]


def perf_bodies() -> list[bytes]:
    times = PerfTimeRange(begin=1, end=2)
    entity = PerfIsolateEntity(
        id="e",
        time_range=times,
        actions=(PerfAction(id="a", time=1, err=2, name="n", value="v"),),
        records={"r": PerfRecord(id="r", time=1, total=2, total_size=3)},
        accumulations={"a": PerfAccumulation(id="a", time_range=times, total=1, success=1, total_size=1)},
        reqs={"q": PerfRequest(id="q", time_range=times, total=1, success=1, total_time=5)},
    )
    return [PerfBody(time_range=times, all={"e": entity}).encode()]


def miner_groups() -> list[bytes]:
    devices = tuple(obj.desc for obj in known_objects() if obj.obj_type == _DEVICE)
    return [MinerGroupBody(devices[:2]).encode()]


def group_commands() -> list[bytes]:
    block = next(obj for obj in known_objects() if obj.obj_type == GROUP_CONSENSUS_BLOCK.code)
    commands = (
        NewRPath(group_id=NULL_ID, rpath="/a", with_block=block),
        ExecuteResult(result_state_id=NULL_ID, receipt=b"r", context=b"c"),
    )
    return [GroupCommandBody(command).encode() for command in commands]


TARGETS: dict[str, Target] = {
    "Admin-desc": Target(content_target(33, "desc").run, admin_descs),
    "MetaMinerGroup-body": Target(content_target(302, "body").run, miner_groups),
    "PerfOperation-desc": Target(
        content_target(600, "desc").run,
        just(PerfDesc(device=NULL_ID, people=NULL_ID, id="i", version="v", hash="h").encode()),
    ),
    "PerfOperation-body": Target(content_target(600, "body").run, perf_bodies),
    "GroupCommand-body": Target(content_target(706, "body").run, group_commands),
    "object_shell": Target(run_shell, shell_bodies),
    "consensus_block": Target(run_block, objects_of_type(GROUP_CONSENSUS_BLOCK.code)),
    "sync_record": Target(
        run_sync_record,
        just(
            SyncRecord(
                insert_time=1, create_dec_id=NULL_ID, context="c", last_access_rpath="/", access_string=7
            ).encode()
        ),
    ),
    "version_request": Target(run_version_request, texts("^1.4", ">=1.0.0, <2", "~1.4.20-rc+b", "1.*")),
    "version_key": Target(run_version_key, texts(*_VERSIONS)),
    "context_path": Target(run_context_path, texts("$a/b/", "/", "a//")),
}
