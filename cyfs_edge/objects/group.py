"""Group: people with common devices and rules (docs/protocol/objects.md §7.3).

The content is an ordinal (0 SimpleGroup, 1 Org) before a protobuf message, and its format byte says raw. The reference
loses the founder of a SimpleGroup when it reads one and then computes another id than the maker; therefore SimpleGroups
are made without a founder here, and ids come from the received bytes as always.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader, encode_varint
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import UNIQUE_ID_SIZE, ObjectId, ObjectTypeCode, UniqueId
from cyfs_edge.base.proto import BYTES, ID, STRING, UINT64, StandardMessage, pb
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, DescFlag, Json
from cyfs_edge.objects.envelope import NamedObject


class _GroupContent(StandardMessage):
    """A message with the ordinal of the kind of group before it."""

    __slots__ = ()
    ORDINAL: ClassVar[int]

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        reader = Reader(data, pos, end)
        if reader.varint() != cls.ORDINAL:
            raise CodecError(ErrorCode.INVALID_DATA, f"not the kind of group of {cls.__name__}", pos)
        return super().decode(data, reader.pos, reader.end)

    def encode(self) -> bytes:
        return encode_varint(self.ORDINAL) + super().encode()


@dataclass(frozen=True, slots=True)
class GroupMember(StandardMessage):
    id: ObjectId = pb(1, ID)
    title: str = pb(2, STRING)

    def __str__(self) -> str:
        return f"{self.id}:{self.title}"


@dataclass(frozen=True, slots=True)
class CommonGroupBody(StandardMessage):
    name: str | None = pb(1, STRING, optional=True)
    icon: str | None = pb(2, STRING, optional=True)
    description: str | None = pb(3, STRING, optional=True)
    members: tuple[GroupMember, ...] = pb(4, GroupMember, repeated=True)
    ood_list: tuple[ObjectId, ...] = pb(5, ID, repeated=True)
    prev_shell_id: ObjectId | None = pb(6, ID, optional=True)
    version: int = pb(7, UINT64)


@dataclass(frozen=True, slots=True)
class SimpleGroupDesc(_GroupContent):
    ORDINAL: ClassVar[int] = 0
    unique_id: bytes = pb(1, BYTES)
    founder_id: ObjectId | None = pb(2, ID, optional=True)
    admins: tuple[GroupMember, ...] = pb(3, GroupMember, repeated=True)

    def __post_init__(self) -> None:
        _check_unique_id(self.unique_id)


@dataclass(frozen=True, slots=True)
class OrgDesc(_GroupContent):
    ORDINAL: ClassVar[int] = 1
    unique_id: bytes = pb(1, BYTES)
    founder_id: ObjectId | None = pb(2, ID, optional=True)

    def __post_init__(self) -> None:
        _check_unique_id(self.unique_id)


@dataclass(frozen=True, slots=True)
class SimpleGroupBody(_GroupContent):
    ORDINAL: ClassVar[int] = 0
    common: CommonGroupBody = pb(1, CommonGroupBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgBody(_GroupContent):
    ORDINAL: ClassVar[int] = 1
    admins: tuple[GroupMember, ...] = pb(1, GroupMember, repeated=True)
    common: CommonGroupBody = pb(2, CommonGroupBody)


GroupDesc = SimpleGroupDesc | OrgDesc
GroupBody = SimpleGroupBody | OrgBody


def make_simple_group(
    unique_id: UniqueId,
    admins: Iterable[GroupMember],
    common: CommonGroupBody,
    *,
    create_time: int | None,
    update_time: int,
    area: Area | None = None,
) -> NamedObject:
    """Admins stand in the desc and cannot change. Times are bucky µs."""
    desc = SimpleGroupDesc(unique_id, None, _sorted_members(admins))
    return _make_group(desc, SimpleGroupBody(_canonical(common)), create_time, update_time, area)


def make_org(
    unique_id: UniqueId,
    founder_id: ObjectId | None,
    admins: Iterable[GroupMember],
    common: CommonGroupBody,
    *,
    create_time: int | None,
    update_time: int,
    area: Area | None = None,
) -> NamedObject:
    """Admins stand in the body. Times are bucky µs."""
    body = OrgBody(admins=_sorted_members(admins), common=_canonical(common))
    return _make_group(OrgDesc(unique_id, founder_id), body, create_time, update_time, area)


def _make_group(
    desc: GroupDesc, body: GroupBody, create_time: int | None, update_time: int, area: Area | None
) -> NamedObject:
    return build_object(
        ObjectTypeCode.GROUP,
        desc_content=desc.encode(),
        create_time=create_time,
        area=area,
        body=BodyParts(body.encode(), update_time),
    )


def _canonical(common: CommonGroupBody) -> CommonGroupBody:
    """Members and ood_list as the reference writes them: sorted, each once."""
    return CommonGroupBody(
        common.name,
        common.icon,
        common.description,
        _sorted_members(common.members),
        tuple(sorted(set(common.ood_list))),
        common.prev_shell_id,
        common.version,
    )


def _sorted_members(members: Iterable[GroupMember]) -> tuple[GroupMember, ...]:
    by_id = {member.id: member for member in members}
    return tuple(by_id[member_id] for member_id in sorted(by_id))


def _check_unique_id(unique_id: bytes) -> None:
    if len(unique_id) != UNIQUE_ID_SIZE:
        raise CyfsError(ErrorCode.INVALID_DATA, f"a unique id has {UNIQUE_ID_SIZE} bytes, not {len(unique_id)}")


def _read_desc(reader: Reader) -> GroupDesc:
    content = SimpleGroupDesc if _ordinal(reader) == SimpleGroupDesc.ORDINAL else OrgDesc
    return content.decode(reader.data, reader.pos, reader.end)


def _read_body(reader: Reader) -> GroupBody:
    content = SimpleGroupBody if _ordinal(reader) == SimpleGroupBody.ORDINAL else OrgBody
    return content.decode(reader.data, reader.pos, reader.end)


def _ordinal(reader: Reader) -> int:
    return Reader(reader.data, reader.pos, reader.end).varint()


def _agree(desc: GroupDesc, body: GroupBody) -> None:
    if desc.ORDINAL != body.ORDINAL:
        raise CyfsError(ErrorCode.INVALID_DATA, "desc and body are of different kinds of group")


def _desc_json(desc: GroupDesc) -> Json:
    view: dict[str, Json] = {}
    if desc.founder_id is not None:
        view["founder"] = str(desc.founder_id)
    if isinstance(desc, SimpleGroupDesc):
        view["admins"] = [str(member) for member in desc.admins]
    return view


def _body_json(body: GroupBody) -> Json:
    common = body.common
    view: dict[str, Json] = {
        "members": [str(member) for member in common.members],
        "ood_list": [str(one) for one in common.ood_list],
        "version": str(common.version),
    }
    for name in ("name", "icon", "description", "prev_shell_id"):
        value = getattr(common, name)
        if value is not None:
            view[name] = str(value)
    if isinstance(body, OrgBody):
        view["admins"] = [str(member) for member in body.admins]
    return view


CODECS: Final = {
    ObjectTypeCode.GROUP: ContentCodec(
        "Group",
        _read_desc,
        _read_body,
        sub_desc=DescFlag.AREA,
        agree=_agree,
        desc_json=_desc_json,
        body_json=_body_json,
    )
}
