from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import shim
from tests.crash.launcher import Launcher


@pytest.fixture(scope="session")
def shim_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shim.compiler() is None:
        pytest.skip("needs a C compiler (apt install gcc) for the preload shim")
    return shim.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    made = Launcher()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shimmed(shim_library: Path) -> Iterator[Launcher]:
    """A launcher whose jobs run under the shim."""
    made = Launcher(shim_library)
    yield made
    made.close()
