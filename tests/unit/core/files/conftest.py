from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cyfs_edge.host.clock import SystemClock
from cyfs_edge.store.lmdb_store import LmdbStore
from tests.unit.core.files.kit import Files, make_files


@pytest_asyncio.fixture(params=["memory", "lmdb"])
async def files(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Files]:
    on_disk = request.param == "lmdb"
    made = await make_files(LmdbStore.open(tmp_path / "store", clock=SystemClock()) if on_disk else None)
    yield made
    await made.close()
