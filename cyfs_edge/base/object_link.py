"""A reference to an object and, where known, its owner (docs/protocol/objects.md §2.7)."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.ids import ID_SIZE, ObjectId

OBJECT_LINK_SIZE_MIN = ID_SIZE + 1


@dataclass(frozen=True, slots=True)
class ObjectLink:
    object_id: ObjectId
    owner: ObjectId | None = None

    @classmethod
    def read(cls, reader: Reader) -> ObjectLink:
        return cls(ObjectId.read(reader), reader.option(ObjectId.read))

    def write(self, writer: Writer) -> None:
        writer.raw(self.object_id).option(self.owner, Writer.raw)
