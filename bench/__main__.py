"""``python -m bench [--seconds N] [--idle-seconds N] [--json FILE]``: measures a real gateway and prints a table."""

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
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench import codec, load, machine, samples, state
from bench.gateway import Gateway, gateway
from cyfs_edge.base.ids import ChunkId, ObjectId

CONNECTIONS = (1, 8, 32)


@dataclass
class Row:
    """One figure. ``ratio`` is to the calibration that ``to`` names."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    to: str = ""
    extra: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def echo_server() -> Iterator[tuple[str, int]]:
    process = subprocess.Popen([sys.executable, "-m", "bench.echo"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield "127.0.0.1", int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def _latency(result: load.Result) -> dict[str, float]:
    return {"p50_ms": round(result.p50 * 1e3, 3), "p99_ms": round(result.p99 * 1e3, 3)}


async def objects_rows(node: Gateway, echo: dict[int, float], fdatasync: float, seconds: float) -> list[Row]:
    rows, start = [], 0
    for connections in CONNECTIONS:
        made = samples.objects(int(9000 * seconds), node.owner, start)
        start += len(made)
        result = await load.run(node.address, iter([samples.put_object(obj) for obj in made]), connections, seconds)
        name = f"NON put, durable, {connections} connections"
        rows.append(Row(name, result.rate, "1/s", result.rate / fdatasync, "fdatasync", _latency(result)))
    gets = [samples.get_object(obj.object_id) for obj in samples.objects(200, node.owner)]
    for connections in CONNECTIONS:
        result = await load.run(node.address, samples.cycle(gets), connections, seconds)
        rows.append(
            Row(
                f"NON get, {connections} connections",
                result.rate,
                "1/s",
                result.rate / echo[connections],
                "echo",
                _latency(result),
            )
        )
    return rows


async def chunk_rows(node: Gateway, echo: dict[int, float], sha256: float, seconds: float) -> list[Row]:
    rows = []
    for size, name, connections in ((4096, "4 KB", 8), (4 << 20, "4 MB", 4)):
        puts = map(samples.put_chunk, samples.random_chunks(size))
        result = await load.run(node.address, puts, connections, seconds)
        volume = result.count * size / result.seconds
        rows.append(Row(f"chunk put {name}", volume / 1e6, "MB/s", volume / sha256, "sha256", _latency(result)))
        kept = [data for _, data in zip(range(8), samples.random_chunks(size), strict=False)]
        await load.run(node.address, iter([samples.put_chunk(data) for data in kept]), 1, 60)
        gets = samples.cycle([samples.get_chunk(ChunkId.of_data(data)) for data in kept])
        result = await load.run(node.address, gets, connections, seconds)
        if size == 4096:
            rows.append(Row(f"chunk get {name}", result.rate, "1/s", result.rate / echo[8], "echo", _latency(result)))
        else:
            volume = result.throughput
            rows.append(Row(f"chunk get {name}", volume / 1e6, "MB/s", volume / sha256, "sha256", _latency(result)))
    return rows


async def state_rows(node: Gateway, echo: dict[int, float], fdatasync: float, seconds: float) -> list[Row]:
    rows: list[Row] = []
    value = samples.objects(1, node.owner)[0]
    await load.run(node.address, iter([samples.put_object(value)]), 1, 60)
    for connections in CONNECTIONS:
        result = await state.commits(node.address, connections, seconds, value.object_id)
        name = f"op-env create + insert + commit, {connections} connections"
        rows.append(Row(name, result.rate, "1/s", result.rate / fdatasync, "fdatasync", _latency(result)))
    await state.fill(node.address, "/list", state.LIST_KEYS, value.object_id)
    for connections in CONNECTIONS:
        result = await load.run(node.address, state.gets("/list", state.LIST_KEYS), connections, seconds)
        ratio = result.rate / echo[connections]
        rows.append(Row(f"get by path, {connections} connections", result.rate, "1/s", ratio, "echo", _latency(result)))
    for connections in CONNECTIONS:
        lists = samples.cycle([state.list_by_path("/list")])
        result = await load.run(node.address, lists, connections, seconds)
        name = f"list of {state.LIST_KEYS:,} keys, {connections} connections"
        rows.append(Row(name, result.rate, "1/s", result.rate / echo[connections], "echo", _latency(result)))
    for keys in state.MAP_KEYS:
        path = f"/map-{keys}"
        rate = await state.fill(node.address, path, keys, value.object_id)
        rows.append(Row(f"map of {keys:,} keys: insert, one connection", rate, "1/s", rate / echo[1], "echo"))
        result = await load.run(node.address, state.gets(path, keys), 8, seconds)
        ratio = result.rate / echo[8]
        name = f"map of {keys:,} keys: get by path, 8 connections"
        rows.append(Row(name, result.rate, "1/s", ratio, "echo", _latency(result)))
    return rows


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


async def measure(seconds: float, idle_seconds: float, folder: Path) -> list[Row]:
    sha256, fdatasync = machine.sha256_rate(), machine.fdatasync_rate(folder)
    echo: dict[int, float] = {}
    with echo_server() as address:
        payload = samples.get_object(ObjectId(bytes(32)))
        for connections in CONNECTIONS:
            echo[connections] = (
                await load.run(address, samples.cycle([payload]), connections, seconds, echo=True)
            ).rate
    rows = [
        Row("calibration: OpenSSL sha256, one core", sha256 / 1e6, "MB/s"),
        Row("calibration: fdatasync of 4 KiB", fdatasync, "1/s"),
        *(Row(f"calibration: uvloop echo, {count} connections", rate, "1/s") for count, rate in echo.items()),
    ]
    with gateway(folder) as node:
        rows.append(Row("start to ready line", node.start_seconds, "s"))
        size = node.resident()
        rows.append(Row("resident after the start", size / 1e6, "MB"))
        rows += await objects_rows(node, echo, fdatasync, seconds)
        rows += await chunk_rows(node, echo, sha256, seconds)
        rows += await state_rows(node, echo, fdatasync, seconds)
        rows += await idle_rows(node, idle_seconds)
        for name, value in codec.measure(node.owner).items():
            rows.append(Row(name, value, "1/s", value * 300 / sha256, "sha256 of 300 bytes"))
    return rows


def table(rows: list[Row]) -> str:
    lines = ["| what | value | ratio | latency p50 / p99 |", "|---|---|---|---|"]
    for row in rows:
        value = f"{row.value:,.2f}" if row.value < 100 else f"{row.value:,.0f}"
        ratio = f"{row.ratio:.3g} × {row.to}" if row.ratio is not None else ""
        latency = f"{row.extra['p50_ms']} / {row.extra['p99_ms']} ms" if row.extra else ""
        lines.append(f"| {row.name} | {value} {row.unit} | {ratio} | {latency} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement")
    parser.add_argument("--idle-seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--folder", type=Path, help="where the store lives meanwhile (its disk is measured)")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="cyfs-bench-", dir=args.folder) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        rows = runner.run(measure(args.seconds, args.idle_seconds, Path(folder)))
    about = f"{machine.model()}, {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"
    print(about + "\n\n" + table(rows))
    if args.json:
        args.json.write_text(json.dumps({"machine": about, "rows": [vars(row) for row in rows]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
