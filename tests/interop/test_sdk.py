"""The official SDK (npm ``cyfs-sdk`` 0.5.8) as a client of a real gateway, over HTTP and over WebSocket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess, running, write_identity

from . import nodejs
from .recorded import VECTORS, Recording

FILE_MIB = {"http": 64, "ws": 6}
"""Over WebSocket the SDK takes no message above 8 MiB; ranges go over plain HTTP in both."""
HANDLER_TIMEOUT = 3
"""Seconds that a handler has to answer, so that a suite can wait for that."""


@pytest.fixture(scope="session")
def node() -> str:
    return nodejs.install()


@pytest.fixture
def gateway(tmp_path: Path, recording: Recording) -> Iterator[GatewayProcess]:
    """A fresh store for each transport: the suite puts the same objects in both."""
    root = tmp_path / "root"
    write_identity(root, recording.root_files())
    (root / "etc" / "cyfs-edge.toml").write_text(f"[limits]\nhandler_timeout = {HANDLER_TIMEOUT}\n")
    with running(root) as process:
        yield process


@pytest.mark.interop
@pytest.mark.parametrize("transport", ["http", "ws"])
def test_the_official_sdk(
    transport: str,
    node: str,
    gateway: GatewayProcess,
    recording: Recording,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every check of the suite holds: util, objects, data, crypto, state, rules, handlers and events."""
    setting = {
        "transport": transport,
        "http_port": gateway.http[1],
        "ws_port": gateway.ws[1],
        "device_id": recording.identity["device"],
        "owner_id": recording.identity["people"],
        "system_dec": recording.identity["system_dec"],
        "vectors_folder": str(VECTORS),
        "control_socket": str(gateway.root / "run" / "gateway.sock"),
        "handler_timeout": HANDLER_TIMEOUT,
        "file_mib": FILE_MIB[transport],
    }
    result = nodejs.run_suite(node, setting, timeout=100)
    failed = [check for check in result.checks if not check.ok]
    with capsys.disabled():
        print(f"\nofficial SDK over {transport}: {len(result.checks) - len(failed)}/{len(result.checks)} checks")
    text = "\n".join(f"{check.name}: {check.error}" for check in failed)
    assert not failed, f"{text}\n{gateway.log_text()[-2000:]}"
    assert result.finished, result.stderr
    assert gateway.alive
    assert "Traceback" not in gateway.log_text()
