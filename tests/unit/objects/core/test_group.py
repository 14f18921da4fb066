"""Group objects: proposal, consensus block, certificates, command (docs/protocol/core-objects.md §3.16)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from cyfs_edge.base.area import Area
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.objects.core.group_block import (
    GROUP_CONSENSUS_BLOCK,
    GROUP_QUORUM_CERTIFICATE,
    BlockCertificate,
    BlockProposal,
    BlockVote,
    GroupConsensusBlockBody,
    GroupQuorumCertificateDesc,
    TimeoutCertificate,
    TimeoutVote,
    check_group_consensus_block,
    make_group_consensus_block,
    make_group_quorum_certificate,
)
from cyfs_edge.objects.core.group_command import (
    GROUP_COMMAND,
    Commited,
    Execute,
    ExecuteResult,
    GroupCommandBody,
    NewRPath,
    Verify,
    make_group_command,
)
from cyfs_edge.objects.core.group_proposal import GROUP_PROPOSAL, GroupProposalDesc, GroupRPath, make_group_proposal
from cyfs_edge.objects.envelope import NamedObject
from tests.unit.objects.core.ids import APP, DIR, NEWER_DIR, NOW, OOD, PEOPLE, an_id
from tests.unit.objects.core.strategies import SIGNED_BY_SELF

GROUP, BLOCK_1, BLOCK_2, SHELL, STATE = (an_id(first, 1) for first in (0x4C, 0x84, 0x85, 0x80, 0x78))
RPATH = GroupRPath(group_id=GROUP, dec_id=APP, rpath="/state")
PROPOSAL = make_group_proposal(
    PEOPLE, GroupProposalDesc(rpath=RPATH, method="m"), b"payload", create_time=NOW, update_time=NOW
)


def block(**changes: Any) -> NamedObject:
    values: dict[str, Any] = {
        "rpath": RPATH,
        "proposals": [BlockProposal(proposal_id=PROPOSAL.object_id, proposal_result_state=STATE)],
        "result_state_id": STATE,
        "height": 3,
        "meta_block_id": BLOCK_2,
        "round": 10,
        "group_shell_id": SHELL,
        "qc": BlockCertificate(block_id=BLOCK_1, round=7, votes=(BlockVote(voter=OOD, signature=SIGNED_BY_SELF),)),
        "tc": None,
        "create_time": NOW,
        "update_time": NOW,
    }
    return make_group_consensus_block(OOD, **(values | changes))


def test_a_block_agrees_with_itself() -> None:
    desc, body = check_group_consensus_block(block())
    assert desc.height == 3
    assert body.qc is not None
    assert body.qc.votes[0].signature == SIGNED_BY_SELF


def test_a_block_without_proposals_may_name_any_state() -> None:
    check_group_consensus_block(block(proposals=[], result_state_id=None))
    check_group_consensus_block(block(proposals=[]))


def test_the_last_proposal_leads_to_the_state_of_the_block() -> None:
    earlier = BlockProposal(proposal_id=PROPOSAL.object_id, proposal_result_state=NEWER_DIR)
    last = BlockProposal(proposal_id=PROPOSAL.object_id, proposal_result_state=STATE)
    check_group_consensus_block(block(proposals=[earlier, last]))
    with pytest.raises(CyfsError) as refused:
        check_group_consensus_block(block(proposals=[last, earlier]))
    assert refused.value.code == ErrorCode.NOT_MATCH


def test_another_body_is_no_match() -> None:
    swapped = GROUP_CONSENSUS_BLOCK.with_body(block(), GroupConsensusBlockBody(), NOW)
    with pytest.raises(CyfsError) as refused:
        check_group_consensus_block(swapped)
    assert refused.value.code == ErrorCode.NOT_MATCH


def test_a_block_has_an_owner_and_a_body() -> None:
    contents = GROUP_CONSENSUS_BLOCK.decode(block())
    for bad in (GROUP_CONSENSUS_BLOCK.build(contents.desc, contents.body), block().with_parts(body=None)):
        with pytest.raises(CyfsError) as refused:
            check_group_consensus_block(bad)
        assert refused.value.code == ErrorCode.INVALID_DATA


def test_the_hash_is_that_of_the_received_body() -> None:
    """A maker that writes the body otherwise is right about its own bytes."""
    made = block(proposals=[], qc=None)
    assert made.body is not None
    assert made.body.content == b""
    assert GROUP_CONSENSUS_BLOCK.decode(made).desc.body_hash == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("shell", "kept"), [(SHELL, None), (STATE, STATE), (None, None)])
def test_the_group_shell_of_a_timeout_is_left_out_when_it_is_the_blocks(shell: Any, kept: Any) -> None:
    vote = TimeoutVote(voter=OOD, high_qc_round=6, signature=SIGNED_BY_SELF)
    timeout = TimeoutCertificate(round=9, votes=(vote,), group_shell_id=shell)
    _, body = check_group_consensus_block(block(tc=timeout))
    assert body.tc == replace(timeout, group_shell_id=kept)


@pytest.mark.parametrize(
    ("certificate", "kind"),
    [(BlockCertificate(block_id=BLOCK_1, round=7), 0), (TimeoutCertificate(round=9, group_shell_id=SHELL), 1)],
)
def test_a_certificate_says_its_kind_first(certificate: BlockCertificate | TimeoutCertificate, kind: int) -> None:
    made = make_group_quorum_certificate(certificate, update_time=NOW)
    assert made.desc.content == bytes([kind]) + certificate.encode()
    assert (made.desc.format, made.body and made.body.format) == (0, 0)
    assert GROUP_QUORUM_CERTIFICATE.decode(made).desc.certificate == certificate


def test_other_kinds_of_certificate_are_refused() -> None:
    with pytest.raises(CodecError) as refused:
        GroupQuorumCertificateDesc.decode(b"\xff\x02", 1)
    assert (refused.value.code, refused.value.offset) == (ErrorCode.INVALID_DATA, 1)


def test_a_vote_holds_a_whole_signature() -> None:
    raw = BlockVote(voter=OOD, signature=SIGNED_BY_SELF).encode()
    with pytest.raises(CodecError):
        BlockVote.decode(raw[:34] + b"\x12\x05" + raw[37:42])


def test_a_proposal_may_have_author_and_area() -> None:
    made = make_group_proposal(
        PEOPLE,
        GroupProposalDesc(rpath=RPATH, method="m", effective_begining=0),
        create_time=NOW,
        update_time=NOW,
        author=OOD,
        area=Area(1, 2, 3, 4),
    )
    assert (made.owner, made.author, made.desc.area) == (PEOPLE, OOD, Area(1, 2, 3, 4))
    contents = GROUP_PROPOSAL.decode(made)
    assert contents.desc.effective_begining == 0
    assert contents.body is not None
    assert contents.body.payload is None


COMMANDS = [
    (NewRPath(group_id=GROUP, rpath="/state", with_block=block()), 0),
    (NewRPath(group_id=GROUP, rpath="/state"), 0),
    (Execute(proposal=PROPOSAL, prev_state_id=STATE), 1),
    (ExecuteResult(result_state_id=DIR, receipt=b"r", context=b""), 2),
    (Verify(proposal=PROPOSAL, result_state_id=STATE, context=b"c"), 3),
    (Commited(prev_state_id=STATE, block=block()), 4),
]


@pytest.mark.parametrize(("command", "kind"), COMMANDS)
def test_each_command(command: Any, kind: int) -> None:
    """Kind, then protobuf to the end; an embedded object comes out byte for byte."""
    made = make_group_command(command, update_time=NOW)
    assert (made.desc.content, made.desc.format, made.body and made.body.format) == (b"", 1, 0)
    assert made.body is not None
    assert made.body.content == bytes([kind]) + command.encode()
    contents = GROUP_COMMAND.decode(made)
    assert contents.body is not None
    assert contents.body.command == command


def test_a_command_in_ascending_order() -> None:
    """Written like all group objects: the optional field 1 comes before field 2."""
    raw = Commited(prev_state_id=STATE, block=PROPOSAL).encode()
    assert raw[:34] == b"\x0a\x20" + STATE


@pytest.mark.parametrize("raw", [b"\x05", b"\x3f", b"", b"\x01", b"\x04\x0a\x20" + STATE])
def test_bad_commands_are_refused(raw: bytes) -> None:
    with pytest.raises(CodecError):
        GroupCommandBody.decode(raw)


def test_a_command_about_a_block_holds_a_block() -> None:
    with pytest.raises(CodecError, match="instead of GroupConsensusBlock"):
        GroupCommandBody.decode(b"\x04" + Commited(block=PROPOSAL).encode())
