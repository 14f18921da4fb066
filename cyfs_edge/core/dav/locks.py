"""Write locks (RFC 4918 §6, §7). They are agreements among clients, kept in memory: a restart ends them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.files.path import TreePath, is_within, shown
from cyfs_edge.core.ports import Clock, Random
from cyfs_edge.wire.dav.errors import dav_error

LOCKS_MAX = 4096
"""Locks at a time."""
SHARED_MAX = 32
"""Locks that hold for one entry at a time: a list of a folder tells all of them with each of its entries."""
OWNER_MAX = 2048
"""Characters of what a client says of itself in a lock."""
LOCK_SECONDS = 600
"""How long a lock is held when its client does not say; it renews it as long as it needs it."""
LOCK_SECONDS_MAX = 3600


@dataclass(slots=True)
class Lock:
    """``path``: where it was taken. ``deep``: all below is locked too. ``owner``: XML. ``until``: monotonic seconds."""

    token: str
    path: TreePath
    exclusive: bool
    deep: bool
    owner: str
    seconds: int
    until: float


@dataclass(frozen=True, slots=True)
class Touch:
    """What a request changes: an entry, with ``deep`` all below it, with ``member`` the list of its folder."""

    path: TreePath
    deep: bool = False
    member: bool = False


class LockTable:
    """All locks of one tree."""

    __slots__ = ("_by_path", "_by_token", "_clock", "_random")

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._by_token: dict[str, Lock] = {}
        self._by_path: dict[TreePath, list[Lock]] = {}

    def take(self, path: TreePath, *, exclusive: bool, deep: bool, owner: str, seconds: int) -> Lock:
        """A new lock. 423 when one that is held does not go together with it; 507 when there are too many."""
        if len(owner) > OWNER_MAX:
            raise dav_error(400, f"the owner of a lock has at most {OWNER_MAX} characters")
        own = self.covering(path)
        others = [*own, *(self._below(path) if deep else ())]
        hindered = [lock for lock in others if exclusive or lock.exclusive]
        if hindered:
            raise _locked("no-conflicting-lock", hindered)
        if len(own) >= SHARED_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{shown(path)} has {SHARED_MAX} locks already")
        if len(self._by_token) >= LOCKS_MAX:
            self._drop(lambda lock: lock.until <= self._clock.monotonic())
        if len(self._by_token) >= LOCKS_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{LOCKS_MAX} locks are held; release some, or wait for their end")
        raw = self._random.bytes(16).hex()
        token = f"urn:uuid:{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}"
        lock = Lock(token, path, exclusive, deep, owner, seconds, self._clock.monotonic() + seconds)
        self._by_token[token] = lock
        self._by_path.setdefault(path, []).append(lock)
        return lock

    def renew(self, path: TreePath, tokens: Set[str], seconds: int) -> Lock:
        """Begins its time anew. 412 when none of the tokens is that of a lock on ``path``."""
        for lock in self.covering(path):
            if lock.token in tokens:
                lock.seconds = seconds
                lock.until = self._clock.monotonic() + seconds
                return lock
        raise dav_error(412, f"no lock on {shown(path)} has the token sent", condition="lock-token-matches-request-uri")

    def release(self, path: TreePath, token: str) -> None:
        """409 when ``token`` is not that of a lock on ``path``."""
        if not any(lock.token == token for lock in self.covering(path)):
            raise dav_error(409, f"no such lock on {shown(path)}", condition="lock-token-matches-request-uri")
        self._drop(lambda lock: lock.token == token)

    def covering(self, path: TreePath) -> list[Lock]:
        """The locks that hold for an entry: its own, and deep ones of the folders that it is in."""
        now = self._clock.monotonic()
        return [
            lock
            for length in range(len(path) + 1)
            for lock in self._by_path.get(path[:length], ())
            if lock.until > now and (lock.deep or length == len(path))
        ]

    def _below(self, path: TreePath) -> Iterator[Lock]:
        """Those of entries below ``path``."""
        now = self._clock.monotonic()
        for lock in self._by_token.values():
            if lock.until > now and len(lock.path) > len(path) and is_within(lock.path, path):
                yield lock

    def within(self, folder: TreePath) -> dict[str, list[Lock]]:
        """The own locks of the entries of a folder, by name."""
        found: dict[str, list[Lock]] = {}
        for lock in self._below(folder):
            if len(lock.path) == len(folder) + 1:
                found.setdefault(lock.path[-1], []).append(lock)
        return found

    def require(self, tokens: Set[str], touch: Touch) -> None:
        """423 unless the request has sent a token of every lock that stands in the way of ``touch``.

        Of several shared locks on one entry, one token is enough.
        """
        groups = [self.covering(touch.path)]
        if touch.member and touch.path:
            groups.append(self.covering(touch.path[:-1]))
        if touch.deep:
            below: dict[TreePath, list[Lock]] = {}
            for lock in self._below(touch.path):
                below.setdefault(lock.path, []).append(lock)
            groups += below.values()
        for group in groups:
            if group and not any(lock.token in tokens for lock in group):
                raise _locked("lock-token-submitted", group)

    def forget(self, path: TreePath, *, itself: bool = True) -> None:
        """Drops the locks below a path, where other things may be now, and unless told otherwise its own."""
        self._drop(lambda lock: is_within(lock.path, path) and (itself or lock.path != path))

    def _drop(self, gone: Callable[[Lock], bool]) -> None:
        for lock in [lock for lock in self._by_token.values() if gone(lock)]:
            del self._by_token[lock.token]
            left = [one for one in self._by_path[lock.path] if one is not lock]
            if left:
                self._by_path[lock.path] = left
            else:
                del self._by_path[lock.path]


def _locked(condition: str, locks: list[Lock]) -> CyfsError:
    paths = dict.fromkeys(lock.path for lock in locks[:10])
    return dav_error(
        423,
        f"locked by another client: {', '.join(map(shown, paths))}",
        condition=condition,
        code=ErrorCode.WOULD_BLOCK,
        paths=tuple(paths),
    )
