"""The bounded pool for what may wait on the disk or takes long: chunk files, scans, big hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode

P = ParamSpec("P")
T = TypeVar("T")


class IoPool:
    __slots__ = ("_executor",)

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="store-io")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._submit(partial(work, *args, **kwargs)))

    async def run_owned(self, work: Callable[[], T], dispose: Callable[[T], None]) -> T:
        """As :meth:`run`; what ``work`` gives is disposed of when the caller is cancelled before it gets it."""
        future = self._submit(work)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(partial(_dispose, dispose))
            raise

    def submit(self, work: Callable[[], None]) -> None:
        """Nobody waits for it. ``ERROR_STATE`` when it is closed."""
        self._submit(work)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        try:
            return self._executor.submit(work)
        except RuntimeError:
            raise CyfsError(ErrorCode.ERROR_STATE, "the store is closed") from None

    def close(self) -> None:
        """Waits for what runs."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _dispose(dispose: Callable[[T], None], future: Future[T]) -> None:
    # Called when work that could not be cancelled any more is done; work that never began has nothing to dispose of.
    if not future.cancelled() and future.exception() is None:
        dispose(future.result())
