"""A declarative protobuf (proto3) codec for object contents (docs/protocol/objects.md §6, core-objects.md §1).

A message is a frozen dataclass whose fields say how they lie on the wire::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class ZoneBody(Message):
        ood_list: tuple[ObjectId, ...] = pb(1, ID, repeated=True)
        known_device_list: tuple[ObjectId, ...] = pb(2, ID, repeated=True)
        ood_work_mode: str | None = pb(3, STRING, optional=True)

Presence
    * plain field of a kind that has a zero (text, bytes, numbers): absent = zero, zero is not written;
    * plain field of a kind without one (ids, hashes, messages): required, a message lacking it is refused, and the
      constructor wants it;
    * ``optional=True``: absent = ``None``, written whenever it is not ``None``, also when zero; with ``default=…``
      absent = that value, and always written;
    * ``repeated=True``: a tuple; ``map_of(kind)``: a mapping from text, written in key order.

Field order
    One rule for each of the two generators of the reference, both taken from its vectors; decoding takes any order.

    * :class:`Message`: ascending field numbers. This is what the writer of the core and group objects (prost) and the
      TypeScript SDK emit. Evidence: AppLocalStatus ("full": optional 3 and 4 before plain 5…8), GroupConsensusBlock
      (optional 3 before plain 4) and its QC (optional 2 before plain 3) in ``core-objects.json``.
    * :class:`StandardMessage`: plain and repeated fields in ascending order, then the optional ones in ascending order.
      This is what the writer of the standard objects (rust-protobuf 2.28) emits. Evidence: Group bodies in
      ``objects.json``: 4, 5 before optional 1 in ``group_simple_0``, 7 before optional 1 in ``group_simple_1``.

Decoding is total: a value or :class:`CodecError`, nearly always ``INVALID_DATA``, with the offset in the buffer given.
Of a singular field the last occurrence counts; repeated numbers may be packed or not; unknown fields are skipped (who
needs them keeps the received bytes), groups are refused. A class can only name message classes defined before it, so
nesting is bounded by the schema and needs no limit at run time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypeVar, cast, overload

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.proto_kinds import (
    BOOL,
    BYTES,
    CHUNK_ID,
    ENUM,
    HASH,
    ID,
    INT32,
    INT64,
    NO_ZERO,
    STRING,
    UINT32,
    UINT64,
    BytesKind,
    Kind,
    MapKind,
    VarintKind,
    fixed_bytes,
)

__all__ = [
    "BOOL",
    "BYTES",
    "CHUNK_ID",
    "ENUM",
    "HASH",
    "ID",
    "INT32",
    "INT64",
    "ITEMS_MAX",
    "STRING",
    "UINT32",
    "UINT64",
    "BytesKind",
    "Message",
    "StandardMessage",
    "VarintKind",
    "fixed_bytes",
    "map_of",
    "pb",
]

T = TypeVar("T")
M = TypeVar("M", bound="Message")

ITEMS_MAX = 1 << 20
"""Most items of one repeated field: two bytes of input can make an object of a hundred."""

_VARINT, _FIXED64, _LEN, _FIXED32 = 0, 1, 2, 5
_MASK64 = (1 << 64) - 1
_FIELD_NUMBER_MAX = (1 << 29) - 1


def map_of(kind: Kind[T] | type[M]) -> MapKind[Any]:
    """``map<string, kind>``."""
    return MapKind(_kind(kind))


def _kind(kind: Kind[Any] | type[Message]) -> Kind[Any]:
    if isinstance(kind, type):
        return BytesKind(kind.__name__, NO_ZERO, kind.decode, kind.encode)
    return kind


# ---- fields ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Wire:
    """What :func:`pb` notes in a dataclass field's metadata."""

    number: int
    kind: Kind[Any] | MapKind[Any]
    optional: bool
    repeated: bool


