"""Bodies on their way out: files and streams are read while they are sent, and let go of whatever happens."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.net.outlet import DirectSocket
from cyfs_edge.wire.message import BodyFile, BodyStream

FILE_PIECE = 128 * 1024
"""Bytes read from a file at once; so much and less is always copied."""
DIRECT_PIECE = 4 * 1024 * 1024
"""Bytes that a thread sends from a file at once: a chunk of the usual size, for which a slow disk keeps it."""
_NO_SENDFILE = frozenset((errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EOVERFLOW))

T = TypeVar("T")

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


Direct = Callable[[], DirectSocket | None]


async def send_body(body: AnyBody, send: Send, executor: Executor | None, direct: Direct | None = None) -> None:
    """Send exactly ``body_length(body)`` bytes and release the body. ``executor`` reads files (``None``: the loop's).

    ``direct``: gives the socket, when files may be sent past ``send``. Raises ``UNEXPECTED_EOF`` if the body has fewer
    bytes than it promises, ``OUT_OF_LIMIT`` if a stream gives more, ``CONNECTION_RESET``, and what ``send`` and a
    stream's pieces raise.
    """
    if isinstance(body, bytes):
        await send(body)
    elif isinstance(body, BodyFile):
        await _send_file(body, send, _Threads(executor), direct)
    else:
        await _send_stream(body, send, executor, direct)


class _Threads:
    """Work in threads on descriptors that stay open for it."""

    __slots__ = ("_executor", "_working")

    def __init__(self, executor: Executor | None) -> None:
        self._executor = executor
        self._working: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[..., T], *args: object) -> T:
        working = asyncio.get_running_loop().run_in_executor(self._executor, work, *args)
        self._working = working
        return await asyncio.shield(working)

    def close(self, close: Callable[[], None]) -> None:
        """Calls ``close``, but not while a thread works: the number of a descriptor must not go to another file."""
        if self._working is None or self._working.done():
            close()
        else:

            def late(working: asyncio.Future[Any]) -> None:
                close()
                if not working.cancelled():
                    working.exception()  # the caller was cancelled: nobody else asks

            self._working.add_done_callback(late)


async def _send_file(file: BodyFile, send: Send, threads: _Threads, direct: Direct | None) -> None:
    try:
        start = file.start
        if direct is not None and file.end - start > FILE_PIECE:
            socket = direct()
            if socket is not None:
                try:
                    start = await _send_direct(file, socket, threads)
                finally:
                    threads.close(socket.close)
        await _send_copied(file, start, send, threads)
    finally:
        threads.close(file.close)


async def _send_direct(file: BodyFile, socket: DirectSocket, threads: _Threads) -> int:
    """Without copying; where it ends. That is before the end if the file is none of those that the kernel can send."""
    # In a thread, for it waits for the disk. What it saves and costs: docs/performance.md, "Serving data".
    start = file.start
    while start < file.end:
        try:
            count = await threads.run(os.sendfile, socket.fd, file.fd, start, min(DIRECT_PIECE, file.end - start))
        except BlockingIOError:
            await socket.writable()
            continue
        except ConnectionError as error:
            raise CyfsError(ErrorCode.CONNECTION_RESET, "the connection was lost while sending") from error
        except OSError as error:
            if error.errno in _NO_SENDFILE:
                break
            raise
        if not count:
            raise _ends_early(file.end - start)
        start += count
        socket.sent(count)
    return start


async def _send_copied(file: BodyFile, start: int, send: Send, threads: _Threads) -> None:
    while start < file.end:
        size = min(FILE_PIECE, file.end - start)
        piece = _read_cached(file.fd, size, start)
        if piece is None:
            piece = await threads.run(os.pread, file.fd, size, start)
        if not piece:
            raise _ends_early(file.end - start)
        start += len(piece)
        await send(piece)


def _ends_early(missing: int) -> CyfsError:
    return CyfsError(ErrorCode.UNEXPECTED_EOF, f"a file ends {missing} bytes early")


def _read_cached(fd: int, size: int, offset: int) -> bytes | None:
    """What the page cache has, without waiting for the disk; ``None`` if nothing, or the file system cannot tell."""
    buffer = bytearray(size)
    try:
        count = os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
    except OSError:
        return None
    return bytes(memoryview(buffer)[:count])


async def _send_stream(stream: BodyStream, send: Send, executor: Executor | None, direct: Direct | None) -> None:
    left = stream.length
    try:
        async for piece in stream.pieces:
            left -= body_length(piece)
            if left < 0:
                await release(piece)
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"a stream of {stream.length} bytes gives more")
            await send_body(piece, send, executor, direct)
    finally:
        await _close_stream(stream)
    if left:
        raise CyfsError(ErrorCode.UNEXPECTED_EOF, f"a stream of {stream.length} bytes ends {left} early")


async def _close_stream(stream: BodyStream) -> None:
    """A generator cleans up when it is closed; other iterators have nothing to close."""
    aclose = getattr(stream.pieces, "aclose", None)
    if aclose is not None:
        await aclose()
