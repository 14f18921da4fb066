"""``init``: new identities, restored ones, and what is refused. ``identity show|export`` read them back."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.cli.main import main
from cyfs_edge.cli.setup import _words_in
from cyfs_edge.core.mnemonic import entropy_from_words
from cyfs_edge.store.identity_files import load_identity
from tests.unit.cli.conftest import Cli

FAST = ("--key", "secp256k1")


def test_a_new_identity_is_complete_private_and_shows_its_words_once(cli: Cli, tmp_path: Path) -> None:
    root = tmp_path / "root"
    result = cli("init", "--root", root, *FAST, "--name", "Ada", "--json")
    assert result.code == 0
    made = result.json
    assert len(entropy_from_words(made["words"])) == 16
    assert (made["key"], made["network"], made["root"]) == ("secp256k1", "main", str(root))
    identity = load_identity(root)
    assert str(identity.device.object_id) == made["device_id"]
    assert str(identity.device.owner) == made["owner_id"]
    assert identity.warnings == []
    assert stat.S_IMODE((root / "etc/desc/device.sec").stat().st_mode) == 0o600
    everything = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert made["words"].split()[0].encode() + b" " not in everything
    shown = cli("identity", "show", "--root", root, "--json").json
    assert shown["owner_name"] == "Ada"
    assert shown["ood_list"] == [made["device_id"]]
    assert "words" not in shown


def test_the_text_form_has_words_ids_and_the_next_step(cli: Cli, tmp_path: Path) -> None:
    out = cli("init", "--root", tmp_path / "root", *FAST).out
    assert "Words            1 " in out
    assert "shown now and never again" in out
    assert out.splitlines()[-1] == f"Next: cyfs-edge run --root {tmp_path / 'root'}"
    assert max(len(line) for line in out.splitlines() if str(tmp_path) not in line) <= 80


def test_two_identities_differ(cli: Cli, tmp_path: Path) -> None:
    first, second = (cli("init", "--root", tmp_path / name, *FAST, "--json").json for name in ("a", "b"))
    assert first["words"] != second["words"]
    assert first["device_id"] != second["device_id"]


@pytest.mark.parametrize("way", ["standard input", "file", "sheet", "capitals"])
def test_the_words_restore_the_same_ids(cli: Cli, tmp_path: Path, way: str) -> None:
    made = cli("init", "--root", tmp_path / "a", *FAST, "--json", "--device-id-text", "my box").json
    restore = ["init", "--root", tmp_path / "b", "--restore", *FAST, "--device-id-text", "my box", "--json"]
    stdin = b""
    if way == "standard input":
        stdin = made["words"].replace(" ", "\n").encode()
    elif way == "capitals":
        stdin = f"  {made['words'].upper()}  \n".encode()
    else:
        from cyfs_edge.core.identity import recovery_text

        identity = load_identity(tmp_path / "a")
        assert identity.owner is not None
        sheet = recovery_text(identity.owner, identity.device, identity.ext_info, made["words"])
        (tmp_path / "words").write_text(sheet if way == "sheet" else made["words"] + "\n")
        restore += ["--recovery-file", tmp_path / "words"]
    restored = cli(*restore, stdin=stdin)
    assert restored.code == 0
    assert "words" not in restored.json
    assert {**restored.json, "root": ""} == {name: "" if name == "root" else made[name] for name in restored.json}
    assert load_identity(tmp_path / "a").device_key == load_identity(tmp_path / "b").device_key


def test_another_device_text_or_network_gives_another_device(cli: Cli, tmp_path: Path) -> None:
    words = cli("init", "--root", tmp_path / "a", *FAST, "--json", "--device-id-text", "x").json["words"].encode()
    options = {"b": ["--device-id-text", "y"], "c": ["--device-id-text", "x", "--network", "test"]}
    ids = {load_identity(tmp_path / "a").device.object_id}
    for name, more in options.items():
        result = cli("init", "--restore", "--root", tmp_path / name, *FAST, "--json", *more, stdin=words)
        ids.add(load_identity(tmp_path / name).device.object_id)
        assert result.code == 0
    assert len(ids) == 3


def test_wrong_words_are_told_before_anything_is_made(cli: Cli, tmp_path: Path) -> None:
    for words, says in (
        (b"abandon about", "12 recovery words"),
        (b"abandonn " + b"about " * 11, "did you mean abandon"),
    ):
        result = cli("init", "--restore", "--root", tmp_path / "root", *FAST, "--json", stdin=words)
        assert result.code == 4
        assert says in result.error["msg"]
        assert not (tmp_path / "root").exists()


def test_words_of_a_sheet_are_found_among_its_other_lines() -> None:
    sheet = "CYFS recovery sheet\n\nWords            1 ab   2 cd\n                 3 ef   4 gh\nKey type   rsa2048\n"
    assert _words_in(sheet) == "ab cd ef gh"
    assert _words_in("ab cd\nef") == "ab cd\nef"


def test_an_identity_is_never_overwritten(cli: Cli, root: Path) -> None:
    before = {path.name: path.read_bytes() for path in (root / "etc/desc").iterdir()}
    result = cli("init", "--root", root, *FAST, "--json")
    assert result.code == 1
    assert result.error["code"] == ErrorCode.ALREADY_EXISTS
    assert {path.name: path.read_bytes() for path in (root / "etc/desc").iterdir()} == before


def test_a_foreign_folder_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    result = cli("init", "--root", tmp_path, *FAST)
    assert result.code == 6
    assert "not empty" in result.err


def test_the_machine_names_the_device_when_nothing_else_does(cli: Cli, tmp_path: Path) -> None:
    first, second = (cli("init", "--root", tmp_path / name, *FAST, "--json").json for name in ("a", "b"))
    assert first["device_id_text"]
    addresses = {path.read_text().strip() for path in Path("/sys/class/net").glob("*/address")}
    if addresses - {"00:00:00:00:00:00", ""}:
        assert first["device_id_text"] == second["device_id_text"]
        assert first["device_id_text"] in addresses


def test_show_and_export(cli: Cli, root: Path, tmp_path: Path) -> None:
    shown = cli("identity", "show", "--root", root)
    assert shown.code == 0
    assert "(this device)" in shown.out
    result = cli("identity", "export", "--root", root, "-o", tmp_path / "out", "--json")
    assert result.json == {
        "folder": str(tmp_path / "out"),
        "files": ["device.desc", "ext_info", "recovery.txt", "zone_owner.desc"],
    }
    for name in ("device.desc", "zone_owner.desc"):
        assert (tmp_path / "out" / name).read_bytes() == (root / "etc/desc" / name).read_bytes()
    assert "stored nowhere" in (tmp_path / "out/recovery.txt").read_text()


def test_the_private_key_is_exported_on_demand_and_stays_private(cli: Cli, root: Path, tmp_path: Path) -> None:
    result = cli("identity", "export", "--secret", "--root", root, "-o", tmp_path / "out")
    assert result.code == 0
    key = tmp_path / "out/device.sec"
    assert key.read_bytes() == (root / "etc/desc/device.sec").read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = cli("identity", "export", "--root", root, "-o", tmp_path / "out", "--json")
    assert again.code == 1
    assert "already has" in again.error["msg"]


def test_a_damaged_identity_is_one_sentence(cli: Cli, root: Path) -> None:
    path = root / "etc/desc/device.desc"
    path.write_bytes(path.read_bytes()[:20])
    for command in (["identity", "show"], ["object", "list"], ["scrub"]):
        result = cli(*command, "--root", root)
        assert result.code == 4
        assert f"{path} is damaged" in result.err
        assert len(result.err.splitlines()) == 1


def test_warnings_are_shown(cli: Cli, root: Path) -> None:
    (root / "etc/desc/device.sec").chmod(0o644)
    assert "chmod 600" in cli("identity", "show", "--root", root).err
    assert cli("identity", "show", "--root", root, "--json").json["warnings"]


def test_run_with_a_wrong_root_never_starts(cli: Cli, tmp_path: Path) -> None:
    assert cli("run", "--root", tmp_path / "absent").code == 6
    assert main(["run", "--root", str(tmp_path / "absent"), "--json"]) == 6
