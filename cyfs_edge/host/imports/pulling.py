"""Blocking iterators as asynchronous ones: a thread reads ahead a little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from cyfs_edge.core.importing import Found, FoundChunk, FoundObject

_BATCH_COUNT = 64
_BATCH_BYTES = 4 << 20


async def pulled(items: Iterator[Found]) -> AsyncIterator[Found]:
    """Closes ``items`` at its end, whichever way that comes."""
    try:
        while batch := await asyncio.to_thread(_batch, items):
            for item in batch:
                yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            await asyncio.to_thread(close)


def _batch(items: Iterator[Found]) -> list[Found]:
    batch: list[Found] = []
    size = 0
    while len(batch) < _BATCH_COUNT and size < _BATCH_BYTES:
        item = next(items, None)
        if item is None:
            break
        batch.append(item)
        if isinstance(item, FoundChunk):
            size += len(item.data)
        elif isinstance(item, FoundObject):
            size += len(item.record.raw)
    return batch
