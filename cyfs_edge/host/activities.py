"""Coroutines beside one another, as tasks of the event loop (port ``Activities``)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

_log = logging.getLogger("cyfs.activities")


class LoopActivity:
    __slots__ = ("_task",)

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._task = task

    def cancel(self) -> None:
        self._task.cancel()

    async def join(self) -> None:
        await asyncio.wait((self._task,))


class LoopActivities:
    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> LoopActivity:
        task = asyncio.get_running_loop().create_task(_of_any(work))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return LoopActivity(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("an activity failed", exc_info=error)

    async def close(self) -> None:
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _of_any(work: Coroutine[object, object, None]) -> None:
    await work
