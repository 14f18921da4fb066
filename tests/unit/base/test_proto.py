"""The protobuf codec: wire forms, presence, field order, tolerance of foreign writers, refusal of bad bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base import proto
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.base.proto import (
    BOOL,
    BYTES,
    CHUNK_ID,
    ENUM,
    HASH,
    ID,
    INT32,
    INT64,
    STRING,
    UINT32,
    UINT64,
    Message,
    StandardMessage,
    map_of,
    pb,
)

AN_ID = ObjectId(bytes([0x48]) + bytes(31))
A_CHUNK = ChunkId.of_data(b"chunk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Message):
    """Fields that are zero when absent."""

    text: str = pb(1, STRING)
    blob: bytes = pb(2, BYTES)
    u32: int = pb(3, UINT32)
    u64: int = pb(4, UINT64)
    i32: int = pb(5, INT32)
    i64: int = pb(6, INT64)
    flag: bool = pb(7, BOOL)
    kind: int = pb(8, ENUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Optional(Message):
    text: str | None = pb(1, STRING, optional=True)
    number: int | None = pb(2, UINT32, optional=True)
    flag: bool | None = pb(3, BOOL, optional=True)
    mode: str = pb(4, STRING, optional=True, default="normal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Required(Message):
    """Fields without a zero."""

    id: ObjectId = pb(1, ID)
    hash: bytes = pb(2, HASH)
    plain: Plain = pb(3, Plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated(Message):
    ids: tuple[ObjectId, ...] = pb(1, ID, repeated=True)
    numbers: tuple[int, ...] = pb(2, INT32, repeated=True)
    messages: tuple[Plain, ...] = pb(3, Plain, repeated=True)
    chunks: tuple[ChunkId, ...] = pb(4, CHUNK_ID, repeated=True)
    flags: Mapping[str, bool] = pb(5, map_of(BOOL))
    nested: Mapping[str, Optional] = pb(6, map_of(Optional))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ascending(Message):
    late: int = pb(3, UINT32)
    early: int | None = pb(1, UINT32, optional=True)
    middle: tuple[int, ...] = pb(2, UINT32, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionalLast(StandardMessage):
    late: int = pb(3, UINT32)
    early: int | None = pb(1, UINT32, optional=True)
    middle: tuple[int, ...] = pb(2, UINT32, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Even(Message):
    """Has a rule of its own."""

    number: int = pb(1, UINT32)

    def __post_init__(self) -> None:
        if self.number % 2:
            raise CyfsError(ErrorCode.UN_SUPPORT, "odd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evens(Message):
    items: tuple[Even, ...] = pb(1, Even, repeated=True)


def refusal(message: type[Message], hex_text: str) -> CodecError:
    with pytest.raises(CodecError) as refused:
        message.decode(bytes.fromhex(hex_text))
    return refused.value


# ---- wire forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "hex_text"),
    [
        (Plain(), ""),
        (Plain(text="é"), "0a02c3a9"),
        (Plain(blob=b"\0"), "120100"),
        (Plain(u32=300), "18ac02"),
        (Plain(u32=0xFFFF_FFFF), "18ffffffff0f"),
        (Plain(u64=(1 << 64) - 1), "20ffffffffffffffffff01"),
        (Plain(i32=-1), "28ffffffffffffffffff01"),
        (Plain(i32=-(1 << 31)), "2880808080f8ffffffff01"),
        (Plain(i64=-2), "30feffffffffffffffff01"),
        (Plain(flag=True), "3801"),
        (Plain(kind=2), "4002"),
        (Optional(), "22066e6f726d616c"),
        (Optional(text="", number=0, flag=False, mode=""), "0a00100018002200"),
        (Repeated(numbers=(1, -1)), "120b01ffffffffffffffffff01"),
        (Repeated(messages=(Plain(), Plain(u32=1))), "1a001a021801"),
        (Repeated(ids=(AN_ID,)), "0a20" + AN_ID.hex()),
        (Repeated(chunks=(A_CHUNK,)), "2220" + A_CHUNK.hex()),
        (Repeated(flags={"b": True, "a": False}), "2a030a0161" + "2a050a01621001"),
        (Repeated(nested={"": Optional(mode="")}), "320412022200"),
    ],
)
def test_values_lie_on_the_wire_as_protobuf_has_them(message: Message, hex_text: str) -> None:
    """Plain zeros are left out, optional ones are written, a negative int32 takes ten bytes, maps are sorted."""
    assert message.encode().hex() == hex_text
    assert type(message).decode(bytes.fromhex(hex_text)) == message


def test_required_fields_are_always_written() -> None:
    message = Required(id=AN_ID, hash=bytes(32), plain=Plain())
    assert message.encode().hex() == "0a20" + AN_ID.hex() + "1220" + "00" * 32 + "1a00"
    assert Required.decode(message.encode()) == message


def test_ids_come_back_as_ids() -> None:
    message = Repeated.decode(Repeated(ids=(AN_ID,), chunks=(A_CHUNK,)).encode())
    assert isinstance(message.ids[0], ObjectId)
    assert isinstance(message.chunks[0], ChunkId)
    assert message.chunks[0].length == 5


def test_absent_optional_with_default_reads_as_the_default() -> None:
    assert Optional.decode(b"") == Optional(text=None, number=None, flag=None, mode="normal")


def test_core_order_is_ascending() -> None:
    assert Ascending(early=0, middle=(5,), late=7).encode().hex() == "0800" + "120105" + "1807"


def test_standard_order_has_the_optional_fields_last() -> None:
    assert OptionalLast(early=0, middle=(5,), late=7).encode().hex() == "120105" + "1807" + "0800"


@pytest.mark.parametrize(
    "hex_text", ["0800" + "120105" + "1807", "1807" + "0800" + "120105", "120105" + "1807" + "0800"]
)
@pytest.mark.parametrize("message", [Ascending, OptionalLast])
def test_any_order_is_read(message: type[Ascending] | type[OptionalLast], hex_text: str) -> None:
    assert message.decode(bytes.fromhex(hex_text)) == message(early=0, middle=(5,), late=7)


# ---- foreign writers ------------------------------------------------------------------------------------------------


def test_the_last_of_repeated_singular_fields_counts() -> None:
    assert Plain.decode(bytes.fromhex("18010a0161180a0a0162")) == Plain(u32=10, text="b")


def test_the_last_of_two_equal_map_keys_counts() -> None:
    assert Repeated.decode(bytes.fromhex("2a050a01611001" + "2a030a0161")).flags == {"a": False}


def test_map_entries_may_name_their_zeros_or_come_in_reverse() -> None:
    assert Repeated.decode(bytes.fromhex("2a040a001001" + "2a0510010a0178")).flags == {"": True, "x": True}


def test_map_entry_without_message_is_the_empty_message() -> None:
    assert Repeated.decode(bytes.fromhex("32030a0161")).nested == {"a": Optional()}


def test_repeated_numbers_may_be_packed_unpacked_and_mixed() -> None:
    assert Repeated.decode(bytes.fromhex("1001" + "12020203" + "1004" + "1200")).numbers == (1, 2, 3, 4)


def test_numbers_need_not_be_shortest() -> None:
    assert Plain.decode(bytes.fromhex("98008a8000" + "0a8000")) == Plain(u32=10)


def test_wide_numbers_are_cut_to_their_width() -> None:
    """Like all protobuf readers: the low 32 bits count, any non-zero number is true."""
    assert Plain.decode(bytes.fromhex("18ffffffffffffffffff01")).u32 == 0xFFFF_FFFF
    assert Plain.decode(bytes.fromhex("28ffffffff0f")).i32 == -1
    assert Plain.decode(bytes.fromhex("388080808010")).flag is True


def test_unknown_fields_of_all_wire_types_are_skipped() -> None:
    unknown = "f80a05" + "f90a0102030405060708" + "fa0a026869" + "fd0a01020304"
    assert Plain.decode(bytes.fromhex(unknown + "1801" + unknown)) == Plain(u32=1)
    assert Plain.decode(bytes.fromhex("faffffff0f0161")) == Plain()


def test_a_part_of_a_buffer_can_be_read() -> None:
    assert Plain.decode(bytes.fromhex("ff1805ff"), 1, 3) == Plain(u32=5)
    assert Plain.decode(bytes.fromhex("ff1805"), 1) == Plain(u32=5)


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "hex_text", "offset", "says"),
    [
        (Plain, "18", 1, "cut off"),
        (Plain, "1880", 1, "cut off"),
        (Plain, "18ffffffffffffffffffff01", 1, "too long"),
        (Plain, "18ffffffffffffffffff02", 1, "64 bits"),
        (Plain, "18010a0561", 2, "Plain.text: 5 bytes announced, 1 left"),
        (Plain, "18010affffffffffffffffff01", 2, "announced"),
        (Plain, "0a02c328", 0, "utf-8"),
        (Plain, "0001", 0, "field number 0"),
        (Plain, "8080808080013001", 0, "field number"),
        (Plain, "0b0c", 0, "wire type 3"),
        (Plain, "f30a", 0, "wire type 3 is not supported"),
        (Plain, "f40a", 0, "wire type 4 is not supported"),
        (Plain, "f60a", 0, "wire type 6 is not supported"),
        (Plain, "1a0101", 0, "field 3 with wire type 2"),
        (Plain, "0801", 0, "field 1 with wire type 0"),
        (Plain, "f90a01", 0, "8 bytes, 1 left"),
        (Plain, "fd0a01", 0, "4 bytes, 1 left"),
        (Plain, "fa0a0561", 0, "5 bytes, 1 left"),
        (Repeated, "10010a0161", 2, "Repeated.ids: 32 bytes expected, not 1"),
        (Repeated, "2220" + AN_ID.hex(), 0, "not a chunk id"),
        (Repeated, "12020180", 3, "cut off"),
        (Repeated, "1a0118", 3, "cut off"),
        (Repeated, "2a020a05", 2, "announced"),
        (Required, "", 0, "Required.id is missing"),
        (Required, "0a20" + AN_ID.hex() + "1a00", 0, "Required.hash is missing"),
        (Required, "0a20" + AN_ID.hex() + "1201ff1a00", 34, "Required.hash: 32 bytes expected"),
    ],
)
def test_bad_bytes_are_refused_where_they_are(message: type[Message], hex_text: str, offset: int, says: str) -> None:
    error = refusal(message, hex_text)
    assert error.code == ErrorCode.INVALID_DATA
    assert error.offset == offset
    assert says in error.message


def test_a_message_rule_holds_for_made_and_read_messages_and_keeps_its_code() -> None:
    with pytest.raises(CyfsError, match="odd"):
        Even(number=1)
    error = refusal(Evens, "0a020802" + "0a020803")
    assert (error.code, error.message, error.offset) == (ErrorCode.UN_SUPPORT, "odd", 6)


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes of input make an object of a hundred: the number of items is bounded, of maps too."""
    monkeypatch.setattr(proto, "ITEMS_MAX", 3)
    assert len(Repeated.decode(bytes.fromhex("1a00" * 3)).messages) == 3
    for too_many in ("1a00" * 4, "120401020304", "1001" * 4, "".join(f"2a030a01{key:02x}" for key in range(4))):
        error = refusal(Repeated, too_many)
        assert error.code == ErrorCode.INVALID_DATA
        assert "more than 3" in error.message


