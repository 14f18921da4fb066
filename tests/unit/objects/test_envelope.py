"""The envelope: what is refused, what is kept, and changing parts of an object."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.keys import SignatureKind
from cyfs_edge.base.signatures import RefIndex, Signature
from cyfs_edge.objects.builder import BodyParts, build_body, build_object
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.envelope import KEEP, Keep, NamedObject, decode_object, read_desc, read_object
from tests import strategies
from tests.strategies import PRIVATE_KEYS

OWNER = ObjectId.from_text("5r4MYfFLsj2ZndcxiGobMgJnMQswpcCa29EmfSnH7aqG")
SIGNATURE = Signature(RefIndex(255), 0, 20, SignatureKind.SECP256K1, bytes(64))
EMPTY_DESC = bytes(4)  # version, format, no content


def refusal(raw: bytes) -> tuple[ErrorCode, int]:
    with pytest.raises(CodecError) as caught:
        decode_object(raw)
    return ErrorCode(caught.value.code), caught.value.offset


def header(obj_type: int, flags: int) -> bytes:
    return obj_type.to_bytes(2, "big") + flags.to_bytes(2, "big")


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_a_chunk_is_no_named_object() -> None:
    assert refusal(header(7, 0) + EMPTY_DESC) == (ErrorCode.INVALID_DATA, 0)


def test_encrypted_objects_are_refused_but_their_flag_means_nothing_in_a_desc() -> None:
    raw = header(17, 1) + EMPTY_DESC
    assert refusal(raw) == (ErrorCode.INVALID_DATA, 2)
    assert read_desc(Reader(raw)).raw == header(17, 0) + EMPTY_DESC


SUB_DESC = {
    ObjectTypeCode.DEVICE: "oak",
    ObjectTypeCode.PEOPLE: "oak",
    ObjectTypeCode.GROUP: "a",
    ObjectTypeCode.APP_GROUP: "o",
    ObjectTypeCode.UNION_ACCOUNT: "",
    ObjectTypeCode.FILE: "ou",
    ObjectTypeCode.DIR: "ou",
    ObjectTypeCode.DIFF: "o",
    ObjectTypeCode.PROOF_OF_SERVICE: "o",
    ObjectTypeCode.TX: "",
    ObjectTypeCode.ACTION: "o",
    ObjectTypeCode.OBJECT_MAP: "o",
    ObjectTypeCode.CONTRACT: "ou",
}
"""Which of owner, area, author (u) and key a type has (objects.md §2.8)."""
LETTERS = {"o": DescFlag.OWNER, "a": DescFlag.AREA, "u": DescFlag.AUTHOR, "k": DescFlag.PUBLIC_KEY}


@pytest.mark.parametrize("obj_type", SUB_DESC)
def test_fields_that_a_type_does_not_have_are_refused(obj_type: ObjectTypeCode) -> None:
    for letter, flag in LETTERS.items():
        flags = flag | (DescFlag.PUBLIC_KEY if "k" in SUB_DESC[obj_type] else 0)
        refused = letter not in SUB_DESC[obj_type]
        assert (refusal(header(obj_type, flags)) == (ErrorCode.INVALID_DATA, 2)) is refused


@pytest.mark.parametrize("obj_type", [ObjectTypeCode.DEVICE, ObjectTypeCode.PEOPLE])
def test_an_identity_needs_one_public_key(obj_type: ObjectTypeCode) -> None:
    assert refusal(header(obj_type, 0) + EMPTY_DESC) == (ErrorCode.INVALID_DATA, 2)
    for kind in (0, 2, 3):
        raw = header(obj_type, DescFlag.PUBLIC_KEY) + bytes((kind, 1, 0)) + EMPTY_DESC
        assert refusal(raw) == (ErrorCode.INVALID_DATA, 4)


def test_other_objects_may_say_that_they_have_no_key() -> None:
    obj = decode_object(header(17, DescFlag.PUBLIC_KEY) + b"\0" + EMPTY_DESC, exact=True)
    assert obj.desc.public_key is None
    assert obj.object_id.has_single_key is obj.object_id.has_mn_key is False
    assert refusal(header(17, DescFlag.PUBLIC_KEY) + b"\3" + EMPTY_DESC) == (ErrorCode.INVALID_DATA, 4)


def test_short_data_in_a_body_is_invalid_but_a_content_too_long_is_out_of_limit() -> None:
    """The codes that the reference answers with."""
    desc = header(17, 2) + EMPTY_DESC
    assert refusal(desc) == (ErrorCode.INVALID_DATA, 8)
    assert refusal(desc + b"\1" + bytes(31)) == (ErrorCode.INVALID_DATA, 9)
    assert refusal(desc + b"\4" + bytes(8) + b"\0\x22\x0a\x20" + bytes(31)) == (ErrorCode.INVALID_DATA, 19)
    assert refusal(desc + b"\0" + bytes(8) + b"\0\0\5abcd") == (ErrorCode.OUT_OF_LIMIT, 20)
    assert refusal(desc + b"\2" + bytes(8) + b"\0\0\0" + bytes(7) + b"\1") == (ErrorCode.INVALID_DATA, 28)


def test_short_data_elsewhere_is_out_of_limit() -> None:
    assert refusal(b"\0\x11\0") == (ErrorCode.OUT_OF_LIMIT, 2)
    assert refusal(header(17, DescFlag.OWNER) + bytes(31)) == (ErrorCode.OUT_OF_LIMIT, 4)
    assert refusal(header(17, 4) + EMPTY_DESC + b"\1" + bytes(70)) == (ErrorCode.OUT_OF_LIMIT, 8)


@pytest.mark.parametrize("flag", [DescFlag.REF_OBJECTS, 4, 8])
def test_counts_that_cannot_be_true_are_refused_at_once(flag: int) -> None:
    raw = header(17, flag)
    raw += b"" if flag == DescFlag.REF_OBJECTS else EMPTY_DESC
    assert refusal(raw + b"\xff\xff\xff\xff" + bytes(100)) == (ErrorCode.OUT_OF_LIMIT, len(raw))


# ---- what is kept ---------------------------------------------------------------------------------------------------


def test_an_ext_is_skipped_by_the_id_but_stays_in_the_bytes() -> None:
    plain = header(40000, DescFlag.CREATE_TIME) + bytes(8) + b"\0\1\0\3abc"
    held = header(40000, DescFlag.CREATE_TIME | DescFlag.EXT) + bytes(8) + b"\0\2xy" + b"\0\1\0\3abc"
    obj = decode_object(held, exact=True)
    assert obj.object_id == decode_object(plain).object_id
    assert obj.desc.raw == held
    assert obj.with_parts(desc_signs=(SIGNATURE,)).with_parts(desc_signs=None).raw == held


def test_what_a_content_holds_beyond_its_fields_is_ignored_and_hashed() -> None:
    obj = build_object(10, desc_content=bytes(32) + b"\0", body=BodyParts())
    longer = build_object(10, desc_content=bytes(32) + b"\0more", body=BodyParts(b"more"))
    assert longer.desc.value == obj.desc.value
    assert longer.object_id != obj.object_id
    assert longer.desc.content.endswith(b"more")
    assert decode_object(longer.raw).raw == longer.raw


def test_an_object_is_read_from_the_middle_of_a_buffer() -> None:
    obj = build_object(17, desc_content=b"x", owner=OWNER, body=BodyParts(b"y", 7))
    signed = obj.with_parts(body_signs=(SIGNATURE,))
    reader = Reader(b"before" + signed.raw + b"after", 6)
    again = read_object(reader)
    assert again == signed
    assert again.with_parts(body_signs=None) == obj
    assert reader.rest() == b"after"


def test_the_newest_of_body_and_signatures_is_the_latest_update() -> None:
    obj = build_object(17, body=BodyParts(update_time=30))
    assert (obj.update_time, obj.latest_update_time) == (30, 30)
    assert obj.with_parts(desc_signs=(SIGNATURE,)).latest_update_time == 30
    older = obj.with_parts(body=build_body(obj.desc, BodyParts(update_time=10)), body_signs=(SIGNATURE,))
    assert (older.update_time, older.latest_update_time) == (10, 20)
    bare = build_object(17)
    assert (bare.update_time, bare.latest_update_time, bare.body_hash) == (0, 0, None)


def test_what_an_object_tells_of_itself() -> None:
    key = PRIVATE_KEYS["secpa"].public()
    obj = build_object(500, dec_id=OWNER, owner=OWNER, author=OWNER, public_key=key)
    assert obj.type_code is ObjectTypeCode.CUSTOM
    assert (obj.dec_id, obj.owner, obj.author) == (OWNER, OWNER, OWNER)
    assert obj.size == len(obj.raw)
    assert (obj.desc.create_time, obj.desc.expired_time) == (0, None)
    assert build_object(13).type_code is ObjectTypeCode.ACTION
    assert build_object(16).type_code is ObjectTypeCode.CUSTOM


# ---- other parts ----------------------------------------------------------------------------------------------------


@given(
    strategies.signed(strategies.named_objects),
    st.just(KEEP) | strategies.signature_lists,
    st.just(KEEP) | strategies.signature_lists,
    st.just(KEEP) | st.none() | strategies.u128s,
    st.booleans(),
)
def test_changed_parts_are_in_the_bytes_and_the_others_as_they_were(
    obj: NamedObject,
    desc_signs: tuple[Signature, ...] | None | Keep,
    body_signs: tuple[Signature, ...] | None | Keep,
    nonce: int | None | Keep,
    drop_body: bool,
) -> None:
    changed = obj.with_parts(
        body=None if drop_body else KEEP, desc_signs=desc_signs, body_signs=body_signs, nonce=nonce
    )
    assert changed.desc is obj.desc
    assert changed.body == (None if drop_body else obj.body)
    assert changed.desc_signs == (obj.desc_signs if desc_signs is KEEP else desc_signs)
    assert changed.body_signs == (obj.body_signs if body_signs is KEEP else body_signs)
    assert changed.nonce == (obj.nonce if nonce is KEEP else nonce)
    again = decode_object(changed.raw, exact=True)
    for name in NamedObject.__slots__:
        assert getattr(again, name) == getattr(changed, name)


@given(strategies.signed(strategies.named_objects), strategies.signature_lists)
def test_a_part_can_be_put_back(obj: NamedObject, signs: tuple[Signature, ...] | None) -> None:
    changed = obj.with_parts(desc_signs=signs, body=None)
    assert changed.with_parts(desc_signs=obj.desc_signs, body=obj.body) == obj


def test_parts_that_stay_keep_even_bytes_that_we_would_not_write() -> None:
    """A count in more bytes than it needs, and a key index with a key as source."""
    sign = Signature(PRIVATE_KEYS["secpa"].public(), 0, 20, SignatureKind.SECP256K1, bytes(64)).encode()
    odd = b"\x40\x01" + bytes((sign[0] | 5 << 2,)) + sign[1:]
    held = header(17, 0x0E) + EMPTY_DESC + bytes(9) + b"\0\0\x40\x01z" + odd + odd
    obj = decode_object(held, exact=True)
    (desc_sign,) = obj.desc_signs or ()
    assert desc_sign.sign_key_index == 0
    changed = obj.with_parts(desc_signs=(SIGNATURE,), nonce=5)
    assert changed.raw.endswith(odd + (5).to_bytes(16, "big"))
    assert b"\x40\x01z\x01" + SIGNATURE.encode() + odd in changed.raw
    assert obj.with_parts(body_signs=None).raw.endswith(b"\x40\x01z" + odd)


def test_an_empty_list_is_something_else_than_none() -> None:
    obj = build_object(17)
    empty = obj.with_parts(desc_signs=())
    assert empty.raw == header(17, 4) + EMPTY_DESC + b"\0"
    assert decode_object(empty.raw).desc_signs == ()
    assert empty.with_parts(desc_signs=None) == obj
