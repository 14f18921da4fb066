"""Transactions and their callers."""

from __future__ import annotations

import pytest
from hypothesis import given

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import make_object_id
from cyfs_edge.objects.builder import build_object
from cyfs_edge.objects.people import make_people
from cyfs_edge.objects.tx import Caller, CallerKind, Tx, make_tx
from tests import strategies
from tests.strategies import PRIVATE_KEYS

PEOPLE = make_people(PRIVATE_KEYS["rsa1024a"].public(), update_time=1)
MINER = make_object_id(bytes(32), 303)
TX = Tx(1, Caller.of_desc(PEOPLE.desc), 0, 1, 2, b"body")


@given(strategies.callers)
def test_callers_come_back_and_tell_their_id(caller: Caller) -> None:
    writer = Writer()
    caller.write(writer)
    again = Caller.read(Reader(writer.getvalue()))
    assert again == caller
    assert again.object_id == caller.object_id


def test_the_kind_of_caller_follows_from_the_desc() -> None:
    assert Caller.of_desc(PEOPLE.desc).kind is CallerKind.PEOPLE
    assert Caller.of_desc(PEOPLE.desc).object_id == PEOPLE.object_id
    for obj in (build_object(13), make_tx(TX, create_time=1, update_time=1)):
        with pytest.raises(CodecError) as caught:
            Caller.of_desc(obj.desc)
        assert caught.value.code == ErrorCode.INVALID_DATA


def test_a_transaction_cannot_call_a_transaction() -> None:
    """Whatever is nested, reading does not recurse."""
    nested = make_tx(TX, create_time=1, update_time=1).desc.raw
    for kind in (CallerKind.PEOPLE, CallerKind.DEVICE, CallerKind.GROUP, CallerKind.UNION_ACCOUNT):
        with pytest.raises(CodecError) as caught:
            Caller.read(Reader(bytes((kind,)) + nested))
        assert (caught.value.code, caught.value.offset) == (ErrorCode.INVALID_DATA, 1)


def test_unknown_callers_and_conditions_are_invalid_data() -> None:
    with pytest.raises(CodecError) as caught:
        Caller.read(Reader(b"\6" + bytes(32)))
    assert caught.value.code == ErrorCode.INVALID_DATA
    raw = bytearray(Tx(1, Caller(CallerKind.MINER, MINER), 0, 1, 2, b"").encode())
    condition_at = len(raw) - 2
    for byte, accepted in ((0, True), (2, True), (1, False)):
        raw[condition_at] = byte
        if accepted:
            assert Tx.read(Reader(bytes(raw))).caller.object_id == MINER
        else:
            with pytest.raises(CodecError) as refused:
                Tx.read(Reader(bytes(raw)))
            assert (refused.value.code, refused.value.offset) == (ErrorCode.INVALID_DATA, condition_at)
