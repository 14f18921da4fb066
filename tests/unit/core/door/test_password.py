"""The owner's password: none by default, slow to guess, the same from every keyboard."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.door.password import EACH_ADDRESS, PASSWORD_MAX, PASSWORD_MIN, WAITING_MAX, OwnerPassword
from cyfs_edge.store.memory import MemoryStore
from tests.node import TestClock

PASSWORD = "correct horse battery"
HERE = "192.0.2.1:5"


class QuickHasher:
    """A hash that costs nothing; ``gate`` holds those that verify."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.verified = 0

    async def hash(self, password: bytes) -> bytes:
        return hashlib.sha256(password).digest()

    async def verify(self, password: bytes, held: bytes) -> bool:
        self.verified += 1
        await self.gate.wait()
        return hashlib.sha256(password).digest() == held


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def hasher() -> QuickHasher:
    return QuickHasher()


@pytest.fixture
def owner(clock: TestClock, hasher: QuickHasher) -> OwnerPassword:
    return OwnerPassword(MemoryStore().records, hasher, clock)


async def refusal(owner: OwnerPassword, password: str, address: str = HERE) -> CyfsError:
    with pytest.raises(CyfsError) as caught:
        await owner.check(password, address)
    return caught.value


async def test_without_a_password_nobody_gets_in(owner: OwnerPassword) -> None:
    assert not await owner.is_set()
    error = await refusal(owner, "")
    assert error.code == ErrorCode.ERROR_STATE
    assert "door password" in error.message


async def test_only_the_password_passes(owner: OwnerPassword) -> None:
    await owner.set(PASSWORD)
    assert await owner.is_set()
    await owner.check(PASSWORD, HERE)
    assert (await refusal(owner, PASSWORD + "x")).context["status"] == 401


async def test_all_ways_to_compose_a_letter_are_one(owner: OwnerPassword) -> None:
    await owner.set("Größe ist viel")
    await owner.check("Gro\u0308ße ist viel", HERE)


@pytest.mark.parametrize("password", ["", "x" * (PASSWORD_MIN - 1), "x" * (PASSWORD_MAX + 1), "\ud800" * 20])
async def test_bad_passwords_are_not_set(owner: OwnerPassword, password: str) -> None:
    with pytest.raises(CyfsError) as caught:
        await owner.set(password)
    assert caught.value.code == ErrorCode.INVALID_PARAM
    assert not await owner.is_set()


async def test_guessing_is_slowed_down_without_hashing(
    owner: OwnerPassword, clock: TestClock, hasher: QuickHasher
) -> None:
    await owner.set(PASSWORD)
    for _ in range(EACH_ADDRESS.free + 1):
        assert (await refusal(owner, "wrong wrong wrong")).context["status"] == 401
    for _ in range(1000):
        assert (await refusal(owner, "wrong wrong wrong")).context["status"] == 429
    assert hasher.verified == EACH_ADDRESS.free + 1
    # The owner at another address gets in, at this one after the wait.
    await owner.check(PASSWORD, "198.51.100.1:1")
    assert (await refusal(owner, PASSWORD)).context["status"] == 429
    clock.time += 2_000_000
    await owner.check(PASSWORD, HERE)


async def test_many_at_once_are_no_quicker_than_many_in_a_row(owner: OwnerPassword, hasher: QuickHasher) -> None:
    await owner.set(PASSWORD)
    hasher.gate.clear()
    trying = [asyncio.create_task(refusal(owner, "wrong wrong wrong")) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert hasher.verified <= WAITING_MAX
    hasher.gate.set()
    statuses = [error.context["status"] for error in await asyncio.gather(*trying)]
    assert statuses.count(401) <= WAITING_MAX
    assert statuses.count(429) >= 50 - WAITING_MAX
