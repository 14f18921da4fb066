"""What open op-envs keep in memory is charged, and given back when they end."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.maps import paths
from cyfs_edge.core.state import op_env
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.core.state.op_env import MapOwner, OpEnv, WriteBudget
from cyfs_edge.core.state.path_env import IsolatePathEnv, PathEnv
from cyfs_edge.core.state.single_env import SingleEnv
from cyfs_edge.objects.object_map import MapContentType
from tests.unit.core.maps.kit import DEC, OWNER, val
from tests.unit.core.state.kit import State, make_state

NOTHING = WriteBudget()
KEY = "k" * 1000


async def wide_state() -> State:
    """A dec root of some thousand bytes."""
    state = await make_state()
    env = state.open(PathEnv)
    for index in range(30):
        await env.insert_with_key("/", f"{index}{KEY}", val(str(index)))
    await env.update()
    env.close()
    assert state.budget == NOTHING
    return state


async def test_a_path_env_that_only_reads_keeps_nothing() -> None:
    state = await wide_state()
    env = state.open(PathEnv)
    assert await env.get_by_key("/", f"3{KEY}") == val("3")
    assert len((await env.entries("/"))[1]) == 30
    await env.current_root()
    assert state.budget == NOTHING


async def test_a_write_charges_the_root_and_what_it_adds_until_the_update() -> None:
    state = await wide_state()
    env = state.open(PathEnv)
    await env.insert_with_key("/d", KEY, val("x"))
    assert state.budget.used == 1
    assert state.budget.changed > 30_000 + 2000
    await env.update()
    assert state.budget == NOTHING
    await env.set_with_key("/d", KEY, val("y"), None, True)
    assert state.budget.changed > 30_000
    env.close()
    assert state.budget == NOTHING


@pytest.mark.parametrize("kind", [SingleEnv, IsolatePathEnv])
async def test_a_loaded_map_is_charged_as_long_as_the_env_lives(kind: type[OpEnv]) -> None:
    state = await wide_state()
    env = state.open(kind)
    await env.load_by_path("/")
    begun = state.budget.changed
    assert begun > 30_000
    await env.insert_with_key("/", "more", val("x"))
    assert state.budget.changed > 1.9 * begun
    await env.update()
    assert state.budget == WriteBudget(0, begun)
    env.close()
    assert state.budget == NOTHING


@pytest.mark.parametrize("kind", [SingleEnv, IsolatePathEnv])
async def test_too_many_large_maps_are_not_loaded(monkeypatch: pytest.MonkeyPatch, kind: type[OpEnv]) -> None:
    state = await wide_state()
    monkeypatch.setattr(op_env, "ALL_CHANGED_MAX", 80_000)
    envs = [state.open(kind) for _ in range(4)]
    for env in envs[:2]:
        await env.load_by_path("/")
    with pytest.raises(CyfsError) as raised:
        await envs[2].load_by_path("/")
    assert raised.value.code == ErrorCode.OUT_OF_LIMIT
    for env in envs:
        env.close()
    assert state.budget == NOTHING
    again = state.open(kind)
    await again.create_new(None, None, MapContentType.MAP, MapOwner(OWNER, DEC))


async def test_a_conflict_leaves_the_charges_as_they_were() -> None:
    state = await wide_state()
    first, second = state.open(PathEnv), state.open(PathEnv)
    for env, value in ((first, "1"), (second, "2")):
        await env.insert_with_key("/", "same", val(value))
    before = state.budget.changed
    await first.update()
    with pytest.raises(CyfsError):
        await second.update()
    assert state.budget.changed == before // 2
    second.close()
    assert state.budget == NOTHING


async def test_the_cache_of_maps_is_bounded_in_bytes() -> None:
    state = await make_state()
    maps = MapCache(state.store.objects, limit=20_000)
    ids = []
    for index in range(20):
        env = state.open(SingleEnv)
        await env.create_new(None, None, MapContentType.MAP, MapOwner(OWNER, DEC))
        await env.insert_with_key(None, f"{index}{KEY}{KEY}", val("x"))
        ids.append((await env.update()).root)
        env.close()
    for object_id in ids:
        assert await maps.load(object_id) is not None
        assert maps.size <= 20_000
    assert maps.size > 15_000
    kept = await maps.load(ids[-1])
    assert await maps.load(ids[-1]) is kept
    assert await maps.load(ids[0]) is not None


async def test_unsaved_maps_whose_ids_were_told_are_kept_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first: they cannot be linked elsewhere by their id any more."""
    monkeypatch.setattr(paths, "SHOWN_MAX", 5000)
    state = await make_state()
    env = state.open(PathEnv)
    told = []
    for index in range(6):
        await env.insert_with_key("/told", f"{index}{KEY}", val("x"))
        found = await env.get_by_key("/", "told")
        assert found is not None
        told.append(found)
    await env.insert_with_key("/told", "last", val("x"))
    await env.insert_with_key("/", "old", told[0])
    with pytest.raises(CyfsError) as raised:
        await env.get_by_key("/old", "x")
    assert raised.value.code == ErrorCode.NOT_FOUND
