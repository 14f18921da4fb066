"""AddFriend, RemoveFriend, FriendOption, FriendProperty (docs/protocol/core-objects.md §3.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, STRING, UINT32, Message, pb
from cyfs_edge.objects.content import DescFlag, show_nothing
from cyfs_edge.objects.core.json_view import show_null
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject

_OWNER_AND_AUTHOR: Final = DescFlag.OWNER | DescFlag.AUTHOR


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendDesc(Message):
    """``to``: a people. Owner and author of the object are the sender; npm 0.5.8 leaves the author out."""

    to: ObjectId = pb(1, ID)


ADD_FRIEND: Final = core_type(
    1001, "AddFriend", FriendDesc, NoContent, sub_desc=_OWNER_AND_AUTHOR, desc_json=None, body_json=None
)
REMOVE_FRIEND: Final = core_type(
    1004, "RemoveFriend", FriendDesc, NoContent, sub_desc=_OWNER_AND_AUTHOR, desc_json=None, body_json=None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FriendOptionDesc(Message):
    """``auto_confirm``: 1 yes, 0 no. Without create time: the newest body update time wins."""

    auto_confirm: int | None = pb(1, UINT32, optional=True)
    msg: str | None = pb(2, STRING, optional=True)


FRIEND_OPTION: Final = core_type(
    131, "FriendOption", FriendOptionDesc, NoContent, sub_desc=_OWNER_AND_AUTHOR, body_json=show_null
)
FRIEND_PROPERTY: Final = core_type(
    132, "FriendProperty", NoContent, NoContent, sub_desc=_OWNER_AND_AUTHOR, desc_json=show_nothing, body_json=show_null
)

CODECS: Final = {131: FRIEND_OPTION, 132: FRIEND_PROPERTY, 1001: ADD_FRIEND, 1004: REMOVE_FRIEND}


def make_add_friend(owner: ObjectId, to: ObjectId, *, create_time: int, update_time: int) -> NamedObject:
    """``owner``: the sender. Times are bucky µs, here and below."""
    return ADD_FRIEND.build(
        FriendDesc(to=to), NoContent(), create_time=create_time, update_time=update_time, owner=owner, author=owner
    )


def make_remove_friend(owner: ObjectId, to: ObjectId, *, create_time: int, update_time: int) -> NamedObject:
    return REMOVE_FRIEND.build(
        FriendDesc(to=to), NoContent(), create_time=create_time, update_time=update_time, owner=owner, author=owner
    )


def make_friend_option(
    owner: ObjectId, auto_confirm: bool | None = None, msg: str | None = None, *, update_time: int
) -> NamedObject:
    desc = FriendOptionDesc(auto_confirm=None if auto_confirm is None else int(auto_confirm), msg=msg)
    return FRIEND_OPTION.build(desc, NoContent(), update_time=update_time, owner=owner)


def make_friend_property(owner: ObjectId, *, update_time: int) -> NamedObject:
    return FRIEND_PROPERTY.build(NoContent(), NoContent(), update_time=update_time, owner=owner)
