"""The file tree: what is written is there whole or not at all, for this and every other device of the zone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from random import Random

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.files import tree as tree_module
from cyfs_edge.core.files.path import NAME_MAX, NAMES_MAX
from cyfs_edge.core.files.reading import FILES
from cyfs_edge.core.files.tree import Look
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.ports import MADE_HERE, Claim, Keep
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import CHUNK_SIZE, file_chunks
from cyfs_edge.store.memory import MemoryStore
from tests.node import NOW
from tests.storekit.kit import delete_object
from tests.unit.core.files.kit import Files, at, make_files, pieces_of
from tests.unit.core.maps.kit import OWNER


async def code_of(call: object) -> ErrorCode:
    with pytest.raises(CyfsError) as caught:
        await call
    return ErrorCode(caught.value.code)


async def state_path(files: Files, path: str) -> ObjectId | None:
    """What any reader of root-state finds at a path of the system dec."""
    root = await files.roots.require_dec_root(SYSTEM_DEC_ID)
    return await (await PathTree.open(files.roots.context, root)).get_by_path(path)


async def test_what_is_written_is_read_and_is_ordinary_root_state(files: Files) -> None:
    await files.tree.make_dir(at("docs"))
    written = await files.put("docs/a.txt", [b"hel", b"lo"])
    assert written.created
    assert await files.get("docs/a.txt") == b"hello"
    assert await files.get("docs/a.txt", 1, 3) == b"el"
    assert await files.all() == {"docs/": None, "docs/a.txt": b"hello"}
    entry = await files.tree.stat(at("docs/a.txt"))
    assert (entry.length, entry.modified, entry.is_folder) == (5, NOW, False)
    file_id = await state_path(files, f"/{FILES}/docs/a.txt")
    assert str(file_id) == entry.tag
    folder_id = await state_path(files, f"/{FILES}/docs")
    assert folder_id is not None
    assert folder_id.type_code == ObjectTypeCode.OBJECT_MAP
    assert file_id is not None
    record = await files.store.objects.get(file_id)
    assert record is not None
    file = decode_object(record.raw)
    assert (file.owner, record.context, record.create_dec_id) == (OWNER, MADE_HERE, SYSTEM_DEC_ID)


async def test_an_empty_tree_has_a_top(files: Files) -> None:
    assert await files.names() == []
    assert (await files.tree.stat(())).is_folder
    assert await code_of(files.tree.stat(at("a"))) == ErrorCode.NOT_FOUND
    assert await code_of(files.tree.open(())) == ErrorCode.UN_SUPPORT


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE])
async def test_content_of_any_size_and_in_any_pieces(size: int) -> None:
    files = await make_files()
    data = Random(size).randbytes(size)
    cut = [0, *sorted(Random(1).choices(range(size + 1), k=5)), size]
    await files.put("f", [data[start:end] for start, end in pairwise(cut)])
    assert await files.get("f") == data
    assert await files.get("f", size // 2, size) == data[size // 2 :]
    file_id = await state_path(files, f"/{FILES}/f")
    assert file_id is not None
    record = await files.store.objects.get(file_id)
    assert record is not None
    chunks = file_chunks(decode_object(record.raw))
    assert [chunk.length for chunk in chunks] == [CHUNK_SIZE] * (size // CHUNK_SIZE) + (
        [size % CHUNK_SIZE] if size % CHUNK_SIZE else []
    )
    assert isinstance(files.store, MemoryStore)
    assert set(files.store.chunks.claims.values()) <= {Claim(SYSTEM_DEC_ID, Keep.REFERRED, OWNER)}
    await files.close()


async def test_the_same_content_and_time_make_the_same_object(files: Files) -> None:
    one = await files.put("a", b"same", modified=5)
    files.clock.time += 1
    two = await files.put("b", b"same", modified=5)
    three = await files.put("c", b"same")
    assert one.entry.tag == two.entry.tag != three.entry.tag


async def test_a_write_replaces_and_says_so(files: Files) -> None:
    assert (await files.put("a", b"old")).created
    assert not (await files.put("a", b"new")).created
    assert await files.get("a") == b"new"


async def test_a_write_that_breaks_off_leaves_the_old_file(files: Files) -> None:
    await files.put("a", b"old")

    async def broken() -> AsyncIterator[bytes]:
        yield bytes(CHUNK_SIZE + 5)
        raise CyfsError(ErrorCode.CONNECTION_RESET, "gone")

    before = await files.roots.current()
    assert await code_of(files.tree.write(at("a"), broken())) == ErrorCode.CONNECTION_RESET
    assert await files.get("a") == b"old"
    assert await files.roots.current() == before


async def test_of_writes_at_the_same_time_the_last_complete_one_stays(files: Files) -> None:
    async def slow(data: bytes, gate: asyncio.Event) -> AsyncIterator[bytes]:
        yield data
        await gate.wait()

    gates = [asyncio.Event() for _ in range(3)]
    writes = [asyncio.ensure_future(files.tree.write(at("f"), slow(b"%d" % n, gates[n]))) for n in range(3)]
    for n in (2, 0, 1):
        gates[n].set()
        await writes[n]
        assert await files.get("f") == b"%d" % n
    assert await files.names() == ["f"]


async def test_changes_at_the_same_time_are_all_there(files: Files) -> None:
    await asyncio.gather(*(files.put(f"f{n}", b"%d" % n) for n in range(10)))
    await asyncio.gather(*(files.tree.make_dir(at(f"d{n}")) for n in range(10)))
    await asyncio.gather(*(files.tree.move(at(f"f{n}"), at(f"d{n}/f"), replace=False) for n in range(10)))
    assert {path: data for path, data in (await files.all()).items() if data} == {
        f"d{n}/f": b"%d" % n for n in range(10)
    }


async def test_each_change_is_one_commit(files: Files) -> None:
    await files.tree.make_dir(at("a"))
    await files.put("a/f", b"x")
    await files.tree.set_attributes(at("a/f"), lambda held: b"about")
    revision = (await files.roots.current()).revision
    await files.tree.make_dir(at("b"))
    await files.tree.move(at("a"), at("b/a"), replace=False)
    await files.tree.copy(at("b"), at("c"), replace=False)
    await files.tree.remove(at("b"))
    assert (await files.roots.current()).revision == revision + 4


async def test_moves_and_copies_take_all_that_is_below(files: Files) -> None:
    for path in ("a", "a/b"):
        await files.tree.make_dir(at(path))
    await files.put("a/b/f", b"1")
    assert await files.tree.copy(at("a"), at("c"), replace=False)
    assert await files.tree.move(at("a/b"), at("b"), replace=False)
    assert await files.all() == {"a/": None, "b/": None, "b/f": b"1", "c/": None, "c/b/": None, "c/b/f": b"1"}
    await files.put("c/b/f", b"2")
    assert await files.get("b/f") == b"1"
    assert not await files.tree.move(at("b"), at("c"), replace=True)
    assert await files.all() == {"a/": None, "c/": None, "c/f": b"1"}
    assert await files.tree.copy(at("c"), at("d"), replace=False, deep=False)
    assert await files.names("d") == []
    await files.tree.remove(at("c"))
    assert await files.names() == ["a/", "d/"]


async def test_a_copy_takes_no_data(files: Files) -> None:
    await files.put("a", Random(1).randbytes(100_000))
    before = files.store.stat()
    await files.tree.copy(at("a"), at("b"), replace=False)
    after = files.store.stat()
    assert after.chunk_size == before.chunk_size
    assert after.storage_size - before.storage_size < 2000
    assert (await files.tree.stat(at("a"))).tag == (await files.tree.stat(at("b"))).tag


async def test_what_cannot_be_is_refused_and_changes_nothing(files: Files) -> None:
    await files.tree.make_dir(at("d"))
    await files.tree.make_dir(at("d/e"))
    await files.put("f", b"x")
    tree, before = files.tree, await files.roots.current()
    assert await code_of(files.put("no/f", b"x")) == ErrorCode.INNER_PATH_NOT_FOUND
    assert await code_of(files.put("f/g", b"x")) == ErrorCode.INNER_PATH_NOT_FOUND
    assert await code_of(files.put("d", b"x")) == ErrorCode.UN_SUPPORT
    assert await code_of(files.put("", b"x")) == ErrorCode.PERMISSION_DENIED
    assert await code_of(tree.make_dir(at("d"))) == ErrorCode.ALREADY_EXISTS
    assert await code_of(tree.make_dir(at("f"))) == ErrorCode.ALREADY_EXISTS
    assert await code_of(tree.make_dir(at("x/y"))) == ErrorCode.INNER_PATH_NOT_FOUND
    assert await code_of(tree.remove(at("x"))) == ErrorCode.NOT_FOUND
    assert await code_of(tree.remove(())) == ErrorCode.PERMISSION_DENIED
    for call in (tree.move, tree.copy):
        assert await code_of(call(at("x"), at("y"), replace=True)) == ErrorCode.NOT_FOUND
        assert await code_of(call(at("f"), at("d"), replace=False)) == ErrorCode.ALREADY_EXISTS
        assert await code_of(call(at("f"), at("x/y"), replace=True)) == ErrorCode.INNER_PATH_NOT_FOUND
        assert await code_of(call(at("d"), at("d"), replace=True)) == ErrorCode.PERMISSION_DENIED
        assert await code_of(call(at("d"), at("d/e/x"), replace=True)) == ErrorCode.PERMISSION_DENIED
        assert await code_of(call(at("d/e"), at("d"), replace=True)) == ErrorCode.PERMISSION_DENIED
    assert await code_of(tree.list(at("f"))) == ErrorCode.UN_SUPPORT
    assert await code_of(tree.open(at("d"))) == ErrorCode.UN_SUPPORT
    assert await files.roots.current() == before


BAD_NAMES = ["", ".", "..", "a\0b", "x" * (NAME_MAX + 1), "é" * (NAME_MAX // 2 + 1), "\ud800"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
async def test_names_that_are_none(name: str) -> None:
    files = await make_files()
    for path in ((name,), ("d", name, "f")):
        assert await code_of(files.tree.write(path, pieces_of(b"x"))) == ErrorCode.INVALID_PARAM
        assert await code_of(files.tree.stat(path)) == ErrorCode.INVALID_PARAM
        assert await code_of(files.tree.copy(("a",), path, replace=True)) == ErrorCode.INVALID_PARAM
    await files.close()


async def test_odd_names_are_names(files: Files) -> None:
    names = [
        " a ",
        "a?b",
        "?",
        "…",
        "a\\b",
        "%2e",
        "\x01",
        "x" * NAME_MAX,
        "é" * (NAME_MAX // 2),
        "e\u0301",
        "\u00e9",
        "-",
    ]
    for number, name in enumerate(names):
        await files.tree.write((name,), pieces_of(b"%d" % number))
    assert await files.names() == sorted(names)
    for number, name in enumerate(names):
        assert await files.get(name) == b"%d" % number
        await files.tree.remove((name,))
    assert await files.names() == []


async def test_paths_have_an_end(files: Files) -> None:
    path: tuple[str, ...] = ()
    for _ in range(NAMES_MAX - 1):
        path = (*path, "d")
        await files.tree.make_dir(path)
    await files.tree.write((*path, "f"), pieces_of(b"deep"))
    assert await code_of(files.tree.write((*path, "d", "f"), pieces_of(b"x"))) == ErrorCode.INVALID_PARAM
    assert (await files.tree.stat((*path, "f"))).length == 4


async def test_a_check_sees_the_tree_that_is_changed_and_may_refuse(files: Files) -> None:
    await files.put("f", b"1")

    async def check(look: Look) -> None:
        entry = await look(at("f"))
        assert entry is not None
        assert await look(at("nothing/here")) is None
        if entry.length != 1:
            raise CyfsError(ErrorCode.CONFLICT, "changed")

    await files.tree.write(at("f"), pieces_of(b"22"), check=check)
    refused = [
        files.tree.write(at("f"), pieces_of(b"3"), check=check),
        files.tree.remove(at("f"), check=check),
        files.tree.make_dir(at("d"), check=check),
        files.tree.move(at("f"), at("g"), replace=True, check=check),
        files.tree.copy(at("f"), at("g"), replace=True, check=check),
        files.tree.set_attributes(at("f"), lambda held: b"x", check=check),
    ]
    for call in refused:
        assert await code_of(call) == ErrorCode.CONFLICT
    assert await files.all() == {"f": b"22"}


async def test_writes_at_a_time_are_limited(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next ones wait for their turn; those that wait too long are told to come back."""
    monkeypatch.setattr(tree_module, "WRITES_MAX", 2)
    gate, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def waiting() -> AsyncIterator[bytes]:
        begun.release()
        await gate.wait()
        yield b"x"

    writes = [asyncio.ensure_future(files.tree.write(at(f"{n}"), waiting())) for n in range(3)]
    for _ in range(2):
        await begun.acquire()
    monkeypatch.setattr(tree_module, "WRITE_WAIT", 0)
    assert await code_of(files.put("late", b"x")) == ErrorCode.OUT_OF_SESSION_LIMIT
    assert begun.locked()
    gate.set()
    await asyncio.gather(*writes)
    assert await files.names() == ["0", "1", "2"]


