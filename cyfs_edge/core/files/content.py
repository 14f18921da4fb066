"""File content: pieces of any length into chunks and a File object, and chunks out again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.ports import ChunkStore, Claim, Durability, Worker
from cyfs_edge.objects.file import CHUNK_SIZE

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(frozen=True, slots=True)
class Content:
    """What was stored: ``hash`` is the SHA-256 of all ``length`` bytes."""

    length: int
    hash: bytes
    chunk_ids: tuple[ChunkId, ...]


async def store_content(pieces: AsyncIterable[bytes], chunks: ChunkStore, claim: Claim, worker: Worker) -> Content:
    """Stores what comes in chunks of the customary size, and holds one of them in memory at a time.

    The chunks are there for the next commit to make durable; a broken-off one leaves chunks that nobody refers to.
    """
    digest, length = hashlib.sha256(), 0
    chunk_ids: list[ChunkId] = []
    waiting: list[bytes] = []
    size = 0

    async def keep() -> None:
        data = b"".join(waiting)
        waiting.clear()
        chunk_id = await worker.run(partial(_hashed, digest, data))
        await chunks.put(chunk_id, data, Durability.LAZY, claim)
        chunk_ids.append(chunk_id)

    async for piece in pieces:
        length += len(piece)
        while size + len(piece) >= CHUNK_SIZE:
            waiting.append(piece[: CHUNK_SIZE - size])
            piece = piece[CHUNK_SIZE - size :]
            size = 0
            await keep()
        if piece:
            waiting.append(piece)
            size += len(piece)
    if size:
        await keep()
    return Content(length, digest.digest(), tuple(chunk_ids))


def _hashed(digest: _Hash, data: bytes) -> ChunkId:
    digest.update(data)
    return ChunkId.of_data(data)
