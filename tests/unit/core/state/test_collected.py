"""What a collection takes of a state, and what it leaves. Random sessions with collections are in ``test_model``."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cyfs_edge.core.ports import OBJECT_LEASE
from cyfs_edge.core.space import SpaceService
from cyfs_edge.core.state.op_env import MapOwner
from cyfs_edge.core.state.path_env import IsolatePathEnv, PathEnv
from cyfs_edge.core.state.single_env import SingleEnv
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock
from tests.unit.core.maps.kit import DEC, val
from tests.unit.core.state.kit import State

NO_OWNER = MapOwner(None, None)


async def collect(state: State, held: list) -> int:  # type: ignore[type-arg]
    space = SpaceService(state.store, state.maps, state.clock, held)
    return (await space.collect()).objects


async def make_state() -> State:
    clock = TestClock()
    state = State(MemoryStore(now=clock.now), clock=clock)
    await state.roots.make_dec_root(DEC)
    return state


async def test_maps_of_roots_that_are_no_more_go() -> None:
    state = await make_state()
    for number in range(20):
        env = state.open(PathEnv)
        await env.set_with_key("/d/e", "a", val(str(number)), None, True)
        await env.update()
        env.close()
    before = state.stored_maps
    state.clock.time += OBJECT_LEASE + 1
    assert await collect(state, []) > 20 * 3
    assert state.stored_maps == 3 < before
    env = state.open(PathEnv)
    assert await env.get_by_key("/d/e", "a") == val("19")


async def test_a_map_that_a_single_env_gave_stays_with_its_parts() -> None:
    state = await make_state()
    env = state.open(SingleEnv)
    await env.create_new(None, None, MapContentType.MAP, NO_OWNER)
    for number in range(2000):
        await env.insert_with_key(None, f"key {number}", val(str(number)))
    made = (await env.update()).root
    env.close()
    state.clock.time += OBJECT_LEASE + 1
    await collect(state, [])
    again = state.open(SingleEnv)
    await again.load(made, None)
    assert await again.get_by_key(None, "key 1999") == val("1999")


async def test_what_an_isolate_env_has_open_stays() -> None:
    state = await make_state()
    path = state.open(PathEnv)
    await path.set_with_key("/d/e", "a", val("1"), None, True)
    await path.update()
    isolate = state.open(IsolatePathEnv)
    await isolate.load_by_path("/d")
    folder = await path.get_by_key("/", "d")
    assert folder is not None
    await path.remove_with_key("/", "d", None)
    await path.update()
    path.close()
    state.clock.time += OBJECT_LEASE + 1
    await collect(state, [isolate.held_ids])
    assert await isolate.get_by_key("/e", "a") == val("1")
    isolate.close()
    await collect(state, [])
    assert await state.store.objects.get(folder) is None


async def test_what_was_put_into_an_env_stays_until_it_is_committed() -> None:
    state = await make_state()
    path = state.open(PathEnv)
    await path.set_with_key("/d/e", "a", val("1"), None, True)
    await path.update()
    folder = await path.get_by_key("/", "d")
    assert folder is not None
    other = state.open(SingleEnv)
    await other.create_new(None, None, MapContentType.MAP, NO_OWNER)
    await other.insert_with_key(None, "kept", folder)
    await path.remove_with_key("/", "d", None)
    await path.update()
    state.clock.time += OBJECT_LEASE + 1
    await collect(state, [path.held_ids, other.held_ids])
    made = (await other.update()).root
    other.close()
    state.clock.time += OBJECT_LEASE + 1
    await collect(state, [path.held_ids])
    isolate = state.open(IsolatePathEnv)
    await isolate.load(made, None)
    assert await isolate.get_by_key("/kept/e", "a") == val("1")


async def test_commits_and_collections_at_the_same_time(tmp_path: Path) -> None:
    """Writers change one state while collection follows collection, with all leases over at once."""
    clock = TestClock()
    store = LmdbStore.open(tmp_path, clock=clock, options=StoreOptions(collect_rest=0))
    state = State(store, clock=clock)
    await state.roots.make_dec_root(DEC)
    open_envs: set[PathEnv] = set()
    expected: dict[tuple[str, str], object] = {}

    async def write(writer: int) -> None:
        for number in range(60):
            clock.time += OBJECT_LEASE + 1
            env = state.open(PathEnv)
            assert isinstance(env, PathEnv)
            open_envs.add(env)
            place, value = (f"/w{writer}/{number % 7}", f"k{number % 5}"), val(str(number % 9))
            await env.set_with_key(*place, value, None, True)
            await asyncio.sleep(0)
            await env.update()
            expected[place] = value
            open_envs.discard(env)
            env.close()

    space = SpaceService(store, state.maps, clock, [lambda: [one for env in open_envs for one in env.held_ids()]])
    writers = [asyncio.ensure_future(write(writer)) for writer in range(3)]
    gone = 0
    while not all(task.done() for task in writers):
        gone += (await space.collect()).objects
    await asyncio.gather(*writers)
    await space.collect()
    assert gone > 100
    fresh = State(store, clock=clock)
    env = fresh.open(PathEnv)
    for place, value in expected.items():
        assert await env.get_by_key(*place) == value
    await store.close()
