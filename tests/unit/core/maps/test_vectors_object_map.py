"""Object maps against the golden vectors: ids, bytes, buckets, results and errors of the reference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.siphash import siphash13
from cyfs_edge.core.maps import operations as ops
from cyfs_edge.core.maps.diff import apply_diff, diff
from cyfs_edge.core.maps.paths import PathTree, place_of
from cyfs_edge.core.maps.tree import MapTree
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.object_map import (
    DiffMapItem,
    DiffSetItem,
    MapClass,
    MapContentType,
    hub_index,
)
from tests.unit.core.maps.kit import DEC, OWNER, Pool, val
from tests.vector_count import load, passed

FILE = "object-map.json"
VECTORS = load(FILE)
BODY_SIZE = 12
"""The end of an object that tells the time of its making."""

Vector = dict[str, Any]


def name_of(vector: Vector) -> str:
    return str(vector["name"])


def the_id(text: str | None) -> ObjectId | None:
    return None if text is None else ObjectId.from_text(text)


def code_of(name: str) -> ErrorCode:
    spelled = {"AlreadyExists": "ALREADY_EXISTS", "UnSupport": "UN_SUPPORT"}
    return ErrorCode[spelled.get(name, "".join("_" + c if c.isupper() else c.upper() for c in name).lstrip("_"))]


def content_type_of(vector: Vector) -> MapContentType:
    return MapContentType[vector["content_type"].upper()]


def check(tree: MapTree, expected: Vector) -> None:
    """Id, fields and bytes of the top node."""
    obj = tree.root_object
    assert str(obj.object_id) == expected["object_id"]
    info = tree.info
    assert (info.content_type.text, info.depth) == (expected["content_type"], expected["depth"])
    assert (info.total, info.size, len(obj.raw)) == (expected["count"], expected["size"], expected["raw_len"])
    assert info.is_hub == (expected["mode"] == "hub")
    assert obj.desc.value.map_class == expected["class"]
    if "object_hex" in expected:
        assert obj.raw[:-BODY_SIZE].hex() == expected["object_hex"][: -2 * BODY_SIZE]
        assert obj.desc.raw.hex() == expected["desc_hash_input_hex"]


def options(item: Vector) -> list[ObjectId | None]:
    return [the_id(item.get(name)) for name in ("prev", "altered", "diff")]


async def fill(tree: MapTree, entries: list[Any]) -> MapTree:
    for entry in entries:
        if tree.kind.content_type is MapContentType.MAP:
            await ops.insert_with_key(tree, entry[0], ObjectId.from_text(entry[1]))
        elif tree.kind.content_type is MapContentType.SET:
            assert await ops.insert(tree, ObjectId.from_text(entry))
        elif tree.kind.content_type is MapContentType.DIFFMAP:
            await ops.diff_insert_with_key(tree, entry[0], DiffMapItem(*options(entry[1])))
        else:
            assert await ops.diff_insert(tree, DiffSetItem(*options(entry)[:2]))
    return tree


def listed(tree: MapTree, key: Any, value: Any) -> Any:
    """An entry as the vectors write it."""
    if tree.kind.content_type is MapContentType.MAP:
        return [key, str(value)]
    return str(key)


@pytest.mark.parametrize("index", range(len(VECTORS["bucket_hash"])))
def test_bucket_hash(index: int) -> None:
    vector = VECTORS["bucket_hash"][index]
    key = vector["key_utf8"].encode() if "key_utf8" in vector else bytes(ObjectId.from_text(vector["object_id"]))
    digest = hashlib.sha256(key + bytes((vector["depth"],))).digest()
    assert vector.get("sha256_hex", digest.hex()) == digest.hex()
    assert str(siphash13(digest)) == vector["siphash13"]
    assert hub_index(key, vector["depth"]) == vector["bucket"]
    passed(FILE, f"bucket_hash {index}")


@pytest.mark.parametrize("vector", VECTORS["objects"], ids=name_of)
async def test_objects_have_the_bytes_of_the_reference_in_any_order_of_insertion(vector: Vector) -> None:
    owner, dec = the_id(vector["owner"]), the_id(vector["dec_id"])
    context = Pool().context()
    for entries in (vector["entries"], vector["entries"][::-1]):
        tree = MapTree.new(
            context, content_type_of(vector), owner=owner, dec_id=dec, map_class=MapClass(vector["class"])
        )
        check(await fill(tree, entries), vector)
    passed(FILE, f"objects {vector['name']}")


HUB_KEYS: dict[str, Callable[[Vector, int], list[Any]]] = {
    "map hub": lambda vector, n: [(key, val(key)) for key in (f"key_{i:05d}" for i in range(n))],
    "set hub": lambda vector, n: [(val(f"set_{i}"), True) for i in range(n)],
    "two level hub": lambda vector, n: [
        ("x" * 248 + f"{index:08d}", val(str(index))) for index in vector["indices"][:n]
    ],
}


def check_buckets(tree: MapTree, pool: Pool, step: Vector) -> None:
    buckets = tree.root_object.desc.value.content.values
    assert [[index, str(sub)] for index, sub in sorted(buckets.items())] == step["hub_subs"]
    first = step.get("sub") or step.get("first_sub")
    if first is not None:
        sub = MapTree.of(pool.context(), pool.objects[ObjectId.from_text(first["object_id"])])
        check(sub, first)
        if "hub_subs" in first:
            check_buckets(sub, pool, first)


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "stored after each step"])
@pytest.mark.parametrize("vector", VECTORS["hubs"], ids=name_of)
async def test_hubs_grow_and_shrink_as_in_the_reference(vector: Vector, stored: bool) -> None:
    pool = Pool()
    tree = MapTree.new(
        pool.context(), content_type_of(vector), owner=the_id(vector["owner"]), dec_id=the_id(vector["dec_id"])
    )
    entries = HUB_KEYS[vector["name"]](vector, 3000)
    held = 0
    for step in vector["steps"]:
        if "after_inserts" in step:
            for key, value in entries[held : step["after_inserts"]]:
                await tree.put(key, value)
            held = step["after_inserts"]
        elif "op" in step:
            changing = ops.set_with_key(tree, "key_00007", val("changed"), val("key_00007"), False)
            if "error" in step:
                with pytest.raises(CyfsError) as raised:
                    await changing
                assert raised.value.code == code_of(step["error"])
            else:
                assert str(await changing) == step["ret"]
        else:
            for key, _ in gone(vector, entries, tree.info.total, step):
                await tree.pop(key)
        check(tree, step)
        if stored or "hub_subs" in step:
            pool.store(tree.flush()[1])
        if "hub_subs" in step:
            check_buckets(tree, pool, step)
        if stored:
            tree = await MapTree.load(pool.context(), tree.root_id())
        if "list_first_10" in step:
            found = [listed(tree, key, value) async for key, value in tree.items()]
            assert found[:10] == step["list_first_10"]
            assert len(found) == step["count"]
    passed(FILE, f"hubs {vector['name']}")


def gone(vector: Vector, entries: list[Any], total: int, step: Vector) -> list[Any]:
    """What a step removes: maps lose their last entries, the set its first."""
    if "removed_down_to" in step:
        return entries[step["removed_down_to"] : total]
    if "removed_first" in step:
        return entries[2100 - total : step["removed_first"]]
    return entries[225:total]


def expected_of(step: Vector) -> Any:
    return code_of(step["error"]) if "error" in step else step.get("ok")


async def path_call(tree: PathTree, op: str, path: str, step: Vector) -> Any:
    value = ObjectId.from_text(step["value"]) if step.get("value") else val("v1")
    prev = val(op.partition("prev=val('")[2][:2]) if "prev=" in op else None
    name = op.split()[0]
    try:
        if name == "insert_with_path":
            long = "L" * 257
            await tree.insert_with_key(*place_of(None, path.replace("L*257", long)), value)
        elif name == "insert_with_key":
            await tree.insert_with_key(path, "x/y" if "x/y" in op else "L" * 257, value)
        elif name == "set_with_path":
            return await tree.set_with_key(*place_of(None, path), value, prev, "auto_insert=true" in op)
        elif name == "remove_with_path":
            return await tree.remove_with_key(*place_of(None, path), prev)
        elif name == "create_new_with_path":
            await tree.create_new(*place_of(None, path), MapContentType[step["content_type"].upper()])
        elif name == "get_by_path":
            return await tree.get_by_path(path)
        elif name == "contains":
            return await tree.contains(path, value)
        elif name.startswith("insert(set)"):
            return await tree.insert(path, value)
        elif name == "remove(set)":
            return await tree.remove(path, value)
        else:
            assert name == "metadata"
            info = await tree.info(path)
            return {
                "content_type": info.content_type.text,
                "count": info.total,
                "size": info.size,
                "depth": info.depth,
            }
    except CyfsError as error:
        return error.code
    return None


@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "stored after each step"])
async def test_path_operations_give_the_results_errors_and_roots_of_the_reference(stored: bool) -> None:
    vector = VECTORS["paths"][0]
    pool = Pool()
    tree = await dec_root(pool)
    for step in vector["steps"]:
        if step["op"] != "init":
            got = await path_call(tree, step["op"], step["path"], step)
            assert (str(got) if isinstance(got, ObjectId) else got) == expected_of(step), step
        assert str(tree.flush()[0]) == step["root"], step
        if stored:
            pool.store(tree.flush()[1])
            tree = await PathTree.open(pool.context(), tree.flush()[0])
    for final in vector["final_objects"]:
        held = await tree.reach(final["path"])
        check(held, final)
        assert [listed(held, *item) for item in await tree.entries(final["path"])] == final["entries"]
    assert await walked(tree) == vector["path_iterator_walk_step3"]
    passed(FILE, f"paths {vector['name']}")


async def dec_root(pool: Pool) -> PathTree:
    root = MapTree.new(pool.context(), MapContentType.MAP, owner=OWNER, dec_id=DEC, map_class=MapClass.DEC_ROOT)
    pool.store(root.flush()[1])
    return await PathTree.open(pool.context(), root.root_id())


async def walked(tree: PathTree) -> list[Any]:
    """All entries, breadth first."""
    found: list[Any] = []
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        held = await tree.reach(path)
        for key, value in await tree.entries(path):
            found.append([path, listed(held, key, value)])
            if held.kind.content_type is MapContentType.MAP and value.type_code == 14:
                waiting.append(f"{path.rstrip('/')}/{key}")
    return found


async def test_a_hub_serves_as_a_directory() -> None:
    """The reference fails to make a set below a hub when the bucket is missing; here both sets are made."""
    vector = VECTORS["paths"][1]
    steps = {step["op"]: step for step in vector["steps"]}
    tree = await dec_root(Pool())
    for index in range(1600):
        await tree.insert_with_key("/big", f"key_{index:05d}", val(f"key_{index:05d}"))
    assert str(tree.flush()[0]) == vector["steps"][0]["root"]
    info, expected = await tree.info("/big"), steps["metadata /big"]
    assert info.is_hub
    assert [info.total, info.size, info.depth] == [expected[name] for name in ("count", "size", "depth")]
    await tree.insert_with_key("/big/child", "x", val("x"))
    assert str(tree.flush()[0]) == steps["insert /big/child/x"]["root"]
    info, expected = await tree.info("/big/child"), steps["metadata /big/child"]
    assert not info.is_hub
    assert [info.total, info.size, info.depth] == [expected[name] for name in ("count", "size", "depth")]
    assert await tree.insert("/big/cset7", val("x"))
    assert str(tree.flush()[0]) == steps["set-insert /big/cset7 val('x')"]["root"]
    assert str(await tree.get("/big", "key_00003")) == steps["get /big/key_00003"]["ok"]
    assert steps["set-insert /big/cset val('x')"]["error"] == "NotSupport"
    assert await tree.insert("/big/cset", val("x"))
    assert (await tree.info("/big/cset")).content_type is MapContentType.SET
    passed(FILE, f"paths {vector['name']}")


@pytest.mark.parametrize("vector", VECTORS["diffs"][:2], ids=name_of)
async def test_a_diff_leads_from_one_map_to_the_other(vector: Vector) -> None:
    pool = Pool()
    made = []
    for given in (vector["a"], vector["b"]):
        tree = MapTree.new(
            pool.context(), content_type_of(given), owner=the_id(given["owner"]), dec_id=the_id(given["dec_id"])
        )
        check(await fill(tree, given["entries"]), given)
        pool.store(tree.flush()[1])
        made.append(tree.root_id())
    diff_id, objects = await diff(pool.context(), *made, expand=True)
    pool.store(objects)
    check(await MapTree.load(pool.context(), diff_id), vector["diff"])
    reached, _ = await apply_diff(pool.context(), made[0], diff_id)
    assert str(reached) == vector["apply_diff(a,diff)"]
    passed(FILE, f"diffs {vector['name']}")


async def test_diffs_nest_where_maps_hold_maps() -> None:
    vector = VECTORS["diffs"][2]
    pool = Pool()
    root = MapTree.new(pool.context(), MapContentType.MAP, owner=OWNER, dec_id=DEC)
    tree = PathTree(pool.context(), root)
    await tree.insert_with_key("/a", "b", val("1"))
    pool.store(tree.flush()[1])
    first = tree.flush()[0]
    await tree.set_with_key("/a", "b", val("2"), None, True)
    await tree.insert_with_key("/", "c", val("3"))
    pool.store(tree.flush()[1])
    second = tree.flush()[0]
    assert (str(first), str(second)) == (vector["r1"], vector["r2"])
    for name, expand in (("diff_expand", True), ("diff_no_expand", False)):
        diff_id, objects = await diff(pool.context(), first, second, expand=expand)
        pool.store(objects)
        found = vector[name] if isinstance(vector[name], str) else vector[name]["object_id"]
        assert str(diff_id) == found
        assert (await apply_diff(pool.context(), first, diff_id))[0] == second
    with pytest.raises(CyfsError) as raised:
        await diff(pool.context(), first, first, expand=True)
    assert raised.value.code == code_of(vector["diff_same_error"])
    passed(FILE, f"diffs {vector['name']}")


async def test_global_and_dec_roots() -> None:
    vector = VECTORS["global"][0]
    pool = Pool()
    steps = vector["steps"]
    dec = (await dec_root(pool)).root
    check(dec, steps[1])
    top = MapTree.new(
        pool.context(), MapContentType.MAP, owner=OWNER, dec_id=SYSTEM_DEC_ID, map_class=MapClass.GLOBAL_ROOT
    )
    check(top, steps[0])
    await ops.insert_with_key(top, str(DEC), dec.root_id())
    check(top, steps[2])
    await ops.insert_with_key(dec, "k", val("v"))
    assert str(dec.root_id()) == steps[3]["dec_root"]
    await ops.set_with_key(top, str(DEC), dec.root_id(), None, False)
    check(top, steps[3])
    passed(FILE, f"global {vector['name']}")
