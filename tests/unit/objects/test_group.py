"""Groups: canonical order, kinds that must agree."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, UniqueId, make_object_id
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.group import (
    CommonGroupBody,
    GroupMember,
    OrgBody,
    OrgDesc,
    SimpleGroupBody,
    SimpleGroupDesc,
    make_org,
    make_simple_group,
)

UNIQUE_ID = UniqueId.create(b"group")
A, B, C = (make_object_id(bytes(31) + bytes((number,)), 2) for number in (1, 2, 3))
COMMON = CommonGroupBody()


def member(people_id: ObjectId, title: str = "") -> GroupMember:
    return GroupMember(id=people_id, title=title)


def test_members_and_oods_are_written_sorted_and_each_once() -> None:
    common = CommonGroupBody(members=(member(C), member(A, "first"), member(A, "last")), ood_list=(B, A, B))
    group = make_simple_group(UNIQUE_ID, [member(B), member(A)], common, create_time=1, update_time=2)
    assert group.body is not None
    assert group.body.value.common.members == (member(A, "last"), member(C))
    assert group.body.value.common.ood_list == (A, B)
    assert group.desc.value.admins == (member(A), member(B))


def test_a_simple_group_is_made_without_a_founder() -> None:
    """The reference would lose it and compute another id."""
    group = make_simple_group(UNIQUE_ID, [], COMMON, create_time=1, update_time=2)
    assert group.desc.value.founder_id is None
    org = make_org(UNIQUE_ID, A, [member(B)], COMMON, create_time=1, update_time=2)
    assert org.desc.value == OrgDesc(unique_id=UNIQUE_ID, founder_id=A)
    assert org.body is not None
    assert org.body.value == OrgBody(admins=(member(B),), common=COMMON)


def test_desc_and_body_must_be_of_one_kind() -> None:
    simple, org = SimpleGroupDesc(unique_id=UNIQUE_ID).encode(), OrgDesc(unique_id=UNIQUE_ID).encode()
    of_simple, of_org = SimpleGroupBody(common=COMMON).encode(), OrgBody(common=COMMON).encode()
    build_object(3, desc_content=simple, body=BodyParts(of_simple))
    build_object(3, desc_content=org, body=BodyParts(of_org))
    for desc, body in ((simple, of_org), (org, of_simple)):
        with pytest.raises(CodecError) as caught:
            build_object(3, desc_content=desc, body=BodyParts(body))
        assert caught.value.code == ErrorCode.INVALID_DATA


@pytest.mark.parametrize(
    "content",
    [
        b"\2" + OrgDesc(unique_id=UNIQUE_ID).encode()[1:],
        b"\0",
        b"\0\x0a\x0f" + bytes(15),
        b"\1\x0a\x11" + bytes(17),
        b"",
    ],
    ids=["third kind", "no unique id", "short unique id", "long unique id", "empty"],
)
def test_other_contents_are_refused(content: bytes) -> None:
    with pytest.raises(CodecError):
        build_object(3, desc_content=content)
