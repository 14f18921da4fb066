"""What coroutines wait on: several at once give their results in order, and none is left behind."""

from __future__ import annotations

import asyncio

import pytest

from cyfs_edge.host.waits import AsyncWaits


async def test_all_runs_at_once_and_keeps_the_order() -> None:
    started: list[int] = []
    go = asyncio.Event()

    async def work(number: int) -> int:
        started.append(number)
        if number == 2:
            go.set()
        await go.wait()
        return number

    assert await AsyncWaits().all([work(number) for number in range(3)]) == [0, 1, 2]
    assert await AsyncWaits().all([]) == []


async def test_the_first_error_is_raised_when_all_are_done() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)
        if number != 1:
            raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        await AsyncWaits().all([work(number) for number in range(3)])
    assert sorted(done) == [0, 1, 2]
