"""Slow hashes of passwords: Argon2id (docs/door.md)."""

from __future__ import annotations

import asyncio

from cyfs_edge.core.ports import Worker

MEMORY = 64 << 20
"""Bytes that one hash takes for as long as it runs: a box with 1 GB spares them once, not ten times."""
PASSES = 3


class Argon2Hasher:
    """:class:`cyfs_edge.core.door.password.Hasher` by libsodium; one hash at a time, in a thread of the pool."""

    __slots__ = ("_turn", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._turn = asyncio.Lock()

    async def hash(self, password: bytes) -> bytes:
        async with self._turn:
            return await self._worker.run(lambda: _hash(password))

    async def verify(self, password: bytes, held: bytes) -> bool:
        async with self._turn:
            return await self._worker.run(lambda: _verify(password, held))


def _hash(password: bytes) -> bytes:
    from nacl import pwhash

    text: bytes = pwhash.argon2id.str(password, opslimit=PASSES, memlimit=MEMORY)
    return text


def _verify(password: bytes, held: bytes) -> bool:
    from nacl import pwhash
    from nacl.exceptions import CryptoError

    try:
        return bool(pwhash.argon2id.verify(held, password))
    except (CryptoError, ValueError):
        return False
