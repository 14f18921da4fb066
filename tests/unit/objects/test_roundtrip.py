"""Every kind of object comes back as it was made, byte for byte; every other input is an object or a CodecError."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.objects.envelope import NamedObject, decode_object, read_desc
from cyfs_edge.objects.format_json import format_json
from cyfs_edge.objects.registry import STANDARD_TYPES, decode_typed
from tests import strategies
from tests.reencode import reencoded
from tests.vector_count import load

ENCODED = [
    bytes.fromhex(vector["hex"])
    for vector in load("objects.json")["vectors"]
    if "id" in vector
    and "hex" in vector
    and vector["kind"] not in {"object_id", "chunk_id", "cip_people", "cip_device"}
]
"""The objects of the vectors."""


def check_round_trip(obj: NamedObject) -> None:
    again = decode_object(obj.raw, exact=True)
    assert again == obj
    assert again.raw == obj.raw
    for name in ("desc", "body", "desc_signs", "body_signs", "nonce", "obj_flags", "obj_type"):
        assert getattr(again, name) == getattr(obj, name)
    assert reencoded(again) == obj.raw


@pytest.mark.parametrize("kind", strategies.STANDARD_OBJECTS)
def test_what_is_built_is_what_is_read(kind: str) -> None:
    @given(strategies.signed(strategies.STANDARD_OBJECTS[kind]))
    def check(obj: NamedObject) -> None:
        assert obj.obj_type in STANDARD_TYPES
        assert obj.desc.value is not None
        check_round_trip(obj)

    check()


@given(strategies.signed(strategies.typeless_objects))
def test_typeless_objects_come_back_with_all_fields(obj: NamedObject) -> None:
    assert obj.desc.value is None
    check_round_trip(obj)


@given(strategies.named_objects, st.binary(max_size=40))
def test_bytes_after_the_object_are_ignored_or_refused(obj: NamedObject, tail: bytes) -> None:
    assert decode_object(obj.raw + tail).raw == obj.raw
    if tail:
        with pytest.raises(CodecError) as caught:
            decode_object(obj.raw + tail, exact=True)
        assert caught.value.code == ErrorCode.INVALID_DATA
        assert caught.value.offset == obj.size


@given(strategies.signed(strategies.named_objects), st.data())
def test_an_object_cut_short_is_refused(obj: NamedObject, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, obj.size - 1))
    with pytest.raises(CodecError) as caught:
        decode_object(obj.raw[:size])
    assert 0 <= caught.value.offset <= size


@given(strategies.named_objects)
def test_a_desc_stands_alone(obj: NamedObject) -> None:
    """Its bytes, the object's bits of the flags cleared, are those that make the id, but for dirs."""
    desc = read_desc(Reader(obj.desc.raw))
    assert desc == obj.desc
    if obj.obj_type != 9:
        assert hashlib.sha256(desc.raw).digest() == obj.desc_hash


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_an_error(data: bytes) -> None:
    check_total(data)


@given(st.sampled_from(ENCODED), st.data())
def test_damaged_vectors_are_objects_or_errors(raw: bytes, data: st.DataObject) -> None:
    """Bytes overwritten, dropped and put in at random places."""
    damaged = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged)))
        drop = data.draw(st.integers(0, 3))
        damaged[at : at + drop] = data.draw(st.binary(max_size=4))
    check_total(bytes(damaged))


def check_total(data: bytes) -> None:
    try:
        obj = decode_object(data)
    except CodecError as error:
        offset = error.offset
    else:
        offset = 0
        assert data.startswith(obj.raw)
        assert decode_object(obj.raw, exact=True) == obj
        assert format_json(obj)["desc"]["object_id"] == str(obj.object_id)
        with contextlib.suppress(CodecError):
            decode_typed(obj)
    assert 0 <= offset <= len(data)


@pytest.mark.parametrize("raw", ENCODED, ids=range(len(ENCODED)))
def test_every_prefix_of_a_vector_is_refused(raw: bytes) -> None:
    for size in range(len(raw)):
        with pytest.raises(CodecError):
            decode_object(raw[:size])
