"""The files of a root in backups: what is taken, and that what comes back stays below ``etc``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import RootFile
from cyfs_edge.host.backup import root_files
from cyfs_edge.host.backup.root_files import EtcFiles, read_key, write_key
from cyfs_edge.wire.backup.keys import BackupKey

KEY = BackupKey(bytes(32))


def fill(root: Path) -> None:
    for name in ("etc/a.toml", "etc/desc/device.desc", "etc/desc/device.sec", "etc/handler/handler.toml", "data/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    (root / "etc/desc/device.sec").chmod(0o600)
    write_key(root, KEY)
    (root / "etc/.part").write_bytes(b"")
    (root / "etc/link").symlink_to("/etc/passwd")
    os.mkfifo(root / "etc/pipe")


async def test_all_below_etc_is_taken_but_keys_of_backups_links_and_secrets(tmp_path: Path) -> None:
    fill(tmp_path)
    files = await EtcFiles(tmp_path).read_all(secret=False)
    assert [file.path for file in files] == ["etc/a.toml", "etc/desc/device.desc", "etc/handler/handler.toml"]
    assert files[0].data == b"etc/a.toml"
    secret = await EtcFiles(tmp_path).read_all(secret=True)
    assert {file.path: file.mode for file in secret}["etc/desc/device.sec"] == 0o600


@pytest.mark.parametrize("name", ["FILE_MAX", "FILES_MAX"])
async def test_what_is_too_much_is_an_error_and_not_left_out(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.setattr(root_files, name, 2)
    with pytest.raises(CyfsError) as raised:
        await EtcFiles(tmp_path).read_all(secret=False)
    assert raised.value.code == ErrorCode.OUT_OF_LIMIT


async def test_files_come_back_with_their_modes_and_never_for_all_to_write(tmp_path: Path) -> None:
    files = EtcFiles(tmp_path)
    await files.write(RootFile("etc/desc/device.sec", b"s", 0o600))
    await files.write(RootFile("etc/x/y/z", b"z", 0o666))
    assert (tmp_path / "etc/desc/device.sec").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/x/y/z").stat().st_mode & 0o777 == 0o644
    assert await files.read("etc/x/y/z") == b"z"
    assert await files.read("etc/x/none") is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "etc",
        "/etc/passwd",
        "../x",
        "etc/../x",
        "etc/../../x",
        "etc//x",
        "etc/./x",
        "data/store/data.mdb",
        "etc/backup/key",
        "etc/a\0b",
        "etc/" + "a" * 300,
        "etc" + "/a" * 20,
    ],
)
async def test_a_name_that_would_leave_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(CyfsError) as raised:
        await EtcFiles(tmp_path / "root").write(RootFile(path, b"", 0o600))
    assert raised.value.code == ErrorCode.INVALID_PARAM
    assert list(tmp_path.iterdir()) == []


async def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/out").symlink_to(tmp_path)
    with pytest.raises(CyfsError):
        await EtcFiles(tmp_path / "root").write(RootFile("etc/out/x", b"", 0o600))
    assert not (tmp_path / "x").exists()


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    write_key(tmp_path, KEY)
    write_key(tmp_path, KEY)
    assert read_key(tmp_path) == KEY
    with pytest.raises(CyfsError) as raised:
        write_key(tmp_path, BackupKey(bytes(31) + b"1"))
    assert raised.value.code == ErrorCode.ALREADY_EXISTS
    assert read_key(tmp_path) == KEY
