from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cyfs_edge.core.ports import Store
from tests.storekit.kit import MAKERS, Bench, Maker
from tests.storekit.s3_kit import REMOTE, S3, use_server

ALL = (*MAKERS, REMOTE)
ON_S3 = pytest.param(S3, marks=pytest.mark.slow, id=S3.name)


def _chosen(request: pytest.FixtureRequest) -> Maker:
    found: Maker = request.param
    if found is S3:
        use_server(request.getfixturevalue("s3_server"))
    return found


@pytest.fixture(params=[*(pytest.param(maker, id=maker.name) for maker in ALL), ON_S3])
def maker(request: pytest.FixtureRequest) -> Maker:
    return _chosen(request)


@pytest.fixture(params=[*(pytest.param(maker, id=maker.name) for maker in ALL if maker.lasting), ON_S3])
def lasting(request: pytest.FixtureRequest) -> Maker:
    """Stores whose content outlives them."""
    return _chosen(request)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "store")


@pytest_asyncio.fixture
async def store(maker: Maker, bench: Bench) -> AsyncIterator[Store]:
    made = maker.make(bench)
    yield made
    await made.close()
