"""What one operation sees and wants, and the counters of the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from zlib import crc32

from cyfs_edge.base.ids import ChunkId
from cyfs_edge.store.chunk_place import Written
from cyfs_edge.store.engine import Table
from cyfs_edge.store.rows import damaged

_COUNTERS = Struct("<QQQQQ")
_CRC = Struct("<I")


@dataclass(slots=True)
class Counters:
    """``file_bytes``: those of ``chunk_bytes`` that are in files of our disks. Also used for differences."""

    objects: int = 0
    object_bytes: int = 0
    chunks: int = 0
    chunk_bytes: int = 0
    file_bytes: int = 0

    @property
    def size(self) -> int:
        return self.object_bytes + self.chunk_bytes

    def add(self, other: Counters) -> None:
        self.objects += other.objects
        self.object_bytes += other.object_bytes
        self.chunks += other.chunks
        self.chunk_bytes += other.chunk_bytes
        self.file_bytes += other.file_bytes

    def subtract(self, other: Counters) -> None:
        self.objects -= other.objects
        self.object_bytes -= other.object_bytes
        self.chunks -= other.chunks
        self.chunk_bytes -= other.chunk_bytes
        self.file_bytes -= other.file_bytes

    def encode(self) -> bytes:
        data = _COUNTERS.pack(self.objects, self.object_bytes, self.chunks, self.chunk_bytes, self.file_bytes)
        return data + _CRC.pack(crc32(data))

    @classmethod
    def decode(cls, row: bytes) -> Counters:
        data, crc = row[: _COUNTERS.size], row[_COUNTERS.size :]
        if len(data) != _COUNTERS.size or crc != _CRC.pack(crc32(data)):
            raise damaged("the counters do not match their checksum")
        return cls(*_COUNTERS.unpack(data))


Placed = tuple[ChunkId, int, bytes]
"""A chunk, the number of its place, and what its row remembers of it."""


@dataclass(slots=True)
class View:
    """Reads see all operations before this one. Writes are carried out when the operation has returned, all or none."""

    read: Callable[[Table, bytes], bytes | None]
    guard: Callable[[int], None]
    quota: Callable[[bytes, int], None]
    writes: dict[tuple[Table, bytes], bytes | None] = field(default_factory=dict)
    place: list[Written] = field(default_factory=list)
    remove: list[Placed] = field(default_factory=list)
    delta: Counters = field(default_factory=Counters)
    accounts: dict[bytes, Counters] = field(default_factory=dict)

    def get(self, table: Table, key: bytes) -> bytes | None:
        if (table, key) in self.writes:
            return self.writes[table, key]
        return self.read(table, key)

    def put(self, table: Table, key: bytes, row: bytes) -> None:
        """``OUT_OF_LIMIT`` below the free-space floor."""
        self.guard(len(row))
        self.writes[table, key] = row

    def delete(self, table: Table, key: bytes) -> None:
        self.writes[table, key] = None

    def count(self, change: Counters, accounts: tuple[bytes, ...]) -> None:
        """What the operation adds or (below zero) takes away, and on whose account.

        ``OUT_OF_LIMIT`` when one grows beyond its quota.
        """
        self.delta.add(change)
        for account in accounts:
            held = self.accounts.setdefault(account, Counters())
            held.add(change)
            if change.size > 0:
                self.quota(account, held.size)

    def place_file(self, written: Written) -> None:
        """The bytes get their name before the rows of this operation are committed."""
        self.place.append(written)

    def remove_file(self, chunk_id: ChunkId, number: int, note: bytes) -> None:
        """What the place of that number has of the chunk goes after the rows of this operation are committed."""
        self.remove.append((chunk_id, number, note))

    def forget(self) -> None:
        """Takes back all that was wanted so far."""
        self.writes.clear()
        self.place.clear()
        self.remove.clear()
        self.delta = Counters()
        self.accounts.clear()
