"""``cyfs-edge space``: what is kept for whom, quotas, and collection by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.main import main


@pytest.fixture
def root(tmp_path: Path) -> str:
    assert main(["init", "--root", str(tmp_path / "root"), "--key", "secp256k1", "--json"]) == Exit.OK
    return str(tmp_path / "root")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == Exit.OK
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_what_is_put_is_shown_limited_and_freed(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(bytes(5000))
    run(capsys, "file", "put", str(tmp_path / "file"), "--root", root)
    accounts = run(capsys, "space", "show", "--root", root)["accounts"]
    assert isinstance(accounts, list)
    dec = next(one for one in accounts if one["kind"] == "dec")
    assert dec["chunk_bytes"] == 5000
    run(capsys, "space", "quota", "dec", dec["id"], "1K", "--root", root)
    (tmp_path / "file").write_bytes(bytes(6000))
    assert main(["file", "put", str(tmp_path / "file"), "--root", root]) != Exit.OK
    assert "may keep 1024 bytes" in capsys.readouterr().err
    run(capsys, "space", "quota", "dec", dec["id"], "none", "--root", root)
    run(capsys, "file", "put", str(tmp_path / "file"), "--root", root)
    assert run(capsys, "space", "collect", "--root", root) == {"objects": 0, "chunks": 0, "bytes": 0}


@pytest.mark.parametrize(("kind", "id", "size"), [("dec", "x", "1G"), ("dec", "5r4MYf", "1G"), ("dec", "5", "many")])
def test_wrong_arguments_are_usage_errors(
    root: str, kind: str, id: str, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["space", "quota", kind, id, size, "--root", root]) == Exit.USAGE
    assert capsys.readouterr().err
