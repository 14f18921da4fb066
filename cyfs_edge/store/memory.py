"""A store in memory: the ports at their plainest. For tests and for trying things out; nothing survives it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import (
    LEASE,
    MADE_HERE,
    NO_CLAIM,
    OBJECT_LEASE,
    Account,
    Change,
    Claim,
    CollectReport,
    Durability,
    FileIndexEntry,
    FileRange,
    Keep,
    ObjectRecord,
    Pace,
    Problem,
    RootChange,
    RootRecord,
    ScrubReport,
    StoreStat,
    Usage,
)
from cyfs_edge.core.volumes import NoVolumes
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.store import rows
from cyfs_edge.store.collection import Collection

T = TypeVar("T")


class MemoryObjects:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.records: dict[ObjectId, ObjectRecord] = {}

    async def get(self, object_id: ObjectId) -> ObjectRecord | None:
        self._store.check_open()
        return self.records.get(object_id)

    async def update(
        self,
        object_id: ObjectId,
        change: Callable[[ObjectRecord | None], Change[T]],
        durability: Durability = Durability.DURABLE,
    ) -> T:
        self._store.check_open()
        decision = change(self.records.get(object_id))
        if decision.delete:
            self.records.pop(object_id, None)
        elif decision.record is not None:
            if decision.record.object_id != object_id:
                raise CyfsError(ErrorCode.INTERNAL_ERROR, f"an update of {object_id} gave {decision.record.object_id}")
            rows.encode_object(decision.record)  # what no row can hold is refused here too
            self._store.space.check_quota(decision.record, self.records.get(object_id))
            self._store.reserve(len(decision.record.raw))
            self.records[object_id] = decision.record
        self._store.commits += 1
        return decision.result

    async def replace(self, record: ObjectRecord) -> None:
        await self.update(record.object_id, lambda held: Change(None, record))

    async def list_ids(self, prefix: bytes = b"", after: ObjectId | None = None) -> AsyncIterator[ObjectId]:
        async for key in _walk(self.records, prefix):
            if after is None or key > after:
                yield key


class MemoryChunks:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.chunks: dict[ChunkId, bytes] = {}
        self.claims: dict[ChunkId, Claim] = {}
        self.times: dict[ChunkId, int] = {}

    async def put(
        self, chunk_id: ChunkId, data: bytes, durability: Durability = Durability.DURABLE, claim: Claim = NO_CLAIM
    ) -> bool:
        return await self.put_many([(chunk_id, data)], durability, claim) == 1

    async def put_many(
        self,
        chunks: list[tuple[ChunkId, bytes]],
        durability: Durability = Durability.DURABLE,
        claim: Claim = NO_CLAIM,
    ) -> int:
        self._store.check_open()
        for chunk_id, data in chunks:
            if len(data) != chunk_id.length:
                raise CyfsError(ErrorCode.UNMATCH, f"chunk {chunk_id} has {chunk_id.length} bytes, not {len(data)}")
            if ChunkId.of_data(data) != chunk_id:
                raise CyfsError(ErrorCode.INVALID_DATA, f"the data is not that of chunk {chunk_id}: its hash differs")
        new = {chunk_id: data for chunk_id, data in chunks if chunk_id not in self.chunks}
        if new:
            size = sum(map(len, new.values()))
            self._store.space.check_growth(_accounts(claim.dec, claim.owner), size)
            self._store.reserve(size)
        self.chunks.update(new)
        for chunk_id, _ in chunks:
            held = self.claims.setdefault(chunk_id, claim)
            self.claims[chunk_id] = replace(held, keep=min(held.keep, claim.keep))
            self.times[chunk_id] = self._store.now()
        self._store.commits += 1
        return len(new)

    async def renew(self, chunk_id: ChunkId) -> bool:
        there = await self.contains(chunk_id)
        if there:
            self.times[chunk_id] = self._store.now()
        return there

    async def renew_many(self, chunk_ids: Sequence[ChunkId]) -> list[bool]:
        return [await self.contains(chunk_id) for chunk_id in chunk_ids]

    async def read(self, chunk_id: ChunkId, start: int = 0, end: int | None = None) -> bytes | FileRange | None:
        self._store.check_open()
        end = chunk_id.length if end is None else min(end, chunk_id.length)
        if not 0 <= start <= end:
            raise CyfsError(
                ErrorCode.RANGE_NOT_SATISFIABLE, f"no bytes {start} to {end} in a chunk of {chunk_id.length}"
            )
        data = self.chunks.get(chunk_id)
        return None if data is None else data[start:end]

    async def read_whole(self, chunk_id: ChunkId) -> bytes | None:
        self._store.check_open()
        return self.chunks.get(chunk_id)

    async def contains(self, chunk_id: ChunkId) -> bool:
        self._store.check_open()
        return chunk_id in self.chunks

    async def delete(self, chunk_id: ChunkId) -> bool:
        self._store.check_open()
        self.claims.pop(chunk_id, None)
        self.times.pop(chunk_id, None)
        return self.chunks.pop(chunk_id, None) is not None

    async def claim(self, chunk_id: ChunkId) -> Claim | None:
        self._store.check_open()
        return self.claims.get(chunk_id)

    async def list_ids(self) -> AsyncIterator[ChunkId]:
        async for key in _walk(self.chunks, b""):
            yield key


class MemoryFileIndex:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._entries: dict[ObjectId, FileIndexEntry] = {}

    async def add(self, entry: FileIndexEntry) -> None:
        self._store.check_open()
        self._store.reserve(len(rows.encode_file(entry)))
        # Last added, last in the order: the one that its hash finds.
        self._entries.pop(entry.file_id, None)
        self._entries[entry.file_id] = entry

    async def by_id(self, file_id: ObjectId) -> FileIndexEntry | None:
        return self._entries.get(file_id)

    async def by_hash(self, digest: bytes) -> FileIndexEntry | None:
        return next((entry for entry in reversed(self._entries.values()) if entry.hash == digest), None)

    async def by_quick_hash(self, quick_hash: str) -> list[FileIndexEntry]:
        return self._sorted(entry for entry in self._entries.values() if quick_hash in entry.quick_hash)

    async def by_chunk(self, chunk_id: ChunkId) -> list[FileIndexEntry]:
        return self._sorted(entry for entry in self._entries.values() if chunk_id in entry.chunks)

    async def entries(self) -> AsyncIterator[FileIndexEntry]:
        for entry in self._sorted(self._entries.values()):
            yield entry

    @staticmethod
    def _sorted(entries: Iterable[FileIndexEntry]) -> list[FileIndexEntry]:
        return sorted(entries, key=lambda entry: entry.file_id)


class MemoryState:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._roots: dict[bytes, RootRecord] = {}

    async def root(self, name: str) -> RootRecord | None:
        self._store.check_open()
        return self._roots.get(rows.root_key(name))

    async def roots(self) -> AsyncIterator[tuple[str, RootRecord]]:
        self._store.check_open()
        for key, record in sorted(self._roots.items()):
            yield key.decode("utf-8"), record

    def roots_now(self) -> list[ObjectId]:
        return [record.root for record in self._roots.values()]

    async def commit(self, objects: Sequence[ObjectRecord], change: RootChange | None = None) -> bool:
        self._store.check_open()
        held = self._store.objects.records
        new = {record.object_id: record for record in objects if _is_new(record, held.get(record.object_id))}
        for record in new.values():
            rows.encode_object(record)  # what no row can hold is refused here too
        if change is not None and self._roots.get(rows.root_key(change.name)) != change.held:
            return False
        for record in new.values():
            self._store.space.check_quota(record, held.get(record.object_id))
        if new or change is not None:
            self._store.reserve(sum(len(record.raw) for record in new.values()))
        if change is not None:
            self._roots[rows.root_key(change.name)] = change.new
        held.update(new)
        self._store.commits += 1
        return True


class MemoryRecords:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._records: dict[bytes, bytes] = {}

    async def get(self, space: str, key: str) -> bytes | None:
        self._store.check_open()
        return self._records.get(rows.record_key(space, key))

    async def put(self, space: str, key: str, value: bytes, durability: Durability = Durability.DURABLE) -> None:
        self._store.check_open()
        at = rows.record_key(space, key)
        self._store.reserve(len(value))
        self._records[at] = value
        self._store.commits += 1

    async def delete(self, space: str, key: str, durability: Durability = Durability.DURABLE) -> bool:
        self._store.check_open()
        return self._records.pop(rows.record_key(space, key), None) is not None

    async def spaces(self) -> AsyncIterator[str]:
        self._store.check_open()
        for space in sorted({at.partition(b"\0")[0] for at in self._records}):
            yield space.decode("utf-8")

    async def list(self, space: str, prefix: str = "", after: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
        self._store.check_open()
        head, begin = rows.record_prefix(space), rows.record_key(space, prefix)
        last = None if after is None else rows.record_key(space, after)
        for at in sorted(self._records):
            if at.startswith(begin) and (last is None or at > last) and at in self._records:
                yield at[len(head) :].decode("utf-8"), self._records[at]


class MemorySpace:
    """Collects in one step, so nobody can come between."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._quotas: dict[Account, int] = {}

    def usage(self) -> dict[Account, Usage]:
        found = {account: Usage(0, 0, 0, 0, limit) for account, limit in self._quotas.items()}

        def count(accounts: Iterable[Account], objects: int, object_bytes: int, chunks: int, chunk_bytes: int) -> None:
            for account in accounts:
                held = found.get(account, Usage(0, 0, 0, 0))
                found[account] = Usage(
                    held.objects + objects,
                    held.object_bytes + object_bytes,
                    held.chunks + chunks,
                    held.chunk_bytes + chunk_bytes,
                    held.quota,
                )

        for record in self._store.objects.records.values():
            count(_accounts(record.create_dec_id, record.owner), 1, len(record.raw), 0, 0)
        for chunk_id, claim in self._store.chunks.claims.items():
            count(_accounts(claim.dec, claim.owner), 0, 0, 1, chunk_id.length)
        return found

    def set_quota(self, account: Account, limit: int | None) -> None:
        if limit is None:
            self._quotas.pop(account, None)
        else:
            self._quotas[account] = limit

    def check_quota(self, record: ObjectRecord, held: ObjectRecord | None) -> None:
        growth = len(record.raw) - (0 if held is None else len(held.raw))
        self.check_growth(_accounts(record.create_dec_id, record.owner), growth)

    def check_growth(self, accounts: Iterable[Account], growth: int) -> None:
        for account in accounts if growth > 0 and self._quotas else ():
            limit = self._quotas.get(account)
            usage = self.usage().get(account, Usage(0, 0, 0, 0))
            if limit is not None and usage.object_bytes + usage.chunk_bytes + growth > limit:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{account.kind} {account.id} may keep {limit} bytes")

    async def collect(
        self,
        roots: Callable[[], Iterable[ObjectId]],
        progress: Callable[[CollectReport], None] | None = None,
    ) -> CollectReport:
        records, chunks = self._store.objects.records, self._store.chunks
        now, collection, report = self._store.now(), Collection(), CollectReport("sweep")
        stay = [
            record.object_id
            for record in records.values()
            if record.context != MADE_HERE or now - record.insert_time <= OBJECT_LEASE
        ]

        def read_object(object_id: ObjectId) -> bytes | None:
            record = records.get(object_id)
            return None if record is None else record.raw

        collection.mark([*roots(), *self._store.state.roots_now(), *stay], read_object, chunks.chunks.get)
        for object_id in [object_id for object_id in records if not collection.is_live(object_id)]:
            report.objects += 1
            report.bytes += len(records.pop(object_id).raw)
        for chunk_id, claim in list(chunks.claims.items()):
            over = claim.keep is Keep.REFERRED and now - chunks.times[chunk_id] > LEASE
            if over and not collection.is_live(chunk_id):
                report.chunks += 1
                report.bytes += chunk_id.length
                del chunks.chunks[chunk_id], chunks.claims[chunk_id], chunks.times[chunk_id]
        if progress is not None:
            progress(report)
        return report


