"""Base58 and base36 text of bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.text import TEXT_MAX, decode_base36, decode_base58, encode_base36, encode_base58

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def digit_by_digit(data: bytes) -> str:
    """Base58 as it is defined."""
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


@given(st.binary(max_size=100))
def test_base58_is_what_it_is_defined_to_be(data: bytes) -> None:
    assert encode_base58(data) == digit_by_digit(data)
    assert decode_base58(encode_base58(data)) == data


@given(st.binary(max_size=100))
def test_base36_comes_back_in_either_case(data: bytes) -> None:
    text = encode_base36(data)
    assert text == text.lower()
    assert decode_base36(text) == decode_base36(text.upper()) == data


@pytest.mark.parametrize(
    ("data", "base58", "base36"),
    [
        (b"", "", ""),
        (b"\0", "1", "0"),
        (b"\0\0\1", "112", "001"),
        (b"\xff", "5Q", "73"),
        (b"hello", "Cn8eVZg", "5pzcszu7"),
    ],
)
def test_known_texts(data: bytes, base58: str, base36: str) -> None:
    assert (encode_base58(data), encode_base36(data)) == (base58, base36)


@pytest.mark.parametrize("decode", [decode_base58, decode_base36])
@pytest.mark.parametrize(("text", "offset"), [("12 3", 2), ("12-", 2), ("é", 0), ("1" * (TEXT_MAX + 1), TEXT_MAX)])
def test_other_texts_are_refused(decode: Callable[[str], bytes], text: str, offset: int) -> None:
    with pytest.raises(CodecError) as caught:
        decode(text)
    assert (caught.value.code, caught.value.offset) == (ErrorCode.INVALID_FORMAT, offset)


@pytest.mark.parametrize("text", ["0", "O", "I", "l"])
def test_base58_has_no_look_alikes(text: str) -> None:
    with pytest.raises(CodecError):
        decode_base58(text)
