"""Op-envs against the recorded scenario of the reference: every root id, error and count of stored maps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cyfs_edge.base.access import Permission
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.state.op_env import EnvKind, MapOwner, OpEnv, PathLimit
from cyfs_edge.core.state.path_env import IsolatePathEnv, PathEnv
from cyfs_edge.core.state.single_env import SingleEnv
from cyfs_edge.objects.object_map import MapContentType
from tests.unit.core.maps.kit import DEC, OWNER, val
from tests.unit.core.maps.test_vectors_object_map import code_of
from tests.unit.core.state.kit import State, make_state
from tests.vector_count import load, passed

FILE = "object-map.json"
VECTOR = load(FILE)["envs"][0]
OWN = MapOwner(OWNER, DEC)

Doing = Callable[[], Awaitable[object]]


class Script:
    """Takes the recorded steps one by one: each must have the name, outcome, root and stored maps told."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.steps = iter(VECTOR["steps"])

    async def step(self, name: str, doing: Doing) -> None:
        step: dict[str, Any] = next(self.steps)
        assert step["step"].startswith(name), step
        try:
            result: object = await doing()
        except CyfsError as error:
            result = ErrorCode(error.code)
        expected = code_of(step["error"]) if "error" in step else step["ok"]
        if expected not in ("locked", "inserted", "loaded"):
            assert (str(result) if not isinstance(result, ErrorCode) else result) == expected, step
        assert str(await self.state.dec_root()) == step["root"], step
        assert self.state.stored_maps == step["stored_objects"], step

    def skip(self) -> dict[str, Any]:
        found: dict[str, Any] = next(self.steps)
        return found


async def dec_root_of(env: OpEnv) -> ObjectId | None:
    return (await env.update()).dec_root


async def count(env: OpEnv, step: int) -> int:
    return len((await env.next(step))[1])


async def test_commit_replay_conflict_locks_and_limits_are_those_of_the_reference() -> None:
    state = await make_state()
    script = Script(state)
    assert str(await state.dec_root()) == script.skip()["root"]

    def pair() -> tuple[OpEnv, OpEnv]:
        return state.open(PathEnv), state.open(PathEnv)

    a, b = pair()
    await a.insert_with_key("/p", "one", val("1"))
    await b.insert_with_key("/p", "two", val("2"))
    await script.step("e1: insert /p/one", lambda: dec_root_of(a))
    await script.step("e2.commit (replayed", lambda: dec_root_of(b))

    a, b = pair()
    for env in (a, b):
        await env.insert_with_key("/p", "three", val("3"))
    await script.step("e1,e2: insert /p/three", lambda: dec_root_of(a))
    await script.step("e2.commit", lambda: dec_root_of(b))

    a, b = pair()
    await a.set_with_key("/p", "one", val("1a"), None, False)
    await b.set_with_key("/p", "one", val("1b"), None, False)
    await script.step("e1: set /p/one", lambda: dec_root_of(a))
    await script.step("e2.commit", lambda: dec_root_of(b))

    a, b = pair()
    for env in (a, b):
        await env.remove_with_key("/p", "two", None)
    await script.step("e1,e2: remove /p/two", lambda: dec_root_of(a))
    await script.step("e2.commit", lambda: dec_root_of(b))

    a, b = pair()
    await a.insert("/p/set", val("s"))
    await b.insert("/p/set", val("t"))
    await script.step("e1: set-insert", lambda: dec_root_of(a))
    await script.step("e2.commit", lambda: dec_root_of(b))

    a = state.open(PathEnv)
    await a.insert_with_key("/u", "a", val("ua"))
    await script.step("e1: insert /u/a; e1.update", lambda: dec_root_of(a))
    await a.insert_with_key("/u", "b", val("ub"))
    await script.step("e1: insert /u/b; e1.update", lambda: dec_root_of(a))
    await script.step("e1.commit without change", lambda: dec_root_of(a))

    a, b = pair()
    await a.insert_with_key("/g", "a", val("g"))
    await a.remove_with_key("/", "g", None)
    await script.step("e1: insert /g/a; remove /g", lambda: dec_root_of(a))

    a, b = pair()
    await script.step("e1.lock_path ['/l/x']", lambda: a.lock(["/l/x"], 0, True))
    await script.step("e2.lock_path ['/l']", lambda: b.lock(["/l"], 0, True))
    await script.step("e2.insert /l/x/y", lambda: b.insert_with_key("/l/x", "y", val("q")))
    await script.step("e2.insert /l/z", lambda: b.insert_with_key("/l", "z", val("q")))
    await script.step("e1.insert /l/x/y", lambda: a.insert_with_key("/l/x", "y", val("q")))
    a.close()
    await script.step("after e1.abort", lambda: b.insert_with_key("/l/x", "y", val("q")))
    await script.step("e2.commit", lambda: dec_root_of(b))

    await single(script, state)
    await isolate(script, state)

    assert script.skip()["ok"] == [EnvKind.PATH, EnvKind.SINGLE, EnvKind.ISOLATE_PATH]
    limited = state.open(PathEnv, PathLimit("/p/", Permission.READ))
    await script.step("limited to /p read-only: get /p/one", lambda: limited.get_by_key("/p", "one"))
    await script.step("limited: get /u/a", lambda: limited.get_by_key("/u", "a"))
    await script.step("limited: insert /p/new", lambda: limited.insert_with_key("/p", "new", val("1")))
    assert next(script.steps, None) is None
    passed(FILE, f"envs {VECTOR['name']}")


async def single(script: Script, state: State) -> None:
    env = state.open(SingleEnv)

    async def create() -> ObjectId | None:
        await env.create_new(None, None, MapContentType.MAP, OWN)
        return (await env.current_root()).dec_root

    async def fill() -> ObjectId | None:
        await env.insert_with_key(None, "k/with/slash", val("k"))
        await env.insert_with_key(None, "k2", val("k2"))
        return (await env.current_root()).dec_root

    async def again() -> int:
        await env.reset()
        return await count(env, 5)

    await script.step("single: get before init", lambda: env.entries(None))
    await script.step("single: create_new map", create)
    await script.step("single: create_new again", create)
    await script.step("single: insert", fill)
    await script.step("single: update", lambda: dec_root_of(env))
    await script.step("single: next(1)", lambda: count(env, 1))
    await script.step("single: next(5)", lambda: count(env, 5))
    await script.step("single: next(5) again", lambda: count(env, 5))
    await script.step("single: reset,next(5)", again)
    await script.step("single: commit", lambda: dec_root_of(env))

    other = state.open(SingleEnv)

    async def current() -> ObjectId | None:
        return (await other.current_root()).dec_root

    await script.step("single2: load_by_path /p", lambda: other.load_by_path("/p"))
    await script.step("single2: current", current)
    missing = state.open(SingleEnv)
    await script.step("single3: load_by_path /nothing", lambda: missing.load_by_path("/nothing"))


async def isolate(script: Script, state: State) -> None:
    env = state.open(IsolatePathEnv)

    async def create() -> ObjectId | None:
        await env.create_new(None, None, MapContentType.MAP, OWN)
        await env.insert_with_key("/a", "b", val("1"))
        return (await env.current_root()).dec_root

    await script.step("isolate: insert before init", lambda: env.insert_with_key("/a", "b", val("1")))
    await script.step("isolate: create_new; insert /a/b", create)
    await script.step("isolate: commit", lambda: dec_root_of(env))
