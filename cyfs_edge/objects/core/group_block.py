"""GroupConsensusBlock and the certificates that blocks rest on (docs/protocol/core-objects.md §3.16)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BYTES, HASH, ID, UINT64, Message, pb
from cyfs_edge.base.signatures import Signature
from cyfs_edge.objects.content import ContentFormat, DescFlag
from cyfs_edge.objects.core.group_proposal import GroupRPath
from cyfs_edge.objects.core.kinds import SIGNATURE
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockVote(Message):
    voter: ObjectId = pb(1, ID)
    signature: Signature = pb(2, SIGNATURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCertificate(Message):
    """QC: the votes for a block. ``block_id``: that block."""

    block_id: ObjectId = pb(1, ID)
    prev_block_id: ObjectId | None = pb(2, ID, optional=True)
    round: int = pb(3, UINT64)
    votes: tuple[BlockVote, ...] = pb(4, BlockVote, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutVote(Message):
    voter: ObjectId = pb(1, ID)
    high_qc_round: int = pb(2, UINT64)
    signature: Signature = pb(3, SIGNATURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutCertificate(Message):
    """TC: the votes that a round is over. ``group_shell_id``: left out when it is the block's."""

    round: int = pb(1, UINT64)
    votes: tuple[TimeoutVote, ...] = pb(2, TimeoutVote, repeated=True)
    group_shell_id: ObjectId | None = pb(3, ID, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConsensusBlockDesc(Message):
    rpath: GroupRPath = pb(1, GroupRPath)
    body_hash: bytes = pb(2, HASH)
    result_state_id: ObjectId | None = pb(3, ID, optional=True)
    height: int = pb(4, UINT64)
    meta_block_id: ObjectId = pb(5, ID)
    round: int = pb(7, UINT64)
    group_shell_id: ObjectId = pb(8, ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockProposal(Message):
    """A proposal and what came of it."""

    proposal_id: ObjectId = pb(1, ID)
    proposal_result_state: ObjectId | None = pb(2, ID, optional=True)
    proposal_receipt: bytes | None = pb(3, BYTES, optional=True)
    context: bytes | None = pb(4, BYTES, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConsensusBlockBody(Message):
    """``qc``: of the previous block, ``qc.block_id``."""

    proposals: tuple[BlockProposal, ...] = pb(1, BlockProposal, repeated=True)
    qc: BlockCertificate | None = pb(2, BlockCertificate, optional=True)
    tc: TimeoutCertificate | None = pb(3, TimeoutCertificate, optional=True)


GROUP_CONSENSUS_BLOCK: Final = core_type(
    702,
    "GroupConsensusBlock",
    GroupConsensusBlockDesc,
    GroupConsensusBlockBody,
    sub_desc=DescFlag.OWNER,
    desc_json=None,
    body_json=None,
)


@dataclass(frozen=True, slots=True)
class GroupQuorumCertificateDesc:
    """One certificate, raw: 0 and a QC, or 1 and a TC."""

    certificate: BlockCertificate | TimeoutCertificate

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        reader = Reader(data, pos, end)
        kind = reader.varint()
        if kind == 0:
            return cls(BlockCertificate.decode(data, reader.pos, reader.end))
        if kind == 1:
            return cls(TimeoutCertificate.decode(data, reader.pos, reader.end))
        reader.pos = pos
        raise reader.fail(ErrorCode.INVALID_DATA, f"quorum certificate of kind {kind}")

    def encode(self) -> bytes:
        kind = b"\0" if isinstance(self.certificate, BlockCertificate) else b"\1"
        return kind + self.certificate.encode()


GROUP_QUORUM_CERTIFICATE: Final = core_type(
    705,
    "GroupQuorumCertificate",
    GroupQuorumCertificateDesc,
    NoContent,
    desc_format=ContentFormat.RAW,
    body_format=ContentFormat.RAW,
    desc_json=None,
    body_json=None,
)

CODECS: Final = {702: GROUP_CONSENSUS_BLOCK, 705: GROUP_QUORUM_CERTIFICATE}


def make_group_consensus_block(
    owner: ObjectId,
    *,
    rpath: GroupRPath,
    proposals: Sequence[BlockProposal],
    result_state_id: ObjectId | None,
    height: int,
    meta_block_id: ObjectId,
    round: int,
    group_shell_id: ObjectId,
    qc: BlockCertificate | None,
    tc: TimeoutCertificate | None,
    create_time: int,
    update_time: int,
) -> NamedObject:
    """``owner``: the device that leads the round. Times are bucky µs."""
    if tc is not None and tc.group_shell_id == group_shell_id:
        tc = replace(tc, group_shell_id=None)
    body = GroupConsensusBlockBody(proposals=tuple(proposals), qc=qc, tc=tc)
    desc = GroupConsensusBlockDesc(
        rpath=rpath,
        body_hash=hashlib.sha256(body.encode()).digest(),
        result_state_id=result_state_id,
        height=height,
        meta_block_id=meta_block_id,
        round=round,
        group_shell_id=group_shell_id,
    )
    return GROUP_CONSENSUS_BLOCK.build(desc, body, create_time=create_time, update_time=update_time, owner=owner)


def check_group_consensus_block(block: NamedObject) -> tuple[GroupConsensusBlockDesc, GroupConsensusBlockBody]:
    """The contents of a block that agrees with itself; its votes are not looked at.

    Raises ``CyfsError``: ``INVALID_DATA`` without body or owner or when it does not decode, ``NOT_MATCH`` when the
    body's hash or the last proposal's result state is not the one that the desc names.
    """
    content = GROUP_CONSENSUS_BLOCK.decode(block)
    desc, body = content.desc, content.body
    if body is None or block.body is None or block.owner is None:
        raise CyfsError(ErrorCode.INVALID_DATA, "a consensus block has a body and an owner")
    if hashlib.sha256(block.body.content).digest() != desc.body_hash:
        raise CyfsError(ErrorCode.NOT_MATCH, "the body of the consensus block has not the hash that its desc names")
    if body.proposals and body.proposals[-1].proposal_result_state != desc.result_state_id:
        raise CyfsError(ErrorCode.NOT_MATCH, "the last proposal does not lead to the result state of the block")
    return desc, body


def make_group_quorum_certificate(
    certificate: BlockCertificate | TimeoutCertificate, *, update_time: int
) -> NamedObject:
    """``update_time``: bucky µs."""
    return GROUP_QUORUM_CERTIFICATE.build(GroupQuorumCertificateDesc(certificate), NoContent(), update_time=update_time)
