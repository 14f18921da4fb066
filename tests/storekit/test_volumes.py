"""Further volumes of an LMDB store: where chunks go, what happens when a disk is not there, draining and removing."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Claim, Durability, Keep
from cyfs_edge.core.volumes import DRAINING, FAILING, MISSING, OK, ROOT_NAME, DrainReport, PlaceState, PlaceUse
from cyfs_edge.store import volumes as service
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.space import MIB, Space
from cyfs_edge.store.volume import FOLDER, MARKER
from tests.storekit.kit import (
    Bench,
    Disk,
    gathered,
    load,
    make_chunk,
    make_lmdb,
    make_record,
    make_with_volume,
    put_record,
    read_chunk,
    volume_path,
)

LARGE = 10_000


@pytest_asyncio.fixture
async def store(bench: Bench) -> AsyncIterator[LmdbStore]:
    made = make_with_volume(bench)
    yield made
    await made.close()


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def on_volume(bench: Bench) -> set[str]:
    return files_of(volume_path(bench) / FOLDER / "chunks")


def on_root(bench: Bench) -> set[str]:
    return files_of(bench.directory / "chunks")


def state_of(store: LmdbStore) -> PlaceState:
    (found,) = (place for place in store.volumes.states() if place.name != ROOT_NAME)
    return found


def take_away(bench: Bench) -> Path:
    """Unmounts the disk: its place is an empty folder then."""
    away = volume_path(bench).with_name("away")
    volume_path(bench).rename(away)
    volume_path(bench).mkdir()
    return away


def bring_back(bench: Bench) -> None:
    volume_path(bench).rmdir()
    volume_path(bench).with_name("away").rename(volume_path(bench))
    bench.clock.seconds += 2


async def refused(store: LmdbStore, seed: object) -> str:
    chunk = make_chunk(seed, LARGE)
    with pytest.raises(CyfsError) as caught:
        await store.chunks.put(*chunk)
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert await store.chunks.contains(chunk[0]) is False
    return caught.value.message


# --- where chunks go ---


async def test_large_chunks_go_to_the_volume_and_small_ones_stay(store: LmdbStore, bench: Bench) -> None:
    small, large = make_chunk(1, 4096), make_chunk(2, LARGE)
    await store.chunks.put_many([small, large])
    assert on_volume(bench) == {large[0].hex()}
    assert on_root(bench) == set()
    assert (await store.volumes.use())[state_of(store).name] == PlaceUse(1, LARGE)


async def test_a_full_volume_is_passed_over_and_its_floor_is_its_own(bench: Bench) -> None:
    spaces = {"disk": MIB + LARGE, "store": 1 << 40}

    class Disks(Disk):
        def space(self, path: Path) -> Space:
            return Space(spaces["disk" if "disk" in path.parts else "store"], 1 << 41)

    bench.disk = Disks()
    store = make_with_volume(bench)
    one, two, three = (make_chunk(number, LARGE) for number in range(3))
    await store.chunks.put(*one)
    spaces["disk"] -= LARGE
    bench.clock.seconds += 2
    await store.chunks.put(*two)
    assert (on_volume(bench), on_root(bench)) == ({one[0].hex()}, {two[0].hex()})
    spaces["store"] = MIB
    bench.clock.seconds += 2
    with pytest.raises(CyfsError) as caught:
        await store.chunks.put(*three)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    spaces["store"], spaces["disk"] = 1 << 40, 1 << 40
    bench.clock.seconds += 2
    await store.chunks.put(*three)
    assert three[0].hex() in on_volume(bench)
    await store.close()


async def test_deleting_frees_the_volume(store: LmdbStore, bench: Bench) -> None:
    chunk = make_chunk(1, LARGE)
    for durability in Durability:
        await store.chunks.put(*chunk, durability)
        await store.chunks.delete(chunk[0])
        assert on_volume(bench) == set()


# --- a disk that is not there ---


async def test_a_store_starts_without_its_volume(bench: Bench) -> None:
    store = make_with_volume(bench)
    held, small = make_chunk(1, LARGE), make_chunk(2, 100)
    await store.chunks.put(*held)
    name = state_of(store).name
    await store.close()
    take_away(bench)
    store = make_lmdb(bench)
    assert state_of(store).state == MISSING
    with pytest.raises(CyfsError) as caught:
        await store.chunks.read(held[0])
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert all(part in caught.value.message for part in (name, str(volume_path(bench)), "remove --lost"))
    assert name in await refused(store, 3)
    # All else goes on.
    assert await store.chunks.contains(held[0]) is True
    assert await store.chunks.put(*held) is False
    assert await store.chunks.put(*small) is True
    assert await read_chunk(store, small[0]) == small[1]
    assert await put_record(store, make_record(1)) is True
    report = await store.scrub()
    assert (report.problems, report.unreachable, report.chunks) == ([], 1, 2)
    assert list(volume_path(bench).iterdir()) == [], "nothing is written where the disk is to be"
    assert on_root(bench) == set()
    # And it comes back by itself.
    bring_back(bench)
    assert await read_chunk(store, held[0]) == held[1]
    assert state_of(store).state == OK
    assert await store.chunks.put(*make_chunk(3, LARGE)) is True
    assert len(on_volume(bench)) == 2
    await store.close()


@pytest.mark.parametrize("durability", list(Durability), ids=lambda value: value.value)
async def test_a_volume_that_goes_while_the_store_is_open(
    store: LmdbStore, bench: Bench, durability: Durability
) -> None:
    held, later = make_chunk(1, LARGE), make_chunk(2, LARGE)
    await store.chunks.put(*held, durability)
    take_away(bench)
    with pytest.raises(CyfsError) as caught:
        await store.chunks.put(*later, durability)
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert state_of(store).state == MISSING
    with pytest.raises(CyfsError):
        await store.chunks.read(held[0])
    if durability is Durability.LAZY:
        # A file, say, whose chunk that was: it is not acknowledged without it. Whoever comes next is not concerned.
        with pytest.raises(CyfsError):
            await put_record(store, make_record(1))
        assert await store.objects.get(make_record(1).object_id) is None
        assert await store.chunks.contains(held[0]) is False
    assert await store.chunks.put(*make_chunk(3, 100)) is True
    assert store.failure is None
    # What was lazy was lost with the disk that was to have it.
    assert await store.chunks.delete(held[0]) is (durability is Durability.DURABLE)
    assert list(volume_path(bench).iterdir()) == []
    bring_back(bench)
    assert await store.chunks.put(*later) is True
    assert await read_chunk(store, later[0]) == later[1]
    report = await store.scrub()
    assert (report.problems, report.orphans) == ([], 1), "what was deleted meanwhile is left behind"


async def test_another_disk_at_its_place_is_not_taken_for_it(store: LmdbStore, bench: Bench) -> None:
    held = make_chunk(1, LARGE)
    await store.chunks.put(*held)
    take_away(bench)
    shutil.copytree(volume_path(bench).with_name("away"), volume_path(bench), dirs_exist_ok=True)
    marker = volume_path(bench) / FOLDER / MARKER
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "volume": "00112233aabbccdd"}))
    (volume_path(bench) / FOLDER / "chunks" / held[0].hex()).unlink()
    with pytest.raises(CyfsError) as caught:
        await store.chunks.read(held[0])
    assert "00112233aabbccdd" in (await refused(store, 2)) + caught.value.message
    assert on_volume(bench) == set()
    for junk in (b"", b"{", b"[]", b"\xff" * 5000):
        marker.write_bytes(junk)
        bench.clock.seconds += 2
        assert "is no marker" in await refused(store, 2)


async def test_a_volume_that_takes_no_files_still_gives_them(store: LmdbStore, bench: Bench) -> None:
    held = make_chunk(1, LARGE)
    await store.chunks.put(*held)
    temp = volume_path(bench) / FOLDER / "chunks" / "tmp"
    temp.rmdir()
    temp.touch()
    assert "takes nothing" in await refused(store, 2)
    assert state_of(store).state == FAILING
    assert "takes nothing" in await refused(store, 2)
    assert await read_chunk(store, held[0]) == held[1]
    assert await store.chunks.put(*make_chunk(3, 10)) is True
    temp.unlink()
    temp.mkdir()
    bench.clock.seconds += 2
    assert await store.chunks.put(*make_chunk(2, LARGE)) is True
    assert state_of(store).state == OK


async def test_a_lost_file_of_a_volume_that_is_there_is_damage(store: LmdbStore, bench: Bench) -> None:
    lost, changed = make_chunk(1, LARGE), make_chunk(2, LARGE)
    await store.chunks.put_many([lost, changed])
    folder = volume_path(bench) / FOLDER / "chunks"
    (folder / lost[0].hex()).unlink()
    (folder / changed[0].hex()).write_bytes(bytes(LARGE))
    (folder / make_chunk(3, 50)[0].hex()).touch()
    with pytest.raises(CyfsError) as caught:
        await store.chunks.read(lost[0])
    assert caught.value.code == ErrorCode.IO_ERROR
    report = await store.scrub()
    assert {problem.object_id for problem in report.problems} == {lost[0], changed[0]}
    assert (report.orphans, report.unreachable) == (1, 0)
    assert state_of(store).state == OK


# --- add ---


async def test_what_cannot_be_a_volume_is_refused(store: LmdbStore, bench: Bench, tmp_path: Path) -> None:
    other = make_with_volume(Bench(tmp_path / "other" / "store"))
    await other.close()
    (tmp_path / "file").touch()
    cases = [
        ("relative", True, ErrorCode.INVALID_PARAM),
        (str(tmp_path / "nothing"), True, ErrorCode.INVALID_PARAM),
        (str(tmp_path / "file"), True, ErrorCode.INVALID_PARAM),
        (str(bench.directory / "chunks"), True, ErrorCode.INVALID_PARAM),
        (str(tmp_path), False, ErrorCode.INVALID_PARAM),
        (str(volume_path(bench)), True, ErrorCode.ALREADY_EXISTS),
        (str(tmp_path / "other" / "disk"), True, ErrorCode.ALREADY_EXISTS),
    ]
    for path, same_disk, code in cases:
        with pytest.raises(CyfsError) as caught:
            await store.volumes.add(path, same_disk=same_disk)
        assert caught.value.code == code, path
    assert len(store.volumes.states()) == 2
    assert not (tmp_path / FOLDER).exists()


async def test_volumes_are_bounded(
    store: LmdbStore, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "VOLUMES_MAX", 3)
    for number in range(3):
        path = tmp_path / f"disk-{number}"
        path.mkdir()
        if number < 2:
            await store.volumes.add(str(path), same_disk=True)
        else:
            with pytest.raises(CyfsError) as caught:
                await store.volumes.add(str(path), same_disk=True)
            assert caught.value.code == ErrorCode.OUT_OF_LIMIT
            assert list(path.iterdir()) == []


async def test_what_a_crash_left_of_adding_is_taken_up(bench: Bench, tmp_path: Path) -> None:
    store = make_lmdb(bench)
    disk = tmp_path / "disk"
    disk.mkdir()
    added = await store.volumes.add(str(disk), same_disk=True)
    # As if the record had not been written.
    await store.volumes.remove(added.name)
    assert list(disk.iterdir()) == []
    await store.volumes.add(str(disk), same_disk=True)
    marker = json.loads((disk / FOLDER / MARKER).read_text())
    name = marker["volume"]
    await store.records.delete("volumes", "002")
    await store.close()
    store = make_lmdb(bench)
    assert len(store.volumes.states()) == 1
    assert (await store.volumes.add(str(disk), same_disk=True)).name == name
    await store.close()


# --- drain and remove ---


async def drained(store: LmdbStore) -> DrainReport:
    return await store.volumes.drain(state_of(store).name)


async def test_draining_moves_all_and_keeps_what_is_known_of_each(store: LmdbStore, bench: Bench) -> None:
    chunks = [make_chunk(number, LARGE + number) for number in range(20)]
    claim = Claim(make_record(1).object_id, Keep.REFERRED)
    await store.chunks.put_many(chunks[:10], claim=claim)
    await store.chunks.put_many(chunks[10:], Durability.LAZY)
    before, usage = store.stat(), store.space.usage()
    reading = await store.chunks.read(chunks[0][0])
    name = state_of(store).name
    with pytest.raises(CyfsError) as caught:
        await store.volumes.remove(name)
    assert caught.value.code == ErrorCode.ERROR_STATE
    report = await drained(store)
    assert (report.chunks, report.bytes, report.failed) == (20, sum(len(data) for _, data in chunks), 0)
    assert load(reading) == chunks[0][1], "who has it open reads on"
    assert on_volume(bench) == set()
    assert on_root(bench) == {chunk_id.hex() for chunk_id, _ in chunks}
    assert state_of(store).state == DRAINING
    await store.chunks.put(*make_chunk("new", LARGE))
    assert on_volume(bench) == set()
    assert (store.stat().chunk_count, store.stat().chunk_size) == (before.chunk_count + 1, before.chunk_size + LARGE)
    await store.chunks.delete(make_chunk("new", LARGE)[0])
    assert store.space.usage() == usage
    assert await store.volumes.remove(name) == PlaceUse()
    assert list(volume_path(bench).iterdir()) == []
    await store.close()
    again = make_lmdb(bench)
    assert [place.name for place in again.volumes.states()] == [ROOT_NAME]
    for chunk_id, data in chunks:
        assert await read_chunk(again, chunk_id) == data
    bench.clock.micros += 10**12
    assert (await again.space.collect(lambda: ())).chunks == 10, "claims moved along"
    await again.close()


async def test_a_drain_that_was_stopped_goes_on(bench: Bench) -> None:
    store = make_with_volume(bench)
    chunks = [make_chunk(number, LARGE) for number in range(30)]
    await store.chunks.put_many(chunks)
    seen = asyncio.Event()

    def progress(report: DrainReport) -> None:
        if report.chunks == 5:
            seen.set()

    running = asyncio.ensure_future(store.volumes.drain(state_of(store).name, progress))
    await seen.wait()
    running.cancel()
    await asyncio.wait([running])
    await store.close()
    store = make_lmdb(bench)
    assert state_of(store).state == DRAINING
    left = on_volume(bench)
    assert 0 < len(left) <= 25
    assert (await drained(store)).chunks == len(left)
    assert (on_volume(bench), len(on_root(bench))) == (set(), 30)
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) == data
    await store.close()


async def test_draining_beside_puts_reads_and_deletes(store: LmdbStore, bench: Bench) -> None:
    chunks = [make_chunk(number, LARGE) for number in range(60)]
    await store.chunks.put_many(chunks[:30])
    running = asyncio.ensure_future(drained(store))
    for number in range(30):
        assert await read_chunk(store, chunks[number][0]) == chunks[number][1]
        await store.chunks.put(*chunks[30 + number], list(Durability)[number % 2])
        if number % 3 == 0:
            await store.chunks.delete(chunks[number][0])
            await store.chunks.put(*chunks[number])
    await running
    assert on_volume(bench) == set()
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) == data
    report = await store.scrub()
    assert (report.problems, report.orphans) == ([], 0)


async def test_what_cannot_be_read_stays_and_is_told(store: LmdbStore, bench: Bench) -> None:
    good, changed, lost = (make_chunk(number, LARGE) for number in range(3))
    await store.chunks.put_many([good, changed, lost])
    folder = volume_path(bench) / FOLDER / "chunks"
    (folder / changed[0].hex()).write_bytes(bytes(LARGE))
    (folder / lost[0].hex()).unlink()
    report = await drained(store)
    assert (report.chunks, report.failed) == (1, 2)
    assert {chunk_id for chunk_id, _ in report.left} == {changed[0], lost[0]}
    assert changed[0].hex() in on_volume(bench)
    with pytest.raises(CyfsError):
        await store.volumes.remove(state_of(store).name)
    for chunk_id in (changed[0], lost[0]):
        await store.chunks.delete(chunk_id)
    assert await store.volumes.remove(state_of(store).name) == PlaceUse()


async def test_a_long_list_of_what_is_left_is_cut(
    store: LmdbStore, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LEFT_LISTED", 3)
    chunks = [make_chunk(number, LARGE) for number in range(5)]
    await store.chunks.put_many(chunks)
    for name in on_volume(bench):
        (volume_path(bench) / FOLDER / "chunks" / name).unlink()
    report = await drained(store)
    assert (report.failed, len(report.left)) == (5, 3)


async def test_a_volume_can_be_kept_after_all(store: LmdbStore, bench: Bench) -> None:
    name = state_of(store).name
    await store.volumes.set_draining(name, True)
    await store.chunks.put(*make_chunk(1, LARGE))
    await store.volumes.set_draining(name, False)
    await store.chunks.put(*make_chunk(2, LARGE))
    assert (len(on_root(bench)), len(on_volume(bench))) == (1, 1)
    for call in (store.volumes.drain("x"), store.volumes.remove("x"), store.volumes.set_draining("x", True)):
        with pytest.raises(CyfsError) as caught:
            await call
        assert caught.value.code == ErrorCode.NOT_FOUND


async def test_giving_up_a_lost_volume(store: LmdbStore, bench: Bench) -> None:
    lost = [make_chunk(number, LARGE) for number in range(5)]
    kept = make_chunk("kept", 100)
    await store.chunks.put_many([*lost, kept])
    name = state_of(store).name
    with pytest.raises(CyfsError) as caught:
        await store.volumes.remove(name, lost=True)
    assert caught.value.code == ErrorCode.ERROR_STATE, "it is there"
    take_away(bench)
    with pytest.raises(CyfsError) as caught:
        await store.volumes.drain(name)
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert await gathered(store.volumes.chunks(name)) == sorted(chunk_id for chunk_id, _ in lost)
    assert await store.volumes.remove(name, lost=True) == PlaceUse(5, 5 * LARGE)
    assert await gathered(store.chunks.list_ids()) == [kept[0]]
    assert await store.chunks.put(*lost[0]) is True
    assert on_root(bench) == {lost[0][0].hex()}
    assert (store.stat().chunk_count, store.stat().chunk_size) == (2, 100 + LARGE)
    report = await store.scrub()
    assert (report.problems, report.unreachable) == ([], 0)


async def test_a_damaged_record_of_a_volume_is_told(store: LmdbStore, bench: Bench) -> None:
    await store.records.put("volumes", "002", b"junk")
    await store.close()
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.IO_ERROR
