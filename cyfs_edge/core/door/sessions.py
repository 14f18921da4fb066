"""Who has been let in: sessions of the owner, tokens of his programs (docs/door.md).

A secret is 256 random bits and known to its holder alone: the store has its SHA-256, under which it is found.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from enum import Enum

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Clock, Durability, Random, Records
from cyfs_edge.wire.door import unauthorized

SPACE = "door-sessions"
SECRET_SIZE = 32
ID_LENGTH = 12
"""Characters of the hash that name a session or token to people."""
SESSION_LIFE = 30 * 24 * 3600 * 1_000_000
"""µs after which the owner logs in anew."""
SESSIONS_MAX = 64
"""Open sessions; for one more, the one used longest ago ends."""
TOKENS_MAX = 256
"""Tokens of programs."""
NAME_MAX = 100
"""Characters of a token's name."""
USE_STEP = 3600 * 1_000_000
"""µs; the last use is kept no more exactly than this, to spare the card."""
_TEXT_LENGTH = 43


class Kind(Enum):
    SESSION = "session"
    APP = "app"


@dataclass(frozen=True, slots=True)
class DoorUser:
    """A session of the owner, or a program that he gave a token. Times in bucky µs; ``expires`` 0: never."""

    id: str
    kind: Kind
    name: str
    read_only: bool
    created: int
    expires: int
    used: int


