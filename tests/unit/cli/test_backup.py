"""``cyfs-edge backup``: from the first repository to a restore on a new machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.cli.exits import Exit
from cyfs_edge.objects.builder import BodyParts, build_object
from tests.unit.cli.conftest import Cli

DEC = build_object(40_001, desc_content=b"a dec").object_id


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "disk"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    for number in range(5):
        (folder / "sub" / f"{number}.bin").write_bytes(bytes((number,)) * (number * 90_000 + 1))
    return folder


def value(text: str) -> Any:
    return build_object(40_000, desc_content=text.encode(), body=BodyParts(text.encode()))


def put(cli: Cli, root: Path, text: str, *options: object) -> str:
    obj = value(text)
    assert cli("object", "put", "--hex", "-", "--root", root, *options, stdin=obj.raw.hex().encode()).code == 0
    return str(obj.object_id)


def set_state(cli: Cli, root: Path, path: str, text: str) -> None:
    assert cli("state", "set", path, put(cli, root, text, "--dec", DEC), "--dec", DEC, "--root", root).code == 0


def roots(cli: Cli, root: Path) -> Any:
    return cli("state", "roots", "--root", root, "--json").json


def made(cli: Cli, root: Path, place: Path) -> str:
    """A repository; gives the key."""
    result = cli("backup", "init", place, "--root", root, "--json")
    assert result.code == 0, result.err
    text: str = result.json["key"]
    return text


def test_backup_wipe_restore_gives_the_same_roots(
    cli: Cli, root: Path, place: Path, tree: Path, tmp_path: Path
) -> None:
    put_tree = cli("file", "put", tree, "--root", root, "--json").json["files"][0]["id"]
    set_state(cli, root, "/a/b", "one")
    before = roots(cli, root)
    key = made(cli, root, place)
    created = cli("backup", "create", place, "--with-secret", "--root", root, "--json").json
    assert created["problems"] == []
    (tmp_path / "paper").write_text(key.lower().replace("-", " "))
    shutil.rmtree(root)
    result = cli("backup", "restore", place, "--key-file", tmp_path / "paper", "--root", root, "--json")
    assert result.code == 0, result.err
    assert result.json["snapshot"] == created["snapshot"]
    assert roots(cli, root) == before
    assert cli("file", "get", put_tree, "-o", tmp_path / "again", "--root", root).code == 0
    assert (tmp_path / "again" / "sub" / "4.bin").read_bytes() == (tree / "sub" / "4.bin").read_bytes()
    assert cli("scrub", "--root", root).code == 0
    # The key came along: the next backup needs nothing.
    assert cli("backup", "create", place, "--root", root, "--json").code == 0
    assert cli("backup", "verify", place, "--read-data", "--root", root).code == 0


def test_without_the_private_key_the_device_is_made_from_its_words_first(
    cli: Cli, root: Path, place: Path, tmp_path: Path
) -> None:
    set_state(cli, root, "/a", "one")
    before = roots(cli, root)
    made(cli, root, place)
    assert cli("backup", "create", place, "--root", root).code == 0
    shutil.copytree(root / "etc", tmp_path / "etc")
    shutil.rmtree(root)
    key = ("--key-file", tmp_path / "etc" / "backup" / "key")
    result = cli("backup", "restore", place, *key, "--root", root)
    assert result.code == Exit.NO_ROOT
    assert "init --restore" in result.err
    shutil.copytree(tmp_path / "etc" / "desc", root / "etc" / "desc", dirs_exist_ok=True)
    assert cli("backup", "restore", place, *key, "--root", root).code == 0
    assert roots(cli, root) == before


def test_another_device_and_a_store_that_is_there_are_left_alone(
    cli: Cli, root: Path, place: Path, tmp_path: Path
) -> None:
    made(cli, root, place)
    assert cli("backup", "create", place, "--with-secret", "--root", root).code == 0
    held = put(cli, root, "after the backup")
    result = cli("backup", "restore", place, "--root", root)
    assert result.code == Exit.FAILED
    assert "--replace" in result.err
    assert cli("object", "get", held, "--root", root).code == 0
    assert cli("backup", "restore", place, "--replace", "--root", root).code == 0
    assert cli("object", "get", held, "--root", root).code == Exit.NOT_FOUND
    assert (root / "data" / "store.1" / "data.mdb").exists()
    other = tmp_path / "other"
    assert cli("init", "--root", other, "--key", "secp256k1").code == 0
    result = cli("backup", "restore", place, "--key-file", root / "etc/backup/key", "--root", other)
    assert result.code == Exit.FAILED
    assert "another root" in result.err
    assert not (other / "data" / "store").exists()


def test_one_dec_comes_back_into_a_node_that_went_on(
    cli: Cli, root: Path, place: Path, tree: Path, tmp_path: Path
) -> None:
    file_id = cli("file", "put", tree, "--root", root, "--json").json["files"][0]["id"]
    set_state(cli, root, "/a/b", "one")
    assert cli("state", "set", "/folder", file_id, "--dec", DEC, "--root", root).code == 0
    old = cli("state", "list", "/", "--dec", DEC, "--root", root, "--json").json
    made(cli, root, place)
    assert cli("backup", "create", place, "--root", root).code == 0
    system = put(cli, root, "of the system")
    assert cli("state", "set", "/kept", system, "--root", root).code == 0
    set_state(cli, root, "/a/b", "two")
    assert cli("state", "remove", "/folder", "--dec", DEC, "--root", root).code == 0
    for one in cli("object", "list", "--root", root, "--json").json["objects"]:
        if one["object_id"] == file_id:
            cli("object", "delete", file_id, "--root", root)
    result = cli("backup", "restore", place, "--dec", DEC, "--root", root, "--json")
    assert result.code == 0, result.err
    assert cli("state", "list", "/", "--dec", DEC, "--root", root, "--json").json["entries"] == old["entries"]
    assert cli("state", "get", "/a/b", "--dec", DEC, "--root", root, "--json").json["object_id"] == str(
        value("one").object_id
    )
    assert cli("state", "get", "/kept", "--root", root, "--json").json["object_id"] == system
    assert cli("file", "get", file_id, "-o", tmp_path / "again", "--root", root).code == 0
    unknown = cli("backup", "restore", place, "--dec", value("nobody").object_id, "--root", root)
    assert unknown.code == Exit.NOT_FOUND


def test_the_list_and_what_is_forgotten(cli: Cli, root: Path, place: Path) -> None:
    key = made(cli, root, place)
    for number in range(3):
        put(cli, root, f"object {number}")
        assert cli("backup", "create", place, "--root", root).code == 0
    listed = cli("backup", "list", place, "--root", root, "--json").json["snapshots"]
    assert [one["objects"] for one in listed] == sorted(one["objects"] for one in listed)
    assert len({one["snapshot"] for one in listed}) == 3
    text = cli("backup", "list", place, "--root", root).out
    assert all(one["snapshot"] in text for one in listed)
    options = ("--keep-last", 1, "--keep-daily", 0, "--keep-weekly", 0)
    forgotten = cli("backup", "forget", place, *options, "--root", root, "--json").json
    assert (forgotten["snapshots"], forgotten["left"]) == (2, 1)
    # From a machine that has no node, with the key alone.
    elsewhere = root.parent / "elsewhere"
    result = cli("backup", "list", place, "--root", elsewhere, "--json", stdin=key.encode())
    assert [one["snapshot"] for one in result.json["snapshots"]] == [listed[-1]["snapshot"]]
    assert cli("backup", "verify", place, "--root", elsewhere, stdin=key.encode()).code == 0


def test_a_rehearsal_leaves_nothing_behind(cli: Cli, root: Path, place: Path, tree: Path) -> None:
    cli("file", "put", tree, "--root", root)
    set_state(cli, root, "/a/b", "one")
    made(cli, root, place)
    assert cli("backup", "create", place, "--root", root).code == 0
    result = cli("backup", "rehearse", place, "--root", root, "--json")
    assert result.code == 0, result.err
    assert result.json["problems"] == []
    assert result.json["maps"] >= 3
    assert not (root / "data" / "rehearsal").exists()
    for path in (place / "packs").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
    assert cli("backup", "rehearse", place, "--root", root).code == Exit.BAD_DATA
    assert not (root / "data" / "rehearsal").exists()
    assert cli("backup", "verify", place, "--read-data", "--root", root).code == Exit.BAD_DATA


def test_the_key_is_shown_kept_and_brought_back(cli: Cli, root: Path, place: Path, tmp_path: Path) -> None:
    assert cli("backup", "key", "--root", root).code == Exit.NOT_FOUND
    key = made(cli, root, place)
    path = root / "etc" / "backup" / "key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert cli("backup", "key", "--root", root, "--json").json["key"] == key
    shown = cli("backup", "key", "--root", root).out
    assert key.replace("-", "") in "".join(shown.split()).replace("-", "")
    # A second place has the same key.
    assert "key" not in cli("backup", "init", tmp_path / "second", "--root", root, "--json").json
    path.unlink()
    assert cli("backup", "create", place, "--root", root).code == Exit.NOT_FOUND
    assert cli("backup", "key", "--restore", "--root", root, stdin=b"ABCD\n").code == Exit.BAD_DATA
    assert (
        cli("backup", "key", "--restore", "--root", root, stdin=key[:35].encode() + b"\n" + key[35:].encode()).code == 0
    )
    assert cli("backup", "create", place, "--root", root).code == 0
    other = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert cli("backup", "key", "--restore", "--root", root, stdin=other.encode()).code == Exit.BAD_DATA


def test_a_first_repository_that_cannot_be_made_leaves_no_key(cli: Cli, root: Path, tmp_path: Path) -> None:
    assert cli("backup", "init", tmp_path / "not" / "there", "--root", root).code == Exit.FAILED
    assert not (root / "etc" / "backup" / "key").exists()


def test_without_a_place_the_command_says_so(cli: Cli, root: Path) -> None:
    result = cli("backup", "create", "--root", root)
    assert result.code == Exit.USAGE
    assert "[backup]" in result.err


def test_the_configured_place_is_used(cli: Cli, root: Path, place: Path) -> None:
    made(cli, root, place)
    (root / "etc" / "cyfs-edge.toml").write_text(f'[backup]\ntarget = "{place}"\n')
    assert cli("backup", "create", "--root", root).code == 0
    last = cli("backup", "list", "--root", root, "--json").json["snapshots"]
    assert len(last) == 1


def test_scrub_repairs_from_the_backup(cli: Cli, root: Path, place: Path, tree: Path) -> None:
    cli("file", "put", tree, "--root", root)
    made(cli, root, place)
    (root / "etc" / "cyfs-edge.toml").write_text(f'[backup]\ntarget = "{place}"\n')
    assert cli("backup", "create", "--root", root).code == 0
    chunks = [path for path in (root / "data/store/chunks").iterdir() if path.is_file()]
    chunks[0].unlink()
    data = bytearray(chunks[1].read_bytes())
    data[5] ^= 1
    chunks[1].write_bytes(data)
    result = cli("scrub", "--root", root, "--json")
    assert result.code == Exit.BAD_DATA
    assert len(result.json["problems"]) == 2
    assert all(one["files"] for one in result.json["problems"])
    result = cli("scrub", "--repair", "--root", root, "--json")
    assert result.code == 0, result.err
    assert len(result.json["repaired"]) == 2
    assert cli("scrub", "--root", root).code == 0
