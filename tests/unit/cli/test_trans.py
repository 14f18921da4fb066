"""``trans``: tasks of all DecApps, also while no gateway runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyfs_edge.cli.client import checked, read_body
from cyfs_edge.cli.exits import Exit
from cyfs_edge.cli.local import LocalClient
from cyfs_edge.stack import build
from cyfs_edge.wire.config import Config
from tests.unit.cli.conftest import Cli

DEC = "9tGpLNncauC9kGhZ7GsztFvVegaKwBXoSDjkxGDHqrn6"
CHUNK = "7CNfCnRp1m1M2xMenKWxDEJ8bJF7dTpsZKTBncZCfW9T"


@pytest.fixture
def task_id(root: Path) -> str:
    """Of a task whose chunk is nowhere."""
    client = LocalClient(Config(str(root)), build)
    try:
        body = {"object_id": CHUNK, "local_path": "/tmp/a\x1bb", "device_list": [], "auto_start": False}
        headers = {"cyfs-dec-id": DEC, "cyfs-api-level": "router"}
        reply = checked(client.request("POST", "/trans/task", headers, json.dumps(body).encode()))
        made: str = json.loads(read_body(reply, 1000))["task_id"]
        return made
    finally:
        client.close()


def test_tasks_are_shown_and_controlled(cli: Cli, root: Path, task_id: str) -> None:
    listed = cli("trans", "list", "--root", root)
    assert task_id in listed.out
    assert "\x1b" not in listed.out
    assert "paused" in listed.out
    shown = cli("trans", "show", task_id, "--root", root, "--json").json
    assert (shown["kind"], shown["state"], shown["object_id"], shown["dec_id"]) == ("trans-chunk", "paused", CHUNK, DEC)
    assert cli("trans", "priority", task_id, "high", "--root", root, "--json").json["priority"] == "high"
    resumed = cli("trans", "resume", task_id, "--root", root)
    assert "failed: " in resumed.out
    assert "(code 4)" in resumed.out
    assert cli("trans", "show", task_id, "--root", root, "--json").json["state"] == "failed"
    paused = cli("trans", "pause", task_id, "--root", root, "--json")
    assert (paused.code, paused.error["code"]) == (Exit.FAILED, 7)
    assert cli("trans", "cancel", task_id, "--root", root).out == f"{task_id}  cancelled\n"
    assert cli("trans", "list", "--root", root).out == "No tasks.\n"


def test_ids_that_name_no_task(cli: Cli, root: Path, task_id: str) -> None:
    assert cli("trans", "show", "none", "--root", root).code == Exit.USAGE
    cli("trans", "cancel", task_id, "--root", root)
    for command in (("show",), ("pause",), ("cancel",)):
        assert cli("trans", *command, task_id, "--root", root).code == Exit.NOT_FOUND
