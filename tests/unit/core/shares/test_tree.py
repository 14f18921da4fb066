"""What is reachable from a shared place, in which order, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.shares import tree as tree_module
from cyfs_edge.core.shares.tree import DirIndex, Folder, Leaf, is_safe_path
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange, make_dir
from tests.node import DEC, NOW, PEOPLE
from tests.outside import Outside
from tests.unit.core.placing import OWNER, link, put_dir, put_file

ENTRY = DirEntry(ObjectId.from_text(PEOPLE))
PATHS = st.lists(st.lists(st.sampled_from(["a", "a-", "a.", "a0", "b", "ü"]), min_size=1, max_size=3).map("/".join))


def index_of(*paths: str) -> DirIndex:
    return DirIndex(ObjectId.from_text(PEOPLE), DirList(dict.fromkeys(paths, ENTRY)))


def test_children_are_files_and_folders_once_each() -> None:
    index = index_of("b.txt", "/sub/x", "sub/y/z", "sub-a", "a.txt")
    assert [(name, entry is None) for name, entry in index.children("", "")] == [
        ("a.txt", False),
        ("b.txt", False),
        ("sub-a", False),
        ("sub", True),
    ]
    assert [name for name, _ in index.children("sub/", "")] == ["x", "y"]
    assert index.has_folder("sub/y")
    assert not index.has_folder("su")
    assert not index.has_folder("sub/x")


@given(PATHS, st.sampled_from(["", "a/", "a/b/"]))
def test_a_listing_in_parts_is_the_whole_listing(paths: list[str], prefix: str) -> None:
    index = index_of(*paths)
    whole = list(index.children(prefix, ""))
    below = {path[len(prefix) :] for path in paths if path.startswith(prefix)}
    assert {(name, entry is None) for name, entry in whole} == {(path.partition("/")[0], "/" in path) for path in below}
    after, parts = "", []
    while part := next(index.children(prefix, after), None):
        parts.append(part)
        after = part[0] + ("/" if part[1] is None else "")
    assert parts == whole


def test_names_that_lead_elsewhere_are_not_in_it() -> None:
    index = index_of("../up", "a/../b", "a//b", "", "/", "..", "a\0b", "good")
    assert index.paths == ["good"]
    assert index.get("../up") is None
    assert not is_safe_path("a/./b")


async def found(outside: Outside, base: ObjectId, path: str) -> Leaf | Folder | None:
    return await outside.door.shares.tree.find(base, "top", tuple(part for part in path.split("/") if part))


async def test_paths_through_dirs_in_dirs_and_maps(outside: Outside) -> None:
    inner = await put_dir(outside.node, {"deep/file.txt": b"deep"})
    file_id = await put_file(outside.node, b"top")
    entries = {"a/file.txt": DirEntry(file_id), "a/inner": DirEntry(inner)}
    outer = make_dir(OWNER, DirList(entries), update_time=NOW)
    await outside.node.put_raw(outer.raw)
    await link(outside.node, "/photos/dir", str(outer.object_id))
    base = await outside.node.send("GET", "/root-state/photos?action=get-object-by-path", {"cyfs-dec-id": DEC})
    map_id = ObjectId.from_text(base.headers["cyfs-object-id"])
    leaf = await found(outside, map_id, "dir/a/inner/deep/file.txt")
    assert isinstance(leaf, Leaf)
    assert leaf.name == "file.txt"
    for path in ("", "dir", "dir/a", "dir/a/inner", "dir/a/inner/deep"):
        assert isinstance(await found(outside, map_id, path), Folder), path
    for path in ("x", "dir/x", "dir/a/file.txt/x", "dir/a/inner/deep/file.txt/x", "dir/a/inner/x"):
        assert await found(outside, map_id, path) is None, path
    place = await found(outside, map_id, "")
    assert isinstance(place, Folder)
    paths = [path async for path, _ in outside.door.shares.tree.files(place, _no_pause)]
    assert sorted(paths) == ["dir/a/file.txt", "dir/a/inner/deep/file.txt"]


async def _no_pause() -> None:
    pass


async def test_chunks_and_ranges_of_a_chunk(outside: Outside) -> None:
    data = b"0123456789"
    chunk = ChunkId.of_data(data)
    await put_file(outside.node, data)
    entries = {"all": DirEntry(chunk), "part": DirEntry(DirRange(2, 6)), "bad": DirEntry(DirRange(5, 50))}
    made = make_dir(OWNER, DirList(entries, chunk), update_time=NOW)
    await outside.node.put_raw(made.raw)
    path = await outside.link_to(made.object_id)
    assert (await outside.ask("GET", f"{path}/all")).body == data
    part = await outside.ask("GET", f"{path}/part")
    assert part.body == b"2345"
    ranged = await outside.ask("GET", f"{path}/part", {"range": "bytes=1-2"})
    assert (ranged.status, ranged.body, ranged.headers["content-range"]) == (206, b"34", "bytes 1-2/4")
    assert part.headers["etag"] != (await outside.ask("GET", f"{path}/all")).headers["etag"]
    assert (await outside.ask("GET", f"{path}/bad")).status == 400


async def test_what_is_kept_of_lists_is_bounded(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [await put_dir(outside.node, {f"{number}-{name}": b"x" for name in range(4)}) for number in range(5)]
    tree = outside.door.shares.tree
    monkeypatch.setattr(tree_module, "KEPT_ENTRIES", 8)
    for object_id in ids:
        await tree.index_of(object_id)
    assert list(tree._kept) == ids[-2:]
    monkeypatch.setattr(tree_module, "KEPT_ENTRIES", 3)
    await tree.index_of(ids[0])
    assert not tree._kept


async def test_a_list_that_is_too_long_is_told(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that lies in the body of the Dir, as those of large folders do."""
    monkeypatch.setattr(tree_module, "_IN_WORKER", 0)
    object_id = await put_dir(outside.node, {str(number): b"x" for number in range(5)})
    assert len(await outside.door.shares.tree.index_of(object_id)) == 5
    outside.door.shares.tree._kept.clear()
    monkeypatch.setattr(tree_module, "ENTRIES_MAX", 4)
    path = await outside.link_to(await put_file(outside.node, b"x"))
    with pytest.raises(CyfsError) as caught:
        await outside.link_to(object_id)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert (await outside.ask("GET", path)).status == 200
