from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.unit.core.dav.kit import Dav
from tests.unit.core.files.kit import make_files


@pytest_asyncio.fixture
async def dav() -> AsyncIterator[Dav]:
    made = Dav(await make_files())
    yield made
    await made.files.close()
