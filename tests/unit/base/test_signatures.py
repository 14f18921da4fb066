"""Signatures: raw form, signing, the rules of lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.keys import KeyKind, PrivateKey, SignatureKind
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import (
    REF_AUTHOR,
    REF_OOD_FIRST,
    REF_OOD_LAST,
    REF_OWNER,
    REF_SELF,
    RefIndex,
    Signature,
    merge_signatures,
    push_signature,
    sign,
    verify,
)
from tests import strategies
from tests.strategies import PRIVATE_KEYS

NOW = 13_330_000_000_000_000


@given(strategies.signatures(), st.binary(max_size=4))
def test_signatures_come_back(signature: Signature, tail: bytes) -> None:
    reader = Reader(signature.encode() + tail)
    assert Signature.read(reader) == signature
    assert reader.rest() == tail


@given(strategies.object_links)
def test_links_come_back(link: ObjectLink) -> None:
    signature = Signature(link, 0, 1, SignatureKind.SECP256K1, bytes(64))
    assert Signature.decode(signature.encode()).source == link


@pytest.mark.parametrize("name", PRIVATE_KEYS)
@given(strategies.signature_sources, st.binary(min_size=32, max_size=32), strategies.times)
def test_what_is_signed_is_the_data_and_the_time(name: str, source: RefIndex, digest: bytes, now: int) -> None:
    key = PRIVATE_KEYS[name]
    made = sign(key, source, digest, now)
    assert (made.source, made.sign_time, made.key_type) == (source, now, key.kind.signature_kind)
    assert verify(key.public(), digest, made)
    later = Signature(source, 0, now ^ 1, made.key_type, made.data)
    assert not verify(key.public(), digest, later)
    assert not verify(PRIVATE_KEYS["rsa2048b" if name != "rsa2048b" else "rsa2048a"].public(), digest, made)


def test_an_rsa_3072_signature() -> None:
    key = PrivateKey.generate(KeyKind.RSA3072)
    made = sign(key, RefIndex(REF_SELF), bytes(32), NOW)
    assert len(made.data) == 384
    assert verify(key.public(), bytes(32), Signature.decode(made.encode()))


def test_the_key_index_has_six_bits() -> None:
    key = PRIVATE_KEYS["secpa"]
    made = sign(key, RefIndex(7), bytes(32), NOW, 63)
    assert made.encode()[0] == 63 << 2
    assert Signature.decode(made.encode()).sign_key_index == 63
    with pytest.raises(CodecError) as caught:
        sign(key, RefIndex(7), bytes(32), NOW, 64)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_the_places_that_name_a_signer() -> None:
    assert (REF_SELF, REF_OWNER, REF_AUTHOR) == (255, 254, 253)
    assert REF_OOD_FIRST - REF_OOD_LAST == 16


@pytest.mark.parametrize(
    ("raw", "code", "offset"),
    [
        (b"\3" + bytes(90), ErrorCode.UNKNOWN, 0),
        (b"\0\0" + bytes(8) + b"\4" + bytes(90), ErrorCode.NOT_MATCH, 10),
        (b"\2\2" + bytes(90), ErrorCode.NOT_SUPPORT, 1),
        (b"\0\0" + bytes(8) + b"\5" + bytes(63), ErrorCode.OUT_OF_LIMIT, 11),
    ],
    ids=["source", "type", "key tag", "short"],
)
def test_what_is_no_signature_is_refused(raw: bytes, code: ErrorCode, offset: int) -> None:
    with pytest.raises(CodecError) as caught:
        Signature.decode(raw)
    assert (caught.value.code, caught.value.offset) == (code, offset)


def signature(source: int, time: int, key_index: int = 0, data: bytes = bytes(64)) -> Signature:
    return Signature(RefIndex(source), key_index, time, SignatureKind.SECP256K1, data)


def test_a_newer_signature_takes_the_place_of_the_older() -> None:
    held = (signature(1, 10), signature(2, 10))
    assert push_signature(held, signature(1, 11)) == (signature(1, 11), signature(2, 10))
    assert push_signature(held, signature(1, 9)) == held
    assert push_signature(held, signature(1, 10, data=b"\1" * 64)) == held
    assert push_signature(held, signature(1, 9, key_index=1)) == (*held, signature(1, 9, key_index=1))
    assert push_signature((), signature(3, 1)) == (signature(3, 1),)


def test_lists_are_merged_by_source_and_new_sources_are_counted() -> None:
    held = (signature(1, 10), signature(2, 10))
    assert merge_signatures(held, (signature(2, 11), signature(1, 3), signature(3, 1))) == (
        (signature(1, 10), signature(2, 11), signature(3, 1)),
        1,
    )
    assert merge_signatures(held, held) == (held, 0)
    assert merge_signatures(None, None) == ((), 0)
    assert merge_signatures(None, held) == (held, 2)
    assert merge_signatures(held, None) == (held, 0)


@given(st.lists(strategies.signatures(), max_size=4), st.lists(strategies.signatures(), max_size=4))
def test_merging_keeps_one_a_source_and_the_newest(held: list[Signature], new: list[Signature]) -> None:
    merged, _ = merge_signatures(held, new)
    newest: dict[object, int] = {}
    for one in (*held, *new):
        key = (one.source, one.sign_key_index)
        newest[key] = max(newest.get(key, 0), one.sign_time)
    assert len(merged) == len(newest)
    for one in merged:
        # Lists that are held have one signature a source already; of doubles in them the last one stays.
        assert one in (*held, *new)
        assert one.sign_time <= newest[one.source, one.sign_key_index]
