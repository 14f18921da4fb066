"""What the node does by itself to keep its data safe: backups and scrubs when they are due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cyfs_edge.core.jobs import Job, Jobs
from cyfs_edge.core.ports import Bell, Clock, Store
from cyfs_edge.core.scrub import last_run

LOOK_S = 300.0
"""Seconds between two looks whether something is due."""
FIRST_S = 3600
"""What never ran is due an hour after the start, so that a start is not slowed down."""
RETRY_S = 3600
"""What failed is tried again after so long, or after its usual time when that is shorter."""


@dataclass(frozen=True, slots=True)
class Duty:
    """``name``: that of its record; ``every``: seconds; ``work``: one run, as a job of the kind."""

    name: str
    kind: str
    every: int
    work: Callable[[Job], Awaitable[object]]


class Keeping:
    """Starts duties as jobs. What was done last is read from the records, so that a restart changes nothing."""

    def __init__(self, store: Store, jobs: Jobs, clock: Clock, bell: Bell, duties: list[Duty]) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._bell = bell
        self._duties = duties
        self._started = clock.now()
        self._tried: dict[str, int] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        while self._duties:
            await self.look()
            await self._bell.wait(LOOK_S)

    async def look(self) -> list[Job]:
        """Starts what is due now."""
        started = []
        for duty in self._duties:
            if await self._is_due(duty):
                self._tried[duty.name] = self._clock.now()
                started.append(self._jobs.start(duty.kind, duty.work))
        return started

    async def _is_due(self, duty: Duty) -> bool:
        now, every = self._clock.now(), duty.every * 1_000_000
        tried = self._tried.get(duty.name)
        if tried is not None and now - tried < min(RETRY_S * 1_000_000, every):
            return False
        last = await last_run(self._store, duty.name)
        if last is None:
            return now - self._started >= min(FIRST_S * 1_000_000, every)
        time = last.get("time")
        if not isinstance(time, int) or last.get("error") is not None:
            return tried is None or now - tried >= min(RETRY_S * 1_000_000, every)
        return now - time >= every
