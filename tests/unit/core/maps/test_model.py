"""Random operations on maps and sets against a plain dict or set, with splits and merges at every few entries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from hypothesis import given, settings
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps import operations as ops
from cyfs_edge.core.maps.diff import apply_diff, diff
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.objects.object_map import MapContentType
from tests.unit.core.maps.kit import DEC, OWNER, Pool, val

LIMIT = 200
"""About five entries in one node. The ids are then not those of the protocol: they are only compared to one another."""
KEYS = st.sampled_from([*(f"key_{index}" for index in range(60)), "", "中文", "a/b", "x" * 90])
VALUES = st.sampled_from([val(str(index)) for index in range(6)])
MEMBERS = st.sampled_from([val(f"member {index}") for index in range(80)])
STEPS = st.one_of(
    st.tuples(st.just("insert"), KEYS, VALUES),
    st.tuples(st.just("set"), KEYS, VALUES),
    st.tuples(st.just("replace"), KEYS, VALUES),
    st.tuples(st.just("remove"), KEYS, VALUES),
    st.tuples(st.just("store"), KEYS, VALUES),
)


async def outcome(doing: Awaitable[object]) -> object:
    try:
        return await doing
    except CyfsError as error:
        return error.code


def fresh(context: MapContext, content_type: MapContentType) -> MapTree:
    return MapTree.new(context, content_type, owner=OWNER, dec_id=DEC)


async def stored_again(pool: Pool, tree: MapTree) -> MapTree:
    """The tree as the store has it; half of the time the old one goes on, settled."""
    root_id, objects = tree.flush()
    pool.store(objects)
    tree.settle()
    assert tree.flush() == (root_id, [])
    return await MapTree.load(pool.context(LIMIT), root_id)


async def check_same(pool: Pool, tree: MapTree, wanted: MapTree) -> None:
    """The id follows from the entries alone, and everything it names is in the store."""
    assert tree.root_id() == wanted.root_id()
    pool.store(tree.flush()[1])
    loaded = await MapTree.load(pool.context(LIMIT), tree.root_id())
    listed = [item async for item in loaded.items()]
    assert listed == [item async for item in wanted.items()]
    assert loaded.info == wanted.info
    for at in range(0, len(listed), 3):
        assert [item async for item in loaded.items(after=listed[at][0])] == listed[at + 1 :]


async def map_steps(steps: list[tuple[str, str, ObjectId]]) -> None:
    pool = Pool()
    tree = fresh(pool.context(LIMIT), MapContentType.MAP)
    model: dict[str, ObjectId] = {}
    for name, key, value in steps:
        held = model.get(key)
        if name == "insert":
            got = await outcome(ops.insert_with_key(tree, key, value))
            assert got == (None if held is None else ErrorCode.ALREADY_EXISTS)
            model.setdefault(key, value)
        elif name == "set":
            assert await ops.set_with_key(tree, key, value, None, True) == held
            model[key] = value
        elif name == "replace":
            got = await outcome(ops.set_with_key(tree, key, value, val("1"), False))
            if held is None:
                assert got == ErrorCode.NOT_FOUND
            elif held != val("1"):
                assert got == ErrorCode.UNMATCH
            else:
                assert got == held
                model[key] = value
        elif name == "remove":
            assert await ops.remove_with_key(tree, key, None) == held
            model.pop(key, None)
        else:
            tree = await stored_again(pool, tree)
        assert await ops.get_by_key(tree, key) == model.get(key)
        assert tree.info.total == len(model)
    wanted = MapTree.filled(pool.context(LIMIT), MapContentType.MAP, dict(model), owner=OWNER, dec_id=DEC)
    await check_same(pool, tree, wanted)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=150))
def test_a_map_is_a_dict_whatever_is_done_to_it(steps: list[tuple[str, str, ObjectId]]) -> None:
    asyncio.run(map_steps(steps))


async def set_steps(steps: list[tuple[bool, ObjectId, bool]]) -> None:
    pool = Pool()
    tree = fresh(pool.context(LIMIT), MapContentType.SET)
    model: set[ObjectId] = set()
    for adding, value, store in steps:
        if adding:
            assert await ops.insert(tree, value) == (value not in model)
            model.add(value)
        else:
            got = await outcome(ops.remove(tree, value))
            assert got is True if value in model else got in (False, ErrorCode.NOT_FOUND)
            model.discard(value)
        assert await ops.contains(tree, value) == (value in model)
        if store:
            tree = await stored_again(pool, tree)
    wanted = MapTree.filled(
        pool.context(LIMIT), MapContentType.SET, dict.fromkeys(model, True), owner=OWNER, dec_id=DEC
    )
    await check_same(pool, tree, wanted)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), MEMBERS, st.booleans()), max_size=150))
def test_a_set_is_a_set_whatever_is_done_to_it(steps: list[tuple[bool, ObjectId, bool]]) -> None:
    asyncio.run(set_steps(steps))


async def diff_of(old: dict[str, ObjectId], new: dict[str, ObjectId]) -> None:
    pool = Pool()
    context = pool.context(LIMIT)
    ids = []
    for entries in (old, new):
        tree = MapTree.filled(context, MapContentType.MAP, dict(entries), owner=OWNER, dec_id=DEC)
        pool.store(tree.flush()[1])
        ids.append(tree.root_id())
    if old == new:
        assert await outcome(diff(context, ids[0], ids[1], expand=True)) == ErrorCode.INVALID_PARAM
        return
    diff_id, objects = await diff(context, ids[0], ids[1], expand=True)
    pool.store(objects)
    made = await MapTree.load(context, diff_id)
    assert made.info.total == sum(old.get(key) != new.get(key) for key in old.keys() | new.keys())
    assert (await apply_diff(context, ids[0], diff_id))[0] == ids[1]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=40), st.dictionaries(KEYS, VALUES, max_size=40))
def test_a_diff_holds_what_differs_and_leads_to_the_other_map(
    old: dict[str, ObjectId], new: dict[str, ObjectId]
) -> None:
    asyncio.run(diff_of(old, new))
