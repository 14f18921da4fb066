"""A short look into a file that is to be sent."""

from __future__ import annotations

import asyncio
import os

from cyfs_edge.core.ports import FileRange


async def peek_file(piece: FileRange) -> bytes:
    """The bytes of the range, which is let go of afterwards."""
    try:
        return await asyncio.to_thread(os.pread, piece.fd, piece.end - piece.start, piece.start)
    finally:
        piece.close()
