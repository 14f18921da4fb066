"""``file put`` and ``get`` of what file systems really hold: any names, changes meanwhile, things in the way."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.cli import local_file, stored, target, tree, writeout
from cyfs_edge.objects import dir_list
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import CHUNK_SIZE, make_file
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_files import TREE, dir_of, read, write
from tests.unit.cli.test_files import stored as put_raw


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of this moment count as old."""
    monkeypatch.setattr(local_file, "RACY_NS", -(10**18))


def contents(folder: bytes) -> dict[bytes, bytes | None]:
    """Everything below, by path in bytes; ``None`` for empty folders."""
    found: dict[bytes, bytes | None] = {}
    for path, folders, files in os.walk(folder):
        for name in files:
            with open(os.path.join(path, name), "rb") as file:
                found[os.path.relpath(os.path.join(path, name), folder)] = file.read()
        if not folders and not files:
            found[os.path.relpath(path, folder)] = None
    return found


NASTY = [
    b"caf\xe9",
    b"\xff\xfe",
    "\uef80 \ueffe".encode(),
    b"new\nline",
    b" ",
    b"-rf",
    b"~",
    b"a\\b",
    b"'\"`$(x)",
    b"\x01\x7f",
    b"con.txt ",
    "e\u0301".encode(),
    "\u00e9".encode(),
    b"...",
    b"n" * 255,
    "\U0001f600".encode() * 63,
    b"a-b",
    b"a.b",
]


def test_trees_of_nasty_names_deep_and_empty_come_back(cli: Cli, root: Path, tmp_path: Path) -> None:
    top = os.fsencode(tmp_path / "in")
    os.mkdir(top)
    for number, name in enumerate(NASTY):
        os.makedirs(os.path.join(top, b"sub", name))
        for path in (os.path.join(top, name), os.path.join(top, b"sub", name, name)):
            with open(path, "wb") as file:
                file.write(b"%d" % number)
    # An empty folder comes after "a-b" in the walk, and before it in the list.
    os.mkdir(os.path.join(top, b"a"))
    deep = os.path.join(top, *[b"d"] * tree.DEPTH_MAX)
    os.makedirs(deep)
    Path(os.fsdecode(deep), "f").write_bytes(b"deep")
    put = cli("file", "put", tmp_path / "in", "--root", root, "--json")
    assert put.code == 0
    dir_id = put.json["files"][0]["id"]
    got = cli("file", "get", dir_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (got.code, got.json["failed"]) == (0, [])
    assert contents(os.fsencode(tmp_path / "out")) == contents(top)
    assert cli("file", "put", tmp_path / "out", "--root", root, "--json").json["files"][0]["id"] == dir_id


def test_folders_that_are_too_deep_are_reported_and_the_rest_is_stored(cli: Cli, root: Path, tmp_path: Path) -> None:
    deep = tmp_path.joinpath("in", *["d"] * (tree.DEPTH_MAX + 1))
    deep.mkdir(parents=True)
    (tmp_path / "in/f").write_bytes(b"f")
    (deep / "g").write_bytes(b"g")
    result = cli("file", "put", tmp_path / "in", "--root", root, "--json")
    row = result.json["files"][0]
    assert (result.code, row["entries"], row["failed_count"]) == (1, 1, 1)
    assert "folders deep" in row["failed"][0]["msg"]


@pytest.mark.usefixtures("_settled")
def test_files_that_are_as_they_were_are_not_read_again(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "in", TREE)
    opened: list[bytes] = []
    really_open = local_file._open

    def noting(path: bytes) -> int:
        opened.append(os.path.relpath(path, os.fsencode(folder)))
        return really_open(path)

    monkeypatch.setattr(local_file, "_open", noting)

    def put(*options: str) -> tuple[str, int, set[bytes]]:
        opened.clear()
        row = cli("file", "put", folder, *options, "--root", root, "--json").json["files"][0]
        return row["id"], row["unchanged"], set(opened)

    files = {name.encode() for name, content in TREE.items() if content is not None}
    first = put()
    assert first[1:] == (0, files)
    assert put() == (first[0], 6, set())
    assert put("--rehash") == (first[0], 0, files)
    # Same size, same modification time: the time of the last change of the inode tells.
    info = (folder / "a.txt").stat()
    (folder / "a.txt").write_bytes(b"HELLO")
    os.utime(folder / "a.txt", ns=(info.st_atime_ns, info.st_mtime_ns))
    second = put()
    assert second[0] != first[0]
    assert second[1:] == (5, {b"a.txt"})
    (folder / "a.txt").unlink()
    (folder / "sub/b.bin").rename(folder / "sub/c.bin")
    assert put()[1:] == (4, {b"sub/c.bin"})


@pytest.mark.usefixtures("_settled")
def test_what_is_remembered_is_not_trusted_when_something_is_missing(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(os.urandom(CHUNK_SIZE + 1))
    row = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]
    again = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]
    assert (again["id"], again["unchanged"]) == (row["id"], 1)
    tail = ChunkId.of_data((tmp_path / "in").read_bytes()[CHUNK_SIZE:])
    assert cli("object", "delete", tail, "--root", root).code == 0
    third = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]
    assert (third["unchanged"], third["new_chunks"]) == (0, 1)
    assert cli("file", "get", row["id"], "-o", tmp_path / "out", "--root", root).code == 0


