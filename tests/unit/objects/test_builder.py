"""Making objects: limits, and the time of a changed body."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.builder import BodyParts, build_body, build_object, next_update_time
from cyfs_edge.objects.envelope import CONTENT_MAX

OWNER = ObjectId.from_text("5r4MYfFLsj2ZndcxiGobMgJnMQswpcCa29EmfSnH7aqG")


def test_a_desc_content_has_65535_bytes_at_most() -> None:
    assert len(build_object(17, desc_content=bytes(CONTENT_MAX)).desc.content) == CONTENT_MAX
    with pytest.raises(CyfsError) as caught:
        build_object(17, desc_content=bytes(CONTENT_MAX + 1))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_a_body_content_may_be_longer() -> None:
    body = BodyParts(bytes(CONTENT_MAX + 1), 5)
    held = build_object(17, body=body).body
    assert held is not None
    assert len(held.content) == CONTENT_MAX + 1


def test_fields_and_contents_that_a_type_does_not_have_are_refused() -> None:
    for obj_type, content, author, code in (
        (13, b"", OWNER, ErrorCode.INVALID_DATA),
        (2, b"", None, ErrorCode.INVALID_DATA),
        (8, b"too short", None, ErrorCode.OUT_OF_LIMIT),
        (15, b"\2\0", None, ErrorCode.INVALID_DATA),
    ):
        with pytest.raises(CyfsError) as caught:
            build_object(obj_type, desc_content=content, author=author)
        assert caught.value.code == code


def test_hashes_have_32_bytes() -> None:
    for body, timestamp in ((None, bytes(31)), (BodyParts(prev_version=bytes(33)), None)):
        with pytest.raises(CyfsError) as caught:
            build_object(17, create_timestamp=timestamp, body=body)
        assert caught.value.code == ErrorCode.INVALID_PARAM


def test_a_body_belongs_to_its_object_only_when_it_is_told_so() -> None:
    obj = build_object(17, body=BodyParts(b"x", 1))
    assert obj.body is not None
    assert obj.body.object_id is None
    told = obj.with_parts(body=build_body(obj.desc, BodyParts(b"x", 1, object_id=obj.object_id)))
    assert told.body is not None
    assert told.body.object_id == obj.object_id == told.object_id
    assert told.body_hash != obj.body_hash


def test_an_update_time_never_goes_back_or_stays() -> None:
    assert [next_update_time(10, now) for now in (0, 10, 11, 50)] == [11, 11, 11, 50]
