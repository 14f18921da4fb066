"""Bodies on their way out: files and streams are read while they are sent, and let go of whatever happens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.message import BodyFile, BodyStream

FILE_PIECE = 128 * 1024
"""Bytes read from a file at once."""

AnyBody = bytes | BodyFile | BodyStream
Send = Callable[[bytes], Awaitable[None]]
"""Takes a piece, and returns when there is room for more."""


def body_length(body: AnyBody) -> int:
    """The bytes that the body has or promises."""
    if isinstance(body, bytes):
        return len(body)
    return body.end - body.start if isinstance(body, BodyFile) else body.length


async def release(body: AnyBody) -> None:
    """Let go of a body that is not sent."""
    if isinstance(body, BodyFile):
        body.close()
    elif isinstance(body, BodyStream):
        await _close_stream(body)


async def send_body(body: AnyBody, send: Send, executor: Executor | None) -> None:
    """Send exactly ``body_length(body)`` bytes and release the body. ``executor`` reads files (``None``: the loop's).

    Raises ``UNEXPECTED_EOF`` if the body has fewer bytes than it promises, ``OUT_OF_LIMIT`` if a stream gives more, and
    what ``send`` and a stream's pieces raise.
    """
    if isinstance(body, bytes):
        await send(body)
    elif isinstance(body, BodyFile):
        await _send_file(body, send, executor)
    else:
        await _send_stream(body, send, executor)


async def _send_file(file: BodyFile, send: Send, executor: Executor | None) -> None:
    # sendfile(2) brings nothing here: measured on loopback with 64 MB files, 1.6 GB/s and 0.17 s of CPU a GB, against
    # 3.2 GB/s and 0.16 s this way (and 2.0 GB/s, 0.37 s when every piece is read by a thread).
    loop = asyncio.get_running_loop()
    reading: asyncio.Future[bytes] | None = None
    try:
        start = file.start
        while start < file.end:
            size = min(FILE_PIECE, file.end - start)
            piece = _read_cached(file.fd, size, start)
            if piece is None:
                reading = loop.run_in_executor(executor, os.pread, file.fd, size, start)
                piece = await asyncio.shield(reading)
            if not piece:
                raise CyfsError(ErrorCode.UNEXPECTED_EOF, f"a file ends {file.end - start} bytes early")
            start += len(piece)
            await send(piece)
    finally:
        if reading is None or reading.done():
            file.close()
        else:
            # Cancelled: a thread still reads from the descriptor, whose number must not go to another file.
            reading.add_done_callback(lambda _: file.close())


def _read_cached(fd: int, size: int, offset: int) -> bytes | None:
    """What the page cache has, without waiting for the disk; ``None`` if nothing, or the file system cannot tell."""
    buffer = bytearray(size)
    try:
        count = os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
    except OSError:
        return None
    return bytes(memoryview(buffer)[:count])


async def _send_stream(stream: BodyStream, send: Send, executor: Executor | None) -> None:
    left = stream.length
    try:
        async for piece in stream.pieces:
            left -= body_length(piece)
            if left < 0:
                await release(piece)
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a stream of {stream.length} bytes gives more")
            await send_body(piece, send, executor)
    finally:
        await _close_stream(stream)
    if left:
        raise CyfsError(ErrorCode.UNEXPECTED_EOF, f"a stream of {stream.length} bytes ends {left} early")


async def _close_stream(stream: BodyStream) -> None:
    """A generator cleans up when it is closed; other iterators have nothing to close."""
    aclose = getattr(stream.pieces, "aclose", None)
    if aclose is not None:
        await aclose()
