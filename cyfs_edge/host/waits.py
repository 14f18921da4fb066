"""Mutexes and bells of the event loop (port ``Waits``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

T = TypeVar("T")


class AsyncMutex:
    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(self, *error: object) -> None:
        self._lock.release()


class AsyncBell:
    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait((future,), timeout=seconds)
        finally:
            self._waiting.discard(future)


class AsyncWaits:
    __slots__ = ()

    def mutex(self) -> AsyncMutex:
        return AsyncMutex()

    def bell(self) -> AsyncBell:
        return AsyncBell()

    async def pause(self) -> None:
        """Gives everything else that is due a turn."""
        await asyncio.sleep(0)

    async def all(self, work: Sequence[Awaitable[T]]) -> list[T]:
        results = await asyncio.gather(*work, return_exceptions=True)
        done: list[T] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            done.append(result)
        return done
