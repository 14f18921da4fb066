"""``cyfs-edge import``: a reference node's data and its archives, by command."""

from __future__ import annotations

from pathlib import Path

from cyfs_edge.cli.exits import Exit
from tests.unit.cli.conftest import Cli
from tests.unit.host.imports.kit import CHUNKS, RAWS, Archive, Entry, id_of, plain_archive, write_root


def test_a_reference_root_is_taken_over(cli: Cli, root: Path, tmp_path: Path) -> None:
    reference = write_root(tmp_path / "cyfs")
    result = cli("import", "reference", reference, "--root", root, "--json")
    assert result.code == 0, result.err
    assert (result.json["objects"], result.json["chunks"]) == (len(RAWS), len(CHUNKS))
    for raw in RAWS:
        assert cli("object", "get", id_of(raw), "--root", root).out.encode("utf-8", "surrogateescape") == raw
    assert "were here already" in cli("import", "reference", reference, "--root", root).out
    assert cli("import", "reference", tmp_path, "--root", root).code == Exit.NOT_FOUND


def test_an_archive_is_taken_over_with_its_password(cli: Cli, root: Path, tmp_path: Path) -> None:
    folder = plain_archive(tmp_path / "archive", "secret word")
    assert cli("import", "archive", folder, "--root", root, stdin=b"another\n").code == Exit.FAILED
    result = cli("import", "archive", folder, "--root", root, "--json", stdin=b"secret word\n")
    assert result.code == 0, result.err
    assert (result.json["objects"], result.json["chunks"]) == (len(RAWS), len(CHUNKS))
    (tmp_path / "password").write_text("secret word\n")
    result = cli("import", "archive", folder, "--password-file", tmp_path / "password", "--root", root, "--json")
    assert result.json["present"] == len(RAWS) + len(CHUNKS)


def test_what_could_not_be_taken_is_told(cli: Cli, root: Path, tmp_path: Path) -> None:
    folder = Archive(tmp_path / "archive", [[Entry(id_of(RAWS[0]), b"\x1b[2Jjunk")]]).write()
    result = cli("import", "archive", folder, "--root", root)
    assert result.code == Exit.BAD_DATA
    assert str(id_of(RAWS[0])) in result.out
    assert "\x1b" not in result.out
