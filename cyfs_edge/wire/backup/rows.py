"""What a snapshot is made of (docs/backup-format.md, "Rows" and "Snapshots"): messages that skip unknown fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from cyfs_edge.base.access import ACCESS_DEFAULT
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.base.proto import BYTES, CHUNK_ID, ID, STRING, UINT32, UINT64, Message, pb
from cyfs_edge.wire.backup.layout import NAME_SIZE, VERSION, Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRow(Message):
    """An object with what the store knows of it. Times in bucky µs, 0 = none."""

    raw: bytes = pb(1, BYTES)
    object_id: ObjectId = pb(2, ID)
    create_dec_id: ObjectId = pb(3, ID)
    insert_time: int = pb(4, UINT64)
    update_time: int = pb(5, UINT64)
    object_update_time: int = pb(6, UINT64)
    object_expired_time: int = pb(7, UINT64)
    access: int = pb(8, UINT32, optional=True, default=ACCESS_DEFAULT)
    storage_category: int = pb(9, UINT32)
    context: str | None = pb(10, STRING, optional=True)
    last_access_rpath: str | None = pb(11, STRING, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow(Message):
    """A chunk, on whose account it is kept, and how long: ``keep`` 0 always, 1 while it is referred to."""

    chunk_id: ChunkId = pb(1, CHUNK_ID)
    dec: ObjectId = pb(2, ID, optional=True, default=NULL_ID)
    keep: int = pb(3, UINT32)
    owner: ObjectId | None = pb(4, ID, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefDirRow(Message):
    dir_id: ObjectId = pb(1, ID)
    inner_path: str = pb(2, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow(Message):
    """An entry of the file index."""

    file_id: ObjectId = pb(1, ID)
    hash: bytes = pb(2, BYTES)
    length: int = pb(3, UINT64)
    owner: ObjectId | None = pb(4, ID, optional=True)
    flags: int = pb(5, UINT32)
    quick_hash: tuple[str, ...] = pb(6, STRING, repeated=True)
    ref_dirs: tuple[RefDirRow, ...] = pb(7, RefDirRow, repeated=True)
    chunks: tuple[ChunkId, ...] = pb(8, CHUNK_ID, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow(Message):
    """What a service remembers."""

    space: str = pb(1, STRING)
    key: str = pb(2, STRING)
    value: bytes = pb(3, BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRow(Message):
    """A file below ``etc``. ``path``: from the root, with slashes; ``mode``: its permission bits."""

    path: str = pb(1, STRING)
    data: bytes = pb(2, BYTES)
    mode: int = pb(3, UINT32)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootRow(Message):
    """A global root of a state."""

    name: str = pb(1, STRING)
    root: ObjectId = pb(2, ID)
    revision: int = pb(3, UINT64)


R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Message):
    """Some rows of one kind, encoded."""

    rows: tuple[bytes, ...] = pb(1, BYTES, repeated=True)


def encode_segment(rows: list[bytes]) -> bytes:
    return Segment(rows=tuple(rows)).encode()


def decode_segment(kind: type[R], data: bytes) -> list[R]:
    return [kind.decode(row) for row in Segment.decode(data).rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Message):
    """The segments of one kind, in the order of their rows. ``ids``: 32 bytes each; ``rows``, ``size``: of all."""

    kind: int = pb(1, UINT32)
    ids: bytes = pb(2, BYTES)
    rows: int = pb(3, UINT64)
    size: int = pb(4, UINT64)

    def segment_ids(self) -> list[bytes]:
        return [self.ids[at : at + NAME_SIZE] for at in range(0, len(self.ids), NAME_SIZE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Message):
    """One backup. ``time``: bucky µs at which its roots were taken; ``added``: bytes that it brought."""

    version: int = pb(1, UINT32)
    time: int = pb(2, UINT64)
    device_id: ObjectId = pb(3, ID)
    release: str = pb(4, STRING)
    roots: tuple[RootRow, ...] = pb(5, RootRow, repeated=True)
    listings: tuple[Listing, ...] = pb(6, Listing, repeated=True)
    added: int = pb(7, UINT64)
    problems: tuple[str, ...] = pb(8, STRING, repeated=True)

    def listing(self, kind: Blob) -> Listing:
        return next((one for one in self.listings if one.kind == kind), Listing(kind=kind))


def decode_snapshot(data: bytes) -> Snapshot:
    """``NOT_SUPPORT`` when a newer release took it."""
    snapshot = Snapshot.decode(data)
    if snapshot.version > VERSION:
        raise CyfsError(
            ErrorCode.NOT_SUPPORT,
            f"release {snapshot.release} took this backup in version {snapshot.version}, this one knows {VERSION}; "
            "use a newer release",
        )
    if any(len(listing.ids) % NAME_SIZE for listing in snapshot.listings):
        raise CyfsError(ErrorCode.INVALID_DATA, "a list of segments is cut off")
    return snapshot
