"""The files of a repository as bytes (docs/backup-format.md): head, packs and index files.

Decoding is total: any bytes give a value or a ``CyfsError``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from struct import Struct
from typing import Any

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.proto import BYTES, UINT64, Message, pb
from cyfs_edge.wire.backup.keys import SEAL_SIZE, Sealer

VERSION = 1
HEAD_NAME = "config"
PACKS, INDEX, SNAPSHOTS = "packs", "index", "snapshots"
NAME_SIZE = 32
REPOSITORY_ID_SIZE = 16

PACK_SIZE = 16 << 20
"""A pack that has reached so many bytes is closed."""
HEAD_MAX = 64 * 1024
INDEX_MAX = 64 << 20
SNAPSHOT_MAX = 256 << 20
BLOB_MAX = (1 << 30) + (1 << 20)
"""Largest chunk or segment, in bytes before it is sealed."""
INDEX_ENTRIES = 50_000
"""An index file that tells of so many blobs is closed."""

PACK_MAGIC = b"CYFSPK1\n"
_TAIL = Struct("<I")
_ENTRY = Struct("<B32sI")
ENTRY_SIZE = _ENTRY.size
DIRECTORY_MAX = 16 << 20


class Blob(IntEnum):
    """What a blob holds. ``CHUNK``: the bytes of the chunk that its id names; all others: a segment of rows."""

    CHUNK = 0
    OBJECTS = 1
    CHUNKS = 2
    FILES = 3
    RECORDS = 4
    CONFIG = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """A blob in its pack. ``length``: as it lies there, sealed."""

    kind: int
    id: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PackInfo:
    """``name``: the SHA-256 of the whole file."""

    name: bytes
    size: int
    entries: tuple[Entry, ...]


def damaged(what: str, why: object) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, f"the backup is damaged: {what}: {why}")


# -- names ------------------------------------------------------------------------------------------------------------


def pack_path(name: bytes) -> str:
    text = name.hex()
    return f"{PACKS}/{text[:2]}/{text}"


def file_path(folder: str, name: bytes) -> str:
    return f"{folder}/{name.hex()}"


def parse_name(path: str) -> bytes | None:
    """The name at the end of a path; ``None`` for a file that is not of the repository."""
    text = path.rpartition("/")[2]
    if len(text) != 2 * NAME_SIZE or text != text.lower():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


# -- the head ---------------------------------------------------------------------------------------------------------


def encode_head(repository_id: bytes, check: bytes) -> bytes:
    head = {"format": "cyfs-edge backup", "version": VERSION, "id": repository_id.hex(), "check": check.hex()}
    return (json.dumps(head) + "\n").encode()


def decode_head(data: bytes) -> tuple[bytes, bytes]:
    """The id of the repository and the sealed check. ``NOT_SUPPORT`` when a newer release made it."""
    try:
        head: Any = json.loads(data)
        version, repository_id, check = head["version"], bytes.fromhex(head["id"]), bytes.fromhex(head["check"])
        known = head["format"] == "cyfs-edge backup" and isinstance(version, int)
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known or len(repository_id) != REPOSITORY_ID_SIZE:
        raise damaged(HEAD_NAME, "it is not the head of a backup repository")
    if version > VERSION:
        raise CyfsError(
            ErrorCode.NOT_SUPPORT,
            f"the backup repository has version {version}, this release knows {VERSION}; use a newer release",
        )
    return repository_id, check


CHECK_CONTEXT = b"check"
INDEX_CONTEXT = b"index"
SNAPSHOT_CONTEXT = b"snapshot"
DIRECTORY_CONTEXT = b"directory"


# -- packs ------------------------------------------------------------------------------------------------------------


def blob_context(kind: int, blob_id: bytes) -> bytes:
    return b"blob" + bytes((kind,)) + blob_id


def pack_segment(data: bytes) -> bytes:
    return zlib.compress(data, 1)


def unpack_segment(data: bytes) -> bytes:
    """``INVALID_DATA`` when it is no segment, or one of more than ``BLOB_MAX`` bytes."""
    machine = zlib.decompressobj()
    try:
        plain = machine.decompress(data, BLOB_MAX)
    except zlib.error as error:
        raise CyfsError(ErrorCode.INVALID_DATA, f"a segment cannot be unpacked: {error}") from None
    if not machine.eof:
        raise CyfsError(ErrorCode.INVALID_DATA, "a segment is cut off or too large")
    return plain


class PackBuilder:
    """A pack in the making; ``parts`` are its bytes so far."""

    __slots__ = ("_entries", "parts", "size")

    def __init__(self) -> None:
        self.parts: list[bytes] = [PACK_MAGIC]
        self.size = len(PACK_MAGIC)
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, kind: int, blob_id: bytes, sealed: bytes) -> None:
        self._entries.append(Entry(kind, blob_id, self.size, len(sealed)))
        self.parts.append(sealed)
        self.size += len(sealed)

    def finish(self, sealer: Sealer, nonce: bytes) -> PackInfo:
        """Adds the directory; the pack is whole then."""
        directory = sealer.seal(nonce, encode_entries(self._entries), DIRECTORY_CONTEXT)
        self.parts += (directory, _TAIL.pack(len(directory)))
        self.size += len(directory) + _TAIL.size
        digest = sha256()
        for part in self.parts:
            digest.update(part)
        return PackInfo(digest.digest(), self.size, tuple(self._entries))


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """Blobs lie one behind the other, so their lengths are enough."""
    return b"".join(_ENTRY.pack(entry.kind, entry.id, entry.length) for entry in entries)


def decode_entries(data: bytes) -> tuple[Entry, ...]:
    if len(data) % ENTRY_SIZE:
        raise CyfsError(ErrorCode.INVALID_DATA, "a directory of a pack is cut off")
    return tuple(_entries(data))


def _entries(data: bytes) -> Iterator[Entry]:
    offset = len(PACK_MAGIC)
    for kind, blob_id, length in _ENTRY.iter_unpack(data):
        yield Entry(kind, blob_id, offset, length)
        offset += length


TAIL_SIZE = _TAIL.size


def directory_size(tail: bytes, pack_size: int) -> int:
    """From the last bytes of a pack; ``INVALID_DATA`` when it cannot be so long."""
    size = int(_TAIL.unpack(tail)[0]) if len(tail) == TAIL_SIZE else 0
    if not SEAL_SIZE <= size <= min(DIRECTORY_MAX, pack_size - TAIL_SIZE - len(PACK_MAGIC)):
        raise CyfsError(ErrorCode.INVALID_DATA, "a pack has no directory: it is cut off, or no pack")
    return size


def check_entries(entries: Sequence[Entry], pack_size: int, directory: int) -> None:
    """``INVALID_DATA`` unless the blobs fill the pack."""
    end = entries[-1].offset + entries[-1].length if entries else len(PACK_MAGIC)
    if end + directory + TAIL_SIZE != pack_size:
        raise CyfsError(ErrorCode.INVALID_DATA, "a pack is not as long as its directory says")


# -- index files ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pack(Message):
    name: bytes = pb(1, BYTES)
    size: int = pb(2, UINT64)
    entries: bytes = pb(3, BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index(Message):
    packs: tuple[_Pack, ...] = pb(1, _Pack, repeated=True)


def encode_index(packs: Sequence[PackInfo]) -> bytes:
    rows = tuple(_Pack(name=pack.name, size=pack.size, entries=encode_entries(pack.entries)) for pack in packs)
    return _Index(packs=rows).encode()


def decode_index(data: bytes) -> list[PackInfo]:
    found = []
    for pack in _Index.decode(data).packs:
        if len(pack.name) != NAME_SIZE:
            raise CodecError(ErrorCode.INVALID_DATA, "the name of a pack has a wrong length")
        found.append(PackInfo(pack.name, pack.size, decode_entries(pack.entries)))
    return found
