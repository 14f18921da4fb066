"""Object ids: headers, areas, texts, data ids, chunk ids, unique ids."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import (
    NULL_ID,
    ChunkId,
    ObjectCategory,
    ObjectId,
    ObjectTypeCode,
    UniqueId,
    data_id,
    make_object_id,
)
from tests import strategies

HASH = hashlib.sha256(b"desc").digest()


@given(st.binary(min_size=32, max_size=32))
def test_texts_of_ids_come_back(raw: bytes) -> None:
    object_id = ObjectId(raw)
    assert ObjectId.from_text(str(object_id)) == object_id
    # A base36 text is known by its length: with leading zero bytes it is not always 49 or 50 characters long.
    if len(object_id.base36) in (49, 50):
        assert ObjectId.from_text(object_id.base36) == ObjectId.from_text(object_id.base36.upper()) == object_id


@given(strategies.object_ids)
def test_ids_of_objects_have_both_texts(object_id: ObjectId) -> None:
    assert len(str(object_id)) in (43, 44)
    assert len(object_id.base36) in (49, 50)
    assert ObjectId.from_text(object_id.base36) == object_id


@given(st.text())
def test_any_text_is_an_id_or_invalid_format(text: str) -> None:
    try:
        object_id = ObjectId.from_text(text)
    except CyfsError as error:
        code = error.code
    else:
        code = ErrorCode.INVALID_FORMAT
        assert len(object_id) == 32
    assert code == ErrorCode.INVALID_FORMAT


@pytest.mark.parametrize("text", ["", "1", "z" * 44, "11111111111111111111111111111111 ", "a" * 49 + "-", "1" * 2000])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(CyfsError) as caught:
        ObjectId.from_text(text)
    assert caught.value.code == ErrorCode.INVALID_FORMAT


@pytest.mark.parametrize(
    ("obj_type", "first", "category", "code"),
    [
        (1, 0x44, ObjectCategory.STANDARD, ObjectTypeCode.DEVICE),
        (2, 0x48, ObjectCategory.STANDARD, ObjectTypeCode.PEOPLE),
        (8, 0x60, ObjectCategory.STANDARD, ObjectTypeCode.FILE),
        (14, 0x78, ObjectCategory.STANDARD, ObjectTypeCode.OBJECT_MAP),
        (15, 0x7C, ObjectCategory.STANDARD, ObjectTypeCode.CONTRACT),
        (0, 0x80, ObjectCategory.CORE, ObjectTypeCode.CUSTOM),
        (4, 0x80, ObjectCategory.CORE, ObjectTypeCode.CUSTOM),
        (16, 0x80, ObjectCategory.CORE, ObjectTypeCode.CUSTOM),
        (32767, 0x80, ObjectCategory.CORE, ObjectTypeCode.CUSTOM),
        (32768, 0xC0, ObjectCategory.DEC_APP, ObjectTypeCode.CUSTOM),
        (65535, 0xC0, ObjectCategory.DEC_APP, ObjectTypeCode.CUSTOM),
    ],
)
def test_the_header_tells_the_type(obj_type: int, first: int, category: ObjectCategory, code: ObjectTypeCode) -> None:
    object_id = make_object_id(HASH, obj_type)
    assert object_id[0] == first
    assert object_id[1:5] == bytes(4)
    assert object_id[5:] == HASH[5:]
    assert (object_id.category, object_id.type_code) == (category, code)
    assert object_id.area is None


@given(st.integers(17, 0xFFFF), st.none() | strategies.areas, st.booleans(), st.booleans(), st.booleans())
def test_core_and_decapp_headers_tell_what_the_desc_has(
    obj_type: int, area: Area | None, single_key: bool, mn_key: bool, owner: bool
) -> None:
    object_id = make_object_id(HASH, obj_type, area=area, single_key=single_key, mn_key=mn_key, owner=owner)
    assert object_id.area == area
    assert (object_id.has_single_key, object_id.has_mn_key, object_id.has_owner) == (single_key, mn_key, owner)


@given(strategies.areas)
def test_a_standard_header_tells_its_area_unless_it_looks_like_none(area: Area) -> None:
    """Bytes 1 to 4 zero read as no area: that of an OOD, and country 128·k with all else zero."""
    object_id = make_object_id(HASH, 1, area=area, single_key=True, owner=True)
    unseen = area.country % 128 == 0 and (area.carrier, area.city, area.inner) == (0, 0, 0)
    assert object_id.area == (None if unseen else area)
    assert object_id.type_code == ObjectTypeCode.DEVICE
    assert object_id.has_owner is object_id.has_single_key is object_id.has_mn_key is None


@pytest.mark.parametrize("country", [0, 128, 384])
def test_areas_that_a_standard_header_hides(country: int) -> None:
    assert make_object_id(HASH, 2, area=Area(country)).area is None


@given(st.binary(max_size=31))
def test_a_data_id_carries_its_bytes(data: bytes) -> None:
    object_id = data_id(data)
    assert object_id.is_data
    assert object_id.data == data
    assert (object_id.category.text, object_id.type_code) == ("data", ObjectTypeCode.UNKNOWN)
    assert object_id.area is None


def test_a_data_id_has_31_bytes_at_most() -> None:
    with pytest.raises(CyfsError) as caught:
        data_id(bytes(32))
    assert caught.value.code == ErrorCode.INVALID_DATA
    assert ObjectId(bytes((32,)) + bytes(31)).data is None
    assert data_id(b"") == NULL_ID


@given(st.binary(max_size=100))
def test_a_chunk_id_tells_length_and_hash(data: bytes) -> None:
    chunk_id = ChunkId.of_data(data)
    assert (chunk_id.length, chunk_id.hash_head) == (len(data), hashlib.sha256(data).digest()[:27])
    assert chunk_id.is_chunk
    assert chunk_id.type_code == ObjectTypeCode.CHUNK
    assert chunk_id.area is None
    assert ChunkId.read(Reader(chunk_id)) == chunk_id


def test_the_length_of_a_chunk_is_little_endian() -> None:
    assert ChunkId.of_hash(HASH, 0x01020304)[:5].hex() == "5c04030201"


def test_only_ids_of_chunks_are_chunk_ids() -> None:
    other = make_object_id(HASH, 8)
    with pytest.raises(CyfsError) as caught:
        ChunkId(other)
    assert caught.value.code == ErrorCode.UN_SUPPORT
    with pytest.raises(CodecError) as refused:
        ChunkId.read(Reader(b"12" + other, 2))
    assert (refused.value.code, refused.value.offset) == (ErrorCode.UN_SUPPORT, 2)
    with pytest.raises(CodecError) as short:
        ChunkId.read(Reader(other[:31]))
    assert short.value.code == ErrorCode.OUT_OF_LIMIT


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_id_has_32_bytes(size: int) -> None:
    with pytest.raises(CyfsError) as caught:
        ObjectId(bytes(size))
    assert caught.value.code == ErrorCode.INVALID_FORMAT


def test_ids_are_bytes_with_a_text() -> None:
    object_id = make_object_id(HASH, 1)
    assert object_id == bytes(object_id)
    assert {object_id: 1}[ObjectId(bytes(object_id))] == 1
    assert f"{object_id}" in repr(object_id)
    assert str(object_id).startswith("5aSixg")


def test_unique_ids_are_cut_padded_or_hashed() -> None:
    assert UniqueId.create(b"abc") == b"abc" + bytes(13)
    assert UniqueId.create(bytes(range(20))) == bytes(range(16))
    assert UniqueId.create_with_hash(b"abc") == hashlib.sha256(b"abc").digest()[:16]
    unique_id = UniqueId.create(b"abc")
    assert UniqueId.from_text(str(unique_id)) == UniqueId.read(Reader(unique_id)) == unique_id
    with pytest.raises(CyfsError):
        UniqueId(bytes(15))
