"""``cyfs_edge.sdk`` against a real gateway: every service, over HTTP and WebSocket."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.sdk import (
    CyfsError,
    CyfsStack,
    NamedObject,
    ObjectId,
    dec_id,
)
from tests.gateway_process import GatewayProcess, running, write_identity
from tests.node import recorded_identity_files

OWNER = recorded_identity_files()[1]
DEC = dec_id(OWNER, "sdk test")
"""Every test has its own gateway, so one dec is enough."""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    root = tmp_path / "root"
    write_identity(root, recorded_identity_files()[0])
    with running(root) as process:
        yield process
        assert "Traceback" not in process.log_text()


def client(gateway: GatewayProcess, dec: ObjectId = DEC) -> CyfsStack:
    address = "{}:{}".format
    return CyfsStack.open(dec, http=address(*gateway.http), ws=address(*gateway.ws), timeout=20, retry_first=0.05)


@pytest.fixture
async def stack(gateway: GatewayProcess) -> AsyncIterator[CyfsStack]:
    async with client(gateway) as stack:
        yield stack


def text(value: str) -> NamedObject:
    return make_text("sdk", "test", value, update_time=bucky_from_unix(time.time()), owner=OWNER, dec_id=DEC)


def note(name: str) -> NamedObject:
    """Objects that differ have ids that differ."""
    return make_text(name, "test", name, update_time=bucky_from_unix(time.time()), owner=OWNER, dec_id=DEC)


async def code_of(call: object) -> int:
    with pytest.raises(CyfsError) as caught:
        await call  # type: ignore[misc]
    return caught.value.code
