"""``python -m bench.soak [--minutes N]``: mixed load on 32 connections, and whether memory stays flat meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench import load, samples
from bench.gateway import Gateway, gateway
from cyfs_edge.base.ids import ChunkId

CONNECTIONS = 32
POOL = 20_000
"""Objects that come and go, so that the store itself stays of one size."""
EXPECTED = (b"200", b"206", b"404", b"416")


@dataclass(frozen=True, slots=True)
class Sample:
    seconds: float
    resident: int
    requests: int


def mixed_requests(node: Gateway, seed: int) -> Iterator[bytes]:
    """Puts, repeated puts, gets, deletes and misses of objects and of chunks of all sizes, in random order."""
    rng = random.Random(seed)
    objects = samples.objects(POOL, node.owner)
    chunks = [os.urandom(size) for size in (0, 1, 300, 4096, 4096, 65536, 65536, 1 << 20, 4 << 20)]
    chunk_ids = [ChunkId.of_data(data) for data in chunks]
    while True:
        kind = rng.random()
        obj = objects[rng.randrange(POOL)]
        if kind < 0.30:
            yield samples.put_object(obj)
        elif kind < 0.75:
            yield samples.get_object(obj.object_id)
        elif kind < 0.85:
            yield samples.delete_object(obj.object_id)
        else:
            # Large chunks seldom: they would leave nothing for the others.
            place = min(int(rng.expovariate(0.7)), len(chunks) - 1)
            if kind < 0.90:
                yield samples.put_chunk(chunks[place])
            elif kind < 0.98:
                yield samples.get_chunk(chunk_ids[place])
            else:
                yield samples.delete_chunk(chunk_ids[place])


async def soak(node: Gateway, seconds: float, every: float, seed: int = 1) -> list[Sample]:
    """Memory at the end of each of the stretches of ``every`` seconds."""
    requests = mixed_requests(node, seed)
    taken: list[Sample] = []
    start, count = time.monotonic(), 0
    while (elapsed := time.monotonic() - start) < seconds:
        result = await load.run(node.address, requests, CONNECTIONS, min(every, seconds - elapsed), good=EXPECTED)
        count += result.count
        taken.append(Sample(time.monotonic() - start, node.resident(), count))
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="cyfs-soak-", dir=args.folder) as folder,
        gateway(Path(folder)) as node,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        taken = runner.run(soak(node, args.minutes * 60, 60))
    print("| minute | resident MB | requests |\n|---|---|---|")
    for sample in taken:
        print(f"| {sample.seconds / 60:.1f} | {sample.resident / 1e6:.1f} | {sample.requests:,} |")
    base = next((sample for sample in taken if sample.seconds >= 300), taken[0])
    growth = (taken[-1].resident - base.resident) / 1e6
    print(f"\nfrom minute {base.seconds / 60:.0f} to the end: {growth:+.1f} MB (flat is at most +5)")
    return 0 if growth <= 5 else 1


if __name__ == "__main__":
    sys.exit(main())
