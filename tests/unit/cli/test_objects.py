"""``object put|get|list|delete`` on a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, make_object_id
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.envelope import NamedObject
from tests.unit.cli.conftest import Cli


def made(number: int, update_time: int = 1) -> NamedObject:
    return build_object(40_000, desc_content=b"%d" % number, body=BodyParts(b"body", update_time))


def write(folder: Path, name: str, obj: NamedObject) -> Path:
    (folder / name).write_bytes(obj.raw)
    return folder / name


def test_put_get_and_put_again(cli: Cli, root: Path, tmp_path: Path) -> None:
    obj = made(1)
    file = write(tmp_path, "one", obj)
    first = cli("object", "put", file, "--root", root)
    assert (first.code, first.out) == (0, f"{obj.object_id}  Accept\n")
    assert cli("object", "put", file, "--root", root, "--json").json == {
        "objects": [{"source": str(file), "object_id": str(obj.object_id), "result": "AlreadyExists"}]
    }
    newer = write(tmp_path, "two", made(1, 5))
    assert cli("object", "put", newer, "--root", root).out.endswith("Updated\n")
    assert cli("object", "get", obj.object_id, "--root", root).out.encode("utf-8", "surrogateescape") == made(1, 5).raw
    result = cli("object", "get", obj.object_id, "--root", root, "--json").json
    assert result == {"object_id": str(obj.object_id), "size": obj.size, "object_raw": made(1, 5).raw.hex()}


def test_get_to_a_file_replaces_it_whole(cli: Cli, root: Path, tmp_path: Path) -> None:
    obj = made(2)
    cli("object", "put", write(tmp_path, "in", obj), "--root", root)
    target = tmp_path / "out"
    target.write_bytes(b"before" * 1000)
    assert cli("object", "get", obj.object_id, "-o", target, "--root", root, "--json").json["path"] == str(target)
    assert target.read_bytes() == obj.raw
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "root"]


def test_put_goes_on_after_a_bad_one_and_ends_with_its_code(cli: Cli, root: Path, tmp_path: Path) -> None:
    good, bad = write(tmp_path, "good", made(3)), tmp_path / "bad"
    bad.write_bytes(made(4).raw[:-2])
    trailing = tmp_path / "trailing"
    trailing.write_bytes(made(5).raw + b"x")
    result = cli("object", "put", bad, good, trailing, "--root", root, "--json")
    assert result.code == 4
    rows = result.json["objects"]
    assert ["error" in row for row in rows] == [True, False, True]
    assert rows[2]["error"]["code"] == ErrorCode.INVALID_DATA
    text = cli("object", "put", bad, good, "--root", root)
    assert text.out == f"{made(3).object_id}  AlreadyExists\n"
    assert text.err.startswith(f"{bad}: ")


def test_hex_lines_from_standard_input(cli: Cli, root: Path) -> None:
    objects = [made(number) for number in range(10, 15)]
    lines = "\n".join([obj.raw.hex() for obj in objects] + ["xyz"])
    result = cli("object", "put", "--hex", "-", "--root", root, "--json", stdin=lines.encode())
    assert result.code == 4
    rows = result.json["objects"]
    assert [row.get("object_id") for row in rows] == [str(obj.object_id) for obj in objects] + [None]
    assert rows[-1]["source"] == "-:6"
    assert rows[-1]["error"]["code"] == ErrorCode.HEX_ERROR


def test_access_and_dec_are_stored_with_the_object(cli: Cli, root: Path, tmp_path: Path) -> None:
    dec = make_object_id(bytes(range(32)), 400)
    obj = made(20)
    file = write(tmp_path, "x", obj)
    put = cli("object", "put", file, "--access", "rwxrwx--------x---", "--dec", dec, "--root", root)
    assert put.code == 0
    row = next(
        one
        for one in cli("object", "list", "--json", "--root", root).json["objects"]
        if one["object_id"] == str(obj.object_id)
    )
    assert (row["access"], row["dec_id"], row["obj_type"]) == (0o010077, str(dec), 40_000)


@pytest.mark.parametrize("access", ["0o1000000", "-1", "rwz", "x" * 4 + "r", "9999999", "0x"])
def test_a_wrong_access_is_wrong_use(cli: Cli, root: Path, tmp_path: Path, access: str) -> None:
    file = write(tmp_path, "x", made(21))
    assert cli("object", "put", file, f"--access={access}", "--root", root).code == 2


def test_list_is_in_order_by_type_and_limited(cli: Cli, root: Path, tmp_path: Path) -> None:
    files = [write(tmp_path, str(number), made(number)) for number in range(30, 40)]
    cli("object", "put", *files, "--root", root)
    rows = cli("object", "list", "--root", root, "--json").json["objects"]
    ids = [ObjectId.from_text(row["object_id"]) for row in rows]
    assert ids == sorted(ids)
    assert {made(number).object_id for number in range(30, 40)} < set(ids)
    assert len(cli("object", "list", "--limit", "3", "--root", root, "--json").json["objects"]) == 3
    for kind in ("device", "Device", "1"):
        devices = cli("object", "list", "--type", kind, "--root", root, "--json").json["objects"]
        assert [row["obj_type"] for row in devices] == [1]
    assert cli("object", "list", "--type", "group", "--root", root).out == "No objects.\n"
    assert cli("object", "list", "--type", "no such", "--root", root).code == 2
    text = cli("object", "list", "--root", root).out
    assert "dec app 40000" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_list_longer_than_a_page_is_complete(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cyfs_edge.cli.file_list.PAGE", 4)
    files = [write(tmp_path, str(number), made(number)) for number in range(50, 60)]
    cli("object", "put", *files, "--root", root)
    rows = cli("object", "list", "--root", root, "--json").json["objects"]
    ids = [row["object_id"] for row in rows]
    assert len(ids) == len(set(ids)) >= 12
    limited = cli("object", "list", "--root", root, "--json", "--limit", "6").json["objects"]
    assert [row["object_id"] for row in limited] == ids[:6]


def test_delete_tells_what_was_there(cli: Cli, root: Path, tmp_path: Path) -> None:
    obj = made(70)
    cli("object", "put", write(tmp_path, "x", obj), "--root", root)
    first = cli("object", "delete", obj.object_id, "--root", root, "--json")
    assert (first.code, first.json) == (0, {"objects": [{"object_id": str(obj.object_id), "deleted": True}]})
    again = cli("object", "delete", obj.object_id, ChunkId.of_data(b"no"), "--root", root, "--json")
    assert again.code == 3
    assert [row["deleted"] for row in again.json["objects"]] == [False, False]
    assert cli("object", "get", obj.object_id, "--root", root).code == 3


def test_binary_is_not_written_to_a_terminal(cli: Cli, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    result = cli("object", "get", made(1).object_id, "--root", root)
    assert result.code == 2
    assert "terminal" in result.err


def test_an_unknown_id_is_not_found(cli: Cli, root: Path) -> None:
    result = cli("object", "get", made(99).object_id, "--root", root, "--json")
    assert result.code == 3
    assert result.error["code"] == ErrorCode.NOT_FOUND
    assert json.loads(result.err)
