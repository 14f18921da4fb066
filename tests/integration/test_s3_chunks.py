"""The command and the stack with ``[chunks] engine = "s3"``: files go to a real server and come back from it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.main import main
from tests.s3_server import BUCKET, CREDENTIALS, S3Server

pytestmark = pytest.mark.slow


def configure(root: Path, endpoint: str) -> None:
    credentials = root / "etc" / "s3.toml"
    credentials.write_text(
        f'access_key = "{CREDENTIALS.access_key}"\nsecret_key = "{CREDENTIALS.secret_key}"\n', encoding="utf-8"
    )
    credentials.chmod(0o600)
    (root / "etc" / "cyfs-edge.toml").write_text(
        f"""[chunks]
engine = "s3"
endpoint = "{endpoint}"
bucket = "{BUCKET}"
prefix = "boxes/one"
credentials = "{credentials}"
cache = 0
""",
        encoding="utf-8",
    )


def test_files_go_to_the_server_and_come_back(
    s3_server: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, source, target = tmp_path / "root", tmp_path / "file", tmp_path / "got"

    def run(*arguments: object, code: int = Exit.OK) -> str:
        capsys.readouterr()
        assert main([*map(str, arguments), "--root", str(root)]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    run("init", "--key", "secp256k1")
    configure(root, s3_server.endpoint)
    source.write_bytes(Random(1).randbytes(9_000_000))
    (stored,) = json.loads(run("file", "put", source, "--json"))["files"]
    places = {place["name"]: place for place in json.loads(run("volume", "list", "--json"))["volumes"]}
    assert (places["remote"]["state"], places["remote"]["chunks"]) == ("ok", 3)
    assert places["remote"]["where"] == f"{s3_server.endpoint}/{BUCKET}/boxes/one/"
    assert len(s3_server.storage("boxes/one").list("")) == 4
    run("file", "get", stored["id"], "-o", target)
    assert target.read_bytes() == source.read_bytes()
    assert "Nothing is damaged" in run("scrub")
    # Nobody answers at this port.
    configure(root, "http://127.0.0.1:9")
    assert "remote" in run("volume", "list", code=Exit.FAILED)
    assert "remote" in run("doctor", code=Exit.FAILED)
    assert "does not answer" in run("file", "get", stored["id"], "-o", tmp_path / "none", code=Exit.FAILED)
    assert not (tmp_path / "none").exists()
    (root / "etc" / "s3.toml").chmod(0o644)
    assert "open to other users" in run("volume", "list", code=Exit.FAILED)
