"""Friends and messages (docs/protocol/core-objects.md §3.10)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.objects.core.friend import (
    ADD_FRIEND,
    FRIEND_OPTION,
    REMOVE_FRIEND,
    make_add_friend,
    make_friend_option,
    make_friend_property,
    make_remove_friend,
)
from cyfs_edge.objects.core.msg import MSG, MsgContent, MsgType, make_object_msg, make_text_msg
from tests.unit.objects.core.ids import DIR, FRIEND, NOW, PEOPLE


def test_the_sender_is_owner_and_author() -> None:
    for make, codec in ((make_add_friend, ADD_FRIEND), (make_remove_friend, REMOVE_FRIEND)):
        friend = make(PEOPLE, FRIEND, create_time=NOW, update_time=NOW)
        assert (friend.owner, friend.author, friend.desc.create_time) == (PEOPLE, PEOPLE, NOW)
        assert codec.decode(friend).desc.to == FRIEND


def test_an_option_is_a_new_object_for_each_setting() -> None:
    """Without create time: the same setting is the same object, and the newest body update time wins."""
    settings = [(None, None), (True, None), (False, None), (None, ""), (None, "hi")]
    ids = [make_friend_option(PEOPLE, confirm, text, update_time=NOW).object_id for confirm, text in settings]
    assert len(set(ids)) == len(settings)
    assert make_friend_option(PEOPLE, True, update_time=NOW + 1).object_id == ids[1]
    assert FRIEND_OPTION.decode(make_friend_option(PEOPLE, False, update_time=NOW)).desc.auto_confirm == 0


def test_a_property_is_one_per_people() -> None:
    assert (
        make_friend_property(PEOPLE, update_time=1).object_id == make_friend_property(PEOPLE, update_time=2).object_id
    )


def test_messages_hold_a_text_or_an_object() -> None:
    text = MSG.decode(make_text_msg(PEOPLE, FRIEND, "", create_time=NOW, update_time=NOW)).desc.content
    assert (text.type, text.text, text.content) == (MsgType.TEXT, "", None)
    link = MSG.decode(make_object_msg(PEOPLE, FRIEND, DIR, "a", create_time=NOW, update_time=NOW)).desc.content
    assert link.content is not None
    assert (link.type, link.text, link.content.id) == (MsgType.OBJECT, None, DIR)


@pytest.mark.parametrize(
    ("raw", "says"),
    [(b"", "TEXT without it"), (b"\x08\x01\x12\x01a", "OBJECT without it"), (b"\x08\x02", "2 is no MsgType")],
)
def test_messages_without_content_are_refused(raw: bytes, says: str) -> None:
    with pytest.raises(CodecError, match=says) as refused:
        MsgContent.decode(raw)
    assert refused.value.code == ErrorCode.INVALID_DATA


def test_messages_without_content_cannot_be_made() -> None:
    with pytest.raises(CyfsError):
        MsgContent(type=MsgType.OBJECT, text="a")
