"""Files that are written for a caller: whole under their names or not at all, inside the folder, faults with codes."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.host import local_targets
from cyfs_edge.host.local_targets import HostTargets

DATA = b"content" * 100
DIGEST = sha256(DATA).digest()


@pytest.fixture
def targets(tmp_path: Path) -> HostTargets:
    return HostTargets([tmp_path / "private"])


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def write(
    targets: HostTargets, folder: Path, inner: str, data: bytes = DATA, digest: bytes | None = None
) -> None:
    sink = await targets.create(str(folder), inner, "tag")
    try:
        await sink.write(data)
        await sink.finish(digest)
    finally:
        sink.abandon()


async def refused(work: Any) -> int:
    with pytest.raises(CyfsError) as error:
        await work
    return error.value.code


async def test_a_file_gets_its_name_when_it_is_whole(targets: HostTargets, tmp_path: Path) -> None:
    before = open_files()
    sink = await targets.create(str(tmp_path / "new" / "er"), "a/b/c", "tag")
    await sink.write(DATA)
    folder = tmp_path / "new" / "er" / "a" / "b"
    (part,) = os.listdir(folder)
    assert part.endswith(".part")
    await sink.finish(DIGEST)
    sink.abandon()
    await targets.settle(str(tmp_path / "new" / "er"), ["a/b", ""])
    assert os.listdir(folder) == ["c"]
    assert (folder / "c").read_bytes() == DATA
    assert await targets.holds(str(tmp_path / "new" / "er"), "a/b/c", len(DATA), DIGEST)
    assert open_files() == before


async def test_another_hash_or_an_end_before_it_is_whole_leaves_nothing(targets: HostTargets, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old")
    assert await refused(write(targets, tmp_path, "f", DATA, bytes(32))) == ErrorCode.INVALID_DATA
    sink = await targets.create(str(tmp_path), "f", "tag")
    await sink.write(DATA)
    sink.abandon()
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_text() == "old"
    await write(targets, tmp_path, "f", DATA, DIGEST)
    assert (tmp_path / "f").read_bytes() == DATA


async def test_what_a_killed_run_left_is_replaced(targets: HostTargets, tmp_path: Path) -> None:
    """Also when somebody put a link in its place."""
    left = await targets.create(str(tmp_path), "f", "tag")
    await left.write(b"half")
    (part,) = os.listdir(tmp_path)
    (tmp_path / part).unlink()
    (tmp_path / "victim").write_text("kept")
    (tmp_path / part).symlink_to(tmp_path / "victim")
    await write(targets, tmp_path, "f")
    left.abandon()
    assert sorted(os.listdir(tmp_path)) == ["f", "victim"]
    assert (tmp_path / "victim").read_text() == "kept"


async def test_nothing_below_a_private_folder(targets: HostTargets, tmp_path: Path) -> None:
    (tmp_path / "private" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "private")
    for folder in (
        tmp_path / "private",
        tmp_path / "private" / "in",
        tmp_path / "link",
        tmp_path / "x" / ".." / "private",
    ):
        assert await refused(write(targets, folder, "f")) == ErrorCode.PERMISSION_DENIED
        assert await refused(targets.make_folder(str(folder), "d")) == ErrorCode.PERMISSION_DENIED
    assert os.listdir(tmp_path / "private") == ["in"]


@pytest.mark.parametrize("inner", ["../f", "a/../../f", "./f", "a//f", "link/f"])
async def test_no_path_leads_out(targets: HostTargets, tmp_path: Path, inner: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    before = open_files()
    await refused(write(targets, tmp_path / "in", inner))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert open_files() == before


async def test_faults_have_codes(targets: HostTargets, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    assert await refused(write(targets, tmp_path, "file/f")) == ErrorCode.ALREADY_EXISTS
    assert await refused(write(targets, tmp_path / "file", "f")) == ErrorCode.ALREADY_EXISTS
    assert await refused(write(targets, tmp_path, "full")) == ErrorCode.ALREADY_EXISTS
    assert await refused(write(targets, tmp_path, "n" * 300)) == ErrorCode.INVALID_PARAM
    assert await refused(write(targets, tmp_path, "a\0b")) == ErrorCode.INVALID_PARAM
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    before = open_files()
    assert not await targets.holds(str(tmp_path), "full", 1, DIGEST)
    assert not await targets.holds(str(tmp_path / "none"), "f", 1, DIGEST)
    assert open_files() == before


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.OUT_OF_LIMIT),
        (errno.EDQUOT, ErrorCode.OUT_OF_LIMIT),
        (errno.EROFS, ErrorCode.PERMISSION_DENIED),
        (errno.EIO, ErrorCode.IO_ERROR),
    ],
)
async def test_a_disk_that_refuses(
    targets: HostTargets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    """In the middle of a file: a code, the old file, and no part of the new one."""
    (tmp_path / "f").write_text("old")

    def fail(fd: int, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    before = open_files()
    sink = await targets.create(str(tmp_path), "f", "tag")
    monkeypatch.setattr(local_targets.os, "write", fail)
    assert await refused(sink.write(DATA)) == code
    sink.abandon()
    monkeypatch.undo()
    assert (os.listdir(tmp_path), (tmp_path / "f").read_text()) == (["f"], "old")
    assert open_files() == before


async def test_a_write_that_is_cancelled_ends_before_its_file_is_closed(
    targets: HostTargets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor must not be closed under a thread that uses it."""
    before, begun, go = open_files(), threading.Event(), threading.Event()
    real = os.write

    def slow(fd: int, data: bytes) -> int:
        begun.set()
        go.wait(10)
        return real(fd, data)

    monkeypatch.setattr(local_targets.os, "write", slow)
    sink = await targets.create(str(tmp_path), "f", "tag")
    writing = asyncio.create_task(sink.write(DATA))
    await asyncio.to_thread(begun.wait, 10)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    sink.abandon()
    assert open_files() > before
    go.set()
    async with asyncio.timeout(10):
        while open_files() > before:
            await asyncio.sleep(0.001)
    assert os.listdir(tmp_path) == []
