"""The raw codec: forms on the wire, bounds, and the codes and offsets of refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import STRING_MAX, VARINT_MAX, Reader, Writer, encode_varint
from cyfs_edge.base.errors import CodecError, ErrorCode
from tests import strategies

Read = Callable[[Reader], Any]
Write = Callable[[Writer, Any], object]

KINDS: dict[str, tuple[st.SearchStrategy[Any], Write, Read]] = {
    "u8": (strategies.u8s, Writer.u8, Reader.u8),
    "u16": (strategies.u16s, Writer.u16, Reader.u16),
    "u16_le": (strategies.u16s, Writer.u16_le, Reader.u16_le),
    "u32": (strategies.u32s, Writer.u32, Reader.u32),
    "u64": (strategies.u64s, Writer.u64, Reader.u64),
    "u128": (strategies.u128s, Writer.u128, Reader.u128),
    "i32": (strategies.i32s, Writer.i32, Reader.i32),
    "i64": (strategies.i64s, Writer.i64, Reader.i64),
    "boolean": (st.booleans(), Writer.boolean, Reader.boolean),
    "varint": (strategies.varints, Writer.varint, Reader.varint),
    "string": (st.text(), Writer.string, Reader.string),
    "var_string": (st.text(), Writer.var_string, Reader.var_string),
    "var_bytes": (st.binary(), Writer.var_bytes, Reader.var_bytes),
    "vec": (
        st.lists(strategies.u32s),
        lambda writer, value: writer.vec(value, Writer.u32),
        lambda reader: reader.vec(Reader.u32, 4),
    ),
    "option": (
        st.none() | st.text(),
        lambda writer, value: writer.option(value, Writer.string),
        lambda reader: reader.option(Reader.string),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_come_back_and_cut_ones_are_refused(kind: str) -> None:
    values, write, read = KINDS[kind]

    @given(values, st.binary(max_size=5), st.data())
    def check(value: Any, tail: bytes, data: st.DataObject) -> None:
        writer = Writer()
        write(writer, value)
        raw = writer.getvalue()
        reader = Reader(b"head" + raw + tail, 4)
        assert read(reader) == value
        assert reader.rest() == tail
        cut = data.draw(st.integers(0, len(raw) - 1))
        with pytest.raises(CodecError) as caught:
            read(Reader(raw[:cut]))
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT
        assert caught.value.offset <= cut

    check()


@pytest.mark.parametrize(
    ("number", "raw"),
    [
        (63, "3f"),
        (64, "4040"),
        (16383, "7fff"),
        (16384, "c0004000"),
        ((1 << 30) - 1, "ffffffff"),
        (1 << 30, "8000000040000000"),
        (VARINT_MAX, "bfffffffffffffff"),
    ],
)
def test_varints_take_the_shortest_form(number: int, raw: str) -> None:
    assert encode_varint(number).hex() == raw


@pytest.mark.parametrize("raw", ["4005", "c0000005", "8000000000000005"])
def test_varints_longer_than_needed_are_read(raw: str) -> None:
    assert Reader(bytes.fromhex(raw)).varint() == 5


@pytest.mark.parametrize("number", [-1, VARINT_MAX + 1])
def test_numbers_beyond_a_varint_are_not_supported(number: int) -> None:
    with pytest.raises(CodecError) as caught:
        encode_varint(number)
    assert caught.value.code == ErrorCode.NOT_SUPPORT


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (Writer.u8, 256),
        (Writer.u16, -1),
        (Writer.u16_le, 1 << 16),
        (Writer.u32, 1 << 32),
        (Writer.u64, 1 << 64),
        (Writer.i32, 1 << 31),
        (Writer.i64, -(1 << 63) - 1),
        (Writer.string, "x" * (STRING_MAX + 1)),
    ],
)
def test_values_too_large_for_their_field_are_out_of_limit(write: Write, value: object) -> None:
    with pytest.raises(CodecError) as caught:
        write(Writer().raw(b"12"), value)
    assert (caught.value.code, caught.value.offset) == (ErrorCode.OUT_OF_LIMIT, 2)


def test_any_byte_but_zero_is_true() -> None:
    assert [Reader(bytes((byte,))).boolean() for byte in (0, 1, 2, 255)] == [False, True, True, True]


def test_only_a_one_makes_an_option_present() -> None:
    """The reference takes every other first byte for none."""
    for byte in (0, 2, 255):
        reader = Reader(bytes((byte, 7)))
        assert reader.option(Reader.u8) is None
        assert reader.pos == 1
    assert Reader(b"\1\7").option(Reader.u8) == 7


def test_bad_utf8_tells_where() -> None:
    with pytest.raises(CodecError) as caught:
        Reader(b"\0\3ab\xff").string()
    assert (caught.value.code, caught.value.offset) == (ErrorCode.CRYPTO_ERROR, 2 + 2)


@pytest.mark.parametrize("count", [3, 1 << 20, (1 << 32) - 1, 1 << 32, VARINT_MAX])
def test_a_count_that_cannot_be_true_is_refused_before_anything_is_made(count: int) -> None:
    made: list[int] = []
    with pytest.raises(CodecError) as caught:
        Reader(encode_varint(count) + bytes(23)).vec(lambda reader: made.append(reader.u8()), 8)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert caught.value.offset == 0
    assert made == []


def test_a_sub_reader_ends_where_it_should_and_counts_in_the_whole_buffer() -> None:
    reader = Reader(b"abcdefgh")
    assert reader.take(2) == b"ab"
    sub = reader.sub(3)
    assert reader.rest() == b"fgh"
    assert sub.take(2) == b"cd"
    assert sub.remaining == 1
    with pytest.raises(CodecError) as caught:
        sub.u16()
    assert caught.value.offset == 4
    with pytest.raises(CodecError):
        Reader(b"abc").sub(4)
    assert sub.fail(ErrorCode.FAILED, "no").offset == 4
