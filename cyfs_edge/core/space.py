"""Space: what is kept for whom, quotas, and the collection of what nobody needs any more (docs/storage.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import Account, Clock, CollectReport, Store, Usage
from cyfs_edge.core.scrub import remember_run
from cyfs_edge.core.state.map_cache import MapCache

Roots = Callable[[], Iterable[ObjectId]]
Kept = Callable[[], AsyncIterator[ObjectId]]
_QUOTAS = "quotas"
LAST_COLLECTION = "collect"
QUOTA_KINDS = ("dec", "owner")


class SpaceService:
    """What stays besides the roots of states and what users put is asked at each collection.

    ``roots``: what is held in memory, asked in one step. ``kept``: what is held in the store.
    """

    __slots__ = ("_blocked", "_clock", "_kept", "_maps", "_pins", "_roots", "_store")

    def __init__(
        self,
        store: Store,
        maps: MapCache,
        clock: Clock,
        roots: Sequence[Roots],
        kept: Sequence[Kept] = (),
        blocked: Callable[[], bool] = bool,
    ) -> None:
        """``blocked``: whether no collection may begin now."""
        self._store = store
        self._maps = maps
        self._clock = clock
        self._roots = roots
        self._kept = kept
        self._blocked = blocked
        self._pins: list[Iterable[ObjectId]] = []

    async def restore(self) -> None:
        """Puts the quotas in force that were set before."""
        async for key, value in self._store.records.list(_QUOTAS):
            kind, _, text = key.partition("/")
            self._store.space.set_quota(Account(kind, ObjectId.from_text(text)), int(value))

    async def set_quota(self, account: Account, limit: int | None) -> None:
        """``limit``: bytes, ``None`` for none. What is kept already stays, also when it is more."""
        if account.kind not in QUOTA_KINDS:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a quota is for one of {QUOTA_KINDS}, not {account.kind!r}")
        key = f"{account.kind}/{account.id}"
        if limit is None:
            await self._store.records.delete(_QUOTAS, key)
        else:
            await self._store.records.put(_QUOTAS, key, str(limit).encode())
        self._store.space.set_quota(account, limit)

    def usage(self) -> dict[Account, Usage]:
        return self._store.space.usage()

    @contextmanager
    def pinned(self, ids: Iterable[ObjectId]) -> Iterator[None]:
        """Meanwhile these and all that they lead to stay."""
        held = list(ids)
        self._pins.append(held)
        try:
            yield
        finally:
            self._pins.remove(held)

    async def run(self, job: Job) -> dict[str, object]:
        """A collection as a job; what it freed is remembered."""

        def progress(report: CollectReport) -> None:
            job.phase, job.done = report.phase, report.seen

        report = await self.collect(progress)
        result: dict[str, object] = {"objects": report.objects, "chunks": report.chunks, "bytes": report.bytes}
        await remember_run(self._store, LAST_COLLECTION, {**result, "time": self._clock.now()})
        return result

    async def collect(self, progress: Callable[[CollectReport], None] | None = None) -> CollectReport:
        """``ERROR_STATE`` when a collection runs already, or a restore."""
        if self._blocked():
            raise CyfsError(ErrorCode.ERROR_STATE, "a restore is running; collect when it is done")
        with self.pinned([object_id for kept in self._kept async for object_id in kept()]):
            return await self._store.space.collect(self._held, progress)

    def _held(self) -> Iterator[ObjectId]:
        # What the cache holds from here on was read or written while the collection ran: the store knows of it.
        self._maps.clear()
        for roots in self._roots:
            yield from roots()
        for pins in self._pins:
            yield from pins
