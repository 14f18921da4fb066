"""``config show``, and the order in which sources win."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli


def test_sources_win_in_order_and_are_named(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "etc/cyfs-edge.toml").write_text('log_level = "debug"\n[http]\nport = 1\n[ws]\nport = 1\n')
    (tmp_path / "no-admin-file.toml").write_text("[http]\nport = 2\n[ws]\nport = 2\n")
    monkeypatch.setenv("CYFS_WS", "127.0.0.1:3")
    shown = cli("config", "show", "--json", "--root", root).json
    admin = str(tmp_path / "no-admin-file.toml")
    assert shown["root"] == {"value": str(root), "source": "--root"}
    assert shown["settings"]["log_level"] == {"value": "debug", "source": str(root / "etc/cyfs-edge.toml")}
    assert shown["settings"]["http.port"] == {"value": 2, "source": admin}
    assert shown["settings"]["ws.port"] == {"value": 3, "source": "CYFS_WS"}
    assert shown["settings"]["browser_mode"] == {"value": "strict", "source": "default"}
    assert shown["files"] == [str(root / "etc/cyfs-edge.toml"), admin]


def test_text_has_a_row_for_each_value_and_says_where_to_change_one(cli: Cli, tmp_path: Path) -> None:
    result = cli("config", "show", "--root", tmp_path)
    assert result.code == 0
    assert ["http.port", "1318", "default"] in [line.split() for line in result.out.splitlines()]
    assert str(tmp_path / "etc/cyfs-edge.toml") in result.out


def test_a_mistake_in_a_file_is_exit_code_2_with_its_line(cli: Cli, root: Path) -> None:
    file = root / "etc/cyfs-edge.toml"
    file.write_text("[http]\nport = 1\nprot = 2\n")
    for command in (["config", "show"], ["object", "list"], ["run"]):
        result = cli(*command, "--root", root)
        assert result.code == 2
        assert result.err.startswith(f"cyfs-edge: {file}, line 3: unknown key 'http.prot'")


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(cli: Cli, root: Path) -> None:
    (root / "etc/cyfs-edge.toml").write_bytes(b"# a\n# \xff\n")
    result = cli("config", "show", "--root", root, "--json")
    assert (result.code, result.error["msg"]) == (2, f"{root / 'etc/cyfs-edge.toml'}, line 2: not UTF-8")