@overload
def pb(number: int, kind: MapKind[T]) -> Mapping[str, T]: ...
@overload
def pb(number: int, kind: Kind[T]) -> T: ...
@overload
def pb(number: int, kind: Kind[T], *, optional: Literal[True]) -> T | None: ...
@overload
def pb(number: int, kind: Kind[T], *, optional: Literal[True], default: T) -> T: ...
@overload
def pb(number: int, kind: Kind[T], *, repeated: Literal[True]) -> tuple[T, ...]: ...
@overload
def pb(number: int, kind: type[M]) -> M: ...
@overload
def pb(number: int, kind: type[M], *, optional: Literal[True]) -> M | None: ...
@overload
def pb(number: int, kind: type[M], *, repeated: Literal[True]) -> tuple[M, ...]: ...
def pb(number: int, kind: Any, *, optional: bool = False, repeated: bool = False, default: Any = None) -> Any:
    """A field: its number, its kind (a kind, a message class or ``map_of(…)``) and at most one of the two flags."""
    if not 1 <= number <= _FIELD_NUMBER_MAX or (optional and repeated):
        raise TypeError(f"field {number}: bad number or flags")
    metadata = {"pb": _Wire(number, kind if isinstance(kind, MapKind) else _kind(kind), optional, repeated)}
    if isinstance(kind, MapKind):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    if repeated:
        return dataclasses.field(default=(), metadata=metadata)
    if optional:
        return dataclasses.field(default=default, metadata=metadata)
    zero = NO_ZERO if isinstance(kind, type) else kind.zero
    if zero is NO_ZERO:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=zero, metadata=metadata)


# ---- messages -------------------------------------------------------------------------------------------------------


class Message:
    """Base of all messages; fields are written in ascending order. See the module's text.

    A subclass may refuse values in ``__post_init__`` by raising ``CyfsError``: the rule then holds for decoded and for
    constructed messages alike, and decoding reports it with the offset of the message.
    """

    __slots__ = ()
    OPTIONAL_LAST: ClassVar[bool] = False

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        """The message in ``data[pos:end]``; offsets of errors count from the start of ``data``."""
        layout = _layout(cls)
        values = _read_fields(layout, data, pos, len(data) if end is None else end)
        for name in layout.tuples:
            if name in values:
                values[name] = tuple(values[name])
        for name in layout.required:
            if name not in values:
                raise _invalid(f"{cls.__name__}.{name} is missing", pos)
        try:
            return cls(**values)
        except CodecError:
            raise
        except CyfsError as error:
            raise CodecError(error.code, error.message, pos) from None

    def encode(self) -> bytes:
        """The canonical bytes. A value that its kind cannot hold is ``OUT_OF_LIMIT``."""
        out = bytearray()
        for name, write in _layout(type(self)).writers:
            try:
                write(out, getattr(self, name))
            except ValueError as error:
                raise CodecError(ErrorCode.OUT_OF_LIMIT, f"{type(self).__name__}.{name}: {error}", len(out)) from None
        return bytes(out)


class StandardMessage(Message):
    """Base of the messages in standard objects: optional fields are written after all others."""

    __slots__ = ()
    OPTIONAL_LAST: ClassVar[bool] = True


# ---- tables, made once a class --------------------------------------------------------------------------------------

_Reader: TypeAlias = Callable[..., None]
_Writer: TypeAlias = Callable[[bytearray, Any], None]


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    readers: dict[int, tuple[str, int, _Reader]]
    """tag → field name, wire type, ``read(values, number)`` or ``read(values, data, start, end)``."""
    numbers: frozenset[int]
    writers: tuple[tuple[str, _Writer], ...]
    tuples: tuple[str, ...]
    required: tuple[str, ...]


_LAYOUTS: dict[type[Message], _Layout] = {}


def _layout(cls: type[Message]) -> _Layout:
    layout = _LAYOUTS.get(cls)
    if layout is None:
        layout = _LAYOUTS[cls] = _make_layout(cls)
    return layout


def _make_layout(cls: type[Message]) -> _Layout:
    fields = [(field.name, cast("_Wire", field.metadata["pb"])) for field in dataclasses.fields(cast("Any", cls))]
    fields.sort(key=lambda item: item[1].number)
    return _layout_of(cls.__name__, fields, optional_last=cls.OPTIONAL_LAST)


