"""What every place of backups promises, and backups to each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import BackupTarget
from cyfs_edge.core.backup.repository import create_repository
from cyfs_edge.core.backup.verify import Verifier
from cyfs_edge.host.worker import SystemRandom
from cyfs_edge.store.memory import MemoryStore
from tests.unit.core.backup.kit import KEY, WORKER, back_up, content, fill, opened, quiet, restore
from tests.unit.host.backup.targets import Place, keys_of, makers, sftp


@pytest_asyncio.fixture(params=makers())
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with request.param(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def target(place: Place) -> AsyncIterator[BackupTarget]:
    found = await place.open()
    await found.make()
    yield found
    await found.close()


async def listed(target: BackupTarget, folder: str) -> dict[str, int]:
    return {file.path: file.size async for file in target.list(folder)}


async def failing(call: Any) -> int:
    with pytest.raises(CyfsError) as raised:
        await call
    assert raised.value.message
    return int(raised.value.code)


async def test_what_was_written_is_read_in_parts_and_listed(target: BackupTarget, place: Place) -> None:
    data = bytes(range(256)) * 3000
    await target.write("packs/ab/one", [data[:10], b"", data[10:]])
    await target.write("packs/cd/two", [b""])
    await target.write("index/three", [b"x"])
    again = await place.open()
    assert await again.read("packs/ab/one") == data
    assert await again.read("packs/ab/one", 5, 300_000) == data[5:300_005]
    assert await again.read("packs/ab/one", len(data) - 3, 100) == data[-3:]
    assert await again.read("packs/cd/two") == b""
    assert await listed(again, "packs") == {"packs/ab/one": len(data), "packs/cd/two": 0}
    assert await listed(again, "index") == {"index/three": 1}
    assert await listed(again, "snapshots") == {}
    await again.close()


async def test_writing_again_replaces_and_deleting_twice_is_no_error(target: BackupTarget) -> None:
    await target.write("index/a", [b"old, and longer"])
    await target.write("index/a", [b"new"])
    assert await target.read("index/a") == b"new"
    assert await listed(target, "index") == {"index/a": 3}
    await target.delete("index/a")
    await target.delete("index/a")
    assert await listed(target, "index") == {}
    assert await failing(target.read("index/a")) == ErrorCode.NOT_FOUND


async def test_many_files_are_listed_once_each(target: BackupTarget) -> None:
    names = {f"packs/{number:02x}/{number:064x}" for number in range(40)}
    for name in names:
        await target.write(name, [b"12"])
    assert await listed(target, "packs") == dict.fromkeys(names, 2)


async def test_a_place_that_vanishes_is_a_clear_error_and_is_not_made_anew(target: BackupTarget, place: Place) -> None:
    await target.write("index/a", [b"x"])
    await place.break_off()
    assert await failing(target.write("index/b", [b"x"])) in (ErrorCode.IO_ERROR, ErrorCode.CONNECT_FAILED)
    assert await failing(target.read("index/a")) in (ErrorCode.NOT_FOUND, ErrorCode.CONNECT_FAILED)


async def test_backups_go_there_and_come_back(target: BackupTarget, place: Place) -> None:
    await create_repository(target, KEY, SystemRandom())
    store = MemoryStore()
    await fill(store, objects=50, chunks=4)
    await back_up(store, await place.open())
    await fill(store, objects=5, chunks=1, seed="more")
    await back_up(store, await place.open())
    again, _ = await restore(await place.open())
    assert await content(again) == await content(store)
    async with opened(await place.open(), sync=False) as repository:
        assert (await Verifier(repository, WORKER, quiet).run(read_data=True)).problems == []


async def test_a_folder_that_others_fill_is_full(tmp_path: Path) -> None:
    """A device that has no room: the error says so, and no half file has a name."""
    from cyfs_edge.host.backup.folder import target_error

    error = target_error(OSError(28, "No space left on device"), "/mnt", "writing packs/a")
    assert error.code == ErrorCode.OUT_OF_LIMIT
    assert "make room" in error.message


async def test_sftp_needs_its_keys_and_says_how_to_make_them(tmp_path: Path) -> None:
    async with sftp(tmp_path) as place:
        folder = tmp_path / "root" / "etc" / "backup"
        (folder / "known_hosts").rename(folder / "aside")
        with pytest.raises(CyfsError) as raised:
            await place.open()
        assert raised.value.code == ErrorCode.NOT_FOUND
        assert "ssh-keyscan -p" in raised.value.message
        assert "ssh-keygen" in raised.value.message


async def test_another_host_or_another_key_is_not_trusted(tmp_path: Path) -> None:
    async with sftp(tmp_path) as place:
        keys_of(tmp_path / "other")
        folder, other = tmp_path / "root" / "etc" / "backup", tmp_path / "other" / "etc" / "backup"
        for name in ("known_hosts", "id_ed25519"):
            good = (folder / name).read_bytes()
            (folder / name).write_bytes((other / name).read_bytes())
            with pytest.raises(CyfsError) as raised:
                await place.open()
            assert raised.value.code == ErrorCode.PERMISSION_DENIED
            (folder / name).write_bytes(good)
        await place.break_off()
        with pytest.raises(CyfsError) as raised:
            await place.open()
        assert raised.value.code == ErrorCode.CONNECT_FAILED
