"""Building the preload shim and talking to it from within a process that runs under it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def build(folder: Path) -> Path:
    library = folder / "shim.so"
    found = compiler()
    assert found is not None
    command = [
        found,
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        "-o",
        library,
        SOURCE,
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True)
    return library


class Shim:
    """The functions of shim.c. Only in a process that was started with it preloaded."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)

    def watch(self, folder: Path) -> None:
        self._library.shim_watch(bytes(folder))

    def fail(self, at: int, count: int, error: int, *, syncs_only: bool = False) -> None:
        self._library.shim_fail(ctypes.c_long(at), ctypes.c_long(count), error, int(syncs_only))

    def record(self, path: Path) -> None:
        self._library.shim_record(bytes(path))

    def mark(self, text: str) -> None:
        self._library.shim_mark(text.encode())

    @property
    def fired(self) -> int:
        return int(self._library.shim_fired())
