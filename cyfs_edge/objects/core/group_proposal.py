"""GroupProposal: a change that a member wants in a group's state (docs/protocol/core-objects.md §3.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.area import Area
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BYTES, ID, STRING, UINT64, Message, pb
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRPath(Message):
    """Where in the state of a group: of which DecApp, under which path."""

    group_id: ObjectId = pb(1, ID)
    dec_id: ObjectId = pb(2, ID)
    rpath: str = pb(3, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProposalDesc(Message):
    """``params``: as the DecApp defines. The effective times are bucky µs."""

    rpath: GroupRPath = pb(1, GroupRPath)
    method: str = pb(2, STRING)
    params: bytes | None = pb(3, BYTES, optional=True)
    meta_block_id: ObjectId | None = pb(4, ID, optional=True)
    effective_begining: int | None = pb(5, UINT64, optional=True)
    effective_ending: int | None = pb(6, UINT64, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProposalBody(Message):
    payload: bytes | None = pb(1, BYTES, optional=True)


GROUP_PROPOSAL: Final = core_type(
    700,
    "GroupProposal",
    GroupProposalDesc,
    GroupProposalBody,
    sub_desc=DescFlag.OWNER | DescFlag.AUTHOR | DescFlag.AREA,
    desc_json=None,
    body_json=None,
)

CODECS: Final = {700: GROUP_PROPOSAL}


def make_group_proposal(
    owner: ObjectId,
    desc: GroupProposalDesc,
    payload: bytes | None = None,
    *,
    create_time: int,
    update_time: int,
    author: ObjectId | None = None,
    area: Area | None = None,
) -> NamedObject:
    """``owner``: the proponent. Times are bucky µs."""
    return GROUP_PROPOSAL.build(
        desc,
        GroupProposalBody(payload=payload),
        create_time=create_time,
        update_time=update_time,
        owner=owner,
        author=author,
        area=area,
    )
