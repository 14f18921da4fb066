"""``python -m bench [--only PART,…] [--seconds N] [--json FILE]``: measures a real gateway and prints a table."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from bench import codec, handlers, load, machine, samples, state
from bench.gateway import Gateway, gateway
from bench.rows import Calibration, Row, latency, rate, table
from cyfs_edge.base.ids import ChunkId, ObjectId

CONNECTIONS = (1, 8, 32)
PARTS = ("objects", "chunks", "state", "handlers", "idle", "codec")


@contextlib.contextmanager
def echo_server() -> Iterator[tuple[str, int]]:
    process = subprocess.Popen([sys.executable, "-m", "bench.echo"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield "127.0.0.1", int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


async def objects_rows(node: Gateway, base: Calibration, seconds: float) -> list[Row]:
    rows, start = [], 0
    for connections in CONNECTIONS:
        made = samples.objects(int(9000 * seconds), node.owner, start)
        start += len(made)
        result = await load.run(node.address, iter([samples.put_object(obj) for obj in made]), connections, seconds)
        rows.append(rate(f"NON put, durable, {connections} connections", result, base.fdatasync, "fdatasync"))
    gets = [samples.get_object(obj.object_id) for obj in samples.objects(200, node.owner)]
    for connections in CONNECTIONS:
        result = await load.run(node.address, samples.cycle(gets), connections, seconds)
        rows.append(rate(f"NON get, {connections} connections", result, base.echo[connections], "echo"))
    return rows


async def chunk_rows(node: Gateway, base: Calibration, seconds: float) -> list[Row]:
    rows = []
    for size, name, connections in ((4096, "4 KB", 8), (4 << 20, "4 MB", 4)):
        puts = map(samples.put_chunk, samples.random_chunks(size))
        result = await load.run(node.address, puts, connections, seconds)
        rows.append(_volume(f"chunk put {name}", result.count * size / result.seconds, result, base))
        kept = [data for _, data in zip(range(8), samples.random_chunks(size), strict=False)]
        await load.run(node.address, iter([samples.put_chunk(data) for data in kept]), 1, 60)
        gets = samples.cycle([samples.get_chunk(ChunkId.of_data(data)) for data in kept])
        result = await load.run(node.address, gets, connections, seconds)
        if size == 4096:
            rows.append(rate(f"chunk get {name}", result, base.echo[8], "echo"))
        else:
            rows.append(_volume(f"chunk get {name}", result.throughput, result, base))
    return rows


def _volume(name: str, volume: float, result: load.Result, base: Calibration) -> Row:
    return Row(name, volume / 1e6, "MB/s", volume / base.sha256, "sha256", latency(result))


async def idle_rows(node: Gateway, seconds: float) -> list[Row]:
    await asyncio.sleep(2)
    before = machine.cpu_seconds(node.pid)
    await asyncio.sleep(seconds)
    share = (machine.cpu_seconds(node.pid) - before) / seconds
    size = node.resident()
    return [
        Row("resident after the load", size / 1e6, "MB"),
        Row(f"CPU of a core, idle for {seconds:.0f} s", share * 100, "%"),
    ]


async def calibrate(seconds: float, folder: Path) -> Calibration:
    sha256, fdatasync = machine.sha256_rate(), machine.fdatasync_rate(folder)
    echo: dict[int, float] = {}
    with echo_server() as address:
        payload = samples.cycle([samples.get_object(ObjectId(bytes(32)))])
        for connections in CONNECTIONS:
            echo[connections] = (await load.run(address, payload, connections, seconds, echo=True)).rate
    return Calibration(echo, sha256, fdatasync)


async def measure(parts: list[str], seconds: float, idle_seconds: float, folder: Path) -> list[Row]:
    base = await calibrate(seconds, folder)
    rows = [
        Row("calibration: OpenSSL sha256, one core", base.sha256 / 1e6, "MB/s"),
        Row("calibration: fdatasync of 4 KiB", base.fdatasync, "1/s"),
        *(Row(f"calibration: uvloop echo, {count} connections", value, "1/s") for count, value in base.echo.items()),
    ]
    with gateway(folder) as node:
        if "idle" in parts:
            rows.append(Row("start to ready line", node.start_seconds, "s"))
            rows.append(Row("resident after the start", node.resident() / 1e6, "MB"))
        if "objects" in parts:
            rows += await objects_rows(node, base, seconds)
        if "chunks" in parts:
            rows += await chunk_rows(node, base, seconds)
        if "state" in parts:
            rows += await state.rows(node, base, seconds)
        if "handlers" in parts:
            rows += await handlers.rows(node, base, seconds)
        if "idle" in parts:
            rows += await idle_rows(node, idle_seconds)
        if "codec" in parts:
            for name, value in codec.measure(node.owner).items():
                rows.append(Row(name, value, "1/s", value * 300 / base.sha256, "sha256 of 300 bytes"))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement")
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, with commas between them: {', '.join(PARTS)}")
    parser.add_argument("--idle-seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--folder", type=Path, help="where the store lives meanwhile (its disk is measured)")
    args = parser.parse_args()
    parts = args.only.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--only takes {', '.join(PARTS)}")
    with (
        tempfile.TemporaryDirectory(prefix="cyfs-bench-", dir=args.folder) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        rows = runner.run(measure(parts, args.seconds, args.idle_seconds, Path(folder)))
    about = f"{machine.model()}, {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"
    print(about + "\n\n" + table(rows))
    if args.json:
        args.json.write_text(json.dumps({"machine": about, "rows": [vars(row) for row in rows]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
