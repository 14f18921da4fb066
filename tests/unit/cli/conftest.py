"""A root with an identity, and the command run in this process."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.cli.main import main


@dataclass(frozen=True)
class Result:
    """What a command did: exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


Cli = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CYFS_ROOT", "CYFS_HTTP", "CYFS_WS", "CYFS_CONSOLE_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("cyfs_edge.cli.settings.ADMIN_FILE", tmp_path / "no-admin-file.toml")
    monkeypatch.setattr("cyfs_edge.cli.config_show.ADMIN_FILE", tmp_path / "no-admin-file.toml")


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """``cli("object", "list", stdin=b"")``: the command's arguments as on a command line."""

    def run(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfdbinary.readouterr()
        code = main([str(one) for one in arguments])
        out, err = capfdbinary.readouterr()
        return Result(code, out.decode("utf-8", "surrogateescape"), err.decode())

    return run


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cyfs_edge.base.keys import KeyKind
    from cyfs_edge.cli.roots import Root, make_layout
    from cyfs_edge.core.identity import create_identity
    from cyfs_edge.core.mnemonic import words_from_entropy
    from cyfs_edge.store.identity_files import save_identity

    path = tmp_path_factory.mktemp("template") / "root"
    make_layout(Root(path, "--root"))
    identity = create_identity(
        words_from_entropy(b"0123456789abcdef"),
        unique_id_text="test box",
        now=13_330_000_000_000_000,
        key_kind=KeyKind.SECP256K1,
        name="Tester",
    )
    save_identity(
        path,
        device=identity.device,
        device_key=identity.device_key,
        owner=identity.people,
        ext_info=identity.ext_info,
    )
    return path


@pytest.fixture
def root(_template: Path, tmp_path: Path) -> Iterator[Path]:
    """A root of its own for each test, with a fast identity and no store yet."""
    path = tmp_path / "root"
    shutil.copytree(_template, path)
    return path
