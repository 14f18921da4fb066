"""Bodies on their way out, where the disk or the receiver is slow."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.net.sending import FILE_PIECE, send_body
from cyfs_edge.wire.message import BodyFile
from tests.unit.net.loops import both_loops

UNCACHED = Path("/proc/version")
"""A file system that cannot say what it has at hand: every read goes to a thread."""


class SlowDisk(Executor):
    """An executor whose reads end when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.reading: Future[Any] = Future()

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        self.asked.set()
        self.reading.set_running_or_notify_cancel()
        return self.reading


@both_loops
async def test_what_is_not_in_memory_is_read_by_a_thread() -> None:
    data = UNCACHED.read_bytes()
    fd = os.open(UNCACHED, os.O_RDONLY)
    closed: list[int] = []
    got = bytearray()

    def close() -> None:
        closed.append(fd)
        os.close(fd)

    async def send(piece: bytes) -> None:
        got.extend(piece)

    await send_body(BodyFile(fd, 3, len(data), close), send, None)
    assert got == data[3:]
    assert closed == [fd]


@both_loops
async def test_a_file_is_closed_only_after_a_thread_has_read_from_it() -> None:
    """A descriptor that is closed under a reading thread may be another file's by then."""
    fd = os.open(UNCACHED, os.O_RDONLY)
    closed = asyncio.Event()
    disk = SlowDisk()

    async def send(piece: bytes) -> None:
        raise AssertionError("nothing was read")

    sending = asyncio.ensure_future(send_body(BodyFile(fd, 0, 10, closed.set), send, disk))
    await disk.asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not closed.is_set()
    disk.reading.set_result(b"late")
    await closed.wait()
    os.close(fd)


@both_loops
async def test_a_file_is_read_no_faster_than_it_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(FILE_PIECE * 3 + 1))
    fd = os.open(path, os.O_RDONLY)
    taken: asyncio.Queue[int] = asyncio.Queue()
    room = asyncio.Queue[None]()

    async def send(piece: bytes) -> None:
        taken.put_nowait(len(piece))
        await room.get()

    sending = asyncio.ensure_future(send_body(BodyFile(fd, 0, FILE_PIECE * 3 + 1, lambda: os.close(fd)), send, None))
    for size in (FILE_PIECE, FILE_PIECE, FILE_PIECE, 1):
        assert await taken.get() == size
        assert taken.empty()
        room.put_nowait(None)
    await sending


@both_loops
async def test_a_read_error_is_the_senders_and_closes_the_file() -> None:
    closed: list[bool] = []

    async def send(piece: bytes) -> None:
        raise AssertionError("nothing was read")

    with pytest.raises(OSError, match="Bad file descriptor"):
        await send_body(BodyFile(-1, 0, 10, lambda: closed.append(True)), send, None)
    assert closed == [True]
