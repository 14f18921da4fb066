"""``state get|list|set|remove|roots|export`` on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyfs_edge.base.ids import ObjectId, make_object_id
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import NamedObject, decode_object
from tests.unit.cli.conftest import Cli

DEC = make_object_id(bytes(range(32)), 400)
OBJ = build_object(40_000, desc_content=b"one", body=BodyParts(b"body", 1))
OTHER = make_object_id(bytes(range(1, 33)), 40_000)


def put(cli: Cli, root: Path, obj: NamedObject) -> None:
    result = cli("object", "put", "--hex", "-", "--dec", DEC, "--root", root, stdin=obj.raw.hex().encode())
    assert result.code == 0, result.err


def test_what_was_set_is_there_until_it_is_removed(cli: Cli, root: Path, tmp_path: Path) -> None:
    put(cli, root, OBJ)
    of_dec = ("--dec", DEC, "--root", root)
    made = cli("state", "set", "/posts/2026/first", OBJ.object_id, *of_dec, "--json").json
    assert (made["path"], made["previous"]) == ("/posts/2026/first", None)
    got = cli("state", "get", "/posts/2026/first", *of_dec, "--json").json
    assert got["object_id"] == str(OBJ.object_id)
    assert got["object_raw"] == OBJ.raw.hex()
    assert (got["root"], got["revision"]) == (made["root"], made["revision"])
    assert cli("state", "get", "/posts/2026/first", "-o", tmp_path / "out", *of_dec).code == 0
    assert (tmp_path / "out").read_bytes() == OBJ.raw
    replaced = cli("state", "set", "/posts/2026/first", OTHER, *of_dec)
    assert replaced.out == f"/posts/2026/first  {OTHER}, was {OBJ.object_id}\n"
    assert cli("state", "remove", "/posts/2026/first", *of_dec, "--json").json["previous"] == str(OTHER)
    again = cli("state", "remove", "/posts/2026/first", *of_dec)
    assert (again.code, again.out) == (3, "/posts/2026/first  was not there\n")
    assert cli("state", "get", "/posts/2026/first", *of_dec).code == 3


def test_list_gives_every_entry_of_a_map_and_refuses_what_is_none(cli: Cli, root: Path) -> None:
    put(cli, root, OBJ)
    of_dec = ("--dec", DEC, "--root", root)
    for name in ("a", "b c", "ü"):
        assert cli("state", "set", f"/list/{name}", OBJ.object_id, *of_dec).code == 0
    rows = cli("state", "list", "/list", *of_dec, "--json").json["entries"]
    assert sorted(row["key"] for row in rows) == ["a", "b c", "ü"]
    assert {row["value"] for row in rows} == {str(OBJ.object_id)}
    assert cli("state", "list", "/list", *of_dec).out.endswith("3 entries.\n")
    assert cli("state", "list", *of_dec).out.endswith("  list\n1 entries.\n")
    assert "no map" in cli("state", "list", "/list/a", *of_dec).err


def test_the_two_states_and_their_decs_are_apart(cli: Cli, root: Path) -> None:
    cli("state", "set", "/x", OTHER, "--dec", DEC, "--root", root)
    roots = cli("state", "roots", "--root", root, "--json").json
    assert {row["dec_id"] for row in roots["decs"]} == {str(DEC), str(SYSTEM_DEC_ID)}
    cached = cli("state", "roots", "--category", "local-cache", "--root", root, "--json").json
    assert [row["dec_id"] for row in cached["decs"]] == [str(SYSTEM_DEC_ID)]
    assert cli("state", "get", "/x", "--dec", DEC, "--category", "local-cache", "--root", root).code == 3
    assert str(roots["root"]) in cli("state", "roots", "--root", root).out


@pytest.mark.parametrize("command", [["get", "/"], ["list"], ["remove", "/x"], ["export"]], ids=" ".join)
def test_a_dec_without_state_is_told_and_gets_none(cli: Cli, root: Path, command: list[str]) -> None:
    before = cli("state", "roots", "--root", root, "--json").json
    assert cli("state", *command, "--dec", OTHER, "--root", root).code == 3
    assert cli("state", "roots", "--root", root, "--json").json == before


def test_an_export_put_into_another_root_is_the_same_state(cli: Cli, root: Path, tmp_path: Path) -> None:
    put(cli, root, OBJ)
    for name, value in (("a", OBJ.object_id), ("deep/b", OBJ.object_id), ("deep/missing", OTHER)):
        cli("state", "set", f"/top/{name}", value, "--dec", DEC, "--root", root)
    file = tmp_path / "export"
    report = cli("state", "export", "/top", "--dec", DEC, "-o", file, "--root", root, "--json").json
    assert (report["objects"], report["missing"]) == (3, [str(OTHER)])
    lines = file.read_text().splitlines()
    ids = [decode_object(bytes.fromhex(line)).object_id for line in lines]
    assert ids[0] == ObjectId.from_text(report["object_id"])
    assert len(set(ids)) == 3
    assert cli("state", "export", "/top", "--dec", DEC, "--root", root).out.splitlines() == lines
    # Out of the first root and in again: the entries lead to the same objects.
    cli("state", "remove", "/top", "--dec", DEC, "--root", root)
    assert cli("object", "put", "--hex", file, "--dec", DEC, "--root", root).code == 0
    cli("state", "set", "/back", report["object_id"], "--dec", DEC, "--root", root)
    assert cli("state", "get", "/back/deep/b", "--dec", DEC, "--root", root, "--json").json["object_id"] == str(
        OBJ.object_id
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["get", "x"],
        ["get", "/x/"],
        ["get", "//x"],
        ["set", "/", str(OTHER)],
        ["set", "/x", "not!an!id"],
        ["remove", "/"],
        ["get", "/x", "--dec", "nobody"],
        ["roots", "--category", "other"],
        ["export", "--json"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2(cli: Cli, root: Path, arguments: list[str]) -> None:
    assert cli("state", *arguments, "--root", root).code == 2
