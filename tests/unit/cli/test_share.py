"""``cyfs-edge share`` and ``cyfs-edge door``, without a gateway."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cyfs_edge.cli.exits import CliError
from cyfs_edge.cli.share import parse_life, qr_text

from .conftest import Cli


@pytest.fixture
def door(root: Path) -> Path:
    (root / "etc" / "cyfs-edge.toml").write_text('[door]\nenabled = true\nnames = ["box.example"]\nport = 443\n')
    return root


def put(cli: Cli, root: Path, tmp_path: Path) -> str:
    (tmp_path / "a.txt").write_text("data")
    return str(cli("file", "put", tmp_path / "a.txt", "--root", root, "--json").json["files"][0]["id"])


def test_a_share_is_made_listed_and_revoked(cli: Cli, door: Path, tmp_path: Path) -> None:
    file_id = put(cli, door, tmp_path)
    made = cli("share", "create", file_id, "--expires", "7d", "--label", "A file", "--root", door, "--json").json
    assert re.fullmatch(r"https://box\.example/s/\w{16,22}", made["url"])
    assert abs(made["expires"] - made["created"] - 7 * 86400 * 1_000_000) < 60_000_000
    shown = cli("share", "list", "--root", door)
    assert made["id"] in shown.out
    assert "A file" in shown.out
    assert made["url"] not in shown.out
    assert cli("share", "revoke", made["id"], "--root", door).code == 0
    assert cli("share", "revoke", made["id"], "--root", door).code == 3
    assert "Nothing is shared" in cli("share", "list", "--root", door).out


def test_shares_for_peers_need_no_door(cli: Cli, root: Path, tmp_path: Path) -> None:
    file_id = put(cli, root, tmp_path)
    refused = cli("share", "create", file_id, "--root", root)
    assert refused.code == 1
    assert "enabled = true" in refused.err
    made = cli("share", "create", file_id, "--for", "friends", "--root", root, "--json").json
    assert made["objects"] == 1
    assert cli("state", "set", "/docs/a", file_id, "--root", root).code == 0
    by_path = cli("share", "create", "/docs", "--for", "zone", "--root", root, "--json").json
    assert by_path["target"]["path"] == "/docs"
    assert "/docs/" in cli("access", "show", "--root", root).out
    assert cli("share", "revoke", by_path["id"], made["id"], "--root", root).code == 0
    assert "/docs/" not in cli("access", "show", "--root", root).out


def test_a_link_as_a_code(cli: Cli, door: Path, tmp_path: Path) -> None:
    shown = cli("share", "create", put(cli, door, tmp_path), "--qr", "--root", door)
    assert "█" in shown.out
    lines = qr_text("https://box.example/s/abc").splitlines()
    assert len({len(line) for line in lines}) == 1
    assert all(line.startswith("\x1b[") and line.endswith("\x1b[0m") for line in lines)
    # A quiet zone all around, which scanners need.
    assert set(lines[0][8:-4]) == {"█"}


@pytest.mark.parametrize("text", ["", "7", "0d", "d", "7y", "-1d", "1.5h", "9999999d"])
def test_wrong_times_are_usage_errors(text: str) -> None:
    with pytest.raises(CliError):
        parse_life(text)


def test_times() -> None:
    assert [parse_life(text) for text in ("90m", "12h", "7d", "4w")] == [5400, 43200, 604800, 2419200]


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "nonsense"),
        ("create", "/x", "--expires", "soon"),
        ("create", "/x", "--for", "all"),
        ("create", "/.cyfs/meta"),
        ("revoke", "nonsense"),
    ],
)
def test_wrong_use(cli: Cli, door: Path, arguments: tuple[str, ...]) -> None:
    assert cli("share", *arguments, "--root", door).code == 2


def test_nothing_there_is_exit_code_3(cli: Cli, door: Path) -> None:
    assert cli("share", "create", "/no/such/path", "--root", door).code == 3


def test_the_door_and_its_password(cli: Cli, door: Path) -> None:
    shown = cli("door", "show", "--root", door)
    assert "https://box.example" in shown.out
    assert "not set" in shown.out
    assert "made at the first start" in shown.out
    assert cli("door", "password", "--root", door, stdin=b"short\n").code == 2
    assert cli("door", "password", "--root", door, stdin=b"correct horse battery\n").code == 0
    shown = cli("door", "show", "--root", door, "--json")
    assert shown.json["password_set"] is True
    assert b"correct horse" not in b"".join(path.read_bytes() for path in door.rglob("*") if path.is_file())


def test_a_door_that_is_off_says_how_to_open_it(cli: Cli, root: Path) -> None:
    assert "enabled = true" in cli("door", "show", "--root", root).out


def test_tokens(cli: Cli, door: Path) -> None:
    made = cli("door", "token", "create", "my phone", "--read-only", "--root", door, "--json").json
    assert len(made["token"]) == 43
    listed = cli("door", "token", "list", "--root", door)
    assert "my phone" in listed.out
    assert made["token"] not in listed.out
    assert cli("door", "token", "revoke", made["id"], "--root", door).code == 0
    assert cli("door", "token", "revoke", made["id"], "--root", door).code == 3
    assert "No tokens" in cli("door", "token", "list", "--root", door).out
    assert cli("door", "token", "create", "", "--root", door).code == 2
