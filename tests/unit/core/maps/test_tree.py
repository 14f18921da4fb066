"""Map trees: how little is touched, what limits hold, and what happens when stored parts lie or are missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.maps import operations as ops
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.maps.tree import MapTree
from cyfs_edge.objects.object_map import HubEntries, MapClass, MapContentType, ObjectMap, make_object_map
from tests.unit.core.maps.kit import DEC, OWNER, Pool, val


def new(pool: Pool, content_type: MapContentType = MapContentType.MAP, depth: int = 0) -> MapTree:
    return MapTree.new(pool.context(), content_type, owner=OWNER, dec_id=DEC, depth=depth)


async def big_map(pool: Pool, count: int) -> ObjectId:
    entries = {f"key_{index:06d}": val(str(index % 100)) for index in range(count)}
    tree = MapTree.filled(pool.context(), MapContentType.MAP, entries, owner=OWNER, dec_id=DEC)
    pool.store(tree.flush()[1])
    return tree.root_id()


async def code_of(doing: object) -> int:
    with pytest.raises(CyfsError) as raised:
        await doing  # type: ignore[misc]
    return raised.value.code


async def test_an_insert_into_a_large_map_loads_and_encodes_one_bucket() -> None:
    pool = Pool()
    tree = await MapTree.load(pool.context(), await big_map(pool, 20_000))
    pool.loads = 0
    await ops.insert_with_key(tree, "one more", val("x"))
    assert pool.loads <= 2
    root_id, objects = tree.flush()
    assert len(objects) == 2
    assert objects[-1].object_id == root_id
    assert objects[0].desc.value.map_class is MapClass.SUB


async def test_a_failed_change_changes_nothing() -> None:
    pool = Pool()
    tree = await MapTree.load(pool.context(), await big_map(pool, 3000))
    before = tree.root_id()
    held = pool.objects
    pool.objects = {before: held[before]}
    assert await code_of(ops.set_with_key(tree, "key_000001", val("x"), None, True)) == ErrorCode.NOT_FOUND
    assert await code_of(ops.remove_with_key(tree, "key_000002", None)) == ErrorCode.NOT_FOUND
    assert (tree.root_id(), tree.flush()[1]) == (before, [])


async def test_entries_that_fit_nowhere_are_refused() -> None:
    tree = new(Pool())
    assert await code_of(ops.insert_with_key(tree, "k" * 65_500, val("x"))) == ErrorCode.OUT_OF_LIMIT
    assert tree.info.total == 0


async def test_the_deepest_map_does_not_split_and_has_no_children() -> None:
    pool = Pool()
    tree = new(pool, depth=255)
    for index in range(16):
        await ops.insert_with_key(tree, f"{index:04000d}", val("x"))
    assert await code_of(ops.insert_with_key(tree, "k" * 4000, val("x"))) == ErrorCode.OUT_OF_LIMIT
    assert tree.info.total == 16
    assert await code_of(PathTree(pool.context(), tree).insert_with_key("/a", "k", val("x"))) == ErrorCode.OUT_OF_LIMIT


async def test_paths_are_at_most_255_maps_deep_and_fail_whole() -> None:
    pool = Pool()
    tree = PathTree(pool.context(), new(pool))
    await tree.insert_with_key("/d" * 255, "k", val("x"))
    root_id, objects = tree.flush()
    assert len(objects) == 256
    assert await code_of(tree.insert_with_key("/e" * 256, "k", val("x"))) == ErrorCode.OUT_OF_LIMIT
    assert tree.flush()[0] == root_id


@pytest.mark.parametrize("content_type", list(MapContentType))
async def test_each_type_refuses_the_calls_of_the_others(content_type: MapContentType) -> None:
    tree = new(Pool(), content_type)
    if content_type is not MapContentType.MAP:
        assert await code_of(ops.get_by_key(tree, "k")) == ErrorCode.NOT_SUPPORT
        assert await code_of(ops.insert_with_key(tree, "k", val("x"))) == ErrorCode.NOT_SUPPORT
    if content_type is not MapContentType.SET:
        assert await code_of(ops.insert(tree, val("x"))) == ErrorCode.NOT_SUPPORT
        assert await code_of(ops.remove(tree, val("x"))) == ErrorCode.NOT_SUPPORT
    if content_type is not MapContentType.DIFFMAP:
        assert await code_of(ops.diff_get_by_key(tree, "k")) == ErrorCode.NOT_SUPPORT


async def test_a_hub_that_lies_about_its_size_is_found_out() -> None:
    """What a store was given by others may be anything: no lie leads to a wrong id, or to loading without end."""
    pool = Pool()
    root_id = await big_map(pool, 3000)
    honest = pool.objects[root_id].desc.value
    for lie in (replace(honest, total=2, size=100), replace(honest, total=0)):
        liar = make_object_map(lie, owner=OWNER, dec_id=DEC, update_time=1)
        pool.objects[liar.object_id] = liar
        tree = await MapTree.load(pool.context(), liar.object_id)
        pool.loads = 0
        assert await code_of(ops.remove_with_key(tree, "key_000001", None)) == ErrorCode.INVALID_DATA
        assert pool.loads < 20
        assert tree.flush()[1] == []


async def test_a_bucket_must_be_a_part_of_its_depth() -> None:
    pool = Pool()
    root_id = await big_map(pool, 3000)
    content = pool.objects[root_id].desc.value.content
    cycle = ObjectMap(
        MapClass.ROOT, 3000, 129_000, 0, MapContentType.MAP, HubEntries(dict.fromkeys(content.values, root_id))
    )
    obj = make_object_map(cycle, owner=OWNER, dec_id=DEC, update_time=1)
    pool.objects[obj.object_id] = obj
    tree = await MapTree.load(pool.context(), obj.object_id)
    assert await code_of(ops.get_by_key(tree, "key_000001")) == ErrorCode.INVALID_DATA


async def test_an_unsaved_map_whose_id_was_told_is_saved_where_it_was_linked() -> None:
    pool = Pool()
    tree = PathTree(pool.context(), new(pool))
    await tree.insert_with_key("/a/b", "k", val("x"))
    told = await tree.get("/", "a")
    assert told is not None
    await tree.remove_with_key("/", "a", None)
    await tree.insert_with_key("/", "moved", told)
    assert await tree.get("/moved/b", "k") == val("x")
    pool.store(tree.flush()[1])
    loaded = await PathTree.open(pool.context(), tree.flush()[0])
    assert await loaded.get("/moved/b", "k") == val("x")


async def test_a_map_of_the_store_that_is_missing_is_not_found() -> None:
    pool = Pool()
    tree = PathTree(pool.context(), new(pool))
    lost = new(pool).root_id()
    await tree.insert_with_key("/", "lost", lost)
    assert await code_of(tree.get("/lost", "k")) == ErrorCode.NOT_FOUND
