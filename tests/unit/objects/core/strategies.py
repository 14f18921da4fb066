"""Arbitrary contents of core types, drawn from the very declarations that the codec works from."""

from __future__ import annotations

import dataclasses
import inspect
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import NULL_ID, ObjectId
from cyfs_edge.base.proto import BOOL, BYTES, HASH, ID, INT32, STRING, UINT32, UINT64, Message
from cyfs_edge.base.proto_kinds import MapKind
from cyfs_edge.base.signatures import Signature
from cyfs_edge.objects import core
from cyfs_edge.objects.core.app_cmd import AppCmdCode, CmdCode, make_app_cmd
from cyfs_edge.objects.core.app_list import make_app_status
from cyfs_edge.objects.core.default_app_list import DefaultAppInfo, DefaultAppListBody, DefaultAppListDesc
from cyfs_edge.objects.core.group_block import (
    BlockCertificate,
    GroupQuorumCertificateDesc,
    TimeoutCertificate,
    make_group_consensus_block,
)
from cyfs_edge.objects.core.group_command import COMMANDS, GroupCommandBody
from cyfs_edge.objects.core.group_proposal import GroupProposalDesc, GroupRPath, make_group_proposal
from cyfs_edge.objects.core.kinds import DECIMAL_I64, DECIMAL_U64, SIGNATURE
from cyfs_edge.objects.core.miner_group import MinerGroupBody
from cyfs_edge.objects.core.zone import OodWorkMode
from cyfs_edge.objects.envelope import Desc, read_desc
from tests import vector_count

_STANDARD_OBJECTS = {one["name"]: one for one in vector_count.load("objects.json")["vectors"]}

RPATH = GroupRPath(group_id=NULL_ID, dec_id=NULL_ID, rpath="/a")
CMD = make_app_cmd(NULL_ID, NULL_ID, CmdCode(code=AppCmdCode.START), create_time=1, update_time=1)
STATUS = make_app_status(NULL_ID, NULL_ID, "1.0.0", True, update_time=1)
PROPOSAL = make_group_proposal(NULL_ID, GroupProposalDesc(rpath=RPATH, method="m"), create_time=1, update_time=1)
BLOCK = make_group_consensus_block(
    NULL_ID,
    rpath=RPATH,
    proposals=(),
    result_state_id=None,
    height=1,
    meta_block_id=NULL_ID,
    round=1,
    group_shell_id=NULL_ID,
    qc=None,
    tc=None,
    create_time=1,
    update_time=1,
)


def standard_desc(name: str) -> Desc:
    """The desc of a vector of ``objects.json``."""
    return read_desc(Reader(bytes.fromhex(_STANDARD_OBJECTS[name]["hex"])))


FILE = standard_desc("file_list_0")
DEVICE = standard_desc("device_0")
SIGNED_BY_SELF = Signature.read(Reader(b"\0\xff" + (7).to_bytes(8, "big") + b"\0" + bytes(128)))

IDS = st.binary(min_size=32, max_size=32).map(ObjectId)
TEXTS = st.text(max_size=8)
BLOBS = st.binary(max_size=8)

_KINDS: dict[int, st.SearchStrategy[Any]] = {
    id(kind): strategy
    for kind, strategy in (
        (STRING, TEXTS),
        (BYTES, BLOBS),
        (ID, IDS),
        (HASH, st.binary(min_size=32, max_size=32)),
        (BOOL, st.booleans()),
        (UINT32, st.integers(0, (1 << 32) - 1)),
        (UINT64, st.integers(0, (1 << 64) - 1)),
        (INT32, st.integers(-(1 << 31), (1 << 31) - 1)),
        (DECIMAL_U64, st.integers(0, (1 << 64) - 1)),
        (DECIMAL_I64, st.integers(-(1 << 63), (1 << 63) - 1)),
        (SIGNATURE, st.just(SIGNED_BY_SELF)),
    )
}
_NAMED: dict[str, st.SearchStrategy[Any]] = {
    "AppCmd": st.just(CMD),
    "AppStatus": st.just(STATUS),
    "GroupProposal": st.just(PROPOSAL),
    "GroupConsensusBlock": st.just(BLOCK),
    "File": st.just(FILE),
    "OodWorkMode": st.sampled_from(OodWorkMode),
    "u128": st.binary(min_size=16, max_size=16),
}


def _values(kind: Any) -> st.SearchStrategy[Any]:
    known = _KINDS.get(id(kind))
    if known is not None:
        return known
    declared = getattr(kind.load, "__self__", None)
    if inspect.isclass(declared) and issubclass(declared, Message):
        return messages(declared)
    if kind.name in _NAMED:
        return _NAMED[kind.name]
    return st.sampled_from(type(kind.zero))


def _field(field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    wire = field.metadata["pb"]
    if isinstance(wire.kind, MapKind):
        return st.dictionaries(TEXTS, _values(wire.kind.value), max_size=3)
    values = _values(wire.kind)
    if wire.repeated:
        return st.lists(values, max_size=3).map(tuple)
    return st.none() | values if wire.optional and field.default is None else values


@st.composite
def messages(draw: st.DrawFn, message: type[Message]) -> Message:
    """A message of this class; values that break a rule of the class are drawn anew."""
    values = {field.name: draw(_field(field)) for field in dataclasses.fields(message)}  # type: ignore[arg-type]
    try:
        return message(**values)
    except CyfsError:
        reject()


def message_classes() -> list[type[Message]]:
    """All that the modules of core objects declare."""
    modules = [import_module(f"{core.__name__}.{one.name}") for one in iter_modules(core.__path__)]
    found = {
        member
        for module in modules
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, Message) and member.__module__ == module.__name__
    }
    return sorted(found, key=lambda message: (message.__module__, message.__name__))


RAW_CONTENTS: list[st.SearchStrategy[Any]] = [
    st.builds(DefaultAppListDesc, TEXTS),
    st.builds(
        DefaultAppListBody,
        st.dictionaries(TEXTS, st.builds(DefaultAppInfo, TEXTS, TEXTS, TEXTS, IDS), max_size=3),
    ),
    st.builds(GroupQuorumCertificateDesc, messages(BlockCertificate) | messages(TimeoutCertificate)),
    st.builds(GroupCommandBody, st.one_of([messages(command) for command in COMMANDS])),
    st.builds(MinerGroupBody, st.lists(st.just(DEVICE), max_size=3).map(tuple)),
]
"""Arbitrary contents that are not protobuf messages."""
