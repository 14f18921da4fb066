"""The owner's files over plain HTTP on loopback, in a process of its own: for tests only, anybody may come in.

``python -m tests.dav_process ROOT`` prints its port and serves until its standard input ends or it is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from cyfs_edge.host.clock import SystemClock
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.stack import compose
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from tests.node import recorded_identity

PREFIX = "/dav"
REPOSITORY = Path(__file__).parents[1]


async def serve(root: Path) -> None:
    clock = SystemClock()
    store = LmdbStore.open(root / "store", clock=clock, options=StoreOptions(floor=0))
    stack = await compose(Config(str(root)), recorded_identity(), store, clock)

    async def handle(request: HttpRequest) -> HttpResponse:
        return await stack.dav.handle(request, PREFIX)

    server = HttpServer(handle)
    sock = listen_tcp("127.0.0.1", 0)
    await server.start(sock)
    print(sock.getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.close(5)
    await stack.close()


@dataclass(frozen=True, slots=True)
class DavProcess:
    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}/"

    def resident(self) -> int:
        """Bytes of memory that are the process's own: pages of the store file come and go."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in text.splitlines() if line.startswith("RssAnon"))) * 1024

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(root: Path) -> Iterator[DavProcess]:
    """Ends in an orderly way, unless it has been killed before."""
    root.mkdir(exist_ok=True)
    with (root / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.dav_process", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=REPOSITORY,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (root / "log").read_text()
        yield DavProcess(process, int(line))
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(sys.argv[1])))
