"""The type table: it is whole; what its codecs refuse and what they take (docs/protocol/core-objects.md §2)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.area import Area
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.signatures import Signature
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.core.friend import ADD_FRIEND
from cyfs_edge.objects.core.miner_group import MINER_GROUP, MinerGroupBody, make_miner_group
from cyfs_edge.objects.core.registry import CORE_TYPES, core_codec, decode_core
from cyfs_edge.objects.core.text_storage import TEXT, TextBody, TextDesc, make_text
from cyfs_edge.objects.core.zone import ZONE
from cyfs_edge.objects.envelope import NamedObject, decode_object
from tests.unit.objects.core.ids import APP, NOW, PEOPLE
from tests.unit.objects.core.strategies import DEVICE, FILE, SIGNED_BY_SELF

SIGNS: tuple[Signature, ...] = (SIGNED_BY_SELF,)


@pytest.mark.parametrize("code", sorted(CORE_TYPES))
def test_every_type_of_the_table_has_its_codec(code: int) -> None:
    codec = core_codec(code)
    assert codec is not None
    assert codec.code == code


def test_types_that_are_not_in_the_table() -> None:
    for code in (1, 17, 301, 413, 32767, 32768, 65535):
        assert core_codec(code) is None
    assert decode_core(build_object(32768, desc_content=b"a")) is None


def test_an_object_of_another_type_is_refused() -> None:
    with pytest.raises(CodecError, match="Zone has type 32, the object 41") as refused:
        ZONE.decode(make_text("a", "", "", update_time=NOW))
    assert refused.value.code == ErrorCode.INVALID_DATA


@pytest.mark.parametrize(
    ("fields", "refused"), [({"area": Area()}, "area"), ({"author": PEOPLE}, "author"), ({"owner": PEOPLE}, None)]
)
def test_header_fields_that_a_type_does_not_have_are_refused(fields: dict[str, object], refused: str | None) -> None:
    obj = build_object(41, **fields)  # type: ignore[arg-type]
    if refused is None:
        assert TEXT.decode(obj).desc == TextDesc()
        return
    with pytest.raises(CodecError, match=f"Text does not support {refused}") as error:
        TEXT.decode(obj)
    assert error.value.code == ErrorCode.INVALID_DATA


def test_author_is_taken_where_the_type_has_it() -> None:
    obj = build_object(1001, desc_content=b"\x0a\x20" + APP, owner=PEOPLE, author=PEOPLE)
    assert ADD_FRIEND.decode(obj).desc.to == APP


def test_an_object_without_body_has_no_body_content() -> None:
    assert decode_core(build_object(41)) == TEXT.decode(build_object(41))
    assert TEXT.decode(build_object(41)).body is None


@pytest.mark.parametrize("content_format", [0, 1, 2, 77])
def test_format_and_version_bytes_are_not_looked_at(content_format: int) -> None:
    obj = build_object(
        41,
        desc_content=b"\x0a\x01a",
        desc_format=content_format,
        desc_version=9,
        body=BodyParts(content=b"\x0a\x01v", format=content_format),
    )
    assert TEXT.decode(obj).desc == TextDesc(id="a")
    assert TEXT.decode(obj).body == TextBody(value="v")


def test_unknown_fields_stay_in_the_bytes() -> None:
    """The typed view skips them; the object is stored and forwarded as it came."""
    obj = build_object(41, desc_content=b"\x0a\x01a\xf8\x0a\x05", body=BodyParts(content=b"\xf8\x0a\x05"))
    assert TEXT.decode(obj).desc == TextDesc(id="a")
    assert decode_object(obj.raw) == obj
    assert b"\xf8\x0a\x05" in obj.desc.raw


def signed_text() -> NamedObject:
    parts = BodyParts(content=TextBody(value="v").encode(), update_time=NOW, format=1, object_id=APP, user_data=b"data")
    obj = build_object(41, desc_content=TextDesc(id="a").encode(), desc_format=1, body=parts)
    return obj.with_parts(desc_signs=SIGNS, body_signs=SIGNS)


def test_another_body_voids_its_signatures_and_leaves_the_rest() -> None:
    changed = TEXT.with_body(signed_text(), TextBody(value="w"), NOW + 9)
    assert changed.body is not None
    assert (changed.desc_signs, changed.body_signs) == (SIGNS, None)
    assert (changed.update_time, changed.body.user_data, changed.body.object_id) == (NOW + 9, b"data", APP)
    assert TEXT.decode(changed).body == TextBody(value="w")
    assert decode_object(changed.raw, exact=True) == changed


def test_a_body_can_be_given_to_an_object_without_one() -> None:
    bare = TEXT.build(TextDesc(id="a"))
    assert bare.body is None
    filled = TEXT.with_body(bare, TextBody(value="v"), NOW)
    assert (filled.update_time, filled.object_id) == (NOW, bare.object_id)


def test_a_miner_group_lists_device_descs() -> None:
    made = make_miner_group([DEVICE, DEVICE], update_time=NOW)
    body = MINER_GROUP.decode(made).body
    assert body == MinerGroupBody((DEVICE, DEVICE))
    with pytest.raises(CodecError, match="instead of Device") as refused:
        MinerGroupBody.decode(MinerGroupBody((DEVICE, FILE)).encode())
    assert refused.value.code == ErrorCode.INVALID_DATA
    assert refused.value.offset == 1 + len(DEVICE.raw)
