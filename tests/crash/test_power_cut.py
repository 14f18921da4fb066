"""A power cut at any moment: every put acknowledged by then is there, the store opens, scrub is clean.

A run is recorded by the shim; images of what a disk may hold at moments of it are opened (``replay.py`` says what may
be lost). ``CYFS_POWER_CUTS`` sets the number of images.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from cyfs_edge.base.errors import CyfsError
from tests.crash.launcher import Launcher, open_store
from tests.crash.replay import Disk, Event, read_record
from tests.crash.workload import Model, take

CUTS = int(os.environ.get("CYFS_POWER_CUTS", "400"))
WORKERS = 4
COUNT = 14


def _record(
    launcher: Launcher, folder: Path, seed: int, *, sync: bool = True, fail_at: int = 0, volume: bool = False
) -> list[Event]:
    """The events of one run; its files are gone afterwards."""
    root = folder / f"root-{seed}-{fail_at}"
    root.mkdir()
    record = folder / f"record-{seed}-{fail_at}"
    status = launcher.run(
        kind="record",
        directory=root / "store",
        record=record,
        seed=seed,
        workers=WORKERS,
        count=COUNT,
        sync=sync,
        fail_at=fail_at,
        **({"volume": root / "disk"} if volume else {}),
    )
    assert status == 0
    shutil.rmtree(root)
    return read_record(record)


async def _look(image: Path, seed: int, marks: list[str]) -> None:
    """Opens the image and compares it with what was acknowledged."""
    model = Model()
    take(model, seed, WORKERS, Counter(int(mark.split()[0]) for mark in marks))
    store = open_store(image / "store")
    try:
        await model.verify(store)
    finally:
        await store.close()


def _cut_at(events: list[Event], root: Path, image: Path, seed: int, moments: list[int], random: Random) -> list[str]:
    """Cuts the power after each of these numbers of events; what was found wrong, one line each."""
    disk = Disk(root)
    wrong = []
    applied = 0
    for moment in sorted(moments):
        for event in events[applied:moment]:
            disk.apply(event)
        applied = moment
        disk.cut(image, random)
        try:
            asyncio.run(_look(image, seed, disk.marks))
        except (AssertionError, CyfsError) as error:
            wrong.append(f"seed {seed}, after {moment} of {len(events)} events: {error}")
        shutil.rmtree(image)
    return wrong


@pytest.mark.slow
@pytest.mark.timeout(60 + CUTS)
def test_nothing_acknowledged_is_lost(shimmed: Launcher, tmp_path: Path) -> None:
    runs = 4
    wrong = []
    for seed in range(1, runs + 1):
        events = _record(shimmed, tmp_path, seed)
        assert sum(event.op == "a" for event in events) == WORKERS * COUNT
        assert {event.op for event in events} >= set("owdsrma"), "the run did all kinds of things"
        random = Random(seed)
        moments = random.choices(range(1, len(events) + 1), k=CUTS // runs)
        wrong += _cut_at(events, tmp_path / f"root-{seed}-0", tmp_path / "image", seed, moments, random)
    print(f"{CUTS} power cuts in {runs} runs of {WORKERS * COUNT} operations, {len(wrong)} with a loss")
    assert wrong == []


@pytest.mark.slow
def test_nothing_is_lost_on_a_volume(shimmed: Launcher, tmp_path: Path) -> None:
    """The volume is made, filled and drained in the run. Its disk and that of the store lose their power together."""
    seed = 6
    events = _record(shimmed, tmp_path, seed, volume=True)
    assert sum(event.op == "a" for event in events) == WORKERS * COUNT
    assert any(event.op == "r" and b"/disk/cyfs-volume/chunks/" in event.path for event in events)
    random = Random(seed)
    moments = random.choices(range(1, len(events) + 1), k=CUTS // 4)
    # Looked at where the run was, for the store knows the path of its volume.
    root = tmp_path / f"root-{seed}-0"
    assert _cut_at(events, root, root, seed, moments, random) == []


@pytest.mark.slow
def test_the_syncs_of_a_volume_matter(shimmed: Launcher, tmp_path: Path) -> None:
    seed = 6
    events = _record(shimmed, tmp_path, seed, volume=True)
    opened = {event.file: event for event in events if event.op == "o"}
    left = [event for event in events if event.op != "s" or b"/disk/" not in opened[event.file].path]
    assert len(left) < len(events)
    random = Random(3)
    moments = random.choices(range(len(left) // 3, len(left) * 2 // 3), k=20)
    root = tmp_path / f"root-{seed}-0"
    assert _cut_at(left, root, root, seed, moments, random) != []


@pytest.mark.slow
def test_a_power_cut_while_the_store_is_made(shimmed: Launcher, tmp_path: Path) -> None:
    """At every moment of making it, several times: what is found is no store, or a sound one."""
    events = _record(shimmed, tmp_path, 1)
    made = next(index for index, event in enumerate(events) if event.op == "a")
    moments = [moment for moment in range(1, made + 1) for _ in range(5)]
    wrong = _cut_at(events, tmp_path / "root-1-0", tmp_path / "image", 1, moments, Random(4))
    assert wrong == []


@pytest.mark.slow
def test_a_store_without_sync_is_found_out(shimmed: Launcher, tmp_path: Path) -> None:
    """The test above can fail: it does on a store that does not sync."""
    events = _record(shimmed, tmp_path, 1, sync=False)
    random = Random(1)
    moments = random.choices(range(len(events) // 2, len(events) + 1), k=20)
    wrong = _cut_at(events, tmp_path / "root-1-0", tmp_path / "image", 1, moments, random)
    print(f"without sync {len(wrong)} of 20 power cuts lost something, such as: {wrong[0] if wrong else ''}")
    assert len(wrong) > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["of all folders", "of the chunks folder", "of chunk files", "of the database"])
def test_leaving_out_one_kind_of_sync_is_found_out(shimmed: Launcher, tmp_path: Path, kind: str) -> None:
    """Each of the syncs matters: with all of one kind taken out of the record something is lost."""
    seed = 2
    events = _record(shimmed, tmp_path, seed)
    root = tmp_path / f"root-{seed}-0"
    opened = {event.file: event for event in events if event.op == "o"}

    def keep(event: Event) -> bool:
        if event.op != "s":
            return True
        path = opened[event.file].path
        folder = bool(opened[event.file].offset & os.O_DIRECTORY)
        left_out = {
            "of all folders": folder,
            "of the chunks folder": path.endswith(b"/chunks"),
            "of chunk files": b"/chunks/tmp/" in path,
            "of the database": path.endswith(b"/data.mdb"),
        }
        return not left_out[kind]

    random = Random(3)
    left = [event for event in events if keep(event)]
    assert len(left) < len(events)
    moments = random.choices(range(len(left) // 2, len(left) + 1), k=20)
    assert _cut_at(left, root, tmp_path / "image", seed, moments, random) != []


@pytest.mark.slow
def test_a_power_cut_after_a_failed_sync(shimmed: Launcher, tmp_path: Path) -> None:
    """What a failed sync dropped is never acknowledged, and nothing acknowledged later leans on it."""
    wrong = []
    for fail_at in range(1, 25):
        events = _record(shimmed, tmp_path, 5, fail_at=fail_at)
        first = next(index for index, event in enumerate(events) if event.op == "x")
        random = Random(fail_at)
        moments = random.choices(range(first, len(events) + 1), k=5)
        wrong += _cut_at(events, tmp_path / f"root-5-{fail_at}", tmp_path / "image", 5, moments, random)
    assert wrong == []
