"""Tx: a transaction of the MetaChain (docs/protocol/objects.md §7.10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.proto import BYTES, StandardMessage, pb
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, ContentFormat, read_message
from cyfs_edge.objects.envelope import Desc, NamedObject, read_desc


class CallerKind(IntEnum):
    PEOPLE = 0
    DEVICE = 1
    GROUP = 2
    UNION_ACCOUNT = 3
    MINER = 4
    ID = 5


_CALLER_TYPES = {
    CallerKind.PEOPLE: ObjectTypeCode.PEOPLE,
    CallerKind.DEVICE: ObjectTypeCode.DEVICE,
    CallerKind.GROUP: ObjectTypeCode.GROUP,
    CallerKind.UNION_ACCOUNT: ObjectTypeCode.UNION_ACCOUNT,
}
_CALLER_KINDS = {int(obj_type): kind for kind, obj_type in _CALLER_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who pays. ``who``: the desc of a people, device, group or union account; an id for ``MINER`` and ``ID``."""

    kind: CallerKind
    who: Desc | ObjectId

    @classmethod
    def of_desc(cls, desc: Desc) -> Caller:
        """Raises ``INVALID_DATA`` for descs that cannot call."""
        kind = _CALLER_KINDS.get(desc.obj_type)
        if kind is None:
            raise CodecError(ErrorCode.INVALID_DATA, f"an object of type {desc.obj_type} cannot call a transaction")
        return cls(kind, desc)

    @property
    def object_id(self) -> ObjectId:
        return self.who.object_id if isinstance(self.who, Desc) else self.who

    @classmethod
    def read(cls, reader: Reader) -> Caller:
        start = reader.pos
        number = reader.varint()
        try:
            kind = CallerKind(number)
        except ValueError:
            raise CodecError(ErrorCode.INVALID_DATA, f"unknown kind of caller: {number}", start) from None
        if kind in (CallerKind.MINER, CallerKind.ID):
            return cls(kind, ObjectId.read(reader))
        # The type is looked at first, so that a transaction in a transaction is not read: nothing here recurses.
        at = reader.pos
        obj_type = reader.u16()
        if obj_type != _CALLER_TYPES[kind]:
            raise CodecError(ErrorCode.INVALID_DATA, f"caller {kind.name} with a desc of type {obj_type}", at)
        reader.pos = at
        return cls(kind, read_desc(reader))

    def write(self, writer: Writer) -> None:
        writer.varint(self.kind).raw(self.who.raw if isinstance(self.who, Desc) else self.who)


@dataclass(frozen=True, slots=True)
class Tx:
    """``body``: the encoded transactions. The condition of the layout has no values yet and is always absent."""

    nonce: int
    caller: Caller
    gas_coin_id: int
    gas_price: int
    max_fee: int
    body: bytes

    @classmethod
    def read(cls, reader: Reader) -> Tx:
        nonce = reader.i64()
        caller = Caller.read(reader)
        gas_coin_id, gas_price, max_fee = reader.u8(), reader.u16(), reader.u32()
        if reader.u8() == 1:
            raise CodecError(ErrorCode.INVALID_DATA, "conditions of transactions are not defined", reader.pos - 1)
        return cls(nonce, caller, gas_coin_id, gas_price, max_fee, reader.var_bytes())

    def encode(self) -> bytes:
        writer = Writer().i64(self.nonce)
        self.caller.write(writer)
        writer.u8(self.gas_coin_id).u16(self.gas_price).u32(self.max_fee).u8(0).var_bytes(self.body)
        return writer.getvalue()


@dataclass(frozen=True, slots=True)
class TxBody(StandardMessage):
    """``data``: what goes with the transaction, such as the object that it saves."""

    data: bytes = pb(1, BYTES)


def make_tx(tx: Tx, data: bytes = b"", *, create_time: int | None, update_time: int) -> NamedObject:
    """Times are bucky µs."""
    return build_object(
        ObjectTypeCode.TX,
        desc_content=tx.encode(),
        create_time=create_time,
        body=BodyParts(TxBody(data).encode(), update_time, format=ContentFormat.PROTOBUF),
    )


CODECS: Final = {ObjectTypeCode.TX: ContentCodec("Tx", Tx.read, read_message(TxBody))}
