"""Requests and replies of the chunk-manager (docs/protocol/services.md §11). Raw codec; trailing bytes are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId

SET_HEAD_SIZE = 2 * ID_SIZE + 4
"""What a chunk set has in front of its data."""
STATUS_OK = 0


class GetKind(IntEnum):
    """What is asked for. Other values count as ``DATA``."""

    DATA_WITH_META = 0
    DATA_OR_REDIRECT_WITH_META = 1
    DATA = 2


@dataclass(frozen=True, slots=True)
class ChunkGet:
    """``source``: the device that has the chunk; ``client``: the one that asks. ``price`` belongs to a delegation."""

    source: ObjectId
    client: ObjectId
    chunk_id: ChunkId
    price: int = 0
    kind: GetKind = GetKind.DATA

    @classmethod
    def decode(cls, data: bytes) -> ChunkGet:
        reader = Reader(data)
        source, client = ObjectId.read(reader), ObjectId.read(reader)
        chunk_id, price, kind = ChunkId.read(reader), reader.i64(), reader.u8()
        return cls(source, client, chunk_id, price, GetKind(kind) if kind < GetKind.DATA else GetKind.DATA)

    def encode(self) -> bytes:
        return Writer().raw(self.source + self.client + self.chunk_id).i64(self.price).u8(self.kind).getvalue()


@dataclass(frozen=True, slots=True)
class ChunkSet:
    """``source``: the device that is to keep the chunk."""

    source: ObjectId
    chunk_id: ChunkId
    data: bytes

    @classmethod
    def decode(cls, data: bytes) -> ChunkSet:
        reader = Reader(data)
        return cls(ObjectId.read(reader), ChunkId.read(reader), reader.take(reader.u32()))

    def encode(self) -> bytes:
        return Writer().raw(self.source + self.chunk_id).u32(len(self.data)).raw(self.data).getvalue()


def chunk_set_reply(source: ObjectId, chunk_id: ChunkId) -> bytes:
    return source + chunk_id + bytes((STATUS_OK,))
