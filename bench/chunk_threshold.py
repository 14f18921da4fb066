"""Where should a chunk go: into LMDB, or into a file of its own? Puts and reads the same chunks both ways.

    python -m bench.chunk_threshold [--directory DIR] [--mib N] [--json FILE]

``written`` is what the block device under DIR got, journal included, per byte of chunk; give DIR a file system of its
own for exact figures (others' writes count too). ``one`` is one put after the other, ``many`` eight at once, both
durable; reads are of whole chunks, ``cold`` after dropping them from the page cache. CPU is that of this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cyfs_edge.base.ids import ChunkId
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.core.ports import FileRange
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions

SIZES = (4096, 16_384, 65_536, 262_144, 1 << 20, 4 << 20)
SECTOR = 512
AT_ONCE = 8
MOST_CHUNKS = 2000


class SystemClock:
    def now(self) -> int:
        return bucky_from_unix(time.time())

    def monotonic(self) -> float:
        return time.monotonic()


def device_bytes(directory: Path) -> int | None:
    """Bytes written to the block device so far; ``None`` when the file system has none of its own."""
    number = directory.stat().st_dev
    try:
        fields = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat").read_text().split()
    except OSError:
        return None
    return int(fields[6]) * SECTOR


def process_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


def drop_cache(directory: Path) -> None:
    for folder, _, names in os.walk(directory):
        for name in names:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


async def timed(work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds on the clock and of CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - clock, time.process_time() - cpu


async def measure(directory: Path, size: int, inline: bool, total: int) -> dict[str, Any]:
    count = max(AT_ONCE, min(MOST_CHUNKS, total // size))
    chunks = [(ChunkId.of_data(data), data) for data in (os.urandom(size) for _ in range(2 * count))]
    options = StoreOptions(floor=0, inline_max=1 << 30 if inline else 0)
    store = LmdbStore.open(directory, clock=SystemClock(), options=options)
    result: dict[str, Any] = {"size": size, "place": "lmdb" if inline else "file", "count": count}

    async def put(some: list[tuple[ChunkId, bytes]]) -> None:
        for chunk_id, data in some:
            assert await store.chunks.put(chunk_id, data)

    async def read() -> None:
        for chunk_id, data in chunks:
            found = await store.chunks.read(chunk_id)
            if isinstance(found, FileRange):
                piece = os.pread(found.fd, found.end, 0)
                found.close()
                assert len(piece) == len(data)
            else:
                assert found is not None
                assert len(found) == len(data)

    halves = {
        "one": lambda: put(chunks[:count]),
        "many": lambda: asyncio.gather(*(put(chunks[count + part :: AT_ONCE]) for part in range(AT_ONCE))),
    }
    for name, work in halves.items():
        os.sync()
        device, own = device_bytes(directory), process_bytes()
        seconds, cpu = await timed(work)
        os.sync()
        after = device_bytes(directory)
        result[f"put_{name}_rate"] = count / seconds
        result[f"put_{name}_cpu_us"] = cpu / count * 1e6
        result[f"put_{name}_process_written"] = (process_bytes() - own) / (count * size)
        if device is not None and after is not None:
            result[f"put_{name}_written"] = (after - device) / (count * size)
    seconds, cpu = await timed(read)
    result["read_hot_mb"] = 2 * count * size / seconds / 1e6
    result["read_hot_cpu_us"] = cpu / (2 * count) * 1e6
    await store.close()
    drop_cache(directory)
    store = LmdbStore.open(directory, clock=SystemClock(), options=options)
    drop_cache(directory)
    seconds, _ = await timed(read)
    result["read_cold_mb"] = 2 * count * size / seconds / 1e6
    await store.close()
    return result


COLUMNS = (
    ("size", "size", "{:>9,}"),
    ("place", "place", "{:>5}"),
    ("put_one_rate", "one/s", "{:>7,.0f}"),
    ("put_many_rate", "many/s", "{:>7,.0f}"),
    ("put_one_written", "written", "{:>7.2f}"),
    ("put_many_written", "w. many", "{:>7.2f}"),
    ("put_one_cpu_us", "put µs", "{:>7,.0f}"),
    ("read_hot_mb", "hot MB/s", "{:>8,.0f}"),
    ("read_cold_mb", "cold MB/s", "{:>9,.0f}"),
    ("read_hot_cpu_us", "read µs", "{:>7,.0f}"),
)


def table(results: list[dict[str, Any]]) -> str:
    lines = ["| " + " | ".join(title for _, title, _ in COLUMNS) + " |", "|" + "---:|" * len(COLUMNS)]
    for result in results:
        cells = (form.format(result[key]).strip() if key in result else "" for key, _, form in COLUMNS)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Chunks in LMDB against chunks in files.")
    parser.add_argument("--directory", type=Path, help="where to write; a new folder below the system's own if absent")
    parser.add_argument("--mib", type=int, default=64, help="MiB of chunks for each size, place and way of putting")
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()
    results = []
    for size in SIZES:
        for inline in (True, False):
            folder = Path(tempfile.mkdtemp(prefix="chunks-", dir=options.directory))
            try:
                results.append(await measure(folder / "store", size, inline, options.mib << 20))
            finally:
                shutil.rmtree(folder)
    print(table(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    asyncio.run(main())