class DoorSessions:
    """Sessions and tokens. Sessions go on without the store when the disk is full, until the next start."""

    __slots__ = ("_clock", "_ended_all", "_ending", "_random", "_records", "_unsaved")

    def __init__(self, records: Records, clock: Clock, random: Random) -> None:
        self._records = records
        self._clock = clock
        self._random = random
        self._unsaved: dict[str, DoorUser] = {}
        self._ending: set[str] = set()
        self._ended_all = 0

    @property
    def ended_all(self) -> int:
        """How often all sessions were ended: for :meth:`open_session`, read before the password is looked at."""
        return self._ended_all

    async def open_session(self, ended_all: int | None = None) -> tuple[str, DoorUser]:
        """The secret and what it stands for. 401 when all sessions were ended since ``ended_all`` was read."""
        await self._make_room()
        secret, key = self._new_secret()
        now = self._clock.now()
        user = DoorUser(key[:ID_LENGTH], Kind.SESSION, "owner", False, now, now + SESSION_LIFE, now)
        try:
            await self._records.put(SPACE, key, encode_user(user))
        except CyfsError as error:
            if error.code != ErrorCode.OUT_OF_LIMIT:
                raise
            # Who wants to delete something must get in.
            self._unsaved[key] = user
        if ended_all is not None and ended_all != self._ended_all:
            await self.end(secret)
            raise unauthorized("the password was changed meanwhile; log in with the new one")
        return secret, user

    async def create_token(self, name: str, read_only: bool) -> tuple[str, DoorUser]:
        """A token for a program; it lasts until it is revoked. ``INVALID_PARAM``, ``OUT_OF_LIMIT``."""
        if not name or len(name) > NAME_MAX or not name.isprintable():
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a token needs a name of 1 to {NAME_MAX} printable characters")
        if len([user async for _, user in self._all(Kind.APP)]) >= TOKENS_MAX:
            text = f"there are {TOKENS_MAX} tokens; revoke some (cyfs-edge door token list)"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=409)
        secret, key = self._new_secret()
        user = DoorUser(key[:ID_LENGTH], Kind.APP, name, read_only, self._clock.now(), 0, 0)
        await self._records.put(SPACE, key, encode_user(user))
        return secret, user

    async def find(self, secret: str) -> DoorUser | None:
        """Who a secret stands for; ``None`` for one that is unknown, revoked or has expired."""
        if len(secret) != _TEXT_LENGTH or not secret.isascii():
            return None
        key = _key(secret)
        user = self._unsaved.get(key)
        if user is None:
            data = await self._records.get(SPACE, key)
            user = None if data is None or key in self._ending else decode_user(key, data)
        now = self._clock.now()
        if user is None or (user.expires and user.expires <= now):
            return None
        if now - user.used >= USE_STEP and key not in self._unsaved:
            user = replace(user, used=now)
            try:
                await self._records.put(SPACE, key, encode_user(user), Durability.LAZY)
            except CyfsError as error:
                if error.code != ErrorCode.OUT_OF_LIMIT:
                    raise
        return user

    async def end(self, secret: str) -> None:
        """Ends the session of a secret."""
        key = _key(secret)
        self._unsaved.pop(key, None)
        await self._delete(key)

    async def end_all_sessions(self) -> int:
        """Whoever has logged in must do so again; tokens stay. Gives how many there were."""
        self._ended_all += 1
        keys = [key async for key, _ in self._all(Kind.SESSION)]
        for key in keys:
            await self._delete(key)
        count = len(keys) + len(self._unsaved)
        self._unsaved.clear()
        return count

    async def tokens(self) -> list[DoorUser]:
        """The oldest first."""
        return sorted([user async for _, user in self._all(Kind.APP)], key=lambda user: (user.created, user.id))

    async def revoke_token(self, token_id: str) -> DoorUser:
        """``NOT_FOUND`` when there is no such token."""
        found = [(key, user) async for key, user in self._all(Kind.APP) if user.id == token_id]
        if not found:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no token {token_id[:ID_LENGTH]!r}; cyfs-edge door token list")
        for key, _ in found:
            await self._delete(key)
        return found[0][1]

    async def _make_room(self) -> None:
        """Forgets expired sessions and, when there are too many, the one used longest ago."""
        now = self._clock.now()
        held = [(key, user) async for key, user in self._all(Kind.SESSION)]
        held.sort(key=lambda item: (item[1].expires > now, item[1].used))
        gone = [item for item in held if item[1].expires <= now] or held[: max(0, len(held) - SESSIONS_MAX + 1)]
        for key, _ in gone:
            await self._delete(key)
        while len(self._unsaved) >= SESSIONS_MAX:
            del self._unsaved[next(iter(self._unsaved))]

    async def _delete(self, key: str) -> None:
        """Opens nothing from now on: a use that is written behind the delete would bring it back."""
        self._ending.add(key)
        try:
            await self._records.delete(SPACE, key)
        finally:
            self._ending.discard(key)

    async def _all(self, kind: Kind) -> AsyncIterator[tuple[str, DoorUser]]:
        async for key, data in self._records.list(SPACE):
            user = decode_user(key, data)
            if user is not None and user.kind is kind:
                yield key, user

    def _new_secret(self) -> tuple[str, str]:
        secret = base64.urlsafe_b64encode(self._random.bytes(SECRET_SIZE)).rstrip(b"=").decode()
        return secret, _key(secret)


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def encode_user(user: DoorUser) -> bytes:
    value = {
        "version": 1,
        "kind": user.kind.value,
        "name": user.name,
        "read_only": user.read_only,
        "created": user.created,
        "expires": user.expires,
        "used": user.used,
    }
    return json.dumps(value).encode()


def decode_user(key: str, data: bytes) -> DoorUser | None:
    """``None`` for bytes that are no record of this version: such a secret opens nothing."""
    try:
        value = json.loads(data)
        if value["version"] != 1:
            return None
        user = DoorUser(
            key[:ID_LENGTH],
            Kind(value["kind"]),
            value["name"],
            value["read_only"],
            value["created"],
            value["expires"],
            value["used"],
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    numbers = (user.created, user.expires, user.used)
    sound = type(user.name) is str and type(user.read_only) is bool and all(type(one) is int for one in numbers)
    return user if sound else None


def user_json(user: DoorUser) -> dict[str, object]:
    """For lists of tokens."""
    return {
        "id": user.id,
        "name": user.name,
        "read_only": user.read_only,
        "created": user.created,
        "used": user.used or None,
    }
