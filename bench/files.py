"""``python -m bench.files [--large-mb N] [--files N] [--folder DIR] [--json FILE]``: files through a real gateway.

One large file and a tree of small ones, against ``sha256sum`` and ``cp`` on the same files in the same run. How to read
it: docs/performance.md, "Files and folders".
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from bench.gateway import Gateway, gateway

_MB = 1_000_000
_PIECE = 4 << 20
_FILES_IN_FOLDER = 100


@dataclass
class Row:
    """One figure; ``ratio`` is the wall time over that of ``to``. ``written``: bytes that the disk got per byte."""

    name: str
    seconds: float
    size: int
    files: int = 1
    ratio: float | None = None
    to: str = ""
    written: float | None = None
    resident: int | None = None


def make_large(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, _PIECE):
            file.write(os.urandom(min(_PIECE, size - start)))


def make_tree(folder: Path, count: int, mean: int) -> int:
    """Files of 0 to twice ``mean`` bytes; gives how many bytes they have."""
    rng, total = random.Random(count), 0
    for number in range(count):
        path = folder / f"{number // 10_000:03}" / f"{number // _FILES_IN_FOLDER:05}" / f"{number:07}.bin"
        if number % _FILES_IN_FOLDER == 0:
            path.parent.mkdir(parents=True)
        size = rng.randrange(2 * mean + 1)
        path.write_bytes(rng.randbytes(size))
        total += size
    return total


def timed(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def shell(text: str, *arguments: object) -> float:
    return timed(["sh", "-c", text, "sh", *(str(one) for one in arguments)])


class Cli:
    """The command, as an owner runs it. Each run's time, its result and the most memory it took."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, *arguments: object) -> tuple[float, dict[str, object], int]:
        command = [sys.executable, "-m", "cyfs_edge.cli.main", *(str(one) for one in arguments)]
        begin = time.perf_counter()
        process = subprocess.Popen([*command, "--root", str(self._root), "--json"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        elapsed = time.perf_counter() - begin
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        return elapsed, json.loads(out), _resident(used)


def _resident(used: resource.struct_rusage) -> int:
    return used.ru_maxrss * 1024


class Disk:
    """Bytes that the block device below a folder got; it counts what others write, too. ``None`` where none is told."""

    def __init__(self, folder: Path) -> None:
        device = folder.stat().st_dev
        self._stat = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")

    def written(self) -> int | None:
        os.sync()
        try:
            return int(self._stat.read_text().split()[6]) * 512
        except OSError:
            return None

    def per_byte(self, before: int | None, size: int) -> float | None:
        after = self.written()
        return (after - before) / size if before is not None and after is not None and size else None


def forget(folder: Path) -> None:
    """Takes files out of the page cache, so that the next read comes from the disk."""
    os.sync()
    for path in [folder] if folder.is_file() else [one for one in folder.rglob("*") if one.is_file()]:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def large_rows(node: Gateway, folder: Path, size: int) -> Iterator[Row]:
    source, cli, disk = folder / "large", Cli(node.root), Disk(folder)
    make_large(source, size)
    os.sync()
    sums = timed(["sha256sum", str(source)])
    yield Row("`sha256sum F`", sums, size)
    copied = timed(["cp", str(source), str(folder / "copy")])
    yield Row("`cp F G`", copied, size)
    both = sums + copied
    (folder / "copy").unlink()

    before = disk.written()
    seconds, put, resident = cli("file", "put", source)
    name = "`sha256sum F && cp F G`"
    written = disk.per_byte(before, size)
    yield Row("large file: put", seconds, size, 1, seconds / both, name, written, resident)
    seconds, _, _ = cli("file", "put", source, "--rehash")
    yield Row("large file: put again, every chunk there", seconds, size, 1, seconds / sums, "`sha256sum F`")
    seconds, again, _ = cli("file", "put", source)
    if not _first(again)["unchanged"]:
        print("the file was too young to be remembered", file=sys.stderr)
    yield Row("large file: put again, unchanged", seconds, size)

    yield from _reads("large file", folder, node, cli, size, 1, str(_first(put)["id"]), lambda: _read_large(source))


def _read_large(source: Path) -> list[str]:
    return ["sh", "-c", 'cat "$1" > /dev/null', "sh", str(source)]


def tree_rows(node: Gateway, folder: Path, count: int, mean: int) -> Iterator[Row]:
    source, cli, disk = folder / "tree", Cli(node.root), Disk(folder)
    size = make_tree(source, count, mean)
    os.sync()
    sums = shell('find "$1" -type f -print0 | xargs -0 sha256sum', source)
    yield Row("`find F | xargs sha256sum`", sums, size, count)
    copied = shell('cp -r "$1" "$2"', source, folder / "copy")
    yield Row("`cp -r F G`", copied, size, count)
    shell('rm -r "$1"', folder / "copy")

    time.sleep(2)
    before = disk.written()
    seconds, put, resident = cli("file", "put", source)
    ratio, written = seconds / (sums + copied), disk.per_byte(before, size)
    yield Row("tree: put", seconds, size, count, ratio, "`sha256sum`, then `cp -r`", written, resident)
    seconds, _, _ = cli("file", "put", source)
    yield Row("tree: put again, unchanged", seconds, size, count)
    dir_id = str(_first(put)["id"])
    yield from _reads(
        "tree", folder, node, cli, size, count, dir_id, lambda: ["cp", "-r", str(source), str(folder / "copy")]
    )


def _reads(
    what: str,
    folder: Path,
    node: Gateway,
    cli: Cli,
    size: int,
    count: int,
    object_id: str,
    baseline: Callable[[], list[str]],
) -> Iterator[Row]:
    out = folder / "out"
    for warmth in ("warm", "cold"):
        if warmth == "cold":
            forget(folder / "root" / "data")
            forget(folder / ("large" if count == 1 else "tree"))
        reference = timed(baseline())
        shell('rm -rf "$1"', folder / "copy")
        command = "`cat F`" if count == 1 else "`cp -r F G`"
        # A large file goes nowhere, so that reading and not writing is measured.
        target = Path("/dev/null") if count == 1 else out
        seconds, _, resident = cli("file", "get", object_id, "-o", target)
        yield Row(f"{what}: get, {warmth}", seconds, size, count, seconds / reference, command, None, resident)
        shell('rm -rf "$1"', out)


def _first(document: dict[str, object]) -> dict[str, object]:
    files = document["files"]
    assert isinstance(files, list)
    first: dict[str, object] = files[0]
    return first


def table(rows: list[Row]) -> str:
    lines = [
        "| what | MB/s | files/s | wall time | written per byte | most resident |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        rate = f"{row.size / row.seconds / _MB:,.0f}"
        files = f"{row.files / row.seconds:,.0f}" if row.files > 1 else ""
        ratio = f" = {row.ratio:.2f} × {row.to}" if row.ratio is not None else ""
        written = f"{row.written:.2f}" if row.written is not None else ""
        resident = f"{row.resident / _MB:.0f} MB" if row.resident is not None else ""
        lines.append(f"| {row.name} | {rate} | {files} | {row.seconds:.2f} s{ratio} | {written} | {resident} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.files", description=__doc__)
    parser.add_argument("--large-mb", type=int, default=1024, help="MiB of the large file")
    parser.add_argument("--files", type=int, default=100_000, help="files of the tree")
    parser.add_argument("--mean-size", type=int, default=4096, help="bytes of a file of the tree, on average")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--folder", type=Path, help="where files and store live meanwhile (its disk is measured)")
    args = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cyfs-bench-", dir=args.folder) as name:
        folder = Path(name)
        with gateway(folder) as node:
            for row in large_rows(node, folder, args.large_mb << 20):
                rows.append(row)
            (folder / "large").unlink()
            rows += tree_rows(node, folder, args.files, args.mean_size)
            rows.append(Row("the gateway afterwards", 1, 0, resident=node.resident()))
    about = f"{machine.model()}, {os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}"
    print(about + "\n\n" + table(rows))
    if args.json:
        args.json.write_text(json.dumps({"machine": about, "rows": [vars(row) for row in rows]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