def _layout_of(name: str, fields: list[tuple[str, _Wire]], *, optional_last: bool) -> _Layout:
    numbers = frozenset(wire.number for _, wire in fields)
    if len(numbers) != len(fields):
        raise TypeError(f"{name} uses a field number twice")
    written = fields
    if optional_last:
        written = [item for item in fields if not item[1].optional] + [item for item in fields if item[1].optional]
    return _Layout(
        name=name,
        readers={
            wire.number << 3 | wire_type: (field, wire_type, reader)
            for field, wire in fields
            for wire_type, reader in _readers(field, wire)
        },
        numbers=numbers,
        writers=tuple((field, _writer(wire)) for field, wire in written),
        tuples=tuple(field for field, wire in fields if wire.repeated),
        required=tuple(field for field, wire in fields if _is_required(wire)),
    )


def _read_fields(layout: _Layout, data: bytes, pos: int, end: int) -> dict[str, Any]:
    """The values of the fields that are there; repeated ones still as lists."""
    readers = layout.readers
    values: dict[str, Any] = {}
    while pos < end:
        at = pos
        # Nearly all tags and sizes are one byte: not calling a function for them saves a third of the time.
        tag = data[pos]
        pos += 1
        if tag > 0x7F:
            tag, pos = _read_varint(data, at, end)
        reader = readers.get(tag)
        if reader is None:
            pos = _skip(layout, data, at, tag, pos, end)
            continue
        name, wire_type, read = reader
        if pos < end and data[pos] < 0x80:
            number = data[pos]
            pos += 1
        else:
            number, pos = _read_varint(data, pos, end)
        try:
            if wire_type == _VARINT:
                read(values, number)
            elif number > end - pos:
                raise ValueError(f"{number} bytes announced, {end - pos} left")
            else:
                read(values, data, pos, pos + number)
                pos += number
        except CodecError:
            raise
        except CyfsError as error:
            raise CodecError(error.code, f"{layout.name}.{name}: {error.message}", at) from None
        except ValueError as error:
            raise _invalid(f"{layout.name}.{name}: {error}", at) from None
    return values


def _is_required(wire: _Wire) -> bool:
    if wire.optional or wire.repeated or isinstance(wire.kind, MapKind):
        return False
    return wire.kind.zero is NO_ZERO


def _readers(name: str, wire: _Wire) -> list[tuple[int, _Reader]]:
    """The wire types under which a field may come, each with its reader."""
    kind = wire.kind
    if isinstance(kind, MapKind):
        return [(_LEN, _map_reader(name, kind.value))]
    if not wire.repeated:
        return [(_VARINT if isinstance(kind, VarintKind) else _LEN, _single_reader(name, kind))]
    if isinstance(kind, VarintKind):
        return [(_VARINT, _item_reader(name, kind)), (_LEN, _packed_reader(name, kind))]
    return [(_LEN, _item_reader(name, kind))]


def _single_reader(name: str, kind: Kind[Any]) -> _Reader:
    load = kind.load

    def read(values: dict[str, Any], *source: Any) -> None:
        values[name] = load(*source)

    return read


def _item_reader(name: str, kind: Kind[Any]) -> _Reader:
    load = kind.load

    def read(values: dict[str, Any], *source: Any) -> None:
        items = values.setdefault(name, [])
        items.append(load(*source))
        if len(items) > ITEMS_MAX:
            raise ValueError(f"more than {ITEMS_MAX} items")

    return read


def _packed_reader(name: str, kind: VarintKind[Any]) -> _Reader:
    read_item = _item_reader(name, kind)

    def read(values: dict[str, Any], data: bytes, pos: int, end: int) -> None:
        while pos < end:
            number, pos = _read_varint(data, pos, end)
            read_item(values, number)

    return read


def _map_entry(kind: Kind[Any]) -> _Layout:
    """An entry is a message of two plain fields; a value that has no zero is always written."""
    fields = [("key", _Wire(1, STRING, False, False)), ("value", _Wire(2, kind, False, False))]
    return _layout_of("map entry", fields, optional_last=False)


def _map_reader(name: str, kind: Kind[Any]) -> _Reader:
    entry = _map_entry(kind)

    def read(values: dict[str, Any], data: bytes, pos: int, end: int) -> None:
        item = _read_fields(entry, data, pos, end)
        if "value" not in item:
            # A value left out is the zero or, for a message, the empty one, which its class may refuse.
            item["value"] = kind.load(data, end, end) if isinstance(kind, BytesKind) else kind.zero
        items = values.setdefault(name, {})
        items[item.get("key", "")] = item["value"]
        if len(items) > ITEMS_MAX:
            raise ValueError(f"more than {ITEMS_MAX} entries")

    return read


