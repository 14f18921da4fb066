"""The node's own timer: what is due runs, once, also over restarts, and what fails is tried again."""

from __future__ import annotations

import json

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.keeping import FIRST_S, LOOK_S, RETRY_S, Duty, Keeping
from cyfs_edge.core.scrub import SPACE
from cyfs_edge.host.jobs import TaskJobs
from cyfs_edge.store.memory import MemoryStore
from tests.storekit.kit import ManualClock

DAY = 86_400
SECOND = 1_000_000


class Over(Exception):
    """The test has seen enough."""


class Bell:
    """Turns the clock, and ends the run at ``end`` seconds."""

    def __init__(self, clock: ManualClock, jobs: TaskJobs, end: float) -> None:
        self.clock, self.jobs, self.end = clock, jobs, end
        self.passed = 0.0

    def ring(self) -> None:
        raise AssertionError

    async def wait(self, seconds: float) -> None:
        await self.settle()
        self.passed += seconds
        self.clock.micros += int(seconds * SECOND)
        if self.passed > self.end:
            raise Over

    async def settle(self) -> None:
        for job in list(self.jobs._jobs.values()):
            task = self.jobs._tasks.get(job.id)
            if task is not None:
                await task


class Box:
    """A node that is switched on for some days; ``runs``: seconds at which its duty ran."""

    def __init__(self, every: int, *, fails: bool = False) -> None:
        self.store, self.clock, self.every, self.fails = MemoryStore(), ManualClock(), every, fails
        self.begin = self.clock.micros
        self.runs: list[int] = []

    async def live(self, seconds: float) -> None:
        jobs = TaskJobs()
        bell = Bell(self.clock, jobs, seconds)
        keeping = Keeping(self.store, jobs, self.clock, bell, [Duty("scrub", "scrub", self.every, self.work)])
        with pytest.raises(Over):
            await keeping.run()

    async def work(self, job: Job) -> object:
        self.runs.append((self.clock.now() - self.begin) // SECOND)
        if self.fails:
            await self.remember(error="no disk")
            raise CyfsError(ErrorCode.CONNECT_FAILED, "no disk")
        await self.remember(error=None)
        return {}

    async def remember(self, error: str | None) -> None:
        what = {"time": self.clock.now(), "error": error}
        await self.store.records.put(SPACE, "scrub", json.dumps(what).encode())


async def test_the_first_run_is_an_hour_after_the_start_and_then_each_time_it_is_due() -> None:
    box = Box(7 * DAY)
    await box.live(15 * DAY)
    assert len(box.runs) == 3
    assert FIRST_S <= box.runs[0] <= FIRST_S + LOOK_S
    assert all(7 * DAY <= late - early <= 7 * DAY + LOOK_S for early, late in zip(box.runs, box.runs[1:], strict=False))


async def test_a_restart_neither_repeats_nor_forgets_a_run() -> None:
    box = Box(7 * DAY)
    for _ in range(13):
        await box.live(DAY)
    assert len(box.runs) == 2


async def test_what_was_missed_is_made_up_for_at_once() -> None:
    box = Box(7 * DAY)
    await box.live(2 * FIRST_S)
    box.clock.micros += 30 * DAY * SECOND
    await box.live(1)
    assert len(box.runs) == 2


async def test_a_failure_is_tried_again_every_hour() -> None:
    box = Box(7 * DAY, fails=True)
    await box.live(5 * RETRY_S)
    assert 3 <= len(box.runs) <= 5
    box.fails = False
    await box.live(2 * RETRY_S)
    count = len(box.runs)
    await box.live(3 * DAY)
    assert len(box.runs) == count


async def test_without_duties_it_ends() -> None:
    store, clock, jobs = MemoryStore(), ManualClock(), TaskJobs()
    await Keeping(store, jobs, clock, Bell(clock, jobs, 0), []).run()
