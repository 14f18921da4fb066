"""The DER of keys and signatures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.der import decode_integers, encode_integers
from cyfs_edge.base.errors import CodecError, ErrorCode


@given(st.lists(st.integers(0, 1 << 3100), min_size=1, max_size=9), st.binary(max_size=8))
def test_integers_come_back(values: list[int], tail: bytes) -> None:
    assert decode_integers(encode_integers(values) + tail, len(values)) == values


@pytest.mark.parametrize(
    ("values", "raw"),
    [([0], "3003020100"), ([127, 128], "300702017f02020080"), ([1 << 1016], "308183028180" + "01" + 127 * "00")],
)
def test_the_encoding_is_the_distinguished_one(values: list[int], raw: str) -> None:
    assert encode_integers(values).hex() == raw


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", ErrorCode.OUT_OF_LIMIT),
        ("30", ErrorCode.OUT_OF_LIMIT),
        ("3003020105"[:-2], ErrorCode.OUT_OF_LIMIT),
        ("30ff", ErrorCode.OUT_OF_LIMIT),
        ("3003020205", ErrorCode.OUT_OF_LIMIT),
        ("3103020105", ErrorCode.INVALID_DATA),
        ("3003040105", ErrorCode.INVALID_DATA),
        ("30030201ff", ErrorCode.INVALID_DATA),
        ("30020200", ErrorCode.INVALID_DATA),
    ],
)
def test_what_is_no_sequence_of_natural_numbers_is_refused(raw: str, code: ErrorCode) -> None:
    with pytest.raises(CodecError) as caught:
        decode_integers(bytes.fromhex(raw), 1)
    assert caught.value.code == code


@given(st.binary(max_size=60))
def test_any_bytes_are_numbers_or_an_error(raw: bytes) -> None:
    try:
        values = decode_integers(raw, 2)
    except CodecError as error:
        offset = error.offset
    else:
        offset = 0
        assert all(value >= 0 for value in values)
    assert 0 <= offset <= len(raw)
