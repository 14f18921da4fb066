"""A gateway process to measure, on a root of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from cyfs_edge.base.ids import ObjectId

STORE_FILE = "data/store/data.mdb"


@dataclass
class Gateway:
    """``start_seconds``: from the command to its ready line."""

    address: tuple[str, int]
    ws: tuple[str, int]
    pid: int
    root: Path
    owner: ObjectId
    start_seconds: float

    def resident(self) -> int:
        """Bytes, as docs/performance.md defines them."""
        return machine.resident(self.pid, self.root / STORE_FILE)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


@contextlib.contextmanager
def gateway(folder: Path) -> Iterator[Gateway]:
    """A gateway on a new root below ``folder``."""
    root = folder / "root"
    cli = [sys.executable, "-m", "cyfs_edge.cli.main"]
    subprocess.run(
        [*cli, "init", "--root", str(root), "--key", "secp256k1", "--json"], check=True, stdout=subprocess.DEVNULL
    )
    start = time.perf_counter()
    process = subprocess.Popen(
        [*cli, "run", "--root", str(root), "--http-port", "0", "--ws-port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        parts = dict(part.split("=", 1) for part in line.split()[1:])
        elapsed = time.perf_counter() - start
        http, ws = _address(parts["http"]), _address(parts["ws"])
        yield Gateway(http, ws, process.pid, root, ObjectId.from_text(parts["owner"]), elapsed)
    finally:
        process.terminate()
        process.wait()
