"""``cyfs-edge volume``: a further disk for large chunks, from adding it to giving it up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.main import main

LARGE = 300_000


@pytest.fixture
def root(tmp_path: Path) -> str:
    assert main(["init", "--root", str(tmp_path / "root"), "--key", "secp256k1", "--json"]) == Exit.OK
    (tmp_path / "disk").mkdir()
    return str(tmp_path / "root")


class Cli:
    """Runs commands on the root; ``json`` for those that give one document."""

    def __init__(self, root: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._root = root
        self._capsys = capsys

    def run(self, *arguments: str, code: int = Exit.OK) -> str:
        self._capsys.readouterr()
        assert main([*arguments, "--root", self._root]) == code
        captured = self._capsys.readouterr()
        return captured.out + captured.err

    def json(self, *arguments: str, code: int = Exit.OK) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.run(*arguments, "--json", code=code))
        return document

    def places(self, code: int = Exit.OK) -> list[dict[str, object]]:
        found = self.json("volume", "list", code=code)["volumes"]
        assert isinstance(found, list)
        return found


@pytest.fixture
def cli(root: str, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(root, capsys)


def test_a_disk_is_added_filled_drained_and_removed(cli: Cli, tmp_path: Path) -> None:
    disk = str(tmp_path / "disk")
    assert "on the disk that the store is on" in cli.run("volume", "add", disk, code=Exit.USAGE)
    assert list((tmp_path / "disk").iterdir()) == []
    name = str(cli.json("volume", "add", disk, "--same-disk")["name"])
    (tmp_path / "file").write_bytes(bytes(LARGE))
    cli.run("file", "put", str(tmp_path / "file"))
    root_place, volume = cli.places()
    assert (root_place["name"], root_place["chunks"]) == ("root", 0)
    assert (volume["name"], volume["state"], volume["chunks"], volume["bytes"]) == (name, "ok", 1, LARGE)
    assert name in cli.run("volume", "list")
    assert "first: cyfs-edge volume drain" in cli.run("volume", "remove", name[:6], code=Exit.FAILED)
    assert cli.json("volume", "drain", name[:6])["chunks"] == 1
    assert cli.places()[1]["state"] == "draining"
    assert "takes large chunks again" in cli.run("volume", "drain", name, "--undo")
    assert "Nothing is left" in cli.run("volume", "drain", name)
    assert "is forgotten" in cli.run("volume", "remove", name)
    assert [place["name"] for place in cli.places()] == ["root"]
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_disk_that_is_gone_is_told_everywhere_and_can_be_given_up(cli: Cli, tmp_path: Path) -> None:
    name = str(cli.json("volume", "add", str(tmp_path / "disk"), "--same-disk")["name"])
    (tmp_path / "file").write_bytes(bytes(LARGE))
    put = cli.json("file", "put", str(tmp_path / "file"))
    assert "here and well" in cli.run("volume", "remove", name, "--lost", code=Exit.FAILED)
    assert "volume" in cli.run("doctor")
    shutil.rmtree(tmp_path / "disk")
    told = cli.run("volume", "list", code=Exit.FAILED)
    assert "missing" in told
    assert f"volume remove --lost {name}" in " ".join(cli.run("doctor", code=Exit.FAILED).split())
    (stored,) = put["files"]  # type: ignore[misc]
    file_id = stored["id"]
    assert "is missing" in cli.run("file", "get", file_id, "-o", str(tmp_path / "got"), code=Exit.FAILED)
    assert not (tmp_path / "got").exists()
    assert "could not be looked at" in cli.run("scrub")
    lost = cli.json("volume", "remove", name, "--lost")
    assert (lost["chunks"], lost["bytes"]) == (1, LARGE)
    assert lost["lost"][0]["files"] == [file_id]  # type: ignore[index]
    assert [place["name"] for place in cli.places()] == ["root"]


@pytest.mark.parametrize("command", [["drain", "0000"], ["drain", ""], ["remove", "root"], ["remove", "--lost", "zz"]])
def test_unknown_volumes_are_not_found(cli: Cli, command: list[str]) -> None:
    assert "volume list shows them" in cli.run("volume", *command, code=Exit.NOT_FOUND)
