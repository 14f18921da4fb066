"""Msg: a message to a people (docs/protocol/core-objects.md §3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, STRING, Message, pb
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.core.kinds import int_enum
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject


class MsgType(IntEnum):
    TEXT = 0
    OBJECT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MsgObjectContent(Message):
    id: ObjectId = pb(1, ID)
    name: str = pb(2, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class MsgContent(Message):
    """A text or an object, as ``type`` says."""

    type: MsgType = pb(1, int_enum(MsgType))
    text: str | None = pb(2, STRING, optional=True)
    content: MsgObjectContent | None = pb(3, MsgObjectContent, optional=True)

    def __post_init__(self) -> None:
        if (self.text if self.type == MsgType.TEXT else self.content) is None:
            raise CyfsError(ErrorCode.INVALID_DATA, f"a message of type {self.type.name} without it")


@dataclass(frozen=True, slots=True, kw_only=True)
class MsgDesc(Message):
    """``content``: npm 0.5.8 loses it; its messages are refused when decoded, and kept and forwarded as they are."""

    to: ObjectId = pb(1, ID)
    content: MsgContent = pb(2, MsgContent)


MSG: Final = core_type(1003, "Msg", MsgDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=None, body_json=None)

CODECS: Final = {1003: MSG}


def make_text_msg(owner: ObjectId, to: ObjectId, text: str, *, create_time: int, update_time: int) -> NamedObject:
    """``owner``: the sender. Times are bucky µs, here and below."""
    content = MsgContent(type=MsgType.TEXT, text=text)
    return MSG.build(
        MsgDesc(to=to, content=content), NoContent(), create_time=create_time, update_time=update_time, owner=owner
    )


def make_object_msg(
    owner: ObjectId, to: ObjectId, object_id: ObjectId, name: str, *, create_time: int, update_time: int
) -> NamedObject:
    content = MsgContent(type=MsgType.OBJECT, content=MsgObjectContent(id=object_id, name=name))
    return MSG.build(
        MsgDesc(to=to, content=content), NoContent(), create_time=create_time, update_time=update_time, owner=owner
    )
