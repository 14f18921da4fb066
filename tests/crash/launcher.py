"""A process that imports everything once and then forks for each job: starting Python fifty times would take the time.

One JSON job a line on standard input; answers the child's pid, then its wait status, each on a line.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.core.volumes import ROOT_NAME
from cyfs_edge.store.chunk_files import sync_directory
from cyfs_edge.store.lmdb_store import LmdbStore, RemoteOptions, StoreOptions
from cyfs_edge.store.space import Space
from cyfs_edge.store.writer import BatchLimits
from tests.crash.shim import Shim
from tests.crash.workload import INLINE_MAX, Op, operations, perform, work
from tests.s3_server import storage_at
from tests.storekit.kit import gathered, read_chunk

REPOSITORY = Path(__file__).parents[2]

PLENTY = 1 << 40


class SystemClock:
    def now(self) -> int:
        return bucky_from_unix(time.time())

    def monotonic(self) -> float:
        return time.monotonic()


def _plenty(path: Path) -> Space:
    return Space(PLENTY, PLENTY)


def open_store(
    directory: Path, *, sync: bool = True, space: Callable[[Path], Space] = _plenty, s3: str | None = None
) -> LmdbStore:
    """``s3``: address of the server that is to have the large chunks."""
    # Lazy values are committed soon, so that a short run sees such commits too.
    limits = BatchLimits(lazy_seconds=0.02)
    remote = None if s3 is None else RemoteOptions(storage_at(s3, directory.parent.name), cache_size=300_000)
    options = StoreOptions(floor=0, inline_max=INLINE_MAX, sync=sync, limits=limits, space=space, remote=remote)
    return LmdbStore.open(directory, clock=SystemClock(), options=options)


async def open_with_volume(job: dict[str, Any], **options: Any) -> LmdbStore:
    """With a volume in the folder ``job["volume"]``, which is added when it is new."""
    store = open_store(Path(job["directory"]), **options)
    path = job.get("volume")
    if path is not None and len(store.volumes.states()) == 1:
        # Where a disk is mounted has been there for long.
        Path(path).mkdir(exist_ok=True)
        sync_directory(Path(path).parent)
        await store.volumes.add(path, same_disk=True)
    return store


def volume_of(store: LmdbStore) -> str:
    (name,) = (place.name for place in store.volumes.states() if place.name != ROOT_NAME)
    return name


async def drain_again_and_again(store: LmdbStore) -> None:
    """Chunks go to the volume and away from it, all the time."""
    name = volume_of(store)
    while True:
        await store.volumes.drain(name)
        await store.volumes.set_draining(name, False)
        await asyncio.sleep(0.02)


async def put_until_killed(job: dict[str, Any]) -> None:
    """Writes "worker index" a line for each answer. The file outlives a kill, as all that was written does."""
    acks = os.open(job["acks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    store = await open_with_volume(job, s3=job.get("s3"))
    running = [work(store, job["seed"], job["workers"], lambda worker, index: _line(acks, f"{worker} {index}"))]
    if "volume" in job:
        running.append(drain_again_and_again(store))
    await asyncio.gather(*running)


async def record_run(job: dict[str, Any]) -> None:
    """Some operations under the recording shim, each answer marked in the record. Halfway the store is opened anew."""
    shim = Shim()
    shim.watch(Path(job["directory"]).parent)
    shim.record(Path(job["record"]))
    half, count = job["count"] // 2, job["count"]
    try:
        for start, end in ((0, half), (half, count)):
            store = await open_with_volume(job, sync=job["sync"])
            if job["fail_at"] and not start:
                shim.fail(job["fail_at"], 1, errno.EIO, syncs_only=True)
            try:
                running = [work(store, job["seed"], job["workers"], lambda w, i: shim.mark(f"{w} {i}"), start, end)]
                if "volume" in job and start:
                    running.append(_drain(store))
                await asyncio.gather(*running)
            finally:
                await store.close()
    except CyfsError:
        if not shim.fired:
            raise


async def run_with_fault(job: dict[str, Any]) -> None:
    """Opens a new store and works, while the chosen calls fail. Writes what happened to each operation, a line each.

    With a volume only calls on its disk fail.
    """
    results = os.open(job["acks"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    shim = Shim()
    directory = Path(job["directory"])
    volume = job.get("volume")
    if volume is not None:
        await (await open_with_volume(job)).close()
    shim.watch(directory.parent if volume is None else Path(volume))
    shim.fail(job["fail_at"], job["fail_count"], job["error"])
    fired_before = 0

    def space(path: Path) -> Space:
        # A write that was cut short is a full disk when statvfs says so too.
        return Space(0 if not job["error"] and shim.fired > fired_before else PLENTY, PLENTY)

    try:
        store = open_store(directory, space=space)
    except CyfsError as error:
        _line(results, f"open {int(error.code)} {error.message}")
        _line(results, f"fired {shim.fired}")
        return
    for index, op in enumerate(operations(job["seed"], 0, 1)):
        if index == job["count"]:
            break
        fired_before = shim.fired
        try:
            await perform(store, op)
            _line(results, f"ack {index}")
        except CyfsError as error:
            _line(results, f"error {index} {int(error.code)} {error.message}")
            await read_all(store)
            if index == job["count"] - 1 and store.failure is None:
                await _try_again(store, op, job["fail_count"])
                _line(results, f"ack {index}")
    _line(results, f"failure {'none' if store.failure is None else int(store.failure.code)}")
    await store.close()
    _line(results, f"fired {shim.fired}")


async def _drain(store: LmdbStore) -> None:
    await store.volumes.drain(volume_of(store))


async def _try_again(store: LmdbStore, op: Op, most: int) -> None:
    """The last one, until the calls that fail are over: the store has recovered."""
    for left in range(most, -1, -1):
        try:
            await perform(store, op)
        except CyfsError:
            if not left:
                raise
        else:
            return


async def read_all(store: LmdbStore) -> None:
    """What is there stays readable, unless LMDB refuses since a meta page failed; then the store says so."""
    try:
        for object_id in await gathered(store.objects.list_ids()):
            assert await store.objects.get(object_id) is not None
        for chunk_id in await gathered(store.chunks.list_ids()):
            assert await read_chunk(store, ChunkId(chunk_id)) is not None
    except CyfsError:
        if store.failure is None:
            raise


def _line(fd: int, text: str) -> None:
    os.write(fd, text.replace("\n", " ").encode() + b"\n")


JOBS = {"put": put_until_killed, "record": record_run, "fault": run_with_fault}


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            try:
                asyncio.run(JOBS[job["kind"]](job))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


class Launcher:
    """The other end: starts the process, hands it jobs one at a time."""

    def __init__(self, preload: Path | None = None) -> None:
        environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
        if preload is not None:
            environment["LD_PRELOAD"] = str(preload)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=REPOSITORY,
            env=environment,
            text=True,
        )

    def start(self, **job: Any) -> int:
        """The pid of the job's process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job, default=str) + "\n")
        self._process.stdin.flush()
        return int(self._read())

    def wait(self) -> int:
        """How the job ended: 0, or minus the signal, or a positive exit code."""
        return os.waitstatus_to_exitcode(int(self._read()))

    def run(self, **job: Any) -> int:
        self.start(**job)
        return self.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    main()
