"""The owner's password: set by hand on the box, asked for at the door (docs/door.md)."""

from __future__ import annotations

import unicodedata
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.door.backoff import Backoff, Pace
from cyfs_edge.core.ports import Clock, Records

SPACE = "door"
KEY = "password"
PASSWORD_MIN = 10
"""Characters. There is nothing else between the door and the owner's files."""
PASSWORD_MAX = 1024
"""Bytes of UTF-8."""
WAITING_MAX = 4
"""Log-ins whose password is being looked at or waits for that; one more is told to come back."""
EACH_ADDRESS = Pace(free=5, first=1.0, most=900.0, forget=3600.0)
ALL_ADDRESSES = Pace(free=50, first=1.0, most=30.0, forget=300.0)


class Hasher(Protocol):
    """Slow hashes, one at a time; the text carries its salt and its cost."""

    async def hash(self, password: bytes) -> bytes: ...

    async def verify(self, password: bytes, held: bytes) -> bool:
        """False also for a hash that cannot be read."""
        ...


class OwnerPassword:
    """There is none until the owner sets one."""

    __slots__ = ("_backoff", "_hasher", "_records", "_waiting")

    def __init__(self, records: Records, hasher: Hasher, clock: Clock) -> None:
        self._records = records
        self._hasher = hasher
        self._backoff = Backoff(clock.monotonic, EACH_ADDRESS, ALL_ADDRESSES)
        self._waiting = 0

    async def is_set(self) -> bool:
        return await self._records.get(SPACE, KEY) is not None

    async def set(self, password: str) -> None:
        """``INVALID_PARAM`` when it is too short or too long."""
        if len(password) < PASSWORD_MIN:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a password has at least {PASSWORD_MIN} characters")
        await self._records.put(SPACE, KEY, await self._hasher.hash(_encoded(password)))

    async def check(self, password: str, address: str) -> None:
        """Passes for the owner's password. ``address``: who asks, as ``address:port``.

        ``PERMISSION_DENIED`` (401) for a wrong one, ``ERROR_STATE`` (403) when none is set, ``OUT_OF_LIMIT`` (429,
        ``retry_after`` in its context) after too many wrong ones. An attempt counts before its hash is made, so that
        many at once are as slow as many in a row.
        """
        held = await self._records.get(SPACE, KEY)
        if held is None:
            text = "no password is set on this box; set one with `cyfs-edge door password` on the box itself"
            raise CyfsError(ErrorCode.ERROR_STATE, text, status=403)
        data = _encoded(password)
        if self._waiting >= WAITING_MAX:
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT, "others are logging in; try again in 2 s", status=429, retry_after=2
            )
        self._backoff.attempt(address)
        self._waiting += 1
        try:
            fits = await self._hasher.verify(data, held)
        finally:
            self._waiting -= 1
        if not fits:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "wrong password", status=401)
        self._backoff.succeeded(address)


def _encoded(password: str) -> bytes:
    """Keyboards differ in how they compose a letter: all of them give the same bytes here."""
    try:
        data = unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        raise CyfsError(ErrorCode.INVALID_PARAM, "a password is Unicode text") from None
    if len(data) > PASSWORD_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"a password has at most {PASSWORD_MAX} bytes")
    return data