def _writer(wire: _Wire) -> _Writer:
    if isinstance(wire.kind, MapKind):
        return _map_writer(wire.number, wire.kind.value)
    if wire.repeated and isinstance(wire.kind, VarintKind):
        return _packed_writer(wire.number, wire.kind)
    write = _value_writer(wire.number, wire.kind)
    if wire.repeated:
        return _each_writer(write)
    if wire.optional:
        return _unless_writer(None, write)
    if wire.kind.zero is NO_ZERO:
        return write
    return _unless_writer(wire.kind.zero, write)


def _value_writer(number: int, kind: Kind[Any]) -> _Writer:
    """Writes tag and value."""
    if isinstance(kind, VarintKind):
        tag = _varint(number << 3 | _VARINT)
        number_of = kind.dump

        def write_number(out: bytearray, value: Any) -> None:
            out += tag
            out += _varint(number_of(value))

        return write_number
    tag = _varint(number << 3 | _LEN)
    bytes_of = kind.dump

    def write_bytes(out: bytearray, value: Any) -> None:
        encoded = bytes_of(value)
        out += tag
        out += _varint(len(encoded))
        out += encoded

    return write_bytes


def _unless_writer(absent: Any, write: _Writer) -> _Writer:
    def write_present(out: bytearray, value: Any) -> None:
        if value != absent:
            write(out, value)

    return write_present


def _each_writer(write: _Writer) -> _Writer:
    def write_all(out: bytearray, values: tuple[Any, ...]) -> None:
        for value in values:
            write(out, value)

    return write_all


def _packed_writer(number: int, kind: VarintKind[Any]) -> _Writer:
    write = _value_writer(number, BYTES)

    def write_packed(out: bytearray, values: tuple[Any, ...]) -> None:
        if values:
            write(out, b"".join(_varint(kind.dump(value)) for value in values))

    return write_packed


def _map_writer(number: int, kind: Kind[Any]) -> _Writer:
    (_, write_key), (_, write_value) = _map_entry(kind).writers
    write = _value_writer(number, BYTES)

    def write_map(out: bytearray, values: Mapping[str, Any]) -> None:
        for key in sorted(values):
            entry = bytearray()
            write_key(entry, key)
            write_value(entry, values[key])
            write(out, entry)

    return write_map


# ---- wire -----------------------------------------------------------------------------------------------------------


def _invalid(message: str, offset: int) -> CodecError:
    return CodecError(ErrorCode.INVALID_DATA, message, offset)


_ONE_BYTE = [bytes((number,)) for number in range(0x80)]


def _varint(number: int) -> bytes:
    """LEB128 of an unsigned number."""
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """An unsigned 64-bit LEB128 number, not necessarily the shortest form; the position after it."""
    start = pos
    number = shift = 0
    while pos < end:
        byte = data[pos]
        pos += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if number > _MASK64:
                raise _invalid("protobuf number exceeds 64 bits", start)
            return number, pos
        shift += 7
        if shift > 63:
            break
    raise _invalid("protobuf number is cut off or too long", start)


def _skip(layout: _Layout, data: bytes, at: int, tag: int, pos: int, end: int) -> int:
    """The position after an unknown field whose tag, read at ``at``, ended at ``pos``."""
    number, wire_type = tag >> 3, tag & 7
    if not 1 <= number <= _FIELD_NUMBER_MAX:
        raise _invalid(f"{layout.name}: field number {number}", at)
    if number in layout.numbers:
        raise _invalid(f"{layout.name}: field {number} with wire type {wire_type}", at)
    if wire_type == _VARINT:
        return _read_varint(data, pos, end)[1]
    if wire_type == _LEN:
        size, pos = _read_varint(data, pos, end)
    elif wire_type == _FIXED64:
        size = 8
    elif wire_type == _FIXED32:
        size = 4
    else:
        raise _invalid(f"{layout.name}: wire type {wire_type} is not supported", at)
    if size > end - pos:
        raise _invalid(f"{layout.name}: unknown field {number} of {size} bytes, {end - pos} left", at)
    return pos + size
