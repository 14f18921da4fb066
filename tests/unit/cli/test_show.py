"""``object show`` decodes anything, line by line if asked to, and survives whatever it is fed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cyfs_edge.base.area import Area
from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId, data_id, make_object_id
from cyfs_edge.cli.views import id_record, object_record, text_lines
from cyfs_edge.objects.builder import BodyParts, build_object
from tests.unit.cli.conftest import Cli

VECTORS = Path(__file__).parents[2] / "vectors"


def vectors() -> list[dict[str, Any]]:
    """All vectors that are named objects, with ``hex`` and ``id``."""
    found: list[dict[str, Any]] = []
    for vector in json.loads((VECTORS / "objects.json").read_text())["vectors"]:
        whole = "desc_hash_input" in vector or vector["name"].startswith(("real_", "typeless_", "ts_"))
        if whole and "hex" in vector:
            found.append(vector)
    core = json.loads((VECTORS / "core-objects.json").read_text())
    for vector in core["objects"] + core["made_with_ts_sdk"]:
        found.append({"name": vector["name"], "hex": vector["object_hex"], "id": vector["object_id"]})
    assert len(found) > 180
    return found


def test_every_object_vector_shows_its_id(cli: Cli) -> None:
    lines = "\n".join(vector["hex"] for vector in vectors())
    result = cli("object", "show", "--json", "--hex", "-", stdin=lines.encode())
    records = [json.loads(line) for line in result.out.splitlines()]
    assert [record["id"] for record in records] == [vector["id"] for vector in vectors()]
    assert result.code == 0
    for vector, record in zip(vectors(), records, strict=True):
        raw = bytes.fromhex(vector["hex"])
        assert record["type"] == int.from_bytes(raw[:2], "big")
        assert record["size"] == len(raw)
        assert {"desc", "signatures"} <= record.keys()
        if vector.get("body_hash"):
            assert record["body_hash"] == vector["body_hash"]


def test_the_protocols_own_view_is_inside() -> None:
    for vector in vectors():
        if "format_json" not in vector:
            continue
        record = object_record(bytes.fromhex(vector["hex"]))
        # An M endpoint is written as W (objects.md §1.6); the vector was shown before it was written.
        view = json.loads(json.dumps(vector["format_json"]).replace('"M4udp', '"W4udp'))
        assert view["desc"].items() <= record["desc"].items()
        if "body" in view:
            assert view["body"].items() <= record["body"].items()


def test_what_the_protocols_view_hides_is_shown() -> None:
    author = ObjectId.from_text("5r4MYfFYcDgLgqu53hgMskHxZcxMt6mYkC4ZmU46Hi1i")
    plain = build_object(33000, desc_content=b"abc", author=author, body=BodyParts(b"xyz"))
    assert object_record(plain.raw)["desc"]["author"] == str(author)
    by_name = {vector["name"]: vector for vector in vectors()}
    for name in ("tx_0", "contract_0"):
        record = object_record(bytes.fromhex(by_name[name]["hex"]))
        assert record["desc"]["content"] == "[unimplemented]"
        assert record["desc"].keys() & {"fields", "content_hex"}


def test_a_core_content_that_is_not_what_its_type_says_is_told() -> None:
    text_object = next(vector for vector in vectors() if vector["name"].startswith("text "))
    good = bytes.fromhex(text_object["hex"])
    assert "content_error" not in object_record(good)
    obj_type = int.from_bytes(good[:2], "big")
    record = object_record(build_object(obj_type, desc_content=b"\xff\xff").raw)
    assert record["type"] == obj_type
    assert record["content_error"].keys() == {"error", "code", "offset"}


def test_bad_lines_are_told_and_passed_over(cli: Cli) -> None:
    good = vectors()[0]
    lines = ["zz", "", "00", good["hex"], "0001000", good["hex"] + "ffff", "0007" + "00" * 50]
    result = cli("object", "show", "--json", "--hex", "-", stdin="\r\n".join(lines).encode())
    records = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 4
    assert len(records) == len(lines)
    assert [record.get("id") for record in records] == [None, None, None, good["id"], None, good["id"], None]
    assert records[5]["trailing_bytes"] == 2
    for position in (0, 1, 2, 4, 6):
        assert records[position].keys() == {"error", "code", "offset"}
        assert isinstance(records[position]["code"], int)
        assert 0 <= records[position]["offset"] <= len(lines[position]) // 2


def test_text_form_names_the_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.hex").write_text(vectors()[0]["hex"] + "\n00\n")
    result = cli("object", "show", "--hex", tmp_path / "x.hex")
    assert result.code == 4
    assert f"id: {vectors()[0]['id']}" in result.out
    assert f"{tmp_path / 'x.hex'}:2: " in result.out


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_record_or_a_coded_error(data: bytes) -> None:
    from cyfs_edge.cli.show import _line_record

    record = _line_record(data.hex().encode())
    assert ("id" in record) != ("error" in record)
    json.dumps(record)


def test_each_line_is_answered_before_the_next_is_needed() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cyfs_edge.cli.main", "object", "show", "--json", "--hex", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for vector in vectors()[:3]:
        process.stdin.write(vector["hex"] + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == vector["id"]
    process.stdin.close()
    assert process.stdout.read() == ""
    process.stdout.close()
    assert process.wait() == 0


def test_files_in_both_forms_and_several_at_once(cli: Cli, tmp_path: Path) -> None:
    first, second = vectors()[0], vectors()[1]
    (tmp_path / "raw.desc").write_bytes(bytes.fromhex(first["hex"]))
    (tmp_path / "hex.txt").write_text(second["hex"] + "\n")
    assert cli("object", "show", "--json", tmp_path / "raw.desc").json["id"] == first["id"]
    both = cli("object", "show", "--json", tmp_path / "raw.desc", tmp_path / "hex.txt").json
    assert [record["id"] for record in both] == [first["id"], second["id"]]
    assert cli("object", "show", "--json", "-", stdin=bytes.fromhex(first["hex"])).json["id"] == first["id"]


def test_a_file_that_is_no_object_is_exit_code_4_with_the_byte(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes.fromhex(vectors()[0]["hex"])[:-3])
    result = cli("object", "show", "--json", tmp_path / "x")
    assert result.code == 4
    assert result.error["msg"].startswith(f"{tmp_path / 'x'} is no object: ")


def test_neither_file_nor_id_is_not_found(cli: Cli, tmp_path: Path) -> None:
    result = cli("object", "show", tmp_path / "absent")
    assert result.code == 3
    assert "neither a file nor an object id" in result.err


def test_stored_and_unknown_ids(cli: Cli, root: Path) -> None:
    device = cli("identity", "show", "--json", "--root", root).json["device_id"]
    shown = cli("object", "show", "--json", "--root", root, device).json
    assert (shown["id"], shown["stored"], shown["type_name"]) == (device, True, "Device")
    by_base36 = cli("object", "show", "--json", "--root", root, shown["base36"]).json
    assert by_base36 == shown
    unknown = str(make_object_id(bytes(32), 8))
    shown = cli("object", "show", "--json", "--root", root, unknown).json
    assert (shown["id"], shown["stored"], shown["type_name"]) == (unknown, False, "File")
    chunk = str(ChunkId.of_data(b"absent"))
    assert cli("object", "show", "--json", "--root", root, chunk).json["stored"] is False


def test_ids_are_decoded_without_any_root(cli: Cli, tmp_path: Path) -> None:
    chunk = ChunkId.of_data(b"abc")
    result = cli("object", "show", "--json", "--root", tmp_path / "absent", chunk)
    assert result.code == 0
    assert result.json == id_record(chunk)
    text = cli("object", "show", "--root", tmp_path / "absent", chunk)
    assert "Not looked up in a store" in text.err
    assert "length: 3" in text.out


def test_what_an_id_tells() -> None:
    chunk = ChunkId.of_data(b"abc")
    record = id_record(chunk)
    assert (record["category"], record["type_name"], record["length"]) == ("standard", "Chunk", 3)
    assert record["hash_head"] == chunk.hash_head.hex()
    assert id_record(data_id(b"hello")) == {
        "id": str(data_id(b"hello")),
        "base36": data_id(b"hello").base36,
        "category": "data",
        "data": "68656c6c6f",
        "data_text": "hello",
    }
    assert id_record(data_id(b"\xff"))["data"] == "ff"
    assert "data_text" not in id_record(data_id(b"\xff"))
    assert id_record(NULL_ID)["data"] == ""
    assert id_record(ObjectId(b"\x3f" + bytes(31)))["data"] is None
    app = make_object_id(bytes(32), 40000, area=Area(1, 2, 3, 4), owner=True, mn_key=True)
    record = id_record(app)
    assert record["category"] == "dec_app"
    assert "type" not in record
    assert (record["has_owner"], record["has_single_key"], record["has_mn_key"]) == (True, False, True)
    assert record["area"] == {"country": 1, "carrier": 2, "city": 3, "inner": 4}


@given(st.binary(min_size=32, max_size=32))
def test_any_32_bytes_are_an_id_that_can_be_shown(raw: bytes) -> None:
    record = id_record(ObjectId(raw))
    assert ObjectId.from_text(record["id"]) == raw
    assert "\n".join(text_lines(record))


def test_text_lines_nest_and_cut_long_hex() -> None:
    record = {
        "a": 1,
        "none": None,
        "yes": True,
        "list": [{"x": 1, "y": {"z": 2}}, [], 5],
        "hex": "ab" * 50,
        "esc": "\x1b",
    }
    assert list(text_lines(record)) == [
        "a: 1",
        "none: -",
        "yes: yes",
        "list:",
        "  - x: 1",
        "    y:",
        "      z: 2",
        "  - -",
        "  - 5",
        f"hex: {'ab' * 32}... (50 bytes)",
        "esc: \\x1b",
    ]


def test_error_codes_are_those_of_the_protocol() -> None:
    from cyfs_edge.cli.show import _line_record

    assert _line_record(b"xx")["code"] == ErrorCode.HEX_ERROR
    assert _line_record(b"0001")["code"] == ErrorCode.OUT_OF_LIMIT