@pytest.mark.parametrize(
    "message",
    [
        Plain(u32=-1),
        Plain(u32=1 << 32),
        Plain(u64=1 << 64),
        Plain(i32=1 << 31),
        Plain(i64=-(1 << 63) - 1),
        Plain(text="\ud800"),
        Required(id=AN_ID, hash=b"short", plain=Plain()),
        Repeated(numbers=(1, 1 << 31)),
    ],
)
def test_values_that_a_field_cannot_hold_are_not_written(message: Message) -> None:
    with pytest.raises(CodecError) as refused:
        message.encode()
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT


def test_required_fields_are_required_of_constructors() -> None:
    with pytest.raises(TypeError, match="id"):
        Required(hash=bytes(32), plain=Plain())  # type: ignore[call-arg]


def test_messages_are_frozen_and_have_slots() -> None:
    message = Plain()
    with pytest.raises(FrozenInstanceError):
        message.u32 = 1  # type: ignore[misc]
    assert not hasattr(message, "__dict__")


@pytest.mark.parametrize(("number", "flags"), [(0, {}), (1 << 29, {}), (1, {"optional": True, "repeated": True})])
def test_wrong_declarations_fail_at_import(number: int, flags: dict[str, bool]) -> None:
    with pytest.raises(TypeError):
        pb(number, UINT32, **flags)  # type: ignore[call-overload]


