"""The one writer: a thread that runs operations in order and shares one synced commit among all that wait.

While a commit is on its way to the disk the next operations gather, so a batch is as large as the disk is slow and the
first waiter never waits for company. Every commit is synced; docs/storage.md, "Durability", says why.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Clock, Durability
from cyfs_edge.store.chunk_place import Written
from cyfs_edge.store.committer import Committer, Operation, copy_error
from cyfs_edge.store.space import MIB
from cyfs_edge.store.view import View

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch ends at ``count`` operations or ``bytes``; lazy values wait for ``lazy_seconds`` or ``lazy_bytes``."""

    count: int = 512
    bytes: int = 16 * MIB
    lazy_seconds: float = 5.0
    lazy_bytes: int = 2 * MIB


class Writer:
    """``submit`` belongs to event loops, ``start`` and ``stop`` to the owner of the store; the rest is the thread's."""

    __slots__ = ("_clock", "_committer", "_limits", "_queue", "_stopping", "_thread", "_wake")

    def __init__(self, committer: Committer, clock: Clock, limits: BatchLimits) -> None:
        self._committer = committer
        self._clock = clock
        self._limits = limits
        self._queue: deque[Operation] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        # A daemon: what it has not committed was not acknowledged as durable.
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after everything submitted so far, lazy values included. Blocks."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def bytes_written(self) -> int:
        """Bytes that the thread made the system write, as the kernel counts them; 0 where it does not."""
        try:
            with open(f"/proc/self/task/{self._thread.native_id}/io", "rb") as file:
                for line in file:
                    if line.startswith(b"write_bytes:"):
                        return int(line.split()[1])
        except OSError:
            pass
        return 0

    async def submit(
        self, run: Callable[[View], T], durability: Durability, size: int = 0, temps: tuple[Written, ...] = ()
    ) -> T:
        """Runs ``run`` in the writer's order and gives its result once that is as durable as asked.

        ``size``: bytes it will write, about. ``temps``: what it may place; it is the writer's from here on.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        op = Operation(run, durability is Durability.DURABLE, size, loop, future, temps)
        with self._wake:
            refusal = self._refusal()
            if refusal is None:
                self._queue.append(op)
                self._wake.notify()
        if refusal is not None:
            self._committer.give_up([op], refusal)
            raise copy_error(refusal)
        return await future

    def _refusal(self) -> CyfsError | None:
        if self._stopping:
            return CyfsError(ErrorCode.ERROR_STATE, "the store is closed")
        return self._committer.failure

    def _work(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._run(batch)
        if self._committer.lazy_bytes:
            self._run([])

    def _run(self, batch: list[Operation]) -> None:
        try:
            if self._may_wait(batch):
                self._committer.apply_lazily(batch)
            else:
                self._committer.commit(batch)
        except Exception as error:
            # Not foreseen: what the batch did is unknown, so nothing may be built on it.
            self._committer.give_up(batch, self._committer.stop_writing(repr(error)))
        self._deliver(batch)

    def _may_wait(self, batch: list[Operation]) -> bool:
        if not batch or self._committer.failure is not None or self._committer.lazy_bytes >= self._limits.lazy_bytes:
            return False
        return not any(op.durable for op in batch)

    def _next_batch(self) -> list[Operation] | None:
        """The operations to run next, none when lazy values have waited long enough; ``None`` at the end."""
        committer = self._committer
        with self._wake:
            while not self._queue:
                if self._stopping:
                    return None
                wait = None
                if committer.lazy_bytes and committer.failure is None:
                    wait = committer.lazy_since + self._limits.lazy_seconds - self._clock.monotonic()
                    if wait <= 0:
                        return []
                self._wake.wait(wait)
            batch: list[Operation] = []
            size = 0
            while self._queue and len(batch) < self._limits.count and size < self._limits.bytes:
                batch.append(self._queue.popleft())
                size += batch[-1].size
            return batch

    def _deliver(self, batch: list[Operation]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Operation]] = {}
        for op in batch:
            by_loop.setdefault(op.loop, []).append(op)
        for loop, ops in by_loop.items():
            try:
                loop.call_soon_threadsafe(_settle, ops)
            except RuntimeError:
                continue  # the loop is closed: nobody waits any more


def _settle(batch: list[Operation]) -> None:
    for op in batch:
        if op.future.done():
            continue
        if op.error is not None:
            op.future.set_exception(op.error)
        else:
            op.future.set_result(op.result)
