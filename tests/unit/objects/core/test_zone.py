"""Zone (docs/protocol/core-objects.md §3.3)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.objects.core.zone import ZONE, OodWorkMode, ZoneBody, make_zone, zone_id
from cyfs_edge.objects.envelope import decode_object
from tests import vector_count
from tests.unit.objects.core.ids import NOW, OOD, PEOPLE, PHONE, STANDBY, STRANGER


def test_a_zone_lists_its_devices() -> None:
    zone = make_zone(PEOPLE, [OOD, STANDBY], [PHONE], OodWorkMode.ACTIVE_STANDBY, update_time=NOW)
    contents = ZONE.decode(zone)
    assert contents.desc.owner == PEOPLE
    assert contents.body is not None
    assert contents.body.ood == OOD
    assert [contents.body.is_known_device(one) for one in (OOD, STANDBY, PHONE, STRANGER)] == [True, True, True, False]
    assert contents.body.ood_work_mode is OodWorkMode.ACTIVE_STANDBY


def test_the_id_depends_on_the_owner_only() -> None:
    zone = make_zone(PEOPLE, [OOD], update_time=NOW)
    assert zone.object_id == make_zone(PEOPLE, [STANDBY], [PHONE], update_time=1).object_id == zone_id(PEOPLE)
    assert zone.owner is None


def test_zones_of_the_typescript_sdk_have_another_id() -> None:
    """They carry a create time: their id is in the object, not to be computed from the owner."""
    (vector,) = (one for one in vector_count.load("core-objects.json")["made_with_ts_sdk"] if one["type"] == "Zone")
    zone = decode_object(bytes.fromhex(vector["object_hex"]))
    assert str(zone.object_id) == vector["object_id"]
    assert zone.object_id != zone_id(ZONE.decode(zone).desc.owner)


def test_work_mode_is_always_written_and_standalone_when_absent() -> None:
    assert ZoneBody(ood_list=(OOD,)).encode() == b"\x0a\x20" + OOD + b"\x1a\x0astandalone"
    assert ZoneBody.decode(b"\x0a\x20" + OOD).ood_work_mode is OodWorkMode.STANDALONE


def test_other_work_modes_are_not_supported() -> None:
    with pytest.raises(CodecError) as refused:
        ZoneBody.decode(b"\x0a\x20" + OOD + b"\x1a\x04solo")
    assert (refused.value.code, refused.value.offset) == (ErrorCode.UN_SUPPORT, 34)


def test_a_zone_has_an_ood() -> None:
    with pytest.raises(CyfsError) as refused:
        make_zone(PEOPLE, [], [PHONE], update_time=NOW)
    assert refused.value.code == ErrorCode.INVALID_DATA
    with pytest.raises(CodecError, match="at least one OOD"):
        ZoneBody.decode(b"\x12\x20" + PHONE)
