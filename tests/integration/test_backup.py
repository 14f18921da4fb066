"""Backups of a running gateway: by hand, killed in the middle, and by the timer."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.cli.client import UnixClient, call_json
from cyfs_edge.cli.exits import Exit
from cyfs_edge.core.scrub import SPACE
from cyfs_edge.host.clock import SystemClock
from cyfs_edge.store.lmdb_store import LmdbStore
from tests import gateway_process
from tests.integration.test_cli import cli, done

MB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    done("init", "--root", path, "--key", "secp256k1")
    return path


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def put_files(folder: Path, root: Path, count: int) -> str:
    folder.mkdir()
    for number in range(count):
        (folder / str(number)).write_bytes(os.urandom(3 * MB))
    file_id: str = done("file", "put", folder, "--root", root)["files"][0]["id"]
    return file_id


def same_trees(one: Path, two: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    return names == sorted(path.name for path in two.iterdir()) and all(
        (one / name).read_bytes() == (two / name).read_bytes() for name in names
    )


def packs_of(place: Path) -> list[Path]:
    return [path for path in (place / "packs").rglob("*") if path.is_file() and not path.name.startswith(".")]


@pytest.mark.slow
def test_a_gateway_that_is_killed_in_a_backup_goes_on_and_a_wiped_root_comes_back(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    done("backup", "init", place, "--root", root)
    with gateway_process.running(root) as gateway:
        tree = put_files(tmp_path / "files", root, 24)
        client = UnixClient(root / "run" / "gateway.sock")
        body = {"target": str(place), "secret": True}
        call_json(client, "POST", "/control/backup/create", body)
        wait_for(lambda: packs_of(place))
        gateway.kill()
    assert not (place / "snapshots").exists()
    with gateway_process.running(root):
        assert done("backup", "verify", place, "--read-data", "--root", root)["problems"] == []
        packs = len(packs_of(place))
        created = done("backup", "create", place, "--with-secret", "--root", root)
        assert packs >= 1
        assert created["added"] < 24 * 3 * MB - packs * 12 * MB
        before = done("state", "roots", "--root", root)
        assert done("status", "--root", root)["last"]["backup"]["snapshot"] == created["snapshot"]
        checks = {row["check"]: row["state"] for row in done("doctor", "--root", root)["checks"]}
        assert checks["backup"] == "ok"
        busy = cli("backup", "restore", place, "--root", root)
        assert busy.returncode == Exit.BUSY
    shutil.copy(root / "etc" / "backup" / "key", tmp_path / "key")
    shutil.rmtree(root)
    done("backup", "restore", place, "--key-file", tmp_path / "key", "--root", root)
    with gateway_process.running(root):
        assert done("state", "roots", "--root", root) == before
        done("file", "get", tree, "-o", tmp_path / "again", "--root", root)
    assert same_trees(tmp_path / "files", tmp_path / "again")


@pytest.mark.slow
def test_a_restore_that_is_killed_is_run_again(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "disk"
    done("backup", "init", place, "--root", root)
    with gateway_process.running(root):
        tree = put_files(tmp_path / "files", root, 24)
        before = done("state", "roots", "--root", root)
        done("backup", "create", place, "--with-secret", "--root", root)
    shutil.copy(root / "etc" / "backup" / "key", tmp_path / "key")
    shutil.rmtree(root)
    command = ["backup", "restore", place, "--key-file", tmp_path / "key", "--root", root]
    line = [sys.executable, "-m", "cyfs_edge.cli.main", *map(str, command)]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    chunks = root / "data" / "restore" / "chunks"
    wait_for(lambda: chunks.is_dir() and len(list(chunks.iterdir())) > 7)
    process.kill()
    process.wait()
    assert not (root / "data" / "store").exists()
    assert not (root / "etc" / "desc" / "device.desc").exists()
    again = done(*command)
    assert again["chunks"] < 24
    with gateway_process.running(root):
        assert done("state", "roots", "--root", root) == before
        assert done("scrub", "--root", root)["problems"] == []
        done("file", "get", tree, "-o", tmp_path / "again", "--root", root)
    assert same_trees(tmp_path / "files", tmp_path / "again")


def test_a_gateway_takes_backups_by_itself(root: Path, tmp_path: Path) -> None:
    """A backup that is long past is made up for at the start."""
    place = tmp_path / "disk"
    done("backup", "init", place, "--root", root)
    (root / "etc" / "cyfs-edge.toml").write_text(f'[backup]\ntarget = "{place}"\nevery = "1d"\n')
    done("backup", "create", "--root", root)
    first = done("backup", "list", "--root", root)["snapshots"]
    rewind(root)
    with gateway_process.running(root):
        wait_for(lambda: len(list((place / "snapshots").iterdir())) == 2)
        listed = wait_for(lambda: done("status", "--root", root)["last"]["backup"].get("snapshot"))
        assert listed != first[0]["snapshot"]


def rewind(root: Path) -> None:
    """Makes the last backup two days old, as far as the node remembers."""

    async def work() -> None:
        store = LmdbStore.open(root / "data" / "store", clock=SystemClock())
        last = json.loads(await store.records.get(SPACE, "backup") or b"")
        last["time"] -= 2 * 86_400 * 1_000_000
        await store.records.put(SPACE, "backup", json.dumps(last).encode())
        await store.close()

    asyncio.run(work())