def test_a_number_used_twice_fails_at_first_use() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Twice(Message):
        one: int = pb(1, UINT32)
        two: int = pb(1, UINT32)

    with pytest.raises(TypeError, match="twice"):
        Twice().encode()


# ---- properties -----------------------------------------------------------------------------------------------------

IDS = st.binary(min_size=32, max_size=32).map(ObjectId)
TEXTS = st.text(max_size=20)
PLAINS = st.builds(
    Plain,
    text=TEXTS,
    blob=st.binary(max_size=20),
    u32=st.integers(0, (1 << 32) - 1),
    u64=st.integers(0, (1 << 64) - 1),
    i32=st.integers(-(1 << 31), (1 << 31) - 1),
    i64=st.integers(-(1 << 63), (1 << 63) - 1),
    flag=st.booleans(),
    kind=st.integers(-(1 << 31), (1 << 31) - 1),
)
OPTIONALS = st.builds(
    Optional,
    text=st.none() | TEXTS,
    number=st.none() | st.integers(0, (1 << 32) - 1),
    flag=st.none() | st.booleans(),
    mode=TEXTS,
)
REPEATEDS = st.builds(
    Repeated,
    ids=st.lists(IDS, max_size=3).map(tuple),
    numbers=st.lists(st.integers(-(1 << 31), (1 << 31) - 1)).map(tuple),
    messages=st.lists(PLAINS, max_size=3).map(tuple),
    chunks=st.lists(st.binary().map(ChunkId.of_data), max_size=3).map(tuple),
    flags=st.dictionaries(TEXTS, st.booleans(), max_size=3),
    nested=st.dictionaries(TEXTS, OPTIONALS, max_size=3),
)
MESSAGES = (
    PLAINS | OPTIONALS | REPEATEDS | st.builds(Required, id=IDS, hash=st.binary(min_size=32, max_size=32), plain=PLAINS)
)


@given(MESSAGES)
def test_what_is_written_is_read(message: Message) -> None:
    assert type(message).decode(message.encode()) == message


def offset_of_refusal(message: type[Message], data: bytes) -> int | None:
    """``None`` when the bytes are a message, which then must survive being written and read again."""
    try:
        read = message.decode(data)
    except CodecError as error:
        return error.offset
    assert message.decode(read.encode()) == read
    return None


@given(st.sampled_from([Plain, Optional, Required, Repeated, Ascending, Evens]), st.binary(max_size=200))
def test_any_bytes_give_a_message_or_a_codec_error(message: type[Message], data: bytes) -> None:
    offset = offset_of_refusal(message, data)
    assert offset is None or 0 <= offset <= len(data)


@given(MESSAGES, st.data())
def test_damaged_messages_give_a_message_or_a_codec_error(message: Message, data: st.DataObject) -> None:
    raw = bytearray(message.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        if raw:
            place = data.draw(st.integers(0, len(raw) - 1))
            raw[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    offset = offset_of_refusal(type(message), bytes(raw[:cut]))
    assert offset is None or 0 <= offset <= cut
