"""Which backups stay, and that forgetting the others frees room and hurts nothing that stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.core.backup.repository import Found, find_snapshot
from cyfs_edge.core.backup.retention import Forgetter, Forgotten, Keeping, kept
from cyfs_edge.host.backup.folder import FolderTarget
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.wire.backup.rows import Snapshot
from tests.unit.core.backup.kit import (
    DEVICE,
    WORKER,
    back_up,
    content,
    fill,
    make_repository,
    opened,
    quiet,
    restore,
    size_of,
    verify,
)

DAY = 86_400
MONDAY = 1_795_392_000
"""2026-11-23, 00:00 UTC."""


def taken(*seconds: int) -> list[Found]:
    return [
        Found(
            at.to_bytes(32, "big"),
            Snapshot(version=1, time=bucky_from_unix(MONDAY + at), device_id=DEVICE, release="1"),
        )
        for at in seconds
    ]


def left(found: list[Found], keeping: Keeping) -> list[int]:
    return sorted(int.from_bytes(name, "big") for name in kept(found, keeping))


def test_the_last_ones_stay() -> None:
    assert left(taken(1, 2, 3, 4), Keeping(2, 0, 0)) == [3, 4]
    assert left(taken(1, 2), Keeping(0, 0, 0)) == [2]
    assert left([], Keeping()) == []


def test_of_each_day_and_week_the_last_one_stays() -> None:
    found = taken(5, 10, DAY + 1, DAY + 2, 3 * DAY, 6 * DAY + 1, 7 * DAY - 1, 7 * DAY)
    assert left(found, Keeping(1, 3, 0)) == [3 * DAY, 7 * DAY - 1, 7 * DAY]
    assert left(found, Keeping(1, 0, 2)) == [7 * DAY - 1, 7 * DAY]
    # Days without any do not count.
    assert left(found, Keeping(1, 5, 0)) == [10, DAY + 2, 3 * DAY, 7 * DAY - 1, 7 * DAY]


def test_a_backup_is_named_by_its_beginning() -> None:
    found = taken(1, 2)
    assert find_snapshot(found, None) == found[1]
    assert find_snapshot(found, "00" * 31 + "01") == found[0]
    for wanted, code in (("ff", ErrorCode.NOT_FOUND), ("00", ErrorCode.INVALID_PARAM)):
        with pytest.raises(CyfsError) as raised:
            find_snapshot(found, wanted)
        assert raised.value.code == code
    with pytest.raises(CyfsError):
        find_snapshot([], None)


async def forget(place: Path | FolderTarget, keep: list[Found]) -> Forgotten:
    async with opened(place) as repository:
        return await Forgetter(repository, WORKER, quiet).run({one.name for one in keep})


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    await make_repository(tmp_path / "backup")
    return tmp_path / "backup"


async def three(place: Path) -> tuple[MemoryStore, list[Found]]:
    """Backups of a store that loses half of its chunks and then gets others."""
    store = MemoryStore()
    await fill(store, objects=60, chunks=10)
    found = [await back_up(store, place)]
    for number, chunk_id in enumerate(list(store.chunks.chunks)):
        if number % 4:
            await store.chunks.delete(chunk_id)
    found.append(await back_up(store, place))
    await fill(store, objects=10, chunks=3, seed="new")
    found.append(await back_up(store, place))
    return store, found


async def test_what_nobody_needs_any_more_goes_and_the_rest_stays_whole(place: Path) -> None:
    store, found = await three(place)
    before = size_of(place)
    done = await forget(place, found[2:])
    assert (done.snapshots, done.left) == (2, 1)
    assert done.packs >= 1
    assert before - size_of(place) >= done.bytes > before // 3
    report = await verify(place)
    assert report.problems == []
    assert report.snapshots == 1
    assert await content((await restore(place))[0]) == await content(store)
    again = await forget(place, found[2:])
    assert (again.snapshots, again.packs, again.bytes) == (0, 0, 0)


@pytest.mark.parametrize("call", ["write", "delete"])
async def test_broken_off_anywhere_what_stays_is_whole(place: Path, call: str) -> None:
    store, found = await three(place)
    held, told = await content(store), set[int]()
    for number in range(20):
        target = FolderTarget(place)
        real, calls = getattr(target, call), [0]

        async def failing(*args: object, real=real, calls=calls, number=number) -> None:  # type: ignore[no-untyped-def]
            calls[0] += 1
            if calls[0] > number:
                raise CyfsError(ErrorCode.CONNECT_FAILED, "gone")
            await real(*args)

        proxy = Proxy(target, {call: failing})
        try:
            await forget(proxy, found[2:])  # type: ignore[arg-type]
        except CyfsError as error:
            told.add(error.code)
        else:
            break
        assert (await verify(place)).problems == []
        assert await content((await restore(place))[0]) == held
    else:
        raise AssertionError("it never ended")
    assert told == {ErrorCode.CONNECT_FAILED}
    await forget(place, found[2:])
    assert await content((await restore(place))[0]) == held


class Proxy:
    """A target with some calls replaced."""

    def __init__(self, inner: FolderTarget, calls: dict[str, object]) -> None:
        self._inner = inner
        self._calls = calls

    def __getattr__(self, name: str) -> object:
        return self._calls.get(name) or getattr(self._inner, name)


async def test_a_damaged_backup_stops_forgetting(place: Path) -> None:
    """What it would need cannot be told then, so nothing is deleted."""
    _, found = await three(place)
    for path in (place / "packs").rglob("*"):
        if path.is_file():
            path.unlink()
    files = sorted(path.name for path in place.rglob("*"))
    with pytest.raises(CyfsError) as raised:
        await forget(place, found[2:])
    assert raised.value.code == ErrorCode.INVALID_DATA
    assert sorted(path.name for path in place.rglob("*")) == files
