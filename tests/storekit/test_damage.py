"""A store whose file was cut or overwritten anywhere gives clear errors, and never ends the process by a signal."""

from __future__ import annotations

import asyncio
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from cyfs_edge.store.data_file import DATA_NAME
from tests.storekit.kit import Bench, delete_object, make_chunk, make_lmdb, make_record, put_record

PAGE = mmap.PAGESIZE


async def make_sample(directory: Path) -> bytes:
    store = make_lmdb(Bench(directory))
    for number in range(120):
        await put_record(store, make_record(number, 500))
    await store.chunks.put_many([make_chunk(number, 3500) for number in range(20)])
    for number in range(0, 120, 3):
        await delete_object(store, make_record(number).object_id)
    await store.close()
    return (directory / DATA_NAME).read_bytes()


def damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    random = Random(1)
    size, pages = len(data), len(data) // PAGE
    for cut in (0, 1, PAGE, 2 * PAGE, size // 4, size // 2 + 7, size - 3 * PAGE, size - 1):
        yield "cut", data[:cut]
    for number in range(2, pages, pages // 12):
        for content in (bytes(PAGE), random.randbytes(PAGE)):
            yield "page", data[: number * PAGE] + content + data[(number + 1) * PAGE :]
    for _ in range(12):
        changed = bytearray(data)
        for _ in range(20):
            changed[random.randrange(2, pages) * PAGE + random.randrange(64)] = random.randrange(256)
        yield "heads", bytes(changed)
    for _ in range(12):
        changed = bytearray(data)
        for _ in range(40):
            changed[random.randrange(2 * PAGE, size)] ^= 1 << random.randrange(8)
        yield "bits", bytes(changed)


def test_no_damage_ends_the_process(tmp_path: Path) -> None:
    data = asyncio.run(make_sample(tmp_path / "sample"))
    kinds = {}
    for number, (kind, content) in enumerate(damages(data)):
        image = tmp_path / f"image-{number}"
        shutil.copytree(tmp_path / "sample", image)
        (image / DATA_NAME).write_bytes(content)
        kinds[str(image)] = kind
    done = subprocess.run(
        [sys.executable, "-m", "tests.storekit.damage", *kinds],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert done.returncode == 0, f"it died after {list(lines)[-1:]}: {done.stderr[-2000:]}"
    assert lines.keys() == kinds.keys()
    found = [name for name, line in lines.items() if line != "ok"]
    assert len(found) > len(kinds) * 0.8, "some damage is to pages that were free"
    for name, line in lines.items():
        if line != "ok":
            what, code, text = line.split(" ", 2)
            assert code == "110", f"{kinds[name]}: {line}"
            assert len(text) > 30
            assert kinds[name] != "cut" or what == "open"
