"""Gateways for the interop tests: one per module on a fresh root, with the recorded identity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway_process import GatewayProcess, running, write_identity

from .recorded import Recording, load


@pytest.fixture(scope="session")
def recording() -> Recording:
    return load()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> Iterator[GatewayProcess]:
    """A real gateway process on a fresh root with the identity of the recording."""
    root = tmp_path_factory.mktemp("gateway") / "root"
    write_identity(root, recording.root_files())
    with running(root) as process:
        yield process
