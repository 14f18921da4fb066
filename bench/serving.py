"""``python -m bench.serving [--seconds N] [--rounds N]``: 4 MB chunks out of the page cache, against nginx.

nginx (sendfile on, one worker) serves the very file of the gateway's store; wrk asks both, and two bare servers of
``cyfs_edge.net`` without the gateway behind them: one as in production, one that has to copy. The rounds alternate
between them, so that what else the machine does hurts all alike; rows are medians. Without nginx or wrk (Debian has
both) nothing is measured, and the reason is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import grp
import os
import pwd
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench import load, machine, samples
from bench.gateway import gateway
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.net.http_server import HttpServer
from cyfs_edge.net.listen import listen_tcp
from cyfs_edge.net.outlet import Outlet
from cyfs_edge.wire.message import BodyFile, HttpRequest, HttpResponse

SIZE = 4 << 20
CONNECTIONS = (1, 8, 64)
TARGET = 0.7
CHUNKS = "data/store/chunks"
NGINX, GATEWAY, BARE, COPY = "nginx", "gateway", "bare server, sendfile", "bare server, copying"

_CONFIG = """
worker_processes 1;
daemon off;
user {user} {group};
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 10000000;
  default_type application/octet-stream;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass
class Server:
    """``pids``: whose CPU time counts. Figures by number of connections: bytes a second, CPU seconds a GB."""

    url: str
    headers: list[str]
    pids: list[int]
    rates: dict[int, list[float]] = field(default_factory=dict)
    costs: dict[int, list[float]] = field(default_factory=dict)

    def measure(self, connections: int, seconds: float) -> None:
        before, start = self._cpu(), time.perf_counter()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s"]
        for line in self.headers:
            command += ["-H", line]
        text = subprocess.run([*command, self.url], check=True, capture_output=True, text=True).stdout
        elapsed = time.perf_counter() - start
        if "Non-2xx" in text or "Socket errors" in text:
            raise RuntimeError(f"{self.url}: {text}")
        found = re.search(r"Requests/sec:\s+([\d.]+)", text)
        assert found is not None, text
        rate = float(found[1]) * SIZE
        self.rates.setdefault(connections, []).append(rate)
        self.costs.setdefault(connections, []).append((self._cpu() - before) / (rate * elapsed / 1e9))

    def rate(self, connections: int) -> float:
        return statistics.median(self.rates[connections])

    def cost(self, connections: int) -> float:
        return statistics.median(self.costs[connections])

    def _cpu(self) -> float:
        return sum(machine.cpu_seconds(pid) for pid in self.pids)


def missing() -> str | None:
    """Why nothing can be measured."""
    absent = [name for name in ("nginx", "wrk") if _find(name) is None]
    return f"{' and '.join(absent)} not found: apt-get install nginx-light wrk" if absent else None


def _find(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


@contextlib.contextmanager
def nginx(folder: Path, root: Path) -> Iterator[tuple[int, list[int]]]:
    """Port and processes of an nginx that serves the files of ``root``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, root=root, user=user, group=group))
    command = [str(_find("nginx")), "-c", str(config), "-p", str(folder), "-e", "stderr"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"nginx does not start: {' '.join(command)}") from None
                time.sleep(0.02)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield port, [process.pid, *map(int, children)]
    finally:
        process.terminate()
        process.wait()


async def serve_bare(path: str, copying: bool) -> None:
    """One file, whatever is asked. Prints its port."""
    if copying:
        Outlet.direct = lambda self: None  # type: ignore[method-assign]

    async def handler(request: HttpRequest) -> HttpResponse:
        fd = os.open(path, os.O_RDONLY)
        return HttpResponse(200, [], BodyFile(fd, 0, SIZE, lambda: os.close(fd)))

    sock = listen_tcp("127.0.0.1", 0)
    await HttpServer(handler).start(sock)
    print(sock.getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextlib.contextmanager
def bare(path: Path, way: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "bench.serving", "--serve", str(path), *(["--copy"] if way == COPY else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}/", [], [process.pid])
    finally:
        process.terminate()
        process.wait()


def compare(seconds: float, rounds: int, folder: Path) -> dict[str, Server]:
    data = os.urandom(SIZE)
    chunk = ChunkId.of_data(data)
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(gateway(folder))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(load.run(node.address, iter([samples.put_chunk(data)]), 1, 60))
        file = node.root / CHUNKS / chunk.hex()
        head = samples.get_chunk(chunk).decode().rstrip().split("\r\n")
        port, pids = stack.enter_context(nginx(folder, file.parent))
        servers = {
            NGINX: Server(f"http://127.0.0.1:{port}/{file.name}", [], pids),
            GATEWAY: Server(f"http://{node.address[0]}:{node.address[1]}/ndn/", head[2:], [node.pid]),
            BARE: stack.enter_context(bare(file, BARE)),
            COPY: stack.enter_context(bare(file, COPY)),
        }
        for connections in CONNECTIONS:
            for _ in range(rounds):
                for server in servers.values():
                    server.measure(connections, seconds)
    return servers


def table(servers: dict[str, Server]) -> str:
    lines = ["| connections | server | MB/s | × nginx | CPU seconds a GB |", "|---|---|---|---|---|"]
    for connections in CONNECTIONS:
        base = servers[NGINX].rate(connections)
        for name, server in servers.items():
            rate = server.rate(connections)
            lines.append(
                f"| {connections} | {name} | {rate / 1e6:,.0f} | {rate / base:.2f} | {server.cost(connections):.2f} |"
            )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.serving", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the store lives meanwhile")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--copy", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_bare(args.serve, args.copy))
    reason = missing()
    if reason is not None:
        print(f"not measured: {reason}")
        return 0
    with tempfile.TemporaryDirectory(prefix="cyfs-serving-", dir=args.folder) as folder:
        servers = compare(args.seconds, args.rounds, Path(folder))
    print(table(servers))
    low = [count for count in CONNECTIONS if servers[GATEWAY].rate(count) < TARGET * servers[NGINX].rate(count)]
    if low:
        print(f"\nbelow {TARGET} × nginx at {', '.join(map(str, low))} connections")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
