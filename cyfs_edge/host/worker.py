"""Threads for CPU-bound work, and randomness."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

WORKERS = 2


class ThreadWorker:
    """Hashes and signs off the event loop; OpenSSL and libsecp256k1 release the interpreter meanwhile."""

    __slots__ = ("_pool",)

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="worker")

    async def run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class SystemRandom:
    __slots__ = ()

    def bytes(self, size: int) -> bytes:
        return os.urandom(size)
