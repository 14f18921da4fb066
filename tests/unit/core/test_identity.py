"""Identities from words: those of the official client to the byte, reproducible, never signed from untrusted input."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.keys import KeyKind, PublicKey
from cyfs_edge.base.signatures import REF_OWNER, REF_SELF, RefIndex, sign, verify
from cyfs_edge.core.derivation import Network, Progress
from cyfs_edge.core.identity import ExtInfo, Identity, create_identity, recovery_text
from cyfs_edge.objects.builder import build_body
from cyfs_edge.objects.device import DeviceCategory, device_category
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.people import ACTIVE_STANDBY, PeopleBody, people_body
from tests import vector_count

VECTORS: dict[str, dict[str, Any]] = {one["name"]: one for one in vector_count.load("objects.json")["vectors"]}
WORDS = "bar cinnamon grow hungry lens danger treat artist hello seminar document gasp"
OTHER_WORDS = "foot alien sort flip grow tell elegant stumble muscle palm bridge dragon"
MAC = "00:15:5d:01:02:03"
NOW = 13329473600000000


def create(words: str = WORDS, unique_id_text: str = MAC, **options: Any) -> Identity:
    """An identity with the fast kind of key, unless told otherwise."""
    return create_identity(
        words, **{"unique_id_text": unique_id_text, "now": NOW, "key_kind": KeyKind.SECP256K1, **options}
    )


@pytest.fixture(scope="module")
def first() -> Identity:
    return create(name="Ada", device_name="box")


def body_of(people: NamedObject) -> PeopleBody:
    assert people.body is not None
    assert isinstance(people.body.value, PeopleBody)
    return people.body.value


def signed_by(obj: NamedObject, signer: NamedObject, ref_index: int) -> bool:
    """Whether desc and body have exactly one signature each, by that key and named that way."""
    key = signer.desc.public_key
    assert isinstance(key, PublicKey)
    assert obj.body is not None
    (desc_sign,), (body_sign,) = obj.desc_signs or (), obj.body_signs or ()
    return (
        desc_sign.source == body_sign.source == RefIndex(ref_index)
        and verify(key, obj.desc_hash, desc_sign)
        and verify(key, obj.body.hash, body_sign)
    )


def with_oods(identity: Identity, *oods: ObjectId, sign_it: bool) -> NamedObject:
    """The owner object with other OODs, as another box of the zone has left it: signed by the owner or not."""
    people = identity.people
    content = PeopleBody(oods, "Ada", None, ACTIVE_STANDBY)
    body = build_body(people.desc, people_body(content, NOW + 100))
    signs = (sign(identity.people_key, RefIndex(REF_SELF), body.hash, NOW + 100),) if sign_it else None
    return people.with_parts(body=body, body_signs=signs)


def test_the_identity_is_that_of_the_official_client_to_the_last_byte() -> None:
    identity = create(key_kind=KeyKind.RSA1024, ood_work_mode=None)
    assert identity.people.raw.hex() == VECTORS["cip_people_signed_0"]["hex"]
    assert identity.device.raw.hex() == VECTORS["cip_device_signed_0"]["hex"]
    assert identity.people_key.encode().hex() == VECTORS["cip_people_0"]["hex"]
    assert identity.device_key.encode().hex() == VECTORS["cip_device_0"]["hex"]


def test_people_and_device_name_each_other_and_are_signed_by_people(first: Identity) -> None:
    assert first.device.owner == first.people.object_id
    assert body_of(first.people) == PeopleBody((first.device.object_id,), "Ada", None, "standalone")
    assert first.device.body is not None
    assert first.device.body.value.name == "box"
    assert signed_by(first.people, first.people, REF_SELF)
    assert signed_by(first.device, first.people, REF_OWNER)
    assert first.device_key.public() == first.device.desc.public_key
    assert first.people.desc.create_time == first.device.desc.create_time == 0


def test_names_modes_and_times_are_in_no_id(first: Identity) -> None:
    again = create(name="Grace", ood_work_mode=ACTIVE_STANDBY, now=NOW + 1)
    assert again.people.object_id == first.people.object_id
    assert again.device.object_id == first.device.object_id
    assert again.people.raw != first.people.raw


def test_another_box_is_another_device_of_the_same_owner(first: Identity) -> None:
    other = create(unique_id_text="aa:bb:cc:dd:ee:ff")
    assert other.people.object_id == first.people.object_id
    assert other.device.object_id != first.device.object_id
    assert other.device_key != first.device_key


def test_words_network_and_key_kind_each_make_another_owner(first: Identity) -> None:
    others = [create(words=OTHER_WORDS), create(network=Network.TEST), create(key_kind=KeyKind.RSA1024)]
    ids = {one.people.object_id for one in (first, *others)}
    assert len(ids) == 4


def test_a_device_that_is_no_ood_is_not_among_the_oods() -> None:
    identity = create(category=DeviceCategory.PC)
    assert device_category(identity.device) is DeviceCategory.PC
    assert body_of(identity.people).ood_list == ()
    assert signed_by(identity.people, identity.people, REF_SELF)


def test_a_new_ood_is_added_to_those_of_the_known_owner_object(first: Identity) -> None:
    known = with_oods(first, first.device.object_id, sign_it=True)
    other = create(unique_id_text="aa:bb:cc:dd:ee:ff", name="ignored", known_people=known, now=NOW)
    content = body_of(other.people)
    assert content == PeopleBody((first.device.object_id, other.device.object_id), "Ada", None, ACTIVE_STANDBY)
    assert other.people.update_time > known.update_time, "an older update time would never replace the known object"
    assert signed_by(other.people, first.people, REF_SELF)


def test_restoring_a_device_that_the_owner_object_knows_leaves_that_object_alone(first: Identity) -> None:
    known = with_oods(first, first.device.object_id, sign_it=True)
    again = create(known_people=known)
    assert again.people == known
    assert again.device.object_id == first.device.object_id


def test_an_owner_object_that_the_owner_has_not_signed_is_refused(first: Identity) -> None:
    """Its OODs would be signed by the owner unseen."""
    stranger = ObjectId(bytes([0x44]) + bytes(31))
    for forged in (
        with_oods(first, stranger, sign_it=False),
        with_oods(first, stranger, sign_it=False).with_parts(body_signs=first.people.body_signs),
    ):
        with pytest.raises(CyfsError) as caught:
            create(known_people=forged)
        assert caught.value.code == ErrorCode.INVALID_SIGNATURE


def test_another_owner_than_expected_is_refused_before_the_device_is_made(first: Identity) -> None:
    levels: list[int] = []
    with pytest.raises(CyfsError) as caught:
        create(
            network=Network.TEST,
            expected_people_id=first.people.object_id,
            progress=lambda one: levels.append(one.level),
        )
    assert caught.value.code == ErrorCode.UNMATCH
    assert str(first.people.object_id) in caught.value.message
    assert "secp256k1 on network test" in caught.value.message
    assert max(levels) == 6
    assert create(expected_people_id=first.people.object_id) == create()


def test_the_owner_object_of_somebody_else_is_refused(first: Identity) -> None:
    with pytest.raises(CyfsError) as caught:
        create(words=OTHER_WORDS, known_people=first.people)
    assert caught.value.code == ErrorCode.UNMATCH


def test_a_device_needs_a_unique_text() -> None:
    with pytest.raises(CyfsError) as caught:
        create(unique_id_text="")
    assert caught.value.code == ErrorCode.INVALID_PARAM


def test_progress_runs_through_twelve_levels() -> None:
    seen: list[Progress] = []
    create(progress=seen.append)
    assert [one.level for one in seen] == list(range(1, 13))
    assert {one.levels for one in seen} == {12}


def test_private_keys_do_not_show_in_a_repr(first: Identity) -> None:
    text = repr(first)
    assert first.people_key.encode().hex() not in text
    assert str(first.people_key.encode()) not in text
    assert str(first.device_key.encode()) not in text


def test_the_recovery_sheet_tells_all_that_restoring_takes(first: Identity) -> None:
    text = recovery_text(first.people, first.device, first.ext_info, WORDS)
    for number, word in enumerate(WORDS.split(), 1):
        assert f"{number} {word}" in text
    assert "Key type        secp256k1" in text
    assert f"Owner id        {first.people.object_id}" in text
    assert f"Device id       {first.device.object_id}" in text
    assert "Network         main" in text
    assert f"Device id text  {MAC} (index 28694)" in text
    assert f"cyfs-edge init --restore --key secp256k1 --network main --device-id-text {MAC}" in text


def test_the_recovery_sheet_without_words_shows_none_and_does_without_ext_info(first: Identity) -> None:
    text = recovery_text(first.people, first.device, None)
    assert not set(WORDS.split()) & set(text.split())
    assert "stored nowhere" in text
    assert "Device id text" not in text
    assert "cyfs-edge init --restore --key secp256k1\n" in text


def test_a_unique_text_with_spaces_is_quoted_for_the_shell() -> None:
    identity = create(unique_id_text="my box; rm -rf /")
    assert "--device-id-text 'my box; rm -rf /'" in recovery_text(identity.people, identity.device, identity.ext_info)


def test_ext_info_goes_through_json(first: Identity) -> None:
    info = first.ext_info
    assert ExtInfo.from_json(info.to_json().encode()) == info
    assert info.index == 28694
    assert info.owner == first.people.raw


def test_ext_info_of_the_reference_is_read() -> None:
    assert ExtInfo.from_json(b'{"owner":"00ff","index":-1,"more":[1]}') == ExtInfo(b"\x00\xff", -1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"owner":"0","index":1}',
        b'{"owner":5,"index":1}',
        b'{"owner":"","index":"1"}',
        b'{"owner":"","index":true}',
        b'{"owner":"","index":2147483648}',
        b'{"owner":"","index":1e400}',
        b'{"owner":"","index":1,"network":"moon"}',
        b'{"owner":"","index":1,"network":3}',
        b'{"owner":"","index":1,"unique_id_text":3}',
        b'{"owner":"","index":1,"unique_id_text":"\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_ext_info_is_refused(text: bytes) -> None:
    with pytest.raises(CyfsError) as caught:
        ExtInfo.from_json(text)
    assert caught.value.code == ErrorCode.INVALID_FORMAT


@given(st.binary(max_size=64), st.integers(-(1 << 31), (1 << 31) - 1), st.none() | st.text())
def test_any_ext_info_goes_through_json(owner: bytes, index: int, text: str | None) -> None:
    info = ExtInfo(owner, index, text, Network.BETA)
    assert ExtInfo.from_json(info.to_json().encode()) == info
