"""The free-space floor: below it nothing grows, so that reads, deletes and the rest of the box go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cyfs_edge.base.errors import CyfsError, ErrorCode

MIB = 1 << 20
FLOOR_MIN = 64 * MIB
FLOOR_MAX = 1024 * MIB
FLOOR_SHARE = 50
"""The floor is this fraction (1/50 = 2 %) of the file system, within the two bounds."""

_RECHECK_SECONDS = 1.0
_RECHECK_BYTES = 4 * MIB


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of a file system: free for us, and in all."""

    free: int
    total: int


def space_of(path: Path) -> Space:
    found = os.statvfs(path)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class SpaceGuard:
    """Refuses writes below the floor. The file system is asked again after a second or 4 MiB, whichever is first."""

    __slots__ = ("_floor", "_left", "_lock", "_monotonic", "_next", "_probe", "_unchecked")

    def __init__(self, probe: Callable[[], Space], monotonic: Callable[[], float], floor: int | None = None) -> None:
        """``floor`` in bytes; ``None``: 2 % of the file system, at least 64 MiB and at most 1 GiB."""
        self._probe = probe
        self._monotonic = monotonic
        self._floor = floor
        self._left = 0
        self._unchecked = 0
        self._next = float("-inf")
        self._lock = Lock()

    def floor_of(self, space: Space) -> int:
        if self._floor is not None:
            return self._floor
        return min(FLOOR_MAX, max(FLOOR_MIN, space.total // FLOOR_SHARE))

    def free(self) -> int:
        return self._probe().free

    def check(self, size: int) -> None:
        """``OUT_OF_LIMIT`` when ``size`` more bytes would leave less than the floor."""
        with self._lock:
            self._unchecked += size
            if self._left < self._unchecked or self._unchecked > _RECHECK_BYTES or self._monotonic() >= self._next:
                space = self._probe()
                self._left = space.free - self.floor_of(space)
                self._unchecked = size
                self._next = self._monotonic() + _RECHECK_SECONDS
                if self._left < size:
                    self._next = float("-inf")
                    raise CyfsError(
                        ErrorCode.OUT_OF_LIMIT,
                        f"the disk is nearly full: {_mib(space.free)} free, {_mib(self.floor_of(space))} are kept in "
                        "reserve. Nothing new is stored; delete something or enlarge the disk, then try again",
                        free=space.free,
                        floor=self.floor_of(space),
                    )


def _mib(size: int) -> str:
    return f"{size / MIB:.1f} MiB"
