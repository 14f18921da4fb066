"""People and devices."""

from __future__ import annotations

import pytest

from cyfs_edge.base.area import Area
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, UniqueId
from cyfs_edge.objects.builder import BodyParts, build_body, build_object
from cyfs_edge.objects.device import DeviceBody, DeviceCategory, device_body, device_category, make_device
from cyfs_edge.objects.people import PeopleBody, make_people, people_body
from tests.strategies import PRIVATE_KEYS

KEY = PRIVATE_KEYS["rsa1024a"].public()
OOD = ObjectId.from_text("5aSixgLox5CRLLaMcnsRz75A4khSXay5WRjfN5VjNNVx")


def test_a_people_without_create_time_has_one_id_for_ever() -> None:
    """So that an identity can be made again from its words."""
    first = make_people(KEY, update_time=1, area=Area())
    later = make_people(KEY, update_time=2, area=Area(), ood_list=[OOD], name="me")
    assert first.object_id == later.object_id
    assert make_people(KEY, update_time=1, area=Area(), create_time=5).object_id != first.object_id


def test_a_people_is_changed_by_another_body() -> None:
    people = make_people(KEY, update_time=1)
    changed = people.with_parts(body=build_body(people.desc, people_body(PeopleBody(ood_list=(OOD,)), 2)))
    assert changed.object_id == people.object_id
    assert changed.body is not None
    assert changed.body.value == PeopleBody(ood_list=(OOD,))
    assert changed.update_time == 2


def test_the_category_of_a_device_stands_in_its_area() -> None:
    device = make_device(
        KEY, UniqueId.create(b"box"), update_time=1, category=DeviceCategory.PC, area=Area(1, 2, 3, 99)
    )
    assert device.desc.area == Area(1, 2, 3, DeviceCategory.PC)
    assert device_category(device) is DeviceCategory.PC
    ood = make_device(KEY, UniqueId.create(b"box"), update_time=1, category=DeviceCategory.OOD)
    assert ood.desc.area == Area()
    assert device_category(ood) is DeviceCategory.OOD


def test_a_category_without_a_meaning_is_unknown() -> None:
    device = build_object(1, desc_content=bytes(16), public_key=KEY, area=Area(inner=77))
    assert device_category(device) is DeviceCategory.UNKNOWN
    assert device_category(build_object(1, desc_content=bytes(16), public_key=KEY)) is DeviceCategory.OOD


def test_a_device_is_changed_by_another_body() -> None:
    device = make_device(KEY, UniqueId.create(b"box"), update_time=1, category=DeviceCategory.OOD)
    changed = device.with_parts(body=build_body(device.desc, device_body(DeviceBody(name="box", bdt_version=0), 2)))
    assert changed.object_id == device.object_id
    assert changed.body is not None
    assert changed.body.content == bytes.fromhex("2203626f78") + bytes.fromhex("2800")


@pytest.mark.parametrize("content", ["0a06090000000000", "120100", "0a00"])
def test_a_bad_endpoint_or_id_in_a_device_body_is_invalid_data(content: str) -> None:
    with pytest.raises(CodecError) as caught:
        build_object(1, desc_content=bytes(16), public_key=KEY, body=BodyParts(bytes.fromhex(content)))
    assert caught.value.code == ErrorCode.INVALID_DATA


def test_unknown_fields_are_skipped_and_kept() -> None:
    """A later release of the protocol may add some."""
    content = PeopleBody(name="me").encode() + bytes.fromhex("c20301ff")  # field 56
    people = build_object(2, public_key=KEY, body=BodyParts(content))
    assert people.body is not None
    assert people.body.value == PeopleBody(name="me")
    assert people.body.content == content
