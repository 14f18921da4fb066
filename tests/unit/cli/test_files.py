"""``file put|get|ls``: content comes back as it was, the same has the same id, nothing unverified is written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.cli import calls
from cyfs_edge.cli.client import Client, read_body
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.main import build_parser
from cyfs_edge.cli.output import Output
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import (
    DirBody,
    DirEntry,
    DirList,
    DirNode,
    DirRange,
    dir_list,
    encode_body_chunk,
    make_dir,
)
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import CHUNK_SIZE, make_bundle, make_file, make_file_in_file
from tests.unit.cli.conftest import Cli

Files = Mapping[str, bytes | None]


def write(folder: Path, files: Files) -> Path:
    """``None`` stands for an empty folder."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name
        (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
    return folder


def read(folder: Path) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[name] = None
    return found


def connected(root: Path) -> Client:
    return Context(build_parser().parse_args(["file", "ls", "--root", str(root)]), Output()).connect()


def stored(root: Path, objects: list[NamedObject], chunks: Sequence[bytes] = ()) -> None:
    """Puts objects and chunks as any client could."""
    client = connected(root)
    try:
        for data in chunks:
            calls.put_chunk(client, ChunkId.of_data(data), data)
        for obj in objects:
            calls.put_object(client, obj.object_id, obj.raw)
    finally:
        client.close()


def dir_of(entries: Mapping[str, DirNode], body: DirBody | None = None, parent: ChunkId | None = None) -> NamedObject:
    return make_dir(
        None, DirList({name: DirEntry(node) for name, node in entries.items()}, parent), update_time=0, body=body
    )


def file_of(data: bytes) -> NamedObject:
    return make_file(None, len(data), hashlib.sha256(data).digest(), [ChunkId.of_data(data)], update_time=0)


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE + 5])
def test_a_file_comes_back_as_it_was(cli: Cli, root: Path, tmp_path: Path, size: int) -> None:
    (tmp_path / "in").write_bytes(os.urandom(size))
    put = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]
    assert (put["kind"], put["size"], put["new_chunks"]) == ("file", size, -(-size // CHUNK_SIZE))
    got = cli("file", "get", put["id"], "-o", tmp_path / "out", "--root", root, "--json")
    assert got.json == {
        "id": put["id"],
        "path": str(tmp_path / "out"),
        "files": 1,
        "unchanged": 0,
        "size": size,
        "verified": True,
        "failed": [],
        "failed_count": 0,
    }
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


def test_putting_again_changes_nothing_and_gives_the_same_id(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(os.urandom(CHUNK_SIZE + 10))
    shutil.copy(tmp_path / "in", tmp_path / "copy")
    rows = cli("file", "put", tmp_path / "in", tmp_path / "copy", "--root", root, "--json").json["files"]
    again = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"]
    assert rows[0]["id"] == rows[1]["id"] == again[0]["id"]
    assert [row["new_chunks"] for row in rows + again] == [2, 0, 0]
    listed = cli("file", "ls", "--root", root, "--json").json["files"]
    assert [row["file_id"] for row in listed] == [rows[0]["id"]]
    assert listed[0]["length"] == CHUNK_SIZE + 10


def test_only_missing_chunks_are_sent(cli: Cli, root: Path, tmp_path: Path) -> None:
    first, second = os.urandom(CHUNK_SIZE), os.urandom(CHUNK_SIZE)
    stored(root, [], [second])
    (tmp_path / "in").write_bytes(first + second)
    assert cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["new_chunks"] == 1


TREE: Files = {
    "a.txt": b"hello",
    "empty.txt": b"",
    "sub/b.bin": os.urandom(5000),
    "sub/deeper/c": b"hello",
    "sub/nothing": None,
    "Grüße/家 '\"": b"\n",
    ".hidden": b"h",
}


def test_a_folder_comes_back_as_it_was(cli: Cli, root: Path, tmp_path: Path) -> None:
    put = cli("file", "put", write(tmp_path / "in", TREE), "--root", root, "--json").json["files"][0]
    assert (put["kind"], put["entries"]) == ("dir", 6)
    got = cli("file", "get", put["id"], "-o", tmp_path / "out", "--root", root, "--json")
    assert (got.code, got.json["files"]) == (0, 6)
    assert read(tmp_path / "out") == dict(sorted(TREE.items()))
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_a_folder_has_one_id_wherever_it_is_and_in_whatever_order_it_was_made(
    cli: Cli, root: Path, tmp_path: Path
) -> None:
    first = write(tmp_path / "first", TREE)
    second = write(tmp_path / "second", dict(reversed(TREE.items())))
    rows = cli("file", "put", first, f"{second}/", "--root", root, "--json").json["files"]
    assert rows[0]["id"] == rows[1]["id"]


def test_parts_of_a_folder_by_inner_path(cli: Cli, root: Path, tmp_path: Path) -> None:
    dir_id = cli("file", "put", write(tmp_path / "in", TREE), "--root", root, "--json").json["files"][0]["id"]
    one = cli("file", "get", dir_id, "--inner-path", "/sub/deeper/c", "-o", tmp_path / "c", "--root", root)
    assert (one.code, (tmp_path / "c").read_bytes()) == (0, b"hello")
    below = cli("file", "get", dir_id, "--inner-path", "sub", "-o", tmp_path / "sub", "--root", root)
    assert below.code == 0
    assert read(tmp_path / "sub") == {"b.bin": TREE["sub/b.bin"], "deeper/c": b"hello", "nothing": None}
    absent = cli("file", "get", dir_id, "--inner-path", "su", "-o", tmp_path / "x", "--root", root, "--json")
    assert (absent.code, absent.error["code"]) == (3, ErrorCode.INNER_PATH_NOT_FOUND)


def test_links_inside_count_as_files_and_everything_else_is_left_out(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = write(tmp_path / "in", {"a": b"inside", "sub/b": b"b"})
    (folder / "sub/link").symlink_to("../a")
    (folder / "outside").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "folder").symlink_to("sub")
    os.mkfifo(folder / "pipe")
    result = cli("file", "put", folder, "--root", root, "--json")
    put = result.json["files"][0]
    assert {Path(row["path"]).name: row["reason"] for row in put["skipped"]} == {
        "outside": "a link to the outside",
        "up": "a link to the outside",
        "loop": "a link that leads nowhere",
        "dangling": "a link that leads nowhere",
        "folder": "a link to a folder",
        "pipe": "not a file or folder",
    }
    cli("file", "get", put["id"], "-o", tmp_path / "out", "--root", root)
    assert read(tmp_path / "out") == {"a": b"inside", "sub/b": b"b", "sub/link": b"inside"}
    assert "left out: " in cli("file", "put", folder, "--root", root).err


def test_a_link_given_as_the_path_itself_is_followed(cli: Cli, root: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"a": b"1"})
    (tmp_path / "link").symlink_to(folder)
    rows = cli("file", "put", folder, tmp_path / "link", "--root", root, "--json").json["files"]
    assert rows[0]["id"] == rows[1]["id"]


def test_what_cannot_be_put_is_told_before_anything_is_done(cli: Cli, root: Path, tmp_path: Path) -> None:
    assert cli("file", "put", tmp_path / "absent", "--root", root).code == 3
    os.mkfifo(tmp_path / "pipe")
    assert cli("file", "put", tmp_path / "pipe", "--root", root).code == 2


def test_a_folder_too_large_for_a_desc_has_the_same_id_in_chunk_form(cli: Cli, root: Path, tmp_path: Path) -> None:
    names = {f"{number:04}-{'x' * 60}": b"" for number in range(700)}
    put = cli("file", "put", write(tmp_path / "in", names), "--root", root, "--json").json["files"][0]
    raw = bytes.fromhex(cli("object", "get", put["id"], "--root", root, "--json").json["object_raw"])
    obj = decode_object(raw, exact=True)
    assert isinstance(obj.desc.value.content, ChunkId)
    listing = dir_list(obj)
    assert isinstance(listing, DirList)
    assert listing.entries.keys() == names.keys()
    cli("file", "get", put["id"], "-o", tmp_path / "out", "--root", root)
    assert read(tmp_path / "out") == names
    one = cli("file", "get", put["id"], "--inner-path", min(names), "-o", tmp_path / "one", "--root", root)
    assert (one.code, (tmp_path / "one").read_bytes()) == (0, b"")


def test_a_chunk_alone_and_an_object_that_is_no_file(cli: Cli, root: Path, tmp_path: Path) -> None:
    data = os.urandom(1000)
    stored(root, [], [data])
    assert cli("file", "get", ChunkId.of_data(data), "-o", tmp_path / "out", "--root", root).code == 0
    assert (tmp_path / "out").read_bytes() == data
    assert cli("file", "get", ChunkId.of_data(b"absent"), "-o", tmp_path / "x", "--root", root).code == 3
    device = cli("identity", "show", "--root", root, "--json").json["device_id"]
    result = cli("file", "get", device, "-o", tmp_path / "x", "--root", root)
    assert result.code == 2
    assert "object get" in result.err
    assert not (tmp_path / "x").exists()


def test_other_forms_of_files(cli: Cli, root: Path, tmp_path: Path) -> None:
    data = os.urandom(100)
    plain = file_of(data)
    in_file = make_file_in_file(None, 100, plain.desc.value.hash, plain.object_id, update_time=0)
    bundle = make_bundle(None, [ChunkId.of_data(data), ChunkId.of_data(b"tail")], update_time=0)
    stored(root, [plain, in_file, bundle], [data, b"tail"])
    for obj, content in ((plain, data), (in_file, data), (bundle, data + b"tail")):
        assert cli("file", "get", obj.object_id, "-o", tmp_path / "out", "--root", root).code == 0
        assert (tmp_path / "out").read_bytes() == content


def test_dirs_of_other_makers(cli: Cli, root: Path, tmp_path: Path) -> None:
    """Chunks as entries, ranges of a parent chunk, objects that come along, dirs in dirs, a body in a chunk."""
    pack, tail = os.urandom(3000), b"tail"
    along = file_of(tail)
    inner = dir_of({"x": ChunkId.of_data(tail)})
    entries: dict[str, DirNode] = {
        "part/one": DirRange(0, 1000),
        "part/two": DirRange(1000, 3000),
        "part/none": DirRange(5, 5),
        "chunk": ChunkId.of_data(tail),
        "along": along.object_id,
        "nested": inner.object_id,
    }
    carried = {along.object_id: along.raw}
    listed = dir_of(entries, DirBody(carried), ChunkId.of_data(pack))
    body = encode_body_chunk(carried)
    in_chunk = dir_of(
        entries | {"more": ChunkId.of_data(tail)}, DirBody(chunk_id=ChunkId.of_data(body)), ChunkId.of_data(pack)
    )
    stored(root, [inner, listed, in_chunk], [pack, tail, body])
    expected = {
        "along": tail,
        "chunk": tail,
        "nested/x": tail,
        "part/none": b"",
        "part/one": pack[:1000],
        "part/two": pack[1000:],
    }
    for number, (obj, more) in enumerate(((listed, {}), (in_chunk, {"more": tail}))):
        got = cli("file", "get", obj.object_id, "-o", tmp_path / str(number), "--root", root)
        assert (got.code, got.err) == (0, "")
        assert read(tmp_path / str(number)) == expected | more


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/x", "a//b", ".", "..", "", "a/", "a\0b", "n" * 256, "ü" * 200, "a/./b"],
)
def test_a_name_that_would_leave_the_folder_is_refused(cli: Cli, root: Path, tmp_path: Path, name: str) -> None:
    obj = dir_of({"fine": ChunkId.of_data(b"x"), name: ChunkId.of_data(b"x")})
    stored(root, [obj], [b"x"])
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    result = cli("file", "get", obj.object_id, "-o", tmp_path / "deep/deeper/out", "--root", root, "--json")
    assert (result.code, result.json["files"]) == (4, 1)
    (failed,) = result.json["failed"]
    assert (failed["path"], "no safe name" in failed["msg"]) == (name, True)
    names = sorted(path.name for path in (tmp_path / "deep").rglob("*"))
    assert names == ["deeper", "fine", "out"]


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_a_file_and_a_folder_of_one_name_are_refused(
    cli: Cli, root: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    obj = dir_of(dict.fromkeys(names, ChunkId.of_data(b"x")))
    stored(root, [obj], [b"x"])
    result = cli("file", "get", obj.object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (result.code, result.json["files"], result.json["failed_count"]) == (1, 1, 1)
    assert len([path for path in (tmp_path / "out").rglob("*") if path.is_file()]) == 1


def test_two_ways_to_one_name_are_refused(cli: Cli, root: Path, tmp_path: Path) -> None:
    inner = dir_of({"b": ChunkId.of_data(b"x")})
    obj = dir_of({"a": inner.object_id, "a/b": ChunkId.of_data(b"y")})
    stored(root, [inner, obj], [b"x", b"y"])
    assert cli("file", "get", obj.object_id, "-o", tmp_path / "out", "--root", root).code == 4
    assert read(tmp_path / "out") == {"a/b": b"x"}


def lying_files() -> dict[str, tuple[NamedObject, list[bytes]]]:
    data = b"content"
    good = file_of(data).desc.value.hash
    chunk = [ChunkId.of_data(data)]
    no_body = file_of(data).with_parts(body=None)
    return {
        "hash": (make_file(None, 7, bytes(32), chunk, update_time=0), [data]),
        "length": (make_file(None, 8, good, chunk, update_time=0), [data]),
        "order": (make_file(None, 14, good, [*chunk, ChunkId.of_data(b"CONTENT")], update_time=0), [data, b"CONTENT"]),
        "no list": (no_body, [data]),
    }


@pytest.mark.parametrize("lie", ["hash", "length", "order", "no list"])
def test_content_that_is_not_what_its_object_says_is_not_written(
    cli: Cli, root: Path, tmp_path: Path, lie: str
) -> None:
    obj, chunks = lying_files()[lie]
    stored(root, [obj], chunks)
    (tmp_path / "out").write_bytes(b"before")
    result = cli("file", "get", obj.object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (result.code, result.error["code"]) == (4, ErrorCode.INVALID_DATA)
    assert (tmp_path / "out").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "root"]


def test_a_missing_chunk_leaves_no_half_file(cli: Cli, root: Path, tmp_path: Path) -> None:
    here, gone = os.urandom(100), os.urandom(50)
    digest = hashlib.sha256(here + gone).digest()
    obj = make_file(None, 150, digest, [ChunkId.of_data(here), ChunkId.of_data(gone)], update_time=0)
    folder = dir_of({"a": ChunkId.of_data(here), "b": obj.object_id})
    stored(root, [obj, folder], [here])
    assert cli("file", "get", obj.object_id, "-o", tmp_path / "out", "--root", root).code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
    result = cli("file", "get", folder.object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (result.code, [row["path"] for row in result.json["failed"]]) == (3, ["b"])
    assert read(tmp_path / "out") == {"a": here}
    stored(root, [], [gone])
    again = cli("file", "get", folder.object_id, "-o", tmp_path / "out", "--root", root, "--json")
    assert (again.code, again.json["files"], again.json["unchanged"]) == (0, 2, 1)
    assert read(tmp_path / "out") == {"a": here, "b": here + gone}


def test_damage_in_the_store_is_found_by_get_and_by_scrub(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(os.urandom(CHUNK_SIZE))
    file_id = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"]
    clean = cli("scrub", "--root", root, "--json")
    assert (clean.code, clean.json["problems"]) == (0, [])
    assert clean.json["chunks"] == 1
    chunk_file = max(
        (path for path in (root / "data").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    data = bytearray(chunk_file.read_bytes())
    position = data.find((tmp_path / "in").read_bytes()[1_000_000:1_000_100])
    assert position > 0
    data[position] ^= 1
    chunk_file.write_bytes(data)
    assert cli("file", "get", file_id, "-o", tmp_path / "out", "--root", root).code == 4
    assert not (tmp_path / "out").exists()
    found = cli("scrub", "--root", root, "--json")
    assert found.code == 4
    assert [problem["kind"] for problem in found.json["problems"]] == ["chunk"]
    text = cli("scrub", "--root", root)
    assert "1 damaged:" in text.out
    assert found.json["problems"][0]["object_id"] in text.out


def test_targets_that_are_in_the_way(cli: Cli, root: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {"a": b"1"})
    dir_id = cli("file", "put", folder, "--root", root, "--json").json["files"][0]["id"]
    file_id = cli("file", "ls", "--root", root, "--json").json["files"][0]["file_id"]
    assert cli("file", "get", dir_id, "-o", folder, "--root", root, "--json").json["unchanged"] == 1
    assert cli("file", "get", dir_id, "-o", folder / "a", "--root", root).code == 1
    assert cli("file", "get", file_id, "-o", folder, "--root", root).code == 2
    assert cli("file", "get", file_id, "-o", tmp_path / "no" / "such", "--root", root).code == 3
    (tmp_path / "empty").mkdir()
    assert cli("file", "get", dir_id, "-o", tmp_path / "empty", "--root", root).code == 0
    assert read(tmp_path / "empty") == {"a": b"1"}
    (folder / "a").write_bytes(b"mine")
    other = cli("file", "get", dir_id, "-o", folder, "--root", root, "--json")
    assert (other.code, other.json["failed_count"], read(folder)) == (1, 1, {"a": b"mine"})
    assert cli("file", "get", dir_id, "-o", folder, "--replace", "--root", root).code == 0
    assert read(folder) == {"a": b"1"}


def test_a_link_as_target_stays_a_link_and_a_device_a_device(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"data")
    file_id = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"]
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    assert cli("file", "get", file_id, "-o", tmp_path / "link", "--root", root).code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"data"
    assert cli("file", "get", file_id, "-o", "/dev/null", "--root", root).code == 0
    assert Path("/dev/null").is_char_device()


def test_files_can_be_found_by_their_hash_afterwards(cli: Cli, root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"find me")
    file_id = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"]
    target = f"/ndn/?type=hash&value={hashlib.sha256(b'find me').hexdigest()}"
    headers = {"cyfs-ndn-action": "query-file", "cyfs-dec-id": str(SYSTEM_DEC_ID)}
    client = connected(root)
    try:
        answer = json.loads(read_body(client.request("GET", target, headers), 10_000))
    finally:
        client.close()
    assert [row["file_id"] for row in answer["list"]] == [file_id]


def test_a_dir_larger_than_an_object_may_be_has_its_list_in_a_chunk(cli: Cli, root: Path, tmp_path: Path) -> None:
    names = {f"{number:04}-{'x' * 60}": b"" for number in range(700)}
    write(tmp_path / "in", names)
    carried = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"]
    cli("object", "delete", carried, "--root", root)
    (root / "etc/cyfs-edge.toml").write_text('[limits]\nobject_size = "64K"\n')
    assert cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"] == carried
    raw = bytes.fromhex(cli("object", "get", carried, "--root", root, "--json").json["object_raw"])
    assert isinstance(dir_list(decode_object(raw)), ChunkId)
    assert cli("file", "get", carried, "-o", tmp_path / "out", "--root", root).code == 0
    assert read(tmp_path / "out") == names
    one = cli("object", "get", carried, "--inner-path", min(names), "--root", root, "--json").json
    assert one["object_id"] in {row["file_id"] for row in cli("file", "ls", "--root", root, "--json").json["files"]}


def test_below_the_floor_writes_are_refused_with_their_own_code_and_reads_go_on(
    cli: Cli, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(b"data")
    (tmp_path / "more").write_bytes(b"more")
    file_id = cli("file", "put", tmp_path / "in", "--root", root, "--json").json["files"][0]["id"]
    (root / "etc/cyfs-edge.toml").write_text('[store]\nmin_free = "1000T"\n')
    result = cli("file", "put", tmp_path / "more", "--root", root, "--json")
    assert (result.code, result.error["code"]) == (7, ErrorCode.OUT_OF_LIMIT)
    assert cli("file", "get", file_id, "-o", tmp_path / "out", "--root", root).code == 0
    assert cli("object", "delete", file_id, "--root", root).code == 0
