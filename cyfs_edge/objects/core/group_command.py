"""GroupCommand: what the group engine asks of a DecApp (docs/protocol/core-objects.md §3.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BYTES, ID, STRING, Message, pb
from cyfs_edge.objects.content import ContentFormat
from cyfs_edge.objects.core.kinds import object_of_type
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject

_PROPOSAL: Final = object_of_type(700, "GroupProposal")
_BLOCK: Final = object_of_type(702, "GroupConsensusBlock")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRPath(Message):
    group_id: ObjectId = pb(1, ID)
    rpath: str = pb(2, STRING)
    with_block: NamedObject | None = pb(3, _BLOCK, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute(Message):
    proposal: NamedObject = pb(1, _PROPOSAL)
    prev_state_id: ObjectId | None = pb(2, ID, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecuteResult(Message):
    """``receipt``: an encoded object-info record (id, bytes), here and below."""

    result_state_id: ObjectId | None = pb(1, ID, optional=True)
    receipt: bytes | None = pb(2, BYTES, optional=True)
    context: bytes | None = pb(3, BYTES, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify(Message):
    proposal: NamedObject = pb(1, _PROPOSAL)
    prev_state_id: ObjectId | None = pb(2, ID, optional=True)
    result_state_id: ObjectId | None = pb(3, ID, optional=True)
    receipt: bytes | None = pb(4, BYTES, optional=True)
    context: bytes | None = pb(5, BYTES, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commited(Message):
    prev_state_id: ObjectId | None = pb(1, ID, optional=True)
    block: NamedObject = pb(2, _BLOCK)


Command = NewRPath | Execute | ExecuteResult | Verify | Commited
COMMANDS: Final = (NewRPath, Execute, ExecuteResult, Verify, Commited)
"""The place is the kind on the wire."""


@dataclass(frozen=True, slots=True)
class GroupCommandBody:
    """Raw: varint kind, then the command as protobuf to the end."""

    command: Command

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        reader = Reader(data, pos, end)
        kind = reader.varint()
        if kind >= len(COMMANDS):
            reader.pos = pos
            raise reader.fail(ErrorCode.INVALID_DATA, f"group command of kind {kind}")
        return cls(COMMANDS[kind].decode(data, reader.pos, reader.end))

    def encode(self) -> bytes:
        kind = COMMANDS.index(type(self.command))
        return Writer().varint(kind).raw(self.command.encode()).getvalue()


GROUP_COMMAND: Final = core_type(
    706,
    "GroupCommand",
    NoContent,
    GroupCommandBody,
    body_format=ContentFormat.RAW,
    desc_json=None,
    body_json=None,
)

CODECS: Final = {706: GROUP_COMMAND}


def make_group_command(command: Command, *, create_time: int | None = None, update_time: int) -> NamedObject:
    """Times are bucky µs."""
    return GROUP_COMMAND.build(NoContent(), GroupCommandBody(command), create_time=create_time, update_time=update_time)
