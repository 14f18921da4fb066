"""A write error at the N-th call, for each N: a clear error, nothing acknowledged is lost, and the store opens again.

The store is made and worked on while the N-th call that creates, writes, syncs, renames, cuts or removes one of its
files fails; N goes up until no call fails any more.
"""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from tests.crash.launcher import Launcher, open_store
from tests.crash.workload import Model, operations, perform

SEED = 15
COUNT = 28
HALF_A_WRITE = 0


@dataclass(slots=True)
class Outcome:
    opened: bool = True
    acknowledged: set[int] = field(default_factory=set)
    errors: dict[int, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    failed: bool = False
    fired: int = 0


def _read(path: Path) -> Outcome:
    outcome = Outcome()
    for line in path.read_text().splitlines():
        word, *rest = line.split(" ")
        if word == "ack":
            outcome.acknowledged.add(int(rest[0]))
        elif word == "error":
            outcome.errors[int(rest[0])] = int(rest[1])
            outcome.messages.append(" ".join(rest[2:]))
        elif word == "open":
            outcome.opened = False
            outcome.errors[-1] = int(rest[0])
            outcome.messages.append(" ".join(rest[1:]))
        elif word == "failure":
            outcome.failed = rest[0] != "none"
        elif word == "fired":
            outcome.fired = int(rest[0])
    return outcome


async def _check_what_is_left(directory: Path, outcome: Outcome) -> None:
    model = Model()
    for index, op in zip(range(COUNT), operations(SEED, 0, 1), strict=False):
        if index in outcome.acknowledged:
            model.acknowledged(op)
        elif outcome.opened:
            model.attempted(op)
    store = open_store(directory)
    await model.verify(store)
    # And it takes new things.
    await perform(store, next(operations(SEED + 1, 0, 1)))
    await store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "count"),
    [(errno.ENOSPC, 1), (errno.ENOSPC, 9), (errno.EIO, 1), (HALF_A_WRITE, 1)],
    ids=["full", "full for a while", "disk error", "write cut short"],
)
def test_each_failing_write(shimmed: Launcher, tmp_path: Path, error: int, count: int) -> None:
    full = error != errno.EIO
    codes = {ErrorCode.OUT_OF_LIMIT if full else ErrorCode.IO_ERROR}
    unseen = stopped = opened = number = 0
    while True:
        number += 1
        directory, results = tmp_path / f"{number}" / "store", tmp_path / f"{number}-results"
        directory.parent.mkdir()
        status = shimmed.run(
            kind="fault",
            directory=directory,
            acks=results,
            seed=SEED,
            count=COUNT,
            fail_at=number,
            fail_count=count,
            error=error,
        )
        assert status == 0, f"call {number}: the process did not survive"
        outcome = _read(results)
        if not outcome.fired:
            break
        opened += outcome.opened
        stopped += outcome.failed
        unseen += not outcome.errors
        if not outcome.opened and error == HALF_A_WRITE:
            assert set(outcome.errors.values()) <= {*codes, ErrorCode.IO_ERROR}
        elif not outcome.failed:
            assert set(outcome.errors.values()) <= codes, f"call {number}: {outcome.messages}"
            assert not outcome.opened or COUNT - 1 in outcome.acknowledged, f"call {number}: it did not recover"
        else:
            assert set(outcome.errors.values()) <= {*codes, ErrorCode.IO_ERROR}
        asyncio.run(_check_what_is_left(directory, outcome))
    print(
        f"{number - 1} calls failed in turn: {opened} stores opened, {stopped} stopped writing, {unseen} went unnoticed"
    )
    assert outcome.acknowledged == set(range(COUNT))
    assert number > 60
    assert opened > 30
    # Only removing files, and the commits of what was lazy, fail without anybody waiting for it.
    assert unseen < number / 6


@pytest.mark.slow
def test_each_failing_write_on_a_volume(shimmed: Launcher, tmp_path: Path) -> None:
    """Whatever fails on another disk, the store itself goes on writing."""
    number = 0
    while True:
        number += 1
        folder = tmp_path / f"{number}"
        folder.mkdir()
        status = shimmed.run(
            kind="fault",
            directory=folder / "store",
            volume=folder / "disk",
            acks=folder / "results",
            seed=SEED,
            count=COUNT,
            fail_at=number,
            fail_count=1,
            error=errno.EIO,
        )
        assert status == 0, f"call {number}: the process did not survive"
        outcome = _read(folder / "results")
        if not outcome.fired:
            break
        assert outcome.opened
        assert not outcome.failed, f"call {number}: {outcome.messages}"
        assert set(outcome.errors.values()) <= {ErrorCode.ERROR_STATE, ErrorCode.IO_ERROR}, outcome.messages
        asyncio.run(_check_what_is_left(folder / "store", outcome))
    print(f"{number - 1} calls on the disk of a volume failed in turn")
    assert number > 10
