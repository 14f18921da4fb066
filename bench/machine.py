"""Calibration of the machine, and figures of processes."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def sha256_rate(seconds: float = 0.5) -> float:
    """Bytes a second that OpenSSL hashes on one core, in blocks of 16 KiB."""
    block, count, start = bytes(16384), 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        hashlib.sha256(block).digest()
        count += 1
    return count * len(block) / elapsed


def fdatasync_rate(folder: Path, seconds: float = 1.0) -> float:
    """Writes of 4 KiB with fdatasync, a second, one after the other, on the disk of ``folder``."""
    path = folder / "fdatasync"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, bytes(1 << 20), 0)
        os.fsync(fd)
        count, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            os.pwrite(fd, os.urandom(4096), count % 256 * 4096)
            os.fdatasync(fd)
            count += 1
        return count / elapsed
    finally:
        os.close(fd)
        path.unlink()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int, store: Path) -> int:
    """PSS in bytes without the mappings of the store file (the definition of docs/performance.md)."""
    total = skipped = 0
    inside = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(":")
        if "-" in name.partition(" ")[0] and " " in line and not line.startswith(("VmFlags", "Pss")):
            inside = line.endswith(str(store))
        if line.startswith("Pss:"):
            size = int(rest.split()[0]) * 1024
            total += size
            skipped += size if inside else 0
    return total - skipped


def model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return os.uname().machine
