"""The door of a node in memory, and somebody outside who asks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.outside import Outside, make_outside


@pytest_asyncio.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    made = await make_outside(tmp_path)
    yield made
    await made.node.stack.close()
