"""Trans tasks between real gateways: one publishes, another downloads through a relay that counts and misbehaves."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.ids import ObjectTypeCode, make_object_id
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from tests import gateway_process
from tests.gateway_process import GatewayProcess
from tests.relay import Relay

pytestmark = pytest.mark.slow
KIB, MIB = 1024, 1024 * 1024
OTHER_DEVICE = str(make_object_id(bytes(range(32)), ObjectTypeCode.DEVICE))
WAIT = 30.0


def call(gateway: GatewayProcess, method: str, path: str, body: Any) -> tuple[int, Any]:
    """One trans call as the system dec; status and JSON."""
    connection = http.client.HTTPConnection(*gateway.http, timeout=WAIT)
    headers = {"cyfs-dec-id": str(SYSTEM_DEC_ID), "cyfs-api-level": "router"}
    connection.request(method, path, json.dumps({"common": {}, **body}), headers)
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, json.loads(data) if data else None


def good(gateway: GatewayProcess, method: str, path: str, **body: Any) -> Any:
    status, value = call(gateway, method, path, body)
    assert status == 200, value
    return value


def state_of(gateway: GatewayProcess, task_id: str) -> Any:
    return good(gateway, "POST", "/trans/task/state", task_id=task_id)["state"]


def ended(gateway: GatewayProcess, task_id: str) -> Any:
    """The state in which a task ends."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        state = state_of(gateway, task_id)
        if state != "Pending" and "Downloading" not in state:
            return state
        time.sleep(0.02)
    raise AssertionError(f"still {state}; {show(gateway, task_id)}")


def show(gateway: GatewayProcess, task_id: str) -> Any:
    return json.loads(cli(gateway, "show", task_id, "--json"))