class MemoryStore:
    """``room``: bytes that may be kept; beyond it writes are refused as on a full disk. ``now``: bucky µs."""

    def __init__(self, *, room: int = 1 << 40, now: Callable[[], int] = int) -> None:
        self.room = room
        self.now = now
        self.commits = 0
        self._written = 0
        self._open = True
        self.objects = MemoryObjects(self)
        self.chunks = MemoryChunks(self)
        self.files = MemoryFileIndex(self)
        self.state = MemoryState(self)
        self.records = MemoryRecords(self)
        self.space = MemorySpace(self)
        self.volumes = NoVolumes()

    def check_open(self) -> None:
        if not self._open:
            raise CyfsError(ErrorCode.ERROR_STATE, "the store is closed")

    def _kept(self) -> int:
        objects = sum(len(record.raw) for record in self.objects.records.values())
        return objects + sum(chunk_id.length for chunk_id in self.chunks.chunks)

    def reserve(self, size: int) -> None:
        if self._kept() + size > self.room:
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT, f"the store is full: {self.room} bytes. Delete something, then try again"
            )
        self._written += size

    @property
    def failure(self) -> CyfsError | None:
        return None

    def stat(self) -> StoreStat:
        records, chunks = self.objects.records, self.chunks.chunks
        storage_size = sum(len(record.raw) for record in records.values())
        return StoreStat(
            object_count=len(records),
            storage_size=storage_size,
            chunk_count=len(chunks),
            chunk_size=self._kept() - storage_size,
            file_size=self._kept(),
            free_space=max(0, self.room - self._kept()),
            bytes_written=self._written,
            commits=self.commits,
        )

    async def scrub(
        self, progress: Callable[[ScrubReport], None] | None = None, pace: Pace | None = None
    ) -> ScrubReport:
        report = ScrubReport()
        for object_id, record in self.objects.records.items():
            report.objects += 1
            report.bytes += len(record.raw)
            try:
                found = decode_object(record.raw).object_id
            except CyfsError as error:
                report.problems.append(Problem("object", object_id, error.message))
                continue
            if found != object_id:
                report.problems.append(Problem("object", object_id, f"its bytes are those of object {found}"))
        report.chunks = len(self.chunks.chunks)
        report.bytes += sum(map(len, self.chunks.chunks.values()))
        if progress is not None:
            progress(report)
        if pace is not None:
            await pace(report.bytes)
        return report

    async def close(self) -> None:
        self._open = False


def _accounts(dec: ObjectId, owner: ObjectId | None) -> list[Account]:
    return [Account("dec", dec)] if owner is None else [Account("dec", dec), Account("owner", owner)]


def _is_new(record: ObjectRecord, held: ObjectRecord | None) -> bool:
    if held is None:
        return True
    renewed = record.context != MADE_HERE or record.insert_time - held.insert_time > OBJECT_LEASE // 2
    return held.context == MADE_HERE and renewed


IdT = TypeVar("IdT", bound=ObjectId)


async def _walk(held: Mapping[IdT, object], prefix: bytes) -> AsyncIterator[IdT]:
    """Keys in byte order; what is added or removed meanwhile is seen or not as its place is still ahead or passed."""
    after: IdT | None = None
    while True:
        keys = sorted(key for key in held if key.startswith(prefix))
        place = 0 if after is None else bisect_right(keys, after)
        if place == len(keys):
            return
        after = keys[place]
        yield after
