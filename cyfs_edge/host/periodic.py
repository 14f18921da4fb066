"""Work that comes around by itself, for as long as the node runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

_log = logging.getLogger("cyfs.periodic")


class Periodic:
    """Calls ``start`` every ``seconds``, the first time after ``first``. What ``start`` raises is logged."""

    __slots__ = ("_task",)

    def __init__(self, name: str, start: Callable[[], object], *, seconds: float, first: float) -> None:
        self._task = asyncio.get_running_loop().create_task(_run(name, start, seconds, first))

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def _run(name: str, start: Callable[[], object], seconds: float, first: float) -> None:
    await asyncio.sleep(first)
    while True:
        try:
            start()
        except Exception:
            _log.exception("%s could not be started", name)
        await asyncio.sleep(seconds)
