"""A store that wraps another one and lets things go wrong: at the N-th call, before it, inside it or after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import (
    NO_CLAIM,
    Account,
    Change,
    Claim,
    CollectReport,
    Durability,
    FileIndexEntry,
    FileRange,
    ObjectRecord,
    Pace,
    RootChange,
    RootRecord,
    ScrubReport,
    Store,
    StoreStat,
    Usage,
)
from cyfs_edge.core.volumes import Volumes

T = TypeVar("T")


class Injected(CyfsError):
    """The error that the plan wanted."""

    def __init__(self, number: int) -> None:
        super().__init__(ErrorCode.IO_ERROR, f"injected at call {number}")


class Plan:
    """What happens at each call, counted from 1. This one lets everything pass."""

    async def before(self, number: int) -> None:
        return

    def inside(self, number: int) -> None:
        """Called where an update decides, on the writer's thread."""

    async def after(self, number: int) -> None:
        return


@dataclass
class Jitter(Plan):
    """Turns of the event loop before and after each call, so that calls meet in other orders than they were made."""

    random: Random

    async def before(self, number: int) -> None:
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)

    after = before


@dataclass
class FailAt(Plan):
    """One error. ``where``: ``before`` (not asked), ``inside`` (a change raises), ``after`` (no answer)."""

    number: int
    where: str

    async def before(self, number: int) -> None:
        if number == self.number and self.where == "before":
            raise Injected(number)

    def inside(self, number: int) -> None:
        if number == self.number and self.where == "inside":
            raise Injected(number)

    async def after(self, number: int) -> None:
        if number == self.number and self.where == "after":
            raise Injected(number)


class FaultyStore:
    def __init__(self, inner: Store, plan: Plan) -> None:
        self.inner = inner
        self.plan = plan
        self.calls = 0
        self.objects = _Objects(self)
        self.chunks = _Chunks(self)
        self.files = _Files(self)
        self.state = _State(self)
        self.records = _Records(self)
        self.space = _Space(self)

    async def call(self, work: Callable[[int], Awaitable[T]]) -> T:
        self.calls += 1
        number = self.calls
        await self.plan.before(number)
        result = await work(number)
        await self.plan.after(number)
        return result

    @property
    def volumes(self) -> Volumes:
        return self.inner.volumes

    @property
    def failure(self) -> CyfsError | None:
        return self.inner.failure

    def stat(self) -> StoreStat:
        return self.inner.stat()

    async def scrub(
        self, progress: Callable[[ScrubReport], None] | None = None, pace: Pace | None = None
    ) -> ScrubReport:
        return await self.inner.scrub(progress, pace)

    async def close(self) -> None:
        await self.inner.close()


class _Objects:
    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def get(self, object_id: ObjectId) -> ObjectRecord | None:
        return await self._store.call(lambda _: self._store.inner.objects.get(object_id))

    async def update(
        self,
        object_id: ObjectId,
        change: Callable[[ObjectRecord | None], Change[T]],
        durability: Durability = Durability.DURABLE,
    ) -> T:
        def work(number: int) -> Awaitable[T]:
            def decide(held: ObjectRecord | None) -> Change[T]:
                decision = change(held)
                self._store.plan.inside(number)
                return decision

            return self._store.inner.objects.update(object_id, decide, durability)

        return await self._store.call(work)

    async def replace(self, record: ObjectRecord) -> None:
        await self._store.call(lambda _: self._store.inner.objects.replace(record))

    def list_ids(self, prefix: bytes = b"", after: ObjectId | None = None) -> AsyncIterator[ObjectId]:
        return self._store.inner.objects.list_ids(prefix, after)


class _State:
    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def root(self, name: str) -> RootRecord | None:
        return await self._store.call(lambda _: self._store.inner.state.root(name))

    def roots(self) -> AsyncIterator[tuple[str, RootRecord]]:
        return self._store.inner.state.roots()

    async def commit(self, objects: Sequence[ObjectRecord], change: RootChange | None = None) -> bool:
        return await self._store.call(lambda _: self._store.inner.state.commit(objects, change))


