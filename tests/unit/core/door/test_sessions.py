"""Sessions and tokens: known to their holders only, ended when they are to end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.door import sessions
from cyfs_edge.core.door.sessions import SPACE, DoorSessions, Kind, decode_user, encode_user
from cyfs_edge.core.ports import Durability, Records
from cyfs_edge.host.worker import SystemRandom
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def found(store: MemoryStore, clock: TestClock) -> DoorSessions:
    return DoorSessions(store.records, clock, SystemRandom())


async def stored(store: MemoryStore) -> dict[str, bytes]:
    return {key: value async for key, value in store.records.list(SPACE)}


async def test_a_session_is_found_by_its_secret_until_it_ends(found: DoorSessions, clock: TestClock) -> None:
    secret, user = await found.open_session()
    assert len(secret) == 43
    assert user.kind is Kind.SESSION
    assert (await found.find(secret)) == user
    for wrong in (secret[:-1], secret[:-1] + "~", secret + "x", "", "ä" * 43):
        assert await found.find(wrong) is None
    clock.time += sessions.SESSION_LIFE
    assert await found.find(secret) is None


async def test_logging_out_ends_one_session(found: DoorSessions) -> None:
    (one, _), (two, _) = await found.open_session(), await found.open_session()
    await found.end(one)
    assert await found.find(one) is None
    assert await found.find(two) is not None
    assert await found.end_all_sessions() == 1
    assert await found.find(two) is None


async def test_the_store_has_hashes_only(found: DoorSessions, store: MemoryStore) -> None:
    secret, _ = await found.open_session()
    token, _ = await found.create_token("phone", read_only=True)
    held = await stored(store)
    assert set(held) == {hashlib.sha256(text.encode()).hexdigest() for text in (secret, token)}
    everything = " ".join([*held, *(value.decode() for value in held.values())])
    assert secret not in everything
    assert token not in everything


async def test_tokens_are_listed_and_revoked_by_id(found: DoorSessions) -> None:
    phone, made = await found.create_token("phone", read_only=True)
    laptop, _ = await found.create_token("laptop", read_only=False)
    await found.open_session()
    assert sorted(user.name for user in await found.tokens()) == ["laptop", "phone"]
    user = await found.find(phone)
    assert user is not None
    assert (user.name, user.read_only, user.id) == ("phone", True, made.id)
    await found.revoke_token(made.id)
    assert await found.find(phone) is None
    assert await found.find(laptop) is not None
    assert await found.end_all_sessions() == 1
    assert await found.find(laptop) is not None
    with pytest.raises(CyfsError) as caught:
        await found.revoke_token(made.id)
    assert caught.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
async def test_bad_names_of_tokens(found: DoorSessions, name: str) -> None:
    with pytest.raises(CyfsError):
        await found.create_token(name, read_only=False)


async def test_the_number_of_sessions_is_bounded_and_the_one_used_longest_ago_goes(
    found: DoorSessions, store: MemoryStore, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    secrets = []
    for _ in range(3):
        secrets.append((await found.open_session())[0])
        clock.time += 1
    clock.time += sessions.USE_STEP
    await found.find(secrets[0])
    await found.open_session()
    assert len(await stored(store)) == 3
    assert [await found.find(secret) is not None for secret in secrets] == [True, False, True]


async def test_expired_sessions_make_room(found: DoorSessions, store: MemoryStore, clock: TestClock) -> None:
    await found.open_session()
    clock.time += sessions.SESSION_LIFE
    await found.open_session()
    assert len(await stored(store)) == 1


async def test_the_number_of_tokens_is_bounded(found: DoorSessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "TOKENS_MAX", 2)
    for name in ("a", "b"):
        await found.create_token(name, read_only=False)
    with pytest.raises(CyfsError) as caught:
        await found.create_token("c", read_only=False)
    assert caught.value.context["status"] == 409


async def test_the_last_use_is_kept_seldom(found: DoorSessions, store: MemoryStore, clock: TestClock) -> None:
    token, made = await found.create_token("phone", read_only=False)
    assert made.used == 0
    await found.find(token)
    first = await stored(store)
    clock.time += sessions.USE_STEP - 1
    await found.find(token)
    assert await stored(store) == first
    clock.time += 1
    await found.find(token)
    assert (await found.tokens())[0].used == clock.time


class FullRecords:
    """A store below its free-space floor: it reads, and takes nothing."""

    def __init__(self, store: MemoryStore) -> None:
        self._records = store.records
        self.get, self.delete, self.list = self._records.get, self._records.delete, self._records.list

    async def put(self, *args: object) -> None:
        raise CyfsError(ErrorCode.OUT_OF_LIMIT, "no space")


async def test_a_full_disk_keeps_nobody_from_logging_in(store: MemoryStore, clock: TestClock) -> None:
    token, _ = await DoorSessions(store.records, clock, SystemRandom()).create_token("phone", read_only=False)
    found = DoorSessions(FullRecords(store), clock, SystemRandom())  # type: ignore[arg-type]
    secret, _ = await found.open_session()
    assert await found.find(secret) is not None
    assert await found.find(token) is not None
    await found.end(secret)
    assert await found.find(secret) is None


async def test_a_record_is_read_as_it_was_written_and_damage_opens_nothing(
    found: DoorSessions, store: MemoryStore
) -> None:
    token, user = await found.create_token("phone", read_only=True)
    (key,) = await stored(store)
    assert decode_user(key, encode_user(user)) == user
    for bad in (b"", b"[]", b"{}", b'{"version": 2}', encode_user(user).replace(b"true", b'"no"')):
        assert decode_user(key, bad) is None
        await store.records.put(SPACE, key, bad)
        assert await found.find(token) is None


class SlowRecords:
    """Deletes reach the disk when they are let; reads see what is there until then, and later puts come after them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.may_delete = asyncio.Event()
        self._puts: list[tuple[str, str, bytes]] = []
        self._deleting = False

    async def get(self, space: str, key: str) -> bytes | None:
        return await self._records.get(space, key)

    async def put(self, space: str, key: str, value: bytes, durability: Durability = Durability.DURABLE) -> None:
        if self._deleting:
            self._puts.append((space, key, value))
        else:
            await self._records.put(space, key, value, durability)

    async def delete(self, space: str, key: str, durability: Durability = Durability.DURABLE) -> bool:
        self._deleting = True
        await self.may_delete.wait()
        there = await self._records.delete(space, key, durability)
        self._deleting = False
        for put in self._puts:
            await self._records.put(*put)
        return there

    def spaces(self) -> AsyncIterator[str]:
        return self._records.spaces()

    def list(self, space: str, prefix: str = "", after: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
        return self._records.list(space, prefix, after)


@pytest.mark.parametrize("how", ["token", "session", "all sessions"])
async def test_what_ends_while_it_is_used_does_not_come_back(store: MemoryStore, clock: TestClock, how: str) -> None:
    """A use writes the time of use: not behind the delete that ends it."""
    records = SlowRecords(store.records)
    found = DoorSessions(records, clock, SystemRandom())
    secret, user = await (found.create_token("phone", read_only=False) if how == "token" else found.open_session())
    clock.time += sessions.USE_STEP
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "token": lambda: found.revoke_token(user.id),
        "session": lambda: found.end(secret),
        "all sessions": found.end_all_sessions,
    }
    ending = asyncio.ensure_future(ways[how]())
    for _ in range(5):
        await asyncio.sleep(0)
    assert await found.find(secret) is None, "it ends from the moment on at which that was asked for"
    records.may_delete.set()
    await ending
    assert await found.find(secret) is None
    assert await stored(store) == {}
