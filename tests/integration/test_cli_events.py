"""``events watch`` beside a running gateway: events are seen in both forms, and stay for the other listeners."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyfs_edge.cli.client import UnixClient, call_json
from tests import gateway_process

COMMAND = [sys.executable, "-m", "cyfs_edge.cli.main"]


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[gateway_process.GatewayProcess]:
    with gateway_process.running(tmp_path / "root", extra=("--init", "--key", "secp256k1")) as process:
        yield process


def watch(root: Path, *extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "events", "watch", "--root", str(root), *extra],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("CYFS_")},
    )


def send_event(root: Path) -> dict[str, object]:
    client = UnixClient(root / "run/gateway.sock")
    try:
        return call_json(client, "POST", "/control/events/test_event")
    finally:
        client.close()


def test_each_event_is_a_line_and_is_left_to_others(gateway: gateway_process.GatewayProcess) -> None:
    plain = watch(gateway.root, "--limit", "2")
    assert plain.stderr is not None
    assert plain.stderr.readline().startswith("Watching test_event, zone_role_changed")
    assert send_event(gateway.root) == {"handled": False}
    assert send_event(gateway.root) == {"handled": False}
    out, _ = plain.communicate(timeout=30)
    assert (plain.returncode, out) == (0, "test_event  {}\ntest_event  {}\n")


def test_with_json_each_line_is_a_document(gateway: gateway_process.GatewayProcess) -> None:
    process = watch(gateway.root, "--json", "--limit", "1", "--event", "test_event")
    # With --json nothing tells that it listens: events are sent until one is seen.
    while process.poll() is None:
        send_event(gateway.root)
    out, _ = process.communicate(timeout=30)
    assert [json.loads(line) for line in out.splitlines()] == [{"event": "test_event", "request": {}}]


def test_the_end_of_the_gateway_ends_it_with_an_error(gateway: gateway_process.GatewayProcess) -> None:
    process = watch(gateway.root)
    assert process.stderr is not None
    process.stderr.readline()
    gateway.stop()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "the gateway has stopped" in err


def test_it_ends_when_nobody_reads_what_it_prints(gateway: gateway_process.GatewayProcess) -> None:
    process = watch(gateway.root)
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.readline()
    process.stdout.close()
    while process.poll() is None:
        send_event(gateway.root)
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
