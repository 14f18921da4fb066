from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cyfs_edge.core.ports import Store
from tests.storekit.kit import MAKERS, Bench, Maker


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.name)
def maker(request: pytest.FixtureRequest) -> Maker:
    found: Maker = request.param
    return found


@pytest.fixture(params=[maker for maker in MAKERS if maker.lasting], ids=lambda maker: maker.name)
def lasting(request: pytest.FixtureRequest) -> Maker:
    """Stores whose content outlives them."""
    found: Maker = request.param
    return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "store")


@pytest_asyncio.fixture
async def store(maker: Maker, bench: Bench) -> AsyncIterator[Store]:
    made = maker.make(bench)
    yield made
    await made.close()
