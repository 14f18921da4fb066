"""Random sessions on one state against a plain dict: what is committed is there, what is not leaves no trace.

Two sessions work at a time; a restart takes the place of a crash, since nothing but the store survives it.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.state.op_env import OpEnv
from cyfs_edge.core.state.path_env import PathEnv
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock
from tests.unit.core.maps.kit import DEC, val
from tests.unit.core.state.kit import State

PLACES = [("/", "a"), ("/d", "a"), ("/d", "b"), ("/d/e", "a")]
VALUES = [val(str(index)) for index in range(3)]
STEPS = st.tuples(
    st.sampled_from(["insert", "set", "remove", "get", "get", "insert", "set", "commit", "update", "abort", "restart"]),
    st.integers(0, 1),
    st.sampled_from(PLACES),
    st.sampled_from(VALUES),
)
Step = tuple[str, int, tuple[str, str], ObjectId]


@dataclass
class Model:
    """What a root holds. Directories stay when they are empty."""

    entries: dict[tuple[str, str], ObjectId] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def copy(self) -> Model:
        return Model(dict(self.entries), set(self.folders))

    def act(self, name: str, place: tuple[str, str], value: ObjectId) -> object:
        """One operation: its result, or its error code."""
        held = self.entries.get(place)
        if name == "insert" and held is not None:
            return ErrorCode.ALREADY_EXISTS
        if name in ("insert", "set"):
            self.entries[place] = value
            self.folders.update(accumulate(f"/{segment}" for segment in place[0].split("/") if segment))
        elif name == "remove":
            self.entries.pop(place, None)
        return held


@dataclass
class Session:
    """``base``: what was committed when it began; ``seen``: with its own writes; ``done``: those, and what each saw."""

    env: OpEnv
    base: Model
    seen: Model
    done: list[tuple[str, tuple[str, str], ObjectId, object]] = field(default_factory=list)


async def perform(env: OpEnv, name: str, place: tuple[str, str], value: ObjectId) -> object:
    try:
        if name == "insert":
            await env.insert_with_key(*place, value)
            return None
        if name == "set":
            return await env.set_with_key(*place, value, None, True)
        if name == "remove":
            return await env.remove_with_key(*place, None)
        return await env.get_by_key(*place)
    except CyfsError as error:
        return error.code


class Run:
    def __init__(self, store: MemoryStore | LmdbStore, clock: TestClock | None = None) -> None:
        self.store = store
        self.clock = clock
        self.committed = Model()

    async def start(self) -> None:
        self.state = State(self.store, self.clock)
        await self.state.roots.make_dec_root(DEC)
        self.sessions: list[Session | None] = [None, None]

    async def step(self, name: str, which: int, place: tuple[str, str], value: ObjectId) -> None:
        session = self.sessions[which]
        if name == "restart":
            await self.start()
            await self.check()
            return
        if session is None:
            session = self.sessions[which] = Session(
                self.state.open(PathEnv), self.committed.copy(), self.committed.copy()
            )
            await session.env.current_root()
        if name in ("commit", "update"):
            await self.save(session)
            if name == "commit":
                self.sessions[which] = None
            await self.check()
        elif name == "abort":
            session.env.close()
            self.sessions[which] = None
        else:
            expected = session.seen.act(name, place, value)
            assert await perform(session.env, name, place, value) == expected
            if name != "get" and expected != ErrorCode.ALREADY_EXISTS:
                session.done.append((name, place, value, expected))

    async def save(self, session: Session) -> None:
        """The writes of the session are done again on what is committed by then, and must see the same."""
        merged = self.committed.copy()
        expected: object = None
        if session.seen == session.base:
            await session.env.update()  # its writes, if any, cancelled one another out
            return
        for name, place, value, saw in session.done:
            result = merged.act(name, place, value)
            if result != saw:
                expected = result if result == ErrorCode.ALREADY_EXISTS else ErrorCode.CONFLICT
                break
        if expected is not None:
            with pytest.raises(CyfsError) as raised:
                await session.env.update()
            assert raised.value.code == expected
            return
        await session.env.update()
        self.committed = merged
        session.base, session.seen = merged.copy(), merged.copy()
        session.done.clear()

    async def check(self) -> None:
        tree = await PathTree.open(self.state.roots.context, await self.state.dec_root())
        for place in PLACES:
            assert await tree.get(*place) == self.committed.entries.get(place)


async def memory_run(steps: list[Step]) -> None:
    run = Run(MemoryStore())
    await run.start()
    for step in steps:
        await run.step(*step)


async def lmdb_run(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory(prefix="cyfs-state-model-") as folder:
        clock = TestClock()
        run = Run(LmdbStore.open(Path(folder) / "store", clock=clock))
        await run.start()
        for step in steps:
            if step[0] == "restart":
                await run.store.close()
                run.store = LmdbStore.open(Path(folder) / "store", clock=clock)
            await run.step(*step)
        await run.store.close()


@settings(max_examples=1000, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=60))
def test_sessions_on_a_store_in_memory(steps: list[Step]) -> None:
    asyncio.run(memory_run(steps))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=20, max_size=40))
def test_sessions_on_lmdb_with_restarts(steps: list[Step]) -> None:
    asyncio.run(lmdb_run(steps))
