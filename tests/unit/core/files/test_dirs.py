"""Dir objects in the tree: folders to read, which become maps when something in them is changed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.files import dirs as dirs_module
from cyfs_edge.core.files.dirs import DirFolders, folder_of
from cyfs_edge.core.files.editing import SPAN_CHUNK_MAX
from cyfs_edge.core.files.entry import DirFolder
from cyfs_edge.core.files.reading import FILES
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.ports import ObjectRecord
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import DirEntry, DirList, DirNode, DirRange, make_dir
from cyfs_edge.objects.envelope import NamedObject
from tests.node import NOW, OBJECTS, id_of
from tests.storekit.kit import put_record
from tests.unit.core.files.kit import Files, at, make_files
from tests.unit.core.maps.kit import OWNER

CONTENTS = {"a.txt": b"first", "sub/b.txt": b"second", "sub/deep/c.txt": b"third"}


async def store_dir(files: Files, nodes: Mapping[str, DirNode], parent: ChunkId | None = None) -> ObjectId:
    listing = DirList({path: DirEntry(node) for path, node in nodes.items()}, parent)
    return await store(files, make_dir(OWNER, listing, create_time=NOW, update_time=NOW))


async def store(files: Files, obj: NamedObject) -> ObjectId:
    await put_record(files.store, ObjectRecord(obj.object_id, obj.raw, SYSTEM_DEC_ID, 1, 1))
    return obj.object_id


async def link(files: Files, name: str, object_id: ObjectId) -> None:
    """As another program would: with a change of root-state."""
    async with files.roots.mutex:
        root = await files.roots.require_dec_root(SYSTEM_DEC_ID)
        tree = await PathTree.open(files.roots.context, root)
        await tree.set_with_key(f"/{FILES}", name, object_id, None, True)
        root_id, maps = tree.flush()
        await files.roots.publish(SYSTEM_DEC_ID, root_id, maps)


async def linked_dir(files: Files) -> ObjectId:
    """A Dir of files, of a chunk, and of a part of a chunk, at ``pictures``."""
    nodes: dict[str, DirNode] = {}
    await files.tree.make_dir(at("made"))
    for number, (path, data) in enumerate(CONTENTS.items()):
        written = await files.put(f"made/{number}", data)
        nodes[path] = ObjectId.from_text(written.entry.tag or "")
    chunk = ChunkId.of_data(b"a chunk")
    parent = ChunkId.of_data(b"0123456789")
    await files.store.chunks.put(chunk, b"a chunk")
    await files.store.chunks.put(parent, b"0123456789")
    nodes["/chunk"] = chunk
    nodes["sub/part"] = DirRange(3, 7)
    dir_id = await store_dir(files, nodes, parent)
    await link(files, "pictures", dir_id)
    await files.tree.remove(at("made"))
    return dir_id


EXPECTED = {
    "pictures/": None,
    "pictures/a.txt": b"first",
    "pictures/chunk": b"a chunk",
    "pictures/sub/": None,
    "pictures/sub/b.txt": b"second",
    "pictures/sub/deep/": None,
    "pictures/sub/deep/c.txt": b"third",
    "pictures/sub/part": b"3456",
}


async def test_a_dir_is_a_folder(files: Files) -> None:
    await linked_dir(files)
    assert await files.all() == EXPECTED
    assert (await files.tree.stat(at("pictures"))).modified == NOW
    assert await files.get("pictures/sub/part", 1, 3) == b"45"


async def test_it_becomes_maps_when_something_below_is_changed(files: Files) -> None:
    dir_id = await linked_dir(files)
    await files.put("pictures/sub/new", b"new")
    assert await files.all() == {**EXPECTED, "pictures/sub/new": b"new"}
    root = await files.roots.require_dec_root(SYSTEM_DEC_ID)
    held = await (await PathTree.open(files.roots.context, root)).get_by_path(f"/{FILES}/pictures")
    assert held is not None
    assert held.type_code == ObjectTypeCode.OBJECT_MAP
    assert await files.store.objects.get(dir_id) is not None
    await files.tree.remove(at("pictures/sub/deep"))
    await files.tree.move(at("pictures/sub/b.txt"), at("pictures/b.txt"), replace=False)
    assert await files.names("pictures/sub") == ["new", "part"]


async def test_reading_and_copying_leave_it_a_dir(files: Files) -> None:
    dir_id = await linked_dir(files)
    await files.tree.copy(at("pictures/sub"), at("copy"), replace=False)
    await files.tree.copy(at("pictures"), at("whole"), replace=False)
    assert (await files.tree.stat(at("pictures"))).tag == str(dir_id) == (await files.tree.stat(at("whole"))).tag
    assert await files.names("copy") == ["b.txt", "deep/", "part"]
    assert await files.get("copy/part") == b"3456"


async def test_a_dir_with_odd_names_is_read_only(files: Files) -> None:
    chunk = ChunkId.of_data(b"x")
    await files.store.chunks.put(chunk, b"x")
    await files.tree.make_dir(at("d"))
    dir_id = await store_dir(files, {"good": chunk, "../evil": chunk, "good/inner": chunk, "a//b": chunk})
    await link(files, "odd", dir_id)
    assert await files.names("odd") == ["good/"]
    with pytest.raises(CyfsError) as caught:
        await files.put("odd/new", b"x")
    assert caught.value.code == ErrorCode.NOT_SUPPORT
    assert (await files.tree.stat(at("odd"))).tag == str(dir_id)
    await files.tree.copy(at("odd/good/inner"), at("saved"), replace=False)
    assert await files.get("saved") == b"x"
    await files.tree.move(at("odd"), at("moved"), replace=False)
    await files.tree.remove(at("moved"))


@pytest.mark.parametrize(
    "path", ["..", "../a", "a/../b", "a/./b", "a//b", "/", "//a", "a\0", "x" * 257, "a/" * 101 + "b"]
)
def test_paths_of_a_list_that_lead_elsewhere_are_left_out(path: str) -> None:
    folder = folder_of(DirList({path: DirEntry(ChunkId.of_data(b"")), "ok": DirEntry(ChunkId.of_data(b""))}), 0)
    assert (set(folder.children), folder.odd) == ({"ok"}, 1)


def test_ranges_outside_the_parent_chunk_are_left_out() -> None:
    parent = ChunkId.of_data(b"0123")
    for span, chunk in ((DirRange(0, 5), parent), (DirRange(3, 2), parent), (DirRange(0, 1), None)):
        folder = folder_of(DirList({"a": DirEntry(span)}, chunk), 0)
        assert folder == DirFolder({}, 0, 1)


async def test_large_dirs_are_refused_and_not_all_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    files = await make_files()
    monkeypatch.setattr(dirs_module, "DIR_ENTRIES_MAX", 30)
    monkeypatch.setattr(dirs_module, "KEPT_ENTRIES", 40)
    folders = DirFolders(files.store.objects, files.store.chunks, files.worker)
    chunk = ChunkId.of_data(b"")
    for size in (10, 20, 30):
        dir_id = await store_dir(files, {f"{n}": chunk for n in range(size)})
        assert len((await folders.open(dir_id)).children) == size
    assert folders._kept_entries == 30
    assert (await folders.open(dir_id)) is (await folders.open(dir_id))
    with pytest.raises(CyfsError) as caught:
        await folders.open(await store_dir(files, {f"{n}": chunk for n in range(31)}))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    await files.close()


async def test_a_list_in_a_chunk(files: Files) -> None:
    chunk = ChunkId.of_data(b"data")
    await files.store.chunks.put(chunk, b"data")
    listed = DirList({f"f{number}": DirEntry(chunk) for number in range(50)}).encode()
    await files.tree.make_dir(at("d"))
    dir_id = await store(files, make_dir(OWNER, ChunkId.of_data(listed), update_time=NOW))
    await link(files, "large", dir_id)
    with pytest.raises(CyfsError) as caught:
        await files.names("large")
    assert caught.value.code == ErrorCode.NOT_FOUND
    await files.store.chunks.put(ChunkId.of_data(listed), listed)
    assert len(await files.names("large")) == 50
    assert await files.get("large/f7") == b"data"


async def test_other_objects_are_files_of_their_bytes(files: Files) -> None:
    object_id = ObjectId.from_text(id_of("text_v1"))
    await put_record(files.store, ObjectRecord(object_id, OBJECTS["text_v1"], SYSTEM_DEC_ID, 1, 1))
    await link(files, "text", object_id)
    assert await files.get("text") == OBJECTS["text_v1"]
    assert await files.get("text", 2, 5) == OBJECTS["text_v1"][2:5]


async def test_lists_and_chunks_that_are_too_long_are_not_read() -> None:
    """Their length stands in their id, so that they need not be here to be refused."""
    files = await make_files()
    await files.tree.make_dir(at("d"))
    long_list = ChunkId.of_hash(bytes(32), dirs_module.DIR_LIST_MAX + 1)
    await link(files, "list", await store(files, make_dir(OWNER, long_list, update_time=NOW)))
    long_chunk = ChunkId.of_hash(bytes(32), SPAN_CHUNK_MAX + 1)
    await link(files, "parts", await store_dir(files, {"part": DirRange(0, 1)}, long_chunk))
    assert await files.names("parts") == ["part"]
    for call in (files.names("list"), files.put("parts/new", b"x")):
        with pytest.raises(CyfsError) as caught:
            await call
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    await files.close()
