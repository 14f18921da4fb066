"""Bodies of the administration calls that move many chunks and files at once (docs/files.md, "Calls").

Integers are big endian, as in the protocol's codec. Decoding is total: any bytes give a value or one ``CyfsError``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ID_SIZE, ChunkId, ObjectId

IDS_MAX = 4096
"""Ids, files or questions of one call."""
BATCH_SIZE = 8 << 20
"""Bytes of one call, or of one answer, that carries several."""

_ABSENT = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Seen:
    """A local file as it was when it was read. ``key``: where; ``stamp``: inode, size and times, as a text."""

    key: str
    stamp: str


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A File or Dir object as it is encoded, and what local file it was made of (``None``: not to be remembered)."""

    raw: bytes
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """``files`` in the order of their keys. ``begin``: what is remembered from here to the last key and is not asked
    for is gone, and is forgotten; ``None``: nothing is.
    """

    files: tuple[Seen, ...]
    begin: str | None = None


def encode_ids(ids: Iterable[ObjectId]) -> bytes:
    return b"".join(ids)


def decode_ids(data: bytes) -> list[ObjectId]:
    count, rest = divmod(len(data), ID_SIZE)
    if rest:
        raise CodecError(ErrorCode.INVALID_DATA, f"{len(data)} bytes are no list of ids", len(data) - rest)
    _check_count(count)
    return [ObjectId(data[at : at + ID_SIZE]) for at in range(0, len(data), ID_SIZE)]


def decode_chunk_ids(data: bytes) -> list[ChunkId]:
    return [ChunkId(one) for one in decode_ids(data)]


def encode_chunks(chunks: Iterable[tuple[ChunkId, bytes]]) -> bytes:
    """Each one as its id and its bytes; the id tells how many."""
    return b"".join(part for chunk in chunks for part in chunk)


def decode_chunks(data: bytes) -> list[tuple[ChunkId, bytes]]:
    reader = Reader(data)
    found: list[tuple[ChunkId, bytes]] = []
    while reader.remaining:
        chunk_id = ChunkId.read(reader)
        found.append((chunk_id, reader.take(chunk_id.length)))
        _check_count(len(found))
    return found


def encode_answers(answers: Iterable[bool]) -> bytes:
    """One byte for each, 1 for yes."""
    return bytes(answers)


def decode_answers(data: bytes, count: int) -> list[bool]:
    if len(data) != count:
        raise CyfsError(ErrorCode.INVALID_DATA, f"{len(data)} answers to {count} questions")
    return [one == 1 for one in data]


def encode_items(items: Iterable[bytes | None]) -> bytes:
    writer = Writer()
    for item in items:
        if item is None:
            writer.u32(_ABSENT)
        else:
            writer.u32(len(item)).raw(item)
    return writer.getvalue()


def decode_items(data: bytes) -> list[bytes | None]:
    """``None`` for what is not there."""
    reader = Reader(data)
    items: list[bytes | None] = []
    while reader.remaining:
        size = reader.u32()
        items.append(None if size == _ABSENT else reader.take(size))
        _check_count(len(items))
    return items


def encode_files(files: Sequence[MadeFile]) -> bytes:
    writer = Writer()
    for file in files:
        writer.var_bytes(file.raw).option(file.seen, _write_seen)
    return writer.getvalue()


def decode_files(data: bytes) -> list[MadeFile]:
    reader = Reader(data)
    files: list[MadeFile] = []
    while reader.remaining:
        files.append(MadeFile(reader.var_bytes(), reader.option(_read_seen)))
        _check_count(len(files))
    return files


def encode_asked(asked: Asked) -> bytes:
    writer = Writer().option(asked.begin, Writer.string)
    for seen in asked.files:
        _write_seen(writer, seen)
    return writer.getvalue()


def decode_asked(data: bytes) -> Asked:
    reader = Reader(data)
    begin = reader.option(Reader.string)
    files: list[Seen] = []
    while reader.remaining:
        files.append(_read_seen(reader))
        _check_count(len(files))
    return Asked(tuple(files), begin)


def _write_seen(writer: Writer, seen: Seen) -> None:
    writer.string(seen.key).string(seen.stamp)


def _read_seen(reader: Reader) -> Seen:
    return Seen(reader.string(), reader.string())


def _check_count(count: int) -> None:
    if count > IDS_MAX:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"more than {IDS_MAX} in one call", status=413)
