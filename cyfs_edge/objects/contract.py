"""Contract (docs/protocol/objects.md §7.11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.base.proto import BYTES, StandardMessage, pb
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, ContentFormat, DescFlag, read_message
from cyfs_edge.objects.envelope import NamedObject


class ContractType(IntEnum):
    DSG = 0
    SOLIDITY = 1


@dataclass(frozen=True, slots=True)
class Contract:
    contract_type: ContractType
    data: bytes

    @classmethod
    def read(cls, reader: Reader) -> Contract:
        start = reader.pos
        number = reader.varint()
        try:
            contract_type = ContractType(number)
        except ValueError:
            raise CodecError(ErrorCode.INVALID_DATA, f"unknown type of contract: {number}", start) from None
        return cls(contract_type, reader.var_bytes())

    def encode(self) -> bytes:
        return Writer().varint(self.contract_type).var_bytes(self.data).getvalue()


@dataclass(frozen=True, slots=True)
class ContractBody(StandardMessage):
    data: bytes = pb(1, BYTES)


def make_contract(
    contract: Contract,
    body_data: bytes = b"",
    *,
    owner: ObjectId,
    create_time: int | None,
    update_time: int,
    author: ObjectId | None = None,
) -> NamedObject:
    """Times are bucky µs."""
    return build_object(
        ObjectTypeCode.CONTRACT,
        desc_content=contract.encode(),
        create_time=create_time,
        owner=owner,
        author=author,
        body=BodyParts(ContractBody(body_data).encode(), update_time, format=ContentFormat.PROTOBUF),
    )


CODECS: Final = {
    ObjectTypeCode.CONTRACT: ContentCodec(
        "Contract", Contract.read, read_message(ContractBody), sub_desc=DescFlag.OWNER | DescFlag.AUTHOR
    )
}
