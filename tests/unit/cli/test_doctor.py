"""``doctor`` finds what is wrong and says what to do; ``status`` without a gateway."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli


@pytest.fixture(autouse=True)
def _ports_that_nobody_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYFS_HTTP", "127.0.0.1:0")
    monkeypatch.setenv("CYFS_WS", "127.0.0.1:0")


def states(cli: Cli, root: Path) -> dict[str, tuple[str, str, str]]:
    rows = cli("doctor", "--root", root, "--json").json["checks"]
    worst: dict[str, tuple[str, str, str]] = {}
    for row in rows:
        if row["check"] not in worst or worst[row["check"]][0] == "ok":
            worst[row["check"]] = row["state"], row["text"], row["hint"]
    return worst


def test_a_sound_root_passes_every_check(cli: Cli, root: Path) -> None:
    result = cli("doctor", "--root", root, "--json")
    assert result.code == 0
    assert result.json["ok"] is True
    made = {row["check"] for row in result.json["checks"]}
    assert {"software", "libraries", "clock", "configuration", "space"} < made
    assert {"root", "permissions", "identity", "gateway", "http port", "ws port", "store"} < made
    text = cli("doctor", "--root", root)
    assert text.code == 0
    assert all(line.startswith(("OK ", "WARN ", " ")) for line in text.out.splitlines())
    assert max(len(line) for line in text.out.splitlines() if str(root) not in line) <= 80


def test_no_root_is_one_finding_and_the_rest_is_left_out(cli: Cli, tmp_path: Path) -> None:
    result = cli("doctor", "--root", tmp_path / "absent", "--json")
    assert result.code == 1
    failed = [row for row in result.json["checks"] if row["state"] == "fail"]
    assert [row["check"] for row in failed] == ["root"]
    assert "cyfs-edge init" in failed[0]["hint"]


def test_an_exposed_key_and_a_foreign_file_are_found(cli: Cli, root: Path) -> None:
    key = root / "etc/desc/device.sec"
    key.chmod(0o644)
    state, text, hint = states(cli, root)["permissions"]
    assert (state, text, hint) == ("fail", f"{key} is open to other users", f"chmod go= {key}")
    key.chmod(0o600)
    assert states(cli, root)["permissions"][0] == "ok"
    if os.geteuid() == 0:
        os.chown(root / "etc/desc/ext_info", 4321, 4321)
        state, text, hint = states(cli, root)["permissions"]
        assert (state, hint) == ("fail", f"chown -R root {root / 'etc/desc/ext_info'}")


def test_a_damaged_identity_is_found(cli: Cli, root: Path) -> None:
    (root / "etc/desc/device.sec").write_bytes(b"\x05" + b"\x01" * 32)
    (root / "etc/desc/device.sec").chmod(0o600)
    state, text, _ = states(cli, root)["identity"]
    assert state == "fail"
    assert "not the key of the device" in text
    (root / "etc/desc/device.sec").unlink()
    assert "private key" in states(cli, root)["identity"][1]


def test_a_missing_owner_is_a_warning(cli: Cli, root: Path) -> None:
    (root / "etc/desc/zone_owner.desc").unlink()
    result = cli("doctor", "--root", root, "--json")
    assert result.code == 0
    assert states(cli, root)["identity"][0] == "warn"


def test_a_wrong_configuration_is_found(cli: Cli, root: Path) -> None:
    (root / "etc/cyfs-edge.toml").write_text("nonsense = 1\n")
    state, text, _ = states(cli, root)["configuration"]
    assert (state, "line 1" in text) == ("fail", True)


def test_a_port_in_use_is_found(cli: Cli, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("CYFS_HTTP", f"127.0.0.1:{port}")
        state, text, hint = states(cli, root)["http port"]
    assert (state, text) == ("fail", f"{port} is in use by another program")
    assert "--http-port" in hint


def test_little_space_is_a_warning(cli: Cli, root: Path) -> None:
    (root / "etc/cyfs-edge.toml").write_text('[store]\nmin_free = "1000T"\n')
    state, _, hint = states(cli, root)["space"]
    assert state == "warn"
    assert hint


@pytest.mark.parametrize("now", [0.0, 5_000_000_000.0])
def test_a_clock_that_cannot_be_right_is_a_warning(
    cli: Cli, root: Path, monkeypatch: pytest.MonkeyPatch, now: float
) -> None:
    monkeypatch.setattr("cyfs_edge.cli.doctor.time.time", lambda: now)
    assert states(cli, root)["clock"][0] == "warn"


def test_missing_libraries_are_named(cli: Cli, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    required = ["lmdb>=1.4,<4", "no-such-library>=1", 'pytest>=7; extra == "dev"']
    monkeypatch.setattr("cyfs_edge.cli.doctor.metadata.requires", lambda name: required)
    assert states(cli, root)["libraries"] == ("fail", "missing: no-such-library", "pip install no-such-library")


def test_a_damaged_store_is_found(cli: Cli, root: Path) -> None:
    assert cli("object", "list", "--root", root).code == 0
    data = root / "data/store/data.mdb"
    data.write_bytes(os.urandom(data.stat().st_size))
    findings = cli("doctor", "--root", root, "--json").json["checks"]
    assert [row["state"] for row in findings if row["state"] != "ok"] == ["fail"]
    assert "damaged" in findings[-1]["text"]
    result = cli("object", "list", "--root", root)
    assert result.code == 1
    assert len(result.err.splitlines()) == 1


def test_status_without_a_gateway(cli: Cli, root: Path) -> None:
    result = cli("status", "--root", root)
    assert result.code == 3
    assert f"cyfs-edge run --root {root}" in result.out
    assert cli("status", "--root", root, "--json").json == {"running": False, "root": str(root)}
    assert cli("status", "--root", root / "absent").code == 6