async def test_a_large_folder(files: Files) -> None:
    """It becomes a hub on the way; a list sees it as it was when it began."""
    await files.tree.make_dir(at("d"))
    first = await files.put("d/x", b"x")
    assert first.entry.tag is not None
    for number in range(40):
        await files.tree.copy(at("d/x"), at(f"d/{number:03}-{'y' * 240}"), replace=False)
    for number in range(400):
        await files.tree.copy(at("d/x"), (f"d{number}",), replace=False)
    listing = await files.tree.list(at("d"))
    iterator = listing.entries()
    seen = [await anext(iterator)]
    await files.tree.remove(at("d"))
    seen += [entry async for entry in iterator]
    assert len(seen) == 41
    assert [entry async for entry in listing.entries()] == seen
    assert len(await files.names()) == 400


async def test_attributes_go_with_their_entry(files: Files) -> None:
    tree = files.tree
    await tree.make_dir(at("d"))
    await files.put("d/f", b"x")

    async def about(path: str) -> bytes | None:
        return await tree.attributes(at(path))

    await tree.set_attributes(at("d"), lambda held: b"folder")
    await tree.set_attributes(at("d/f"), lambda held: b"file")
    await tree.set_attributes((), lambda held: b"top")
    await tree.set_attributes(at("d/f"), lambda held: (held or b"") + b"!")
    await tree.move(at("d"), at("e"), replace=False)
    assert [await about(path) for path in ("", "d", "d/f", "e", "e/f")] == [b"top", None, None, b"folder", b"file!"]
    await files.put("e/f", b"other content")
    await tree.copy(at("e"), at("d"), replace=False)
    await tree.copy(at("e"), at("flat"), replace=False, deep=False)
    assert [await about(path) for path in ("d", "d/f", "e/f", "flat", "flat/f")] == [
        b"folder",
        b"file!",
        b"file!",
        b"folder",
        None,
    ]
    await tree.remove(at("e"))
    await tree.make_dir(at("e"))
    await files.put("e/f", b"x")
    assert [await about(path) for path in ("e", "e/f")] == [None, None]
    await files.put("plain", b"x")
    await tree.move(at("plain"), at("d/f"), replace=True)
    assert await about("d/f") is None
    await tree.set_attributes((), lambda held: None)
    assert await about("") is None
    assert await code_of(tree.set_attributes(at("no"), lambda held: b"x")) == ErrorCode.NOT_FOUND
    too_many = bytes(tree_module.ATTRIBUTES_MAX + 1)
    assert await code_of(tree.set_attributes((), lambda held: too_many)) == ErrorCode.OUT_OF_LIMIT


async def test_what_is_not_here_is_seen_and_can_be_replaced(files: Files) -> None:
    """Another device may have sent the maps and not yet the files."""
    written = await files.put("f", b"x", modified=7)
    file_id = ObjectId.from_text(written.entry.tag or "")
    await delete_object(files.store, file_id)
    (entry,) = [entry async for entry in (await files.tree.list(())).entries()]
    assert (entry.name, entry.length, entry.is_folder) == ("f", None, False)
    assert await code_of(files.tree.open(at("f"))) == ErrorCode.NOT_FOUND
    await files.put("f", b"x", modified=7)
    assert await files.get("f") == b"x"


async def test_a_full_disk_loses_nothing() -> None:
    store = MemoryStore()
    files = await make_files(store)
    await files.put("f", b"old")
    store.room = store._kept() + 10
    assert await code_of(files.put("f", bytes(100))) == ErrorCode.OUT_OF_LIMIT
    assert await code_of(files.tree.make_dir(at("d"))) == ErrorCode.OUT_OF_LIMIT
    assert await files.all() == {"f": b"old"}
    store.room = 1 << 40
    await files.put("f", b"new")
    assert await files.all() == {"f": b"new"}
    await files.close()
