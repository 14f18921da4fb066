"""Figures of the machine for get_system_info (docs/protocol/http-api.md §8)."""

from __future__ import annotations

import asyncio
import platform
import socket
import time
from pathlib import Path
from typing import Any

from cyfs_edge.base.times import bucky_from_unix


class SystemFigures:
    """psutil is loaded when the first figure is asked for: most nodes are never asked."""

    __slots__ = ("_before", "_root")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before: tuple[float, int, int] | None = None

    async def system_info(self) -> dict[str, object]:
        return await asyncio.get_running_loop().run_in_executor(None, self._collect)

    def _collect(self) -> dict[str, object]:
        import psutil

        memory, disk, net = psutil.virtual_memory(), psutil.disk_usage(str(self._root)), psutil.net_io_counters()
        now = time.monotonic()
        before = self._before or (now, net.bytes_recv, net.bytes_sent)
        self._before = (now, net.bytes_recv, net.bytes_sent)
        solid = _is_solid_state(self._root)
        boot = psutil.boot_time()
        return {
            "name": socket.gethostname(),
            "device_sn": _device_serial(),
            "uptime": int((time.time() - boot) * 1_000_000),
            "boot_time": bucky_from_unix(boot),
            "mac_address": _mac_address(psutil),
            "cpu_brand": _cpu_brand(),
            "cpu_usage": psutil.cpu_percent(),
            "total_memory": memory.total,
            "used_memory": memory.total - memory.available,
            "received_bytes": net.bytes_recv - before[1],
            "transmitted_bytes": net.bytes_sent - before[2],
            "total_received_bytes": net.bytes_recv,
            "total_transmitted_bytes": net.bytes_sent,
            "ssd_disk_total": disk.total if solid else 0,
            "ssd_disk_avail": disk.free if solid else 0,
            "hdd_disk_total": 0 if solid else disk.total,
            "hdd_disk_avail": 0 if solid else disk.free,
        }


def _is_solid_state(path: Path) -> bool:
    device = path.stat().st_dev
    block = Path(f"/sys/dev/block/{device >> 8 & 0xFFF}:{device & 0xFF | device >> 12 & 0xFFF00}")
    for folder in (block, block.resolve().parent):
        rotational = _read(folder / "queue/rotational")
        if rotational:
            return rotational == "0"
    return False


def _device_serial() -> str | None:
    return _read(Path("/proc/device-tree/serial-number")) or None


def _cpu_brand() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.machine()


def _mac_address(psutil: Any) -> str | None:
    for name, addresses in sorted(psutil.net_if_addrs().items()):
        for address in addresses:
            if name != "lo" and address.family == psutil.AF_LINK and address.address.strip("0:"):
                return str(address.address)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""
