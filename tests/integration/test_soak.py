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
    # Buffers and caches fill in the first half, whose largest sample counts: a large chunk on its way makes one sample
    # higher than the next without anything being left behind. What leaks goes on growing beyond it.
    sizes = [sample.resident for sample in taken]
    half = len(sizes) // 2
    assert sizes[-1] - max(sizes[:half]) < GROWTH, sizes
    assert taken[-1].requests > 10_000
