"""Jobs as tasks of the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import count

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.jobs import Job

_log = logging.getLogger("cyfs.jobs")
KEPT_JOBS = 64
"""Finished jobs that are remembered."""


class TaskJobs:
    """:class:`cyfs_edge.core.jobs.Jobs` on asyncio."""

    __slots__ = ("_jobs", "_numbers", "_tasks")

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._numbers = count(1)

    def start(self, kind: str, work: Callable[[Job], Awaitable[object]]) -> Job:
        for job in self._jobs.values():
            if job.kind == kind and job.state == "running":
                return job
        job = Job(f"{kind}-{next(self._numbers)}", kind)
        self._jobs[job.id] = job
        self._tasks[job.id] = asyncio.get_running_loop().create_task(self._run(job, work))
        for old in [old for old in self._jobs.values() if old.state != "running"][:-KEPT_JOBS]:
            del self._jobs[old.id]
        return job

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[object]]) -> None:
        try:
            job.result = await work(job)
            job.state = "done"
        except asyncio.CancelledError:
            job.state = "cancelled"
        except CyfsError as error:
            job.state = "failed"
            job.error = {"code": str(int(error.code)), "msg": error.message}
        except Exception:
            _log.exception("job %s failed", job.id)
            job.state = "failed"
            job.error = {"code": str(int(ErrorCode.INTERNAL_ERROR)), "msg": "internal error; the log says more"}
        finally:
            self._tasks.pop(job.id, None)

    def get(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no job {job_id!r}")
        return job

    def cancel(self, job_id: str) -> Job:
        job = self.get(job_id)
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
        return job

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