def test_files_of_the_last_two_seconds_are_read_again(cli: Cli, root: Path, tmp_path: Path) -> None:
    """Their times may stay the same when they are changed once more."""
    (tmp_path / "in").write_bytes(b"one")
    for _ in range(2):
        assert cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["unchanged"] == 0


def changing(path: Path, times: int) -> Callable[[int, int, int], bytes]:
    """Reads as usual, and changes ``path`` each of the first ``times`` times."""
    left = times
    really_read = local_file.read_piece

    def reading(fd: int, size: int, offset: int) -> bytes:
        nonlocal left
        data = really_read(fd, size, offset)
        if left and os.path.samestat(os.fstat(fd), path.stat()):
            left -= 1
            with path.open("ab") as file:
                file.write(b"+")
        return data

    return reading


@pytest.mark.parametrize("size", [10, CHUNK_SIZE + 10])
def test_a_file_that_changes_while_it_is_read_is_read_again(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    folder = write(tmp_path / "in", {"a": os.urandom(size), "b": b"b"})
    monkeypatch.setattr(local_file, "read_piece", changing(folder / "a", 1))
    result = cli("file", "put", folder, "--root", root, "--json")
    assert result.code == 0
    cli("file", "get", result.json["files"][0]["id"], "-o", tmp_path / "out", "--root", root)
    assert read(tmp_path / "out") == read(folder)


@pytest.mark.parametrize("size", [10, CHUNK_SIZE + 10])
def test_a_file_that_never_stands_still_is_reported_and_the_rest_is_stored(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    folder = write(tmp_path / "in", {"a": os.urandom(size), "b": b"b"})
    monkeypatch.setattr(local_file, "read_piece", changing(folder / "a", 1000))
    result = cli("file", "put", folder, "--root", root, "--json")
    row = result.json["files"][0]
    assert (result.code, row["entries"]) == (1, 1)
    assert [(Path(one["path"]).name, one["code"]) for one in row["failed"]] == [("a", ErrorCode.CONFLICT)]
    alone = cli("file", "put", folder / "a", "--root", root, "--json")
    assert (alone.code, alone.json["files"][0]["id"]) == (1, None)


def test_files_that_may_not_be_read_are_reported_and_the_rest_is_stored(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by hand: for the superuser everything can be read."""
    folder = write(tmp_path / "in", {"secret": b"s", "open": b"o", "closed/x": b"x"})
    really_open, really_scan = os.open, os.scandir

    def refusing(path: object, *args: object, **options: object) -> int:
        if path == os.fsencode(folder / "secret"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return really_open(path, *args, **options)  # type: ignore[arg-type]

    def no_scan(path: object) -> object:
        if path == os.fsencode(folder / "closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return really_scan(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "open", refusing)
    monkeypatch.setattr(os, "scandir", no_scan)
    result = cli("file", "put", folder, "--root", root, "--json")
    monkeypatch.undo()
    row = result.json["files"][0]
    assert (result.code, row["entries"]) == (1, 1)
    assert sorted(Path(one["path"]).name for one in row["failed"]) == ["closed", "secret"]
    cli("file", "get", row["id"], "-o", tmp_path / "out", "--root", root)
    assert read(tmp_path / "out") == {"open": b"o"}


def test_a_large_tree_is_divided_into_dirs_and_comes_back(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dir_list, "FOLD_MAX", 300)
    files = {f"d{number % 7}/e{number % 3}/f{number}": b"%d" % number for number in range(60)} | {
        "d-1": b"x",
        "d0-": b"y",
    }
    put = cli("file", "put", write(tmp_path / "in", files), "--root", root, "--json").json["files"][0]
    dirs = cli("object", "list", "--type", "dir", "--root", root, "--json").json["objects"]
    assert len(dirs) > 5
    assert cli("file", "get", put["id"], "-o", tmp_path / "out", "--root", root).code == 0
    assert read(tmp_path / "out") == files
    one = cli("file", "get", put["id"], "--inner-path", "d3/e1/f10", "-o", tmp_path / "one", "--root", root)
    assert (one.code, (tmp_path / "one").read_bytes()) == (0, b"10")
    # The node itself finds the way through the dirs, too.
    found = cli("object", "get", put["id"], "--inner-path", "d3/e1/f10", "--root", root, "--json").json
    assert found["object_id"].startswith("7Tk94")
    below = cli("file", "get", put["id"], "--inner-path", "d3/e1", "-o", tmp_path / "below", "--root", root)
    assert (below.code, (tmp_path / "below/f10").read_bytes()) == (0, b"10")


def chain(depth: int) -> list[NamedObject]:
    """A Dir in a Dir in a Dir …, the outermost last."""
    dirs = [dir_of({"f": ChunkId.of_data(b"x")})]
    for _ in range(depth):
        dirs.append(make_dir(None, DirList({"d": DirEntry(dirs[-1].object_id)}), update_time=0))
    return dirs


def test_dirs_in_dirs_have_a_limit(cli: Cli, root: Path, tmp_path: Path) -> None:
    dirs = chain(stored.DEPTH_MAX)
    put_raw(root, dirs, [b"x"])
    fine = cli("file", "get", dirs[-2].object_id, "-o", tmp_path / "fine", "--root", root)
    assert fine.code == 0
    assert cli("file", "get", dirs[-1].object_id, "-o", tmp_path / "out", "--root", root).code == 4


def test_dirs_that_stand_for_too_many_entries_are_refused(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ENTRIES_MAX", 100)
    inner = dir_of({"f": ChunkId.of_data(b"x")})
    dirs = [inner]
    for _ in range(10):
        dirs.append(dir_of({"a": dirs[-1].object_id, "b": dirs[-1].object_id}))
    put_raw(root, dirs, [b"x"])
    result = cli("file", "get", dirs[-1].object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (result.code, "more than 100 entries" in result.error["msg"]) == (4, True)


def test_links_in_the_target_lead_nowhere(cli: Cli, root: Path, tmp_path: Path) -> None:
    dir_id = cli(
        "file", "put", write(tmp_path / "in", {"sub/x": b"new", "y": b"new", "z": b"z"}), "--root", root, "--json"
    )
    outside = write(tmp_path / "outside", {"x": b"old", "y": b"old"})
    out = write(tmp_path / "out", {})
    (out / "sub").symlink_to(outside)
    (out / "y").symlink_to(outside / "y")
    for options in ((), ("--replace",)):
        got = cli("file", "get", dir_id.json["files"][0]["id"], "-o", out, *options, "--root", root, "--json")
        assert got.code == 1
        assert sorted(row["path"] for row in got.json["failed"]) == ["sub/x", "y"]
        assert read(outside) == {"x": b"old", "y": b"old"}
        assert (out / "z").read_bytes() == b"z"


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if target.PART_NAME.fullmatch(os.fsencode(path.name))]


def large(cli: Cli, root: Path, tmp_path: Path) -> tuple[str, bytes]:
    data = os.urandom(2 * CHUNK_SIZE + 100)
    (tmp_path / "in").write_bytes(data)
    return cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"], data


def test_a_get_goes_on_where_it_was_broken_off(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id, data = large(cli, root, tmp_path)
    really_write = os.pwrite

    def full(fd: int, piece: bytes, offset: int) -> int:
        if offset >= 2 * CHUNK_SIZE:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really_write(fd, piece, offset)

    monkeypatch.setattr(os, "pwrite", full)
    result = cli("file", "get", file_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (result.code, (tmp_path / "out").exists()) == (7, False)
    (part,) = parts(tmp_path)
    assert part.stat().st_size == 2 * CHUNK_SIZE
    monkeypatch.setattr(os, "pwrite", really_write)
    # The second chunk of what is left is damaged: only the first is kept.
    with part.open("r+b") as file:
        file.seek(CHUNK_SIZE + 5)
        file.write(b"damage")
    read_again: list[ChunkId] = []
    really_read = writeout.chunk_pieces

    def noting(client: object, chunk_id: ChunkId) -> object:
        read_again.append(chunk_id)
        return really_read(client, chunk_id)  # type: ignore[arg-type]

    monkeypatch.setattr(writeout, "chunk_pieces", noting)
    assert cli("file", "get", file_id, "-o", tmp_path / "out", "--root", root).code == 0
    assert (tmp_path / "out").read_bytes() == data
    assert sorted(one.length for one in read_again) == [100, CHUNK_SIZE]
    assert parts(tmp_path) == []


def test_a_full_disk_ends_a_get_of_a_folder_and_leaves_no_half_file(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dir_id = cli("file", "put", write(tmp_path / "in", TREE), "--root", root, "--json").json["files"][0]["id"]
    really_write = os.pwrite
    left = 3

    def full(fd: int, piece: bytes, offset: int) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return really_write(fd, piece, offset)

    monkeypatch.setattr(os, "pwrite", full)
    assert cli("file", "get", dir_id, "-o", tmp_path / "out", "--root", root).code == 7
    assert all(TREE[name] == content for name, content in read(tmp_path / "out").items() if content is not None)
    monkeypatch.setattr(os, "pwrite", really_write)
    assert cli("file", "get", dir_id, "-o", tmp_path / "out", "--root", root).code == 0
    assert read(tmp_path / "out") == dict(sorted(TREE.items()))


def test_two_commands_do_not_write_one_file(cli: Cli, root: Path, tmp_path: Path) -> None:
    dir_id = cli("file", "put", write(tmp_path / "in", {"a": b"a", "b": b"b"}), "--root", root, "--json")
    write(tmp_path / "out", {})
    part = tmp_path / "out" / f".{hashlib.sha256(b'a').hexdigest()[:16]}.cyfs-part"
    with part.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        got = cli("file", "get", dir_id.json["files"][0]["id"], "-o", tmp_path / "out", "--root", root, "--json")
    assert (got.code, [row["path"] for row in got.json["failed"]]) == (5, ["a"])
    assert read(tmp_path / "out")["b"] == b"b"
    assert not (tmp_path / "out/a").exists()


def test_parts_are_neither_put_nor_written_by_a_dir(cli: Cli, root: Path, tmp_path: Path) -> None:
    name = ".0123456789abcdef.cyfs-part"
    put = cli("file", "put", write(tmp_path / "in", {name: b"half", "a": b"a"}), "--root", root, "--json").json
    assert [row["reason"] for row in put["files"][0]["skipped"]] == ["a part of a file that a get has not finished"]
    evil = dir_of({name: ChunkId.of_data(b"x"), "b": ChunkId.of_data(b"x")})
    put_raw(root, [evil], [b"x"])
    got = cli("file", "get", evil.object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (got.code, [row["path"] for row in got.json["failed"]]) == (4, [name])


def test_holes_stay_holes(cli: Cli, root: Path, tmp_path: Path) -> None:
    with (tmp_path / "in").open("wb") as file:
        file.write(b"head")
        file.truncate(10 * CHUNK_SIZE)
        file.seek(8 * CHUNK_SIZE)
        file.write(b"tail")
    put = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]
    assert (put["size"], put["new_chunks"]) == (10 * CHUNK_SIZE, 3)
    assert cli("file", "get", put["id"], "-o", tmp_path / "out", "--root", root).code == 0
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    assert (tmp_path / "out").stat().st_blocks * 512 <= 3 * CHUNK_SIZE


def test_a_damaged_chunk_in_the_store_costs_its_file_only(cli: Cli, root: Path, tmp_path: Path) -> None:
    files = {"bad": os.urandom(100_000), "good": os.urandom(100_000)}
    dir_id = cli("file", "put", write(tmp_path / "in", files), "--root", root, "--json").json["files"][0]["id"]
    name = ChunkId.of_data(files["bad"]).hex()
    chunk = next(path for path in (root / "data/store/chunks").iterdir() if path.name == name)
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    got = cli("file", "get", dir_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (got.code, [row["path"] for row in got.json["failed"]]) == (4, ["bad"])
    assert read(tmp_path / "out") == {"good": files["good"]}


def test_paths_longer_than_the_system_takes_in_one_call(cli: Cli, root: Path, tmp_path: Path) -> None:
    long = make_file(None, 1, hashlib.sha256(b"x").digest(), [ChunkId.of_data(b"x")], update_time=0)
    obj = dir_of({"/".join(["n" * 200] * 25): long.object_id, "z": long.object_id})
    put_raw(root, [long, obj], [b"x"])
    got = cli("file", "get", obj.object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (got.code, got.json["files"]) == (0, 2)


def test_the_node_does_not_store_its_own_root(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    row = cli("file", "put", tmp_path, "--root", root, "--json").json["files"][0]
    assert (row["entries"], [Path(one["path"]).name for one in row["skipped"]]) == (1, ["root"])
    cli("file", "get", row["id"], "-o", tmp_path / "out", "--root", root)
    assert read(tmp_path / "out") == {"a": b"a"}
