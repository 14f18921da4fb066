"""Random sessions on one state against a plain dict: what is committed is there, what is not leaves no trace.

Two sessions work at a time, on maps and sets. At any point the node may crash: between two calls, and in a commit
before or after the store has it. Nothing but the store survives that; on LMDB it is a copy of the files as they are
then, opened without the old ones having been closed.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.ports import OBJECT_LEASE, ObjectRecord, RootChange, RootRecord, StateStore
from cyfs_edge.core.space import SpaceService
from cyfs_edge.core.state.op_env import OpEnv, WriteBudget
from cyfs_edge.core.state.path_env import PathEnv
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock
from tests.unit.core.maps.kit import DEC, val
from tests.unit.core.state.kit import State

PLACES = [("/", "a"), ("/d", "a"), ("/d", "b"), ("/d/e", "a")]
SETS = ["/s", "/d/set"]
LISTED = ["/d", "/d/e", *SETS]
VALUES = [val(str(index)) for index in range(3)]
WRITES = ("insert", "set", "remove", "add", "drop")
CRASHES = ("crash", "crash before", "crash after")
STEPS = st.tuples(
    st.sampled_from(
        [
            *WRITES,
            "insert",
            "set",
            "add",
            "get",
            "get",
            "has",
            "list",
            "commit",
            "commit",
            "update",
            "update",
            "abort",
            "collect",
            *CRASHES,
        ]
    ),
    st.integers(0, 1),
    st.sampled_from(PLACES),
    st.sampled_from(VALUES),
    st.sampled_from(SETS),
)
Step = tuple[str, int, tuple[str, str], ObjectId, str]


@dataclass
class Model:
    """What a root holds. Folders and sets stay when they are empty."""

    entries: dict[tuple[str, str], ObjectId] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    sets: dict[str, frozenset[ObjectId]] = field(default_factory=dict)

    def copy(self) -> Model:
        return Model(dict(self.entries), set(self.folders), dict(self.sets))

    def act(self, name: str, place: tuple[str, str], value: ObjectId, at: str) -> object:
        """One operation: its result, or its error code."""
        if name == "list":
            return self._keys(LISTED[VALUES.index(value)] if at == "/s" else at)
        if name in ("add", "drop", "has"):
            return self._member(name, value, at)
        held = self.entries.get(place)
        if name == "insert" and held is not None:
            return ErrorCode.ALREADY_EXISTS
        if name in ("insert", "set"):
            self.entries[place] = value
            self._make_folders(place[0])
        elif name == "remove":
            self.entries.pop(place, None)
        return held

    def _make_folders(self, path: str) -> None:
        self.folders.update(accumulate(f"/{segment}" for segment in path.split("/") if segment))

    def _member(self, name: str, value: ObjectId, at: str) -> object:
        members = self.sets.get(at)
        if members is None:
            if name != "add":
                return ErrorCode.NOT_FOUND
            members = frozenset()
            self._make_folders(at.rpartition("/")[0])
        if name == "has":
            return value in members
        self.sets[at] = members | {value} if name == "add" else members - {value}
        return self.sets[at] != members

    def _keys(self, at: str) -> object:
        if at in self.sets:
            return self.sets[at]
        if at not in self.folders:
            return ErrorCode.NOT_FOUND
        inside = {key for path, key in self.entries if path == at}
        below = {path[len(at) + 1 :] for path in (*self.folders, *self.sets) if path.startswith(at + "/")}
        return inside | {name for name in below if "/" not in name}


@dataclass
class Session:
    """``base``: what was committed when it began; ``seen``: with its own writes; ``done``: those, and what each saw."""

    env: OpEnv
    base: Model
    seen: Model
    done: list[tuple[str, tuple[str, str], ObjectId, str, object]] = field(default_factory=list)


async def perform(env: OpEnv, name: str, place: tuple[str, str], value: ObjectId, at: str) -> object:
    try:
        if name == "insert":
            await env.insert_with_key(*place, value)
            return None
        if name == "set":
            return await env.set_with_key(*place, value, None, True)
        if name == "remove":
            return await env.remove_with_key(*place, None)
        if name == "add":
            return await env.insert(at, value)
        if name == "drop":
            return await env.remove(at, value)
        if name == "has":
            return await env.contains(at, value)
        if name == "list":
            _, items = await env.entries(LISTED[VALUES.index(value)] if at == "/s" else at)
            return {key for key, _ in items}
        return await env.get_by_key(*place)
    except CyfsError as error:
        return error.code


class Crash(Exception):
    """The end of the process, as far as it can see."""


class CutState:
    """A ``StateStore`` whose next commit is cut off: ``before`` the store has it, or ``after``."""

    def __init__(self, inner: StateStore) -> None:
        self._inner = inner
        self.cut: str | None = None

    async def root(self, name: str) -> RootRecord | None:
        return await self._inner.root(name)

    async def commit(self, objects: Sequence[ObjectRecord], change: RootChange | None = None) -> bool:
        if self.cut == "before":
            raise Crash
        done = await self._inner.commit(objects, change)
        if self.cut == "after":
            raise Crash
        return done


class Disk:
    """A store that may be left as it is and found again. This one is in memory, so there is nothing to do."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.store: MemoryStore | LmdbStore = MemoryStore(now=self.clock.now)

    async def crash(self) -> None:
        return