class _Chunks:
    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def put(
        self, chunk_id: ChunkId, data: bytes, durability: Durability = Durability.DURABLE, claim: Claim = NO_CLAIM
    ) -> bool:
        return await self._store.call(lambda _: self._store.inner.chunks.put(chunk_id, data, durability, claim))

    async def put_many(
        self,
        chunks: list[tuple[ChunkId, bytes]],
        durability: Durability = Durability.DURABLE,
        claim: Claim = NO_CLAIM,
    ) -> int:
        return await self._store.call(lambda _: self._store.inner.chunks.put_many(chunks, durability, claim))

    async def renew(self, chunk_id: ChunkId) -> bool:
        return await self._store.call(lambda _: self._store.inner.chunks.renew(chunk_id))

    async def renew_many(self, chunk_ids: Sequence[ChunkId]) -> list[bool]:
        return await self._store.call(lambda _: self._store.inner.chunks.renew_many(chunk_ids))

    async def read(self, chunk_id: ChunkId, start: int = 0, end: int | None = None) -> bytes | FileRange | None:
        return await self._store.call(lambda _: self._store.inner.chunks.read(chunk_id, start, end))

    async def read_whole(self, chunk_id: ChunkId) -> bytes | None:
        return await self._store.call(lambda _: self._store.inner.chunks.read_whole(chunk_id))

    async def claim(self, chunk_id: ChunkId) -> Claim | None:
        return await self._store.call(lambda _: self._store.inner.chunks.claim(chunk_id))

    async def contains(self, chunk_id: ChunkId) -> bool:
        return await self._store.call(lambda _: self._store.inner.chunks.contains(chunk_id))

    async def delete(self, chunk_id: ChunkId) -> bool:
        return await self._store.call(lambda _: self._store.inner.chunks.delete(chunk_id))

    def list_ids(self) -> AsyncIterator[ChunkId]:
        return self._store.inner.chunks.list_ids()


class _Records:
    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def get(self, space: str, key: str) -> bytes | None:
        return await self._store.call(lambda _: self._store.inner.records.get(space, key))

    async def put(self, space: str, key: str, value: bytes, durability: Durability = Durability.DURABLE) -> None:
        await self._store.call(lambda _: self._store.inner.records.put(space, key, value, durability))

    async def delete(self, space: str, key: str, durability: Durability = Durability.DURABLE) -> bool:
        return await self._store.call(lambda _: self._store.inner.records.delete(space, key, durability))

    def spaces(self) -> AsyncIterator[str]:
        return self._store.inner.records.spaces()

    def list(self, space: str, prefix: str = "", after: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
        return self._store.inner.records.list(space, prefix, after)


class _Space:
    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    def usage(self) -> dict[Account, Usage]:
        return self._store.inner.space.usage()

    def set_quota(self, account: Account, limit: int | None) -> None:
        self._store.inner.space.set_quota(account, limit)

    async def collect(
        self,
        roots: Callable[[], Iterable[ObjectId]],
        progress: Callable[[CollectReport], None] | None = None,
    ) -> CollectReport:
        return await self._store.call(lambda _: self._store.inner.space.collect(roots, progress))


class _Files:
    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    async def add(self, entry: FileIndexEntry) -> None:
        await self._store.call(lambda _: self._store.inner.files.add(entry))

    async def by_id(self, file_id: ObjectId) -> FileIndexEntry | None:
        return await self._store.call(lambda _: self._store.inner.files.by_id(file_id))

    async def by_hash(self, digest: bytes) -> FileIndexEntry | None:
        return await self._store.call(lambda _: self._store.inner.files.by_hash(digest))

    async def by_quick_hash(self, quick_hash: str) -> list[FileIndexEntry]:
        return await self._store.call(lambda _: self._store.inner.files.by_quick_hash(quick_hash))

    async def by_chunk(self, chunk_id: ChunkId) -> list[FileIndexEntry]:
        return await self._store.call(lambda _: self._store.inner.files.by_chunk(chunk_id))

    def entries(self) -> AsyncIterator[FileIndexEntry]:
        return self._store.inner.files.entries()
