"""Tests on both event loops: asyncio's own, and uvloop, which serves in production."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
TIME_LIMIT = 60.0


async def until(condition: Callable[[], object]) -> None:
    """Waits for what no event tells; the time limit of the test ends it."""
    while not condition():
        await asyncio.sleep(0.001)


def both_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Runs an async test once on each kind of loop; it fails if it leaves a task or an unhandled exception behind."""

    def run(loop_kind: str, *args: Any, **kwargs: Any) -> None:
        faults: list[dict[str, Any]] = []

        async def guarded() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
            async with asyncio.timeout(TIME_LIMIT):
                await test(*args, **kwargs)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks left behind: {left}"

        with asyncio.Runner(loop_factory=LOOPS[loop_kind]) as runner:
            runner.run(guarded())
        assert not faults, faults

    parameters = [
        inspect.Parameter("loop_kind", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *inspect.signature(test).parameters.values(),
    ]
    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    run.__module__ = test.__module__
    run.pytestmark = list(getattr(test, "pytestmark", []))  # type: ignore[attr-defined]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    decorated: Callable[..., None] = pytest.mark.parametrize("loop_kind", LOOPS)(run)
    return decorated
