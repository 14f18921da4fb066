"""Diff: chunks that turn one state of a file into another (docs/protocol/objects.md §7.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, DescFlag, Json, read_nothing, show_nothing
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True)
class Diff:
    file_id: ObjectId
    diff_list: tuple[ChunkId, ...]

    @classmethod
    def read(cls, reader: Reader) -> Diff:
        return cls(ObjectId.read(reader), tuple(reader.vec(ChunkId.read, ID_SIZE)))

    def encode(self) -> bytes:
        return Writer().raw(self.file_id).vec(self.diff_list, Writer.raw).getvalue()


def make_diff(
    file_id: ObjectId,
    diff_list: Sequence[ChunkId],
    *,
    create_time: int | None,
    update_time: int,
    owner: ObjectId | None = None,
) -> NamedObject:
    """Times are bucky µs."""
    return build_object(
        ObjectTypeCode.DIFF,
        desc_content=Diff(file_id, tuple(diff_list)).encode(),
        create_time=create_time,
        owner=owner,
        body=BodyParts(update_time=update_time),
    )


def _desc_json(desc: Diff) -> Json:
    return {"file_id": str(desc.file_id), "diff_list": [str(one) for one in desc.diff_list]}


CODECS: Final = {
    ObjectTypeCode.DIFF: ContentCodec(
        "Diff", Diff.read, read_nothing, sub_desc=DescFlag.OWNER, desc_json=_desc_json, body_json=show_nothing
    )
}