class LmdbDisk(Disk):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.clock = TestClock()
        self.store = self._open()

    def _open(self) -> LmdbStore:
        return LmdbStore.open(self._directory, clock=self.clock, options=StoreOptions(collect_rest=0))

    @property
    def _directory(self) -> Path:
        return self._folder / str(self._count)

    async def crash(self) -> None:
        """The files as the kernel has them are what the death of a process leaves."""
        old, left = self.store, self._directory
        self._count += 1
        shutil.copytree(left, self._directory)
        self.store = self._open()
        await old.close()
        shutil.rmtree(left)


class Run:
    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.committed = Model()

    async def start(self) -> None:
        self.commits = CutState(self.disk.store.state)
        self.state = State(self.disk.store, self.commits, self.disk.clock)
        await self.state.roots.make_dec_root(DEC)
        self.sessions: list[Session | None] = [None, None]

    async def step(self, name: str, which: int, place: tuple[str, str], value: ObjectId, at: str) -> None:
        session = self.sessions[which]
        if name == "crash":
            await self.crash()
            return
        if name == "collect":
            await self.collect()
            return
        if session is None:
            session = self.sessions[which] = Session(
                self.state.open(PathEnv), self.committed.copy(), self.committed.copy()
            )
            await session.env.current_root()
        if name.startswith("crash"):
            self.commits.cut = name.split()[1]
            await self.save(session)
            await self.crash()
        elif name in ("commit", "update"):
            await self.save(session)
            if name == "commit":
                session.env.close()
                self.sessions[which] = None
            await self.check()
        elif name == "abort":
            session.env.close()
            self.sessions[which] = None
        else:
            expected = session.seen.act(name, place, value, at)
            assert await perform(session.env, name, place, value, at) == expected
            if name in WRITES and not isinstance(expected, ErrorCode):
                session.done.append((name, place, value, at, expected))

    async def collect(self) -> None:
        """With all leases over, so that whatever no root and no session needs is gone."""
        self.disk.clock.time += OBJECT_LEASE + 1
        held = [session.env.held_ids for session in self.sessions if session is not None]
        await SpaceService(self.disk.store, self.state.maps, self.disk.clock, held).collect()
        await self.check()

    async def crash(self) -> None:
        await self.disk.crash()
        await self.start()
        await self.check()

    async def save(self, session: Session) -> None:
        """The writes of the session are done again on what is committed by then, and must see the same."""
        merged = self.committed.copy()
        expected: object = None
        if session.seen == session.base:
            await session.env.update()  # its writes, if any, cancelled one another out
            return
        for name, place, value, at, saw in session.done:
            result = merged.act(name, place, value, at)
            if result != saw:
                expected = result if isinstance(result, ErrorCode) else ErrorCode.CONFLICT
                break
        if expected is not None:
            with pytest.raises(CyfsError) as raised:
                await session.env.update()
            assert raised.value.code == expected
            return
        try:
            await session.env.update()
        except Crash:
            if self.commits.cut == "before":
                return
        self.committed = merged
        session.base, session.seen = merged.copy(), merged.copy()
        session.done.clear()

    async def check(self) -> None:
        tree = await PathTree.open(self.state.roots.context, await self.state.dec_root())
        for place in PLACES:
            assert await tree.get(*place) == self.committed.entries.get(place)
        for at in SETS:
            members = self.committed.sets.get(at)
            if members is None:
                assert await tree.get_by_path(at) is None
            else:
                assert {key for key, _ in await tree.entries(at)} == members


async def run(disk: Disk, steps: list[Step]) -> None:
    run = Run(disk)
    await run.start()
    for step in steps:
        await run.step(*step)
    for session in run.sessions:
        if session is not None:
            session.env.close()
    assert run.state.budget == WriteBudget()


async def lmdb_run(folder: Path, steps: list[Step]) -> None:
    disk = LmdbDisk(folder)
    await run(disk, steps)
    assert (await disk.store.scrub()).problems == []
    await disk.store.close()


@contextmanager
def quick_folder() -> Iterator[Path]:
    """In memory where there is a place for that: nothing here depends on a disk being slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="cyfs-state-model-", dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def on_memory(steps: list[Step]) -> None:
    asyncio.run(run(Disk(), steps))


def on_lmdb(steps: list[Step]) -> None:
    with quick_folder() as folder:
        asyncio.run(lmdb_run(folder, steps))


SEQUENCES = st.lists(STEPS, min_size=20, max_size=60)


@pytest.mark.parametrize("on_store", [on_memory, on_lmdb])
def test_sessions_and_crashes(on_store: Callable[[list[Step]], None]) -> None:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(SEQUENCES)
    def sequence(steps: list[Step]) -> None:
        on_store(steps)

    sequence()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("on_store", [on_memory, on_lmdb])
def test_a_thousand_sequences_of_sessions_and_crashes(on_store: Callable[[list[Step]], None]) -> None:
    @settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
    @given(SEQUENCES)
    def sequence(steps: list[Step]) -> None:
        on_store(steps)

    sequence()
