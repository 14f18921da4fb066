"""Locks on the paths of one dec root, held by op-envs (docs/protocol/object-map.md §5.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Bell, Clock

WAIT_MAX = 60.0
"""Seconds after which a waiting call looks again by itself: nobody rings when a lock or its env expires."""
LOCKS_MAX = 256
"""Most paths that one session holds."""
ALL_LOCKS_MAX = 1024
"""Most paths of one dec root that all sessions hold: each write looks at all of them."""
PATH_MAX = 4096
"""Bytes of a path to lock."""


@dataclass(slots=True)
class _Lock:
    """``until``: monotonic seconds, ``None`` for ever."""

    sid: int
    until: float | None


class PathLocks:
    """A session may nest its own locks. Paths below, above and at a lock of another session are taken."""

    __slots__ = ("_bell", "_clock", "_locks")

    def __init__(self, clock: Clock, bell: Bell) -> None:
        self._clock = clock
        self._bell = bell
        self._locks: dict[str, _Lock] = {}

    async def lock(self, sid: int, paths: Iterable[str], duration_ms: int) -> None:
        """Waits for each path, in order of the paths. ``duration_ms`` 0: until released."""
        wanted = sorted({lock_path(path) for path in paths})
        self._require_room(sid, wanted)
        for path in wanted:
            while (taken := self._taken_by_other(path, sid)) is not None:
                until = taken.until
                wait = WAIT_MAX if until is None else min(WAIT_MAX, max(0.001, until - self._clock.monotonic()))
                await self._bell.wait(wait)
            self._require_room(sid, [path])
            self._take(path, sid, duration_ms)

    def try_lock(self, sid: int, paths: Iterable[str], duration_ms: int) -> None:
        """All or none: ``ALREADY_EXISTS`` when another session has one of them."""
        wanted = sorted({lock_path(path) for path in paths})
        for path in wanted:
            if self._taken_by_other(path, sid) is not None:
                raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{path!r} is locked by another session")
        self._require_room(sid, wanted)
        for path in wanted:
            self._take(path, sid, duration_ms)

    def check_write(self, sid: int, path: str) -> None:
        """``WOULD_BLOCK`` when the path lies at or below what another session has locked."""
        if not self._locks:
            return
        self._purge()
        path = lock_path(path)
        for held, lock in self._locks.items():
            if lock.sid != sid and path.startswith(held):
                raise CyfsError(ErrorCode.WOULD_BLOCK, f"{path!r} is locked at {held!r} by another session")

    def release(self, sid: int) -> None:
        """Gives up all that a session holds."""
        held = [path for path, lock in self._locks.items() if lock.sid == sid]
        for path in held:
            del self._locks[path]
        if held:
            self._bell.ring()

    def _require_room(self, sid: int, wanted: list[str]) -> None:
        more = sum(path not in self._locks for path in wanted)
        own = sum(lock.sid == sid for lock in self._locks.values())
        if more and (own + more > LOCKS_MAX or len(self._locks) + more > ALL_LOCKS_MAX):
            text = f"a session holds at most {LOCKS_MAX} locks, all sessions of a dec {ALL_LOCKS_MAX}"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)

    def _take(self, path: str, sid: int, duration_ms: int) -> None:
        until = None if duration_ms == 0 else self._clock.monotonic() + duration_ms / 1000
        held = self._locks.get(path)
        if held is None:
            self._locks[path] = _Lock(sid, until)
            return
        held.until = None if held.until is None or until is None else max(held.until, until)

    def _taken_by_other(self, path: str, sid: int) -> _Lock | None:
        self._purge()
        for held, lock in self._locks.items():
            if lock.sid != sid and (held.startswith(path) or path.startswith(held)):
                return lock
        return None

    def _purge(self) -> None:
        now = self._clock.monotonic()
        for path in [path for path, lock in self._locks.items() if lock.until is not None and lock.until <= now]:
            del self._locks[path]


def lock_path(path: str) -> str:
    """``/a//b`` -> ``a/b/``. The root is ``/``, which is nobody's parent."""
    if len(path.encode()) > PATH_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"a path to lock has at most {PATH_MAX} bytes")
    return "".join(f"{segment}/" for segment in path.split("/") if segment) or "/"
