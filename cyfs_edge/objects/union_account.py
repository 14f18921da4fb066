"""UnionAccount: an account of two (docs/protocol/objects.md §7.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, Json, read_nothing, show_nothing
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True)
class UnionAccount:
    """``service_type``: u8."""

    left: ObjectId
    right: ObjectId
    service_type: int

    @classmethod
    def read(cls, reader: Reader) -> UnionAccount:
        return cls(ObjectId.read(reader), ObjectId.read(reader), reader.u8())

    def encode(self) -> bytes:
        return Writer().raw(self.left).raw(self.right).u8(self.service_type).getvalue()


def make_union_account(
    account1: ObjectId, account2: ObjectId, service_type: int, *, create_time: int | None, update_time: int
) -> NamedObject:
    """The accounts in any order. Times are bucky µs."""
    left, right = sorted((account1, account2))
    return build_object(
        ObjectTypeCode.UNION_ACCOUNT,
        desc_content=UnionAccount(left, right, service_type).encode(),
        create_time=create_time,
        body=BodyParts(update_time=update_time),
    )


def _desc_json(desc: UnionAccount) -> Json:
    return {"left": str(desc.left), "right": str(desc.right), "service_type": desc.service_type}


CODECS: Final = {
    ObjectTypeCode.UNION_ACCOUNT: ContentCodec(
        "UnionAccount", UnionAccount.read, read_nothing, desc_json=_desc_json, body_json=show_nothing
    )
}
