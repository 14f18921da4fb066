"""One minute of mixed load at 32 connections: memory is flat (the 30 minutes of docs/performance.md in small)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import uvloop

from bench.gateway import gateway
from bench.soak import soak

GROWTH = 5_000_000


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.timeout(180)
def test_memory_is_flat_under_mixed_load(tmp_path: Path) -> None:
    with gateway(tmp_path) as node, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        taken = runner.run(soak(node, 60, 10))
    # Buffers and caches fill in the first stretch; after that nothing may be left behind.
    sizes = [sample.resident for sample in taken[2:]]
    assert sizes[-1] - min(sizes) < GROWTH, [sample.resident for sample in taken]
    assert taken[-1].requests > 10_000
