"""A store whose large chunks are with a remote engine: what it does when that is down, lies, or is somebody else's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Durability, FileRange
from cyfs_edge.core.volumes import MISSING, OK, REMOTE_NAME, PlaceState
from cyfs_edge.store import remote
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.remote import MARKER
from cyfs_edge.store.space import MIB
from tests.storekit.kit import (
    Bench,
    load,
    make_chunk,
    make_lmdb,
    make_record,
    make_with_volume,
    put_record,
    read_chunk,
    volume_path,
)
from tests.storekit.s3_kit import MemoryStorage, make_on, memory_of

LARGE = 10_000


@pytest.fixture
def there(bench: Bench) -> MemoryStorage:
    return memory_of(bench)


@pytest_asyncio.fixture
async def store(bench: Bench, there: MemoryStorage) -> AsyncIterator[LmdbStore]:
    made = make_on(bench, there)
    yield made
    await made.close()


def names(there: MemoryStorage) -> list[str]:
    return [name for name in there.objects if name != MARKER]


def cached(bench: Bench) -> set[str]:
    return set(os.listdir(bench.directory / "cache"))


def drop_cache(bench: Bench) -> None:
    for name in cached(bench):
        (bench.directory / "cache" / name).unlink()


def state_of(store: LmdbStore) -> PlaceState:
    return next(place for place in store.volumes.states() if place.name == REMOTE_NAME)


async def code_of(call: object) -> ErrorCode:
    with pytest.raises(CyfsError) as caught:
        await call  # type: ignore[misc]
    return ErrorCode(caught.value.code)


async def test_only_large_chunks_go_there_and_each_upload_has_its_name(
    store: LmdbStore, there: MemoryStorage, bench: Bench
) -> None:
    small, large = make_chunk(1, 4096), make_chunk(2, LARGE)
    await store.chunks.put_many([small, large])
    (first,) = names(there)
    assert first.startswith(large[0].hex() + "-")
    assert list((bench.directory / "chunks").iterdir()) == [bench.directory / "chunks" / "tmp"]
    assert store.stat().file_size < 200_000
    await store.chunks.delete(large[0])
    await store.chunks.put(*large)
    await store.scrub()
    (second,) = names(there)
    assert second != first


async def test_what_is_cached_is_read_without_it(store: LmdbStore, there: MemoryStorage, bench: Bench) -> None:
    held, gone = make_chunk(1, LARGE), make_chunk(2, LARGE)
    await store.chunks.put_many([held, gone])
    (bench.directory / "cache" / gone[0].hex()).unlink()
    there.down = "it is being repaired"
    found = await store.chunks.read(held[0], 10, 20)
    assert isinstance(found, FileRange)
    assert load(found) == held[1][10:20]
    assert await code_of(store.chunks.read(gone[0])) == ErrorCode.CONNECT_FAILED
    assert "it is being repaired" in state_of(store).why
    assert await code_of(store.chunks.put(*make_chunk(3, LARGE))) == ErrorCode.CONNECT_FAILED
    assert await store.chunks.contains(make_chunk(3, LARGE)[0]) is False
    assert await store.chunks.put(*make_chunk(4, 100)) is True
    assert await put_record(store, make_record(1)) is True
    report = await store.scrub()
    assert (report.problems, report.unreachable) == ([], 2)
    there.down = ""
    bench.clock.seconds += 5
    assert await read_chunk(store, gone[0]) == gone[1]
    assert await store.chunks.put(*make_chunk(3, LARGE)) is True
    assert state_of(store).state == OK


async def test_a_remote_that_failed_is_left_alone_for_a_while(
    store: LmdbStore, there: MemoryStorage, bench: Bench
) -> None:
    there.down = "no"
    for number in range(20):
        await code_of(store.chunks.put(*make_chunk(number, LARGE)))
    assert there.calls <= 2
    bench.clock.seconds += remote.RETRY_S
    await code_of(store.chunks.put(*make_chunk(1, LARGE)))
    assert there.calls <= 4


async def test_a_store_starts_while_it_is_down(bench: Bench, there: MemoryStorage) -> None:
    there.down = "no route"
    store = make_on(bench, there)
    assert [place.state for place in await store.volumes.refresh()] == [OK, MISSING]
    assert await store.chunks.put(*make_chunk(1, 100)) is True
    await store.close()


async def test_wrong_bytes_are_damage_and_are_not_kept(store: LmdbStore, there: MemoryStorage, bench: Bench) -> None:
    chunks = [make_chunk(number, LARGE) for number in range(4)]
    await store.chunks.put_many(chunks)
    drop_cache(bench)
    changed, cut, longer, lost = (
        next(name for name in names(there) if name.startswith(one.hex())) for one, _ in chunks
    )
    right = there.objects[changed]
    there.objects[changed] = bytes(LARGE)
    there.objects[cut] = b"x"
    there.objects[longer] += b"x"
    del there.objects[lost]
    for chunk_id, _ in chunks:
        assert await code_of(store.chunks.read(chunk_id)) == ErrorCode.IO_ERROR
    assert cached(bench) == set()
    report = await store.scrub()
    assert {problem.object_id for problem in report.problems} == {chunk_id for chunk_id, _ in chunks}
    there.objects[changed] = right
    assert await read_chunk(store, chunks[0][0]) == chunks[0][1]


async def test_the_cache_is_bounded_and_the_oldest_goes_first(bench: Bench, there: MemoryStorage) -> None:
    store = make_on(bench, there, cache_size=3 * LARGE)
    chunks = [make_chunk(number, LARGE) for number in range(5)]
    for chunk in chunks[:3]:
        await store.chunks.put(*chunk)
    assert await read_chunk(store, chunks[0][0]) == chunks[0][1]
    await store.chunks.put(*chunks[3])
    assert cached(bench) == {chunks[number][0].hex() for number in (0, 2, 3)}
    big = make_chunk("big", 4 * LARGE)
    await store.chunks.put(*big)
    assert big[0].hex() not in cached(bench)
    assert await read_chunk(store, big[0], 5, 50) == big[1][5:50]
    await store.close()
    store = make_on(bench, there, cache_size=LARGE)
    assert len(cached(bench)) == 1
    await store.close()


async def test_a_spoiled_cache_is_not_believed(bench: Bench, there: MemoryStorage) -> None:
    store = make_on(bench, there)
    spoiled, cut = make_chunk(1, LARGE), make_chunk(2, LARGE)
    await store.chunks.put_many([spoiled, cut])
    await store.close()
    folder = bench.directory / "cache"
    (folder / spoiled[0].hex()).write_bytes(bytes(LARGE))
    (folder / cut[0].hex()).write_bytes(b"x")
    (folder / "new-7").write_bytes(b"x")
    store = make_on(bench, there)
    for chunk_id, data in (spoiled, cut):
        assert await read_chunk(store, chunk_id) == data
    assert cached(bench) == {spoiled[0].hex(), cut[0].hex()}
    await store.close()


async def test_a_full_disk_takes_the_cache_before_it_refuses(
    store: LmdbStore, there: MemoryStorage, bench: Bench
) -> None:
    held = make_chunk(1, LARGE)
    await store.chunks.put(*held)
    bench.disk.free = MIB // 2
    bench.clock.seconds += 2
    assert await code_of(store.chunks.put(*make_chunk(2, LARGE))) == ErrorCode.OUT_OF_LIMIT
    assert cached(bench) == set()
    assert await read_chunk(store, held[0]) == held[1], "from memory"
    assert cached(bench) == set()


async def test_what_has_no_row_is_found_there(store: LmdbStore, there: MemoryStorage, bench: Bench) -> None:
    held, gone = make_chunk(1, LARGE), make_chunk(2, LARGE)
    await store.chunks.put_many([held, gone])
    there.down = "no"
    await store.chunks.delete(gone[0])
    await code_of(store.chunks.put(*make_chunk(3, LARGE)))
    there.down = ""
    bench.clock.seconds += 5
    there.objects[f"{held[0].hex()}-{bytes(8).hex()}"] = held[1]
    there.objects["notes.txt"] = b"of somebody"
    there.objects["ab-cd"] = b""
    report = await store.scrub()
    assert (report.problems, report.orphans) == ([], 2)
    await store.scrub()
    assert len(names(there)) == 3
    assert await read_chunk(store, held[0]) == held[1]


async def test_two_stores_never_share_a_place(
    store: LmdbStore, there: MemoryStorage, bench: Bench, tmp_path: Path
) -> None:
    await store.chunks.put(*make_chunk(1, LARGE))
    other = make_on(Bench(tmp_path / "other"), there)
    assert await code_of(other.chunks.put(*make_chunk(2, LARGE))) == ErrorCode.CONNECT_FAILED
    assert "another store" in state_of(other).why
    assert (await other.scrub()).orphans == 0
    assert len(names(there)) == 1
    await other.close()


async def test_an_empty_place_is_not_taken_for_the_one_with_the_chunks(bench: Bench, there: MemoryStorage) -> None:
    store = make_on(bench, there)
    await store.chunks.put(*make_chunk(1, LARGE))
    await store.close()
    empty = MemoryStorage()
    store = make_on(bench, empty)
    assert await code_of(store.chunks.put(*make_chunk(2, LARGE))) == ErrorCode.CONNECT_FAILED
    assert (await store.scrub()).unreachable == 1
    assert empty.objects == {}
    await store.close()


async def test_chunks_of_a_remote_that_is_no_longer_configured(bench: Bench, there: MemoryStorage) -> None:
    store = make_on(bench, there)
    held = make_chunk(1, LARGE)
    await store.chunks.put(*held)
    await store.close()
    store = make_lmdb(bench)
    with pytest.raises(CyfsError) as caught:
        await store.chunks.read(held[0])
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert "[chunks]" in caught.value.message
    assert (await store.scrub()).unreachable == 1
    assert await store.chunks.put(*make_chunk(2, LARGE)) is True
    await store.close()


async def test_a_volume_can_be_drained_into_it(bench: Bench, there: MemoryStorage) -> None:
    store = make_with_volume(bench)
    chunks = [make_chunk(number, LARGE) for number in range(5)]
    await store.chunks.put_many(chunks)
    await store.close()
    store = make_on(bench, there)
    name = next(place.name for place in store.volumes.states() if place.where == str(volume_path(bench)))
    assert (await store.volumes.drain(name)).chunks == 5
    await store.volumes.remove(name)
    assert len(names(there)) == 5
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) == data
    await store.close()


@pytest.mark.parametrize("durability", list(Durability), ids=lambda value: value.value)
async def test_a_refused_put_leaves_no_object(store: LmdbStore, there: MemoryStorage, durability: Durability) -> None:
    chunk_id, data = make_chunk(1, LARGE)
    await asyncio.gather(*(store.chunks.put(chunk_id, data, durability) for _ in range(8)))
    with pytest.raises(CyfsError):
        await store.chunks.put_many([make_chunk(2, LARGE), (make_chunk(3, LARGE)[0], data)])
    await store.scrub()
    await store.close()
    assert len(names(there)) == 1


async def test_deletes_that_wait_are_bounded(
    store: LmdbStore, there: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "DOOMED_MAX", 0)
    chunk = make_chunk(1, LARGE)
    await store.chunks.put(*chunk)
    await store.chunks.delete(chunk[0])
    monkeypatch.setattr(remote, "DOOMED_MAX", 10)
    assert len(names(there)) == 1
    assert (await store.scrub()).orphans == 1
    await store.close()
    assert names(there) == []
