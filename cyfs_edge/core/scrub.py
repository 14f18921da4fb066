"""Scrub as the node runs it: slowly, its findings remembered, and what is damaged replaced from other copies."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import NO_CLAIM, Bell, Clock, ObjectRecord, Pace, Problem, ScrubReport, Store

SPACE = "keeping"
"""Records of the last scrub, backup and collection."""
LAST_SCRUB = "scrub"
TOLD_MAX = 100
"""Most findings that are remembered one by one."""
REFERRERS_MAX = 20
"""Most files that are named for one chunk."""


class ChunkCopies(Protocol):
    """Another place that may have a chunk: a second volume, a backup."""

    @property
    def text(self) -> str:
        """What people call it."""
        ...

    async def chunk(self, chunk_id: ChunkId) -> bytes | None:
        """Candidate bytes, which are verified by who asks; ``None`` when it has none."""
        ...


class ObjectCopies(Protocol):
    """Another place that may have objects."""

    async def objects(self, ids: Collection[ObjectId]) -> dict[ObjectId, ObjectRecord]: ...


class Copies(ChunkCopies, ObjectCopies, Protocol):
    """Both."""


OpenCopies = Callable[[], AbstractAsyncContextManager[Copies]]


class ScrubService:
    """``sources`` are asked in order, and opened only when something is damaged."""

    def __init__(self, store: Store, clock: Clock, bell: Bell, sources: Sequence[OpenCopies]) -> None:
        """``bell``: one that nobody rings, to wait on."""
        self._store = store
        self._clock = clock
        self._bell = bell
        self._sources = sources

    async def run(self, job: Job, *, repair: bool = False, rate: int | None = None) -> dict[str, object]:
        """Reads everything, at most ``rate`` bytes a second. With ``repair`` replaces what it finds damaged.

        The result tells what is still damaged, and which files need it.
        """
        stat = self._store.stat()
        job.total = stat.object_count + stat.chunk_count

        def progress(report: ScrubReport) -> None:
            job.done = report.objects + report.chunks

        report = await self._store.scrub(progress, None if rate is None else self._pace(rate))
        job.done = report.objects + report.chunks
        problems, repaired, notes = report.problems, list[Problem](), list[str]()
        if repair and problems:
            job.phase = "repairing"
            repaired, notes = await self._repair(problems)
            fixed = {(one.kind, one.object_id) for one in repaired}
            problems = [one for one in problems if (one.kind, one.object_id) not in fixed]
        result: dict[str, object] = {
            "objects": report.objects,
            "chunks": report.chunks,
            "bytes": report.bytes,
            "unreachable": report.unreachable,
            "problems": [await self._told(one) for one in problems],
            "repaired": [{"kind": one.kind, "object_id": str(one.object_id)} for one in repaired],
            "notes": notes,
        }
        await self._remember(result)
        return result

    def _pace(self, rate: int) -> Pace:
        begun = self._clock.monotonic()

        async def pace(done: int) -> None:
            ahead = done / rate - (self._clock.monotonic() - begun)
            if ahead > 0:
                await self._bell.wait(ahead)

        return pace

    async def _told(self, problem: Problem) -> dict[str, object]:
        told: dict[str, object] = {
            "kind": problem.kind,
            "object_id": str(problem.object_id),
            "what": problem.what,
        }
        if problem.kind == "chunk":
            files = await self._store.files.by_chunk(ChunkId(problem.object_id))
            told["files"] = [str(one.file_id) for one in files[:REFERRERS_MAX]]
        return told

    async def _repair(self, problems: Sequence[Problem]) -> tuple[list[Problem], list[str]]:
        """What was repaired, and what kept a source from being used."""
        left = [one for one in problems if one.kind in ("chunk", "object")]
        repaired: list[Problem] = []
        notes: list[str] = []
        for source in self._sources:
            if not left:
                break
            try:
                async with source() as copies:
                    fixed = await self._repair_from(copies, left)
            except CyfsError as error:
                if self._store.failure is not None or error.code == ErrorCode.OUT_OF_LIMIT:
                    raise
                notes.append(error.message)
                continue
            repaired += fixed
            left = [one for one in left if one not in fixed]
        return repaired, notes

    async def _repair_from(self, copies: Copies, left: Sequence[Problem]) -> list[Problem]:
        fixed: list[Problem] = []
        wanted = {one.object_id for one in left if one.kind == "object"}
        records = await copies.objects(wanted) if wanted else {}
        for one in left:
            if one.kind == "object":
                record = records.get(one.object_id)
                if record is not None:
                    await self._store.objects.replace(record)
                    fixed.append(one)
            elif await self._repair_chunk(copies, ChunkId(one.object_id)):
                fixed.append(one)
        return fixed

    async def _repair_chunk(self, copies: ChunkCopies, chunk_id: ChunkId) -> bool:
        data = await copies.chunk(chunk_id)
        if data is None or ChunkId.of_data(data) != chunk_id:
            return False
        try:
            claim = await self._store.chunks.claim(chunk_id)
        except CyfsError:
            claim = None
        # The damaged one is of no use to anybody; should the put fail, the chunk is missing as it was before.
        await self._store.chunks.delete(chunk_id)
        await self._store.chunks.put(chunk_id, data, claim=claim or NO_CLAIM)
        return True

    async def _remember(self, result: dict[str, object]) -> None:
        problems = result["problems"]
        assert isinstance(problems, list)
        kept = {
            **result,
            "time": self._clock.now(),
            "problems": problems[:TOLD_MAX],
            "problem_count": len(problems),
            "repaired": len(result["repaired"]) if isinstance(result["repaired"], list) else 0,
        }
        await remember_run(self._store, LAST_SCRUB, kept)


async def remember_run(store: Store, name: str, what: dict[str, object]) -> None:
    """``what`` has the ``time`` of the run. On a full disk it is not remembered, and that is all."""
    try:
        await store.records.put(SPACE, name, json.dumps(what).encode())
    except CyfsError as error:
        if error.code != ErrorCode.OUT_OF_LIMIT:
            raise


async def last_run(store: Store, name: str) -> dict[str, object] | None:
    """What is remembered of the last scrub, backup or collection."""
    data = await store.records.get(SPACE, name)
    value = json.loads(data) if data is not None else None
    return value if isinstance(value, dict) else None
