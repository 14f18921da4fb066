"""Verify finds every kind of damage, and a restore never takes damaged data."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from random import Random

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.memory import MemoryStore
from tests.unit.core.backup.kit import (
    back_up,
    content,
    fill,
    make_repository,
    opened,
    repository_files,
    restore,
    verify,
)


async def make_sound(place: Path) -> None:
    await make_repository(place)
    store = MemoryStore()
    await fill(store, objects=60, chunks=8)
    await back_up(store, place)
    await fill(store, objects=30, chunks=3, seed="more")
    await back_up(store, place)
    assert (await verify(place)).problems == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with several packs."""
    place = tmp_path_factory.mktemp("sound") / "backup"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cyfs_edge.wire.backup.layout.PACK_SIZE", 200_000)
        asyncio.run(make_sound(place))
    return place


@pytest.fixture
def place(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "backup"))


def files_of(place: Path, folder: str) -> list[Path]:
    return [path for path in repository_files(place) if path.relative_to(place).parts[0] == folder]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


async def is_refused(place: Path) -> bool:
    """Whether a restore says that the backup is damaged."""
    try:
        await restore(place)
    except CyfsError as error:
        return error.code == ErrorCode.INVALID_DATA
    return False


@pytest.mark.parametrize("folder", ["index", "snapshots"])
async def test_a_flipped_bit_in_a_small_file_is_found_without_reading_the_data(place: Path, folder: str) -> None:
    random = Random(folder)
    for path in files_of(place, folder):
        good = path.read_bytes()
        for at in {0, 30, len(good) // 2, len(good) - 1, random.randrange(len(good))}:
            flip(path, at)
            found = await verify(place, read_data=False)
            assert found.problems, (path, at)
            assert path.name in found.problems[0] or path.name[:12] in found.problems[0]
            path.write_bytes(good)


async def test_a_flipped_bit_anywhere_in_a_pack_is_found(place: Path) -> None:
    random = Random(1)
    for path in files_of(place, "packs")[:3]:
        good = path.read_bytes()
        for at in {0, 9, len(good) // 2, len(good) - 1, len(good) - 40, random.randrange(len(good))}:
            flip(path, at)
            found = await verify(place)
            assert any(path.name in problem for problem in found.problems), at
            path.write_bytes(good)
    assert (await verify(place)).problems == []


@pytest.mark.parametrize("folder", ["packs", "snapshots", "index"])
@pytest.mark.parametrize("how", ["missing", "cut", "empty", "longer"])
async def test_a_file_that_is_missing_or_of_another_length_is_found(place: Path, folder: str, how: str) -> None:
    """Without reading the data. A missing index file can be made again from the packs, so it is no loss."""
    path = files_of(place, folder)[0]
    if how == "missing":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[:-1], "empty": b"", "longer": data + b"x"}[how])
    problems = (await verify(place, read_data=False)).problems
    assert bool(problems) == (how != "missing" or folder == "packs")
    if how == "missing" and folder == "index":
        assert not await is_refused(place)


@pytest.mark.parametrize("folder", ["packs", "snapshots", "index"])
async def test_swapped_files_are_found(place: Path, folder: str) -> None:
    first, second = files_of(place, folder)[:2]
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert (await verify(place, read_data=False)).problems


async def test_a_restore_from_a_damaged_backup_is_refused_and_never_brings_what_is_wrong(place: Path) -> None:
    good, _ = await restore(place)
    chunks, objects = good.chunks, good.objects
    refused = 0
    for path in files_of(place, "packs"):
        data = path.read_bytes()
        flip(path, len(data) // 3)
        store = MemoryStore()
        try:
            await restore(place, store)
        except CyfsError as error:
            refused += error.code == ErrorCode.INVALID_DATA
            assert [one async for one in store.state.roots()] == []
        async for object_id in store.objects.list_ids():
            assert await store.objects.get(object_id) == await objects.get(object_id)
        async for chunk_id in store.chunks.list_ids():
            assert await store.chunks.read_whole(chunk_id) == await chunks.read_whole(chunk_id)
        path.write_bytes(data)
    assert refused >= 2


async def test_the_head_is_checked(place: Path) -> None:
    head = place / "config"
    good = head.read_text()
    for wrong in ("", "{}", good[:-20], good.replace('"version": 1', '"version": "1"'), "[" * 100_000):
        head.write_text(wrong)
        with pytest.raises(CyfsError) as raised:
            await restore(place)
        assert raised.value.code == ErrorCode.INVALID_DATA
    head.write_text(good.replace('"version": 1', '"version": 2'))
    with pytest.raises(CyfsError) as raised:
        await restore(place)
    assert raised.value.code == ErrorCode.NOT_SUPPORT


async def test_dropped_damage_is_sent_again_by_the_next_backup(place: Path) -> None:
    store, _ = await restore(place)
    for path in files_of(place, "packs"):
        flip(path, len(path.read_bytes()) // 3)
    assert (await verify(place, drop_damaged=True)).problems
    assert await is_refused(place)
    await back_up(store, place)
    assert await content((await restore(place))[0]) == await content(store)


async def test_a_local_index_hides_nothing(place: Path, tmp_path: Path) -> None:
    """A pack that vanished is forgotten by the index, and what it held is sent again."""
    store, _ = await restore(place)
    async with opened(place, tmp_path / "index.sqlite") as repository:
        assert len(await repository.index.packs()) == len(files_of(place, "packs"))
    for path in files_of(place, "packs"):
        path.unlink()
    async with opened(place, tmp_path / "index.sqlite") as repository:
        assert await repository.index.packs() == {}
    await back_up(store, place)
    assert await content((await restore(place))[0]) == await content(store)


@pytest.mark.parametrize("junk", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)])
async def test_a_damaged_local_index_is_made_again(place: Path, tmp_path: Path, junk: bytes) -> None:
    index = tmp_path / "index.sqlite"
    async with opened(place, index) as repository:
        packs = await repository.index.packs()
    index.write_bytes(junk)
    async with opened(place, index) as repository:
        assert await repository.index.packs() == packs


async def test_findings_are_told_up_to_a_number(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cyfs_edge.core.backup.verify.PROBLEMS_MAX", 1)
    packs = files_of(place, "packs")
    for path in packs:
        path.unlink()
    found = await verify(place)
    assert len(found.problems) == 1
    assert found.more >= len(packs) - 1
