"""File: length, hash and the chunks of some content (docs/protocol/objects.md §7.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.base.proto import BYTES, CHUNK_ID, ENUM, StandardMessage, pb
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, ContentFormat, DescFlag, Json
from cyfs_edge.objects.envelope import NamedObject

CHUNK_SIZE: Final = 4 << 20
"""The customary chunk length, in bytes."""
_HASH_SIZE = 32
_SERIAL_HASH = 0


@dataclass(frozen=True, slots=True)
class File:
    """``length`` in bytes. ``hash``: SHA-256 of the content; for a bundle :func:`bundle_hash`."""

    length: int
    hash: bytes

    @classmethod
    def read(cls, reader: Reader) -> File:
        return cls(reader.u64(), reader.take(_HASH_SIZE))

    def encode(self) -> bytes:
        if len(self.hash) != _HASH_SIZE:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a hash has {_HASH_SIZE} bytes, not {len(self.hash)}")
        return Writer().u64(self.length).raw(self.hash).getvalue()


class ChunkListKind(IntEnum):
    """``LIST``: the chunks in order. ``FILE``: another file lists them. ``BUNDLE``: chunks that make no whole."""

    LIST = 0
    FILE = 1
    BUNDLE = 2


@dataclass(frozen=True, slots=True)
class _ChunkListMessage(StandardMessage):
    type: int = pb(1, ENUM)
    chunk_id_list: tuple[ChunkId, ...] = pb(2, CHUNK_ID, repeated=True)
    file_id: bytes = pb(3, BYTES)
    hash_method: int | None = pb(4, ENUM, optional=True)


@dataclass(frozen=True, slots=True)
class _FileBodyMessage(StandardMessage):
    chunk_list: _ChunkListMessage | None = pb(1, _ChunkListMessage, optional=True)


@dataclass(frozen=True, slots=True)
class ChunkList:
    """The body of a file. ``chunk_ids`` for lists and bundles, ``file_id`` for ``FILE``."""

    kind: ChunkListKind
    chunk_ids: tuple[ChunkId, ...] = ()
    file_id: ObjectId | None = None

    @classmethod
    def read(cls, reader: Reader) -> ChunkList:
        start = reader.pos
        message = _FileBodyMessage.decode(reader.data, start, reader.end).chunk_list or _ChunkListMessage()
        try:
            kind = ChunkListKind(message.type)
        except ValueError:
            raise CodecError(ErrorCode.INVALID_DATA, f"unknown kind of chunk list: {message.type}", start) from None
        if kind is ChunkListKind.FILE:
            if len(message.file_id) != ID_SIZE:
                raise CodecError(ErrorCode.INVALID_DATA, "the file that lists the chunks is not named", start)
            return cls(kind, (), ObjectId(message.file_id))
        if kind is ChunkListKind.BUNDLE and message.hash_method not in (None, _SERIAL_HASH):
            raise CodecError(ErrorCode.INVALID_DATA, f"unknown bundle hash: {message.hash_method}", start)
        return cls(kind, message.chunk_id_list)

    def encode(self) -> bytes:
        hash_method = _SERIAL_HASH if self.kind is ChunkListKind.BUNDLE else None
        message = _ChunkListMessage(self.kind, self.chunk_ids, self.file_id or b"", hash_method)
        return _FileBodyMessage(message).encode()


def bundle_hash(chunk_ids: Sequence[ChunkId]) -> bytes:
    return hashlib.sha256(b"".join(chunk_ids)).digest()


def total_length(chunk_ids: Sequence[ChunkId]) -> int:
    """Bytes in all of the chunks."""
    return sum(chunk_id.length for chunk_id in chunk_ids)


def make_file(
    owner: ObjectId | None,
    length: int,
    hash: bytes,
    chunk_ids: Sequence[ChunkId],
    *,
    update_time: int,
    create_time: int | None = None,
    author: ObjectId | None = None,
    dec_id: ObjectId | None = None,
) -> NamedObject:
    """A file of ``length`` bytes whose SHA-256 is ``hash``, in order of its chunks. Times are bucky µs."""
    chunks = ChunkList(ChunkListKind.LIST, tuple(chunk_ids))
    return _make(File(length, hash), chunks, update_time, create_time, owner, author, dec_id)


def make_bundle(
    owner: ObjectId | None,
    chunk_ids: Sequence[ChunkId],
    *,
    update_time: int,
    create_time: int | None = None,
    author: ObjectId | None = None,
    dec_id: ObjectId | None = None,
) -> NamedObject:
    """A bundle of chunks. Times are bucky µs."""
    file = File(total_length(chunk_ids), bundle_hash(chunk_ids))
    chunks = ChunkList(ChunkListKind.BUNDLE, tuple(chunk_ids))
    return _make(file, chunks, update_time, create_time, owner, author, dec_id)


def make_file_in_file(
    owner: ObjectId | None,
    length: int,
    hash: bytes,
    file_id: ObjectId,
    *,
    update_time: int,
    create_time: int | None = None,
    author: ObjectId | None = None,
    dec_id: ObjectId | None = None,
) -> NamedObject:
    """A file whose chunks the file ``file_id`` lists. Times are bucky µs."""
    chunks = ChunkList(ChunkListKind.FILE, (), file_id)
    return _make(File(length, hash), chunks, update_time, create_time, owner, author, dec_id)


def _make(
    file: File,
    chunks: ChunkList,
    update_time: int,
    create_time: int | None,
    owner: ObjectId | None,
    author: ObjectId | None,
    dec_id: ObjectId | None,
) -> NamedObject:
    return build_object(
        ObjectTypeCode.FILE,
        desc_content=file.encode(),
        dec_id=dec_id,
        create_time=create_time,
        owner=owner,
        author=author,
        body=BodyParts(chunks.encode(), update_time, format=ContentFormat.PROTOBUF),
    )


def file_chunks(file: NamedObject) -> tuple[ChunkId, ...]:
    """The chunks of a file object, in order.

    ``NOT_FOUND`` when it comes without a body, ``NOT_SUPPORT`` when another file lists them.
    """
    chunks = file.body.value if file.body else None
    if not isinstance(chunks, ChunkList):
        raise CyfsError(ErrorCode.NOT_FOUND, f"{file.object_id} has no chunk list")
    if chunks.kind is ChunkListKind.FILE:
        raise CyfsError(ErrorCode.NOT_SUPPORT, f"the chunks of {file.object_id} are listed in {chunks.file_id}")
    return chunks.chunk_ids


def _desc_json(file: File) -> Json:
    return {"len": str(file.length), "hash_value": file.hash.hex()}


def _body_json(chunks: ChunkList) -> Json:
    listed: list[str] = [str(one) for one in chunks.chunk_ids]
    if chunks.kind is ChunkListKind.FILE:
        return {"chunk_list": {"chunk_in_file": str(chunks.file_id)}}
    if chunks.kind is ChunkListKind.BUNDLE:
        return {"chunk_list": {"chunk_in_bundle": listed}}
    return {"chunk_list": {"chunk_in_list": listed}}


CODECS: Final = {
    ObjectTypeCode.FILE: ContentCodec(
        "File",
        File.read,
        ChunkList.read,
        sub_desc=DescFlag.OWNER | DescFlag.AUTHOR,
        desc_json=_desc_json,
        body_json=_body_json,
    )
}
