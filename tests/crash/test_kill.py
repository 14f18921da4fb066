"""kill -9 at random moments under load: every acknowledged durable put is there, the store opens, scrub is clean.

``CYFS_KILL_ROUNDS`` sets the number of rounds; the store is kept over all of them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.crash.launcher import Launcher, open_store
from tests.crash.workload import Model, take

ROUNDS = int(os.environ.get("CYFS_KILL_ROUNDS", "60"))


@pytest.mark.slow
@pytest.mark.timeout(60 + ROUNDS * 2)
def test_nothing_acknowledged_is_lost(launcher: Launcher, tmp_path: Path) -> None:
    _kill_again_and_again(launcher, tmp_path, ROUNDS)


@pytest.mark.slow
@pytest.mark.timeout(60 + ROUNDS * 2)
def test_nothing_is_lost_on_a_volume_that_is_filled_and_drained(launcher: Launcher, tmp_path: Path) -> None:
    """Each round chunks are put on a volume and moved back from it, and the process is killed in the middle."""
    _kill_again_and_again(launcher, tmp_path, ROUNDS // 3, volume=tmp_path / "disk")


def _kill_again_and_again(launcher: Launcher, tmp_path: Path, rounds: int, **options: Path) -> None:
    directory = tmp_path / "store"
    model = Model()
    random = Random(20)
    total = 0
    for number in range(1, rounds + 1):
        acks = tmp_path / f"acks-{number}"
        acks.touch()
        workers = random.choice((1, 4, 8))
        pid = launcher.start(kind="put", directory=directory, acks=acks, seed=number, workers=workers, **options)
        if random.random() < 0.8:
            _wait_for_content(acks)  # else it may be killed while it opens the store
        time.sleep(random.expovariate(1 / 0.08))
        os.kill(pid, signal.SIGKILL)
        assert launcher.wait() == -signal.SIGKILL
        answered = Counter(int(line.split()[0]) for line in acks.read_text().splitlines())
        total += sum(answered.values())
        take(model, number, workers, answered)
        asyncio.run(_verify(model, directory))
    print(f"{rounds} kills, {total} acknowledged operations, none lost")
    assert total > rounds * 10


def _wait_for_content(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def _verify(model: Model, directory: Path) -> None:
    store = open_store(directory)
    await model.verify(store)
    await store.close()
