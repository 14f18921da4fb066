"""ProofOfService: proofs of the storage market (docs/protocol/objects.md §7.9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, DescFlag
from cyfs_edge.objects.envelope import NamedObject


class ProofType(IntEnum):
    DSG_STORAGE = 0
    DSG_STORAGE_CHECK = 1
    DSG_MERKLE_PROOF = 2


@dataclass(frozen=True, slots=True)
class ProofOfService:
    proof_type: ProofType
    data: bytes

    @classmethod
    def read(cls, reader: Reader) -> ProofOfService:
        start = reader.pos
        number = reader.varint()
        try:
            proof_type = ProofType(number)
        except ValueError:
            raise CodecError(ErrorCode.INVALID_DATA, f"unknown type of proof: {number}", start) from None
        return cls(proof_type, reader.var_bytes())

    def encode(self) -> bytes:
        return Writer().varint(self.proof_type).var_bytes(self.data).getvalue()


@dataclass(frozen=True, slots=True)
class ProofBody:
    data: bytes

    @classmethod
    def read(cls, reader: Reader) -> ProofBody:
        return cls(reader.var_bytes())

    def encode(self) -> bytes:
        return Writer().var_bytes(self.data).getvalue()


def make_proof_of_service(
    proof: ProofOfService,
    body_data: bytes = b"",
    *,
    create_time: int | None,
    update_time: int,
    owner: ObjectId | None = None,
) -> NamedObject:
    """Times are bucky µs."""
    return build_object(
        ObjectTypeCode.PROOF_OF_SERVICE,
        desc_content=proof.encode(),
        create_time=create_time,
        owner=owner,
        body=BodyParts(ProofBody(body_data).encode(), update_time),
    )


CODECS: Final = {
    ObjectTypeCode.PROOF_OF_SERVICE: ContentCodec(
        "ProofOfService", ProofOfService.read, ProofBody.read, sub_desc=DescFlag.OWNER
    )
}