def cli(gateway: GatewayProcess, *arguments: str) -> str:
    command = [sys.executable, "-m", "cyfs_edge.cli.main", "trans", *arguments, "--root", str(gateway.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(root: Path, settings: str = "") -> GatewayProcess:
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc" / "cyfs-edge.toml").write_text(settings)
    return gateway_process.start(root, extra=("--init", "--key", "secp256k1"))


def trans_settings(sources: Mapping[str, Relay], more: str = "") -> str:
    listed = "\n".join(f'"{device}" = "{relay.url}"' for device, relay in sources.items())
    return f"[trans]\n{more}\n[trans.sources]\n{listed}\n"


@dataclass
class Publisher:
    gateway: GatewayProcess
    device: str
    relay: Relay


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    gateway = start(tmp_path / "a")
    found = re.search(r"device=(\S+)", gateway.ready_line)
    assert found is not None
    with Relay(gateway.http) as relay:
        yield Publisher(gateway, found[1], relay)
    gateway.stop()


def publish(publisher: Publisher, path: Path, chunk_size: int = 256 * KIB) -> str:
    owner = re.search(r"owner=(\S+)", publisher.gateway.ready_line)
    assert owner is not None
    body = {"owner": owner[1], "local_path": str(path), "chunk_size": chunk_size}
    file_id: str = good(publisher.gateway, "POST", "/trans/file", **body)["file_id"]
    return file_id


def create(gateway: GatewayProcess, object_id: str, path: Path | str, *devices: str, **more: Any) -> str:
    body = {"object_id": object_id, "local_path": str(path), "device_list": devices, "auto_start": True, **more}
    task_id: str = good(gateway, "POST", "/trans/task", **body)["task_id"]
    return task_id


def test_a_killed_download_goes_on_with_what_is_missing(publisher: Publisher, tmp_path: Path) -> None:
    """kill -9 in the middle: after the restart only chunks that were not here yet are fetched."""
    data = os.urandom(24 * MIB)
    (tmp_path / "big").write_bytes(data)
    file_id = publish(publisher, tmp_path / "big")
    settings = trans_settings({publisher.device: publisher.relay}, 'bandwidth = "12M"')
    gateway = start(tmp_path / "b", settings)
    out = tmp_path / "out" / "big"
    task_id = create(gateway, file_id, out, publisher.device)
    while state_of(gateway, task_id)["Downloading"]["download_percent"] < 30:
        time.sleep(0.02)
    gateway.kill()
    assert not out.exists()
    before = publisher.relay.chunks.total()
    assert 24 < before < 80

    gateway = start(tmp_path / "b", settings.replace("12M", "0"))
    try:
        assert ended(gateway, task_id) == {"Finished": 0}
        assert out.read_bytes() == data
        assert [path.name for path in out.parent.iterdir()] == ["big"]
        # Those that were on their way when it was killed come twice; 4 are fetched at a time.
        assert len(publisher.relay.chunks) == 96
        assert publisher.relay.chunks.total() <= 96 + 4
    finally:
        assert gateway.stop() == 0
    assert "Traceback" not in gateway.log_text()


def test_a_folder_with_all_below_it(publisher: Publisher, tmp_path: Path) -> None:
    tree = {"a.txt": b"aaa", "sub/b.bin": os.urandom(70_000), "sub/deep/empty": b"", "ü ö.txt": b"name"}
    for name, content in tree.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(content)
    map_id = publish(publisher, tmp_path / "tree", 16 * KIB)
    gateway = start(tmp_path / "b", trans_settings({publisher.device: publisher.relay}))
    try:
        task_id = create(gateway, map_id, tmp_path / "copy", publisher.device, group="trees")
        assert ended(gateway, task_id) == {"Finished": 0}
        got = {
            str(path.relative_to(tmp_path / "copy")): path.read_bytes()
            for path in (tmp_path / "copy").rglob("*")
            if path.is_file()
        }
        assert got == tree
        group = good(gateway, "POST", "/trans/task_group/state", group_type="download", group="trees")
        assert (group["state"], group["transfered"]) == ("Finished", sum(map(len, tree.values())))
        # All of it is here now: the same again needs nobody.
        asked = publisher.relay.chunks.total() + publisher.relay.objects.total()
        assert ended(gateway, create(gateway, map_id, tmp_path / "copy2")) == {"Finished": 0}
        assert publisher.relay.chunks.total() + publisher.relay.objects.total() == asked
    finally:
        assert gateway.stop() == 0


def test_a_source_that_lies_is_put_aside(publisher: Publisher, tmp_path: Path) -> None:
    """Wrong bytes never get through: the other source gives the file; without one the task says who lied."""
    (tmp_path / "f").write_bytes(os.urandom(MIB))
    file_id = publish(publisher, tmp_path / "f", 64 * KIB)
    with Relay(publisher.gateway.http, lies=True) as liar:
        gateway = start(tmp_path / "b", trans_settings({OTHER_DEVICE: liar, publisher.device: publisher.relay}))
        try:
            task_id = create(gateway, file_id, tmp_path / "out", OTHER_DEVICE)
            assert ended(gateway, task_id) == {"Err": 22}
            assert not (tmp_path / "out").exists()
            (source,) = show(gateway, task_id)["sources"]
            assert (source["device"], source["aside"], source["error"]["code"]) == (OTHER_DEVICE, True, "22")

            liar.chunks.clear()
            task_id = create(gateway, file_id, tmp_path / "out2", OTHER_DEVICE, publisher.device)
            assert ended(gateway, task_id) == {"Finished": 0}
            assert (tmp_path / "out2").read_bytes() == (tmp_path / "f").read_bytes()
            assert liar.chunks.total() <= 4, "those that were on their way when it was found out"
        finally:
            assert gateway.stop() == 0


def test_a_source_that_stalls_is_left_in_the_middle_of_a_chunk(publisher: Publisher, tmp_path: Path) -> None:
    """The next source goes on where it stopped."""
    (tmp_path / "f").write_bytes(os.urandom(MIB))
    file_id = publish(publisher, tmp_path / "f", MIB)
    with Relay(publisher.gateway.http, stalls=True) as slow:
        settings = trans_settings({OTHER_DEVICE: slow, publisher.device: publisher.relay}, "stall = 1")
        gateway = start(tmp_path / "b", settings)
        try:
            task_id = create(gateway, file_id, tmp_path / "out", OTHER_DEVICE, publisher.device)
            assert ended(gateway, task_id) == {"Finished": 0}
            assert (tmp_path / "out").read_bytes() == (tmp_path / "f").read_bytes()
            assert publisher.relay.ranges == [f"bytes={MIB // 2}-"]
            assert show(gateway, task_id)["sources"][0]["error"]["code"] == "3"
        finally:
            assert gateway.stop() == 0


def test_the_administrator_sees_and_stops_tasks(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(os.urandom(4 * MIB))
    file_id = publish(publisher, tmp_path / "f", 64 * KIB)
    gateway = start(tmp_path / "b", trans_settings({publisher.device: publisher.relay}, 'bandwidth = "1M"'))
    try:
        task_id = create(gateway, file_id, tmp_path / "out", publisher.device, context=None)
        assert task_id in cli(gateway, "list")
        cli(gateway, "pause", task_id)
        assert state_of(gateway, task_id) == "Paused"
        assert "paused" in cli(gateway, "show", task_id)
        cli(gateway, "priority", task_id, "high")
        cli(gateway, "resume", task_id)
        assert show(gateway, task_id)["state"] == "running"
        assert show(gateway, task_id)["priority"] == "high"
        # An orderly stop does not wait for downloads, and they go on afterwards.
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 5
        gateway = gateway_process.start(tmp_path / "b")
        assert show(gateway, task_id)["state"] == "running"
        cli(gateway, "cancel", task_id)
        assert call(gateway, "POST", "/trans/task/state", {"task_id": task_id})[0] == 404
        assert json.loads(cli(gateway, "list", "--json")) == {"tasks": []}
        assert not (tmp_path / "out").exists()
    finally:
        assert gateway.stop() == 0
    assert "Traceback" not in gateway.log_text()
