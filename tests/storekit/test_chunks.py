"""What every store promises of chunks. The LMDB stores of the kit keep more than 4,096 bytes in files."""

from __future__ import annotations

import asyncio
import os
from random import Random

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.ports import LEASE, Claim, Durability, FileRange, Keep, Store
from tests.storekit.kit import Bench, Maker, gathered, load, make_chunk, make_record, read_chunk

SIZES = (0, 1, 300, 4096, 4097, 65_536, 65_537, 1 << 20, (4 << 20) + 1)
BOTH = pytest.mark.parametrize("durability", list(Durability), ids=lambda value: value.value)


@BOTH
@pytest.mark.parametrize("size", SIZES)
async def test_a_chunk_comes_back_whole_and_in_parts(store: Store, size: int, durability: Durability) -> None:
    chunk_id, data = make_chunk(size, size)
    assert await store.chunks.contains(chunk_id) is False
    assert await store.chunks.read(chunk_id) is None
    assert await store.chunks.put(chunk_id, data, durability) is True
    assert await store.chunks.contains(chunk_id) is True
    assert await read_chunk(store, chunk_id) == data
    for start, end in ((0, 0), (0, 1), (size // 3, size // 2), (size // 2, None), (size, None), (0, size + 5)):
        assert await read_chunk(store, chunk_id, start, end) == data[start:end]
    assert await store.chunks.put(chunk_id, data, durability) is False


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (6, 5), (301, None), (-3, -1)])
async def test_a_range_outside_is_not_satisfiable(store: Store, start: int, end: int | None) -> None:
    chunk_id, data = make_chunk(1, 300)
    await store.chunks.put(chunk_id, data)
    with pytest.raises(CyfsError) as caught:
        await store.chunks.read(chunk_id, start, end)
    assert caught.value.code == ErrorCode.RANGE_NOT_SATISFIABLE


@pytest.mark.parametrize("size", [300, 100_000, 1 << 20])
async def test_wrong_bytes_are_refused(store: Store, size: int) -> None:
    chunk_id, data = make_chunk(1, size)
    changed = data[:-1] + bytes((data[-1] ^ 1,))
    for wrong, code in ((changed, ErrorCode.INVALID_DATA), (data + b"x", ErrorCode.UNMATCH), (b"", ErrorCode.UNMATCH)):
        with pytest.raises(CyfsError) as caught:
            await store.chunks.put(chunk_id, wrong)
        assert caught.value.code == code
        assert await store.chunks.contains(chunk_id) is False
    await store.chunks.put(chunk_id, data)
    with pytest.raises(CyfsError):
        await store.chunks.put(chunk_id, changed)
    assert await read_chunk(store, chunk_id) == data


async def test_put_many_counts_the_new_ones(store: Store) -> None:
    chunks = [make_chunk(number, size) for number, size in enumerate((10, 4096, 5000, 100_000, 100_001))]
    await store.chunks.put(*chunks[0])
    await store.chunks.put(*chunks[3])
    assert await store.chunks.put_many([*chunks, chunks[1], chunks[2]]) == 3
    assert await store.chunks.put_many(chunks) == 0
    assert await store.chunks.put_many([]) == 0
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) == data


async def test_put_many_with_one_wrong_stores_none(store: Store) -> None:
    chunks = [make_chunk(number, size) for number, size in enumerate((10, 5000, 100_000))]
    with pytest.raises(CyfsError) as caught:
        await store.chunks.put_many([*chunks, (make_chunk(9, 20)[0], bytes(20))])
    assert caught.value.code == ErrorCode.INVALID_DATA
    assert await gathered(store.chunks.list_ids()) == []


@pytest.mark.parametrize("size", [300, 100_000])
async def test_delete_removes(store: Store, size: int) -> None:
    chunk_id, data = make_chunk(1, size)
    assert await store.chunks.delete(chunk_id) is False
    await store.chunks.put(chunk_id, data)
    assert await store.chunks.delete(chunk_id) is True
    assert await store.chunks.contains(chunk_id) is False
    assert await store.chunks.read(chunk_id) is None
    assert await store.chunks.delete(chunk_id) is False
    assert await store.chunks.put(chunk_id, data) is True
    assert await read_chunk(store, chunk_id) == data


async def test_a_reader_goes_on_reading_what_is_deleted(store: Store) -> None:
    chunk_id, data = make_chunk(1, 100_000)
    await store.chunks.put(chunk_id, data)
    found = await store.chunks.read(chunk_id)
    await store.chunks.delete(chunk_id)
    assert load(found) == data


async def test_closing_a_range_twice_closes_nobody_elses_file(lasting: Maker, bench: Bench) -> None:
    store = lasting.make(bench)
    chunk_id, data = make_chunk(1, 100_000)
    await store.chunks.put(chunk_id, data)
    found = await store.chunks.read(chunk_id)
    assert isinstance(found, FileRange)
    found.close()
    other = os.open(os.devnull, os.O_RDONLY)
    assert other == found.fd
    found.close()
    os.close(other)
    await store.close()


async def test_puts_and_deletes_of_one_chunk_at_once(store: Store) -> None:
    chunks = [make_chunk(number, size) for number, size in enumerate((500, 50_000, 60_000))]

    async def worker(seed: int) -> None:
        random = Random(seed)
        for _ in range(25):
            chunk_id, data = random.choice(chunks)
            turn = random.random()
            if turn < 0.4:
                await store.chunks.put(chunk_id, data, random.choice(list(Durability)))
            elif turn < 0.7:
                await store.chunks.delete(chunk_id)
            else:
                assert await read_chunk(store, chunk_id) in (None, data)

    await asyncio.gather(*(worker(seed) for seed in range(12)))
    here = {chunk_id for chunk_id, _ in chunks if await store.chunks.contains(chunk_id)}
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) == (data if chunk_id in here else None)
    report = await store.scrub()
    assert (report.problems, report.orphans) == ([], 0)
    stat = store.stat()
    assert (stat.chunk_count, stat.chunk_size) == (len(here), sum(one.length for one in here))


async def test_the_same_chunk_put_by_many_is_new_once(store: Store) -> None:
    for size in (300, 100_000):
        chunk_id, data = make_chunk(size, size)
        results = await asyncio.gather(*(store.chunks.put(chunk_id, data) for _ in range(20)))
        assert sum(results) == 1
        assert await read_chunk(store, chunk_id) == data


async def test_list_gives_all_ids_in_byte_order(store: Store) -> None:
    chunks = [make_chunk(number, 20) for number in range(600)]
    await store.chunks.put_many(chunks[:300])
    await store.chunks.put_many(chunks[300:], Durability.LAZY)
    assert await gathered(store.chunks.list_ids()) == sorted(chunk_id for chunk_id, _ in chunks)


async def test_below_the_floor_only_deletes_go_on(store: Store, maker: Maker, bench: Bench) -> None:
    held, small, large = make_chunk(1, 100), make_chunk(2, 100), make_chunk(3, 100_000)
    await store.chunks.put(*held)
    maker.fill_disk(store, bench)
    for chunk_id, data in (small, large):
        with pytest.raises(CyfsError) as caught:
            await store.chunks.put(chunk_id, data)
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT
        assert await store.chunks.contains(chunk_id) is False
    assert await store.chunks.put(*held) is False, "what is there needs no room"
    assert await read_chunk(store, held[0]) == held[1]
    assert await store.chunks.delete(held[0]) is True
    maker.free_disk(store, bench)
    for chunk_id, data in (small, large):
        assert await store.chunks.put(chunk_id, data) is True


async def test_a_cancelled_put_leaves_nothing_behind(store: Store) -> None:
    chunks = [make_chunk(number, 200_000) for number in range(12)]
    for turns, (chunk_id, data) in enumerate(chunks):
        task = asyncio.ensure_future(store.chunks.put(chunk_id, data))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await store.chunks.put(*make_chunk("last", 10))
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) in (None, data)
    report = await store.scrub()
    assert (report.problems, report.orphans) == ([], 0)


async def test_all_is_there_after_opening_anew(lasting: Maker, bench: Bench) -> None:
    chunks = [make_chunk(number, size) for number, size in enumerate(SIZES)]
    store = lasting.make(bench)
    await store.chunks.put_many(chunks[::2])
    await store.chunks.put_many(chunks[1::2], Durability.LAZY)
    before = store.stat()
    await store.close()
    store = lasting.make(bench)
    for chunk_id, data in chunks:
        assert await read_chunk(store, chunk_id) == data
    after = store.stat()
    assert (after.chunk_count, after.chunk_size) == (before.chunk_count, before.chunk_size)
    assert ChunkId.of_data(b"") in await gathered(store.chunks.list_ids())
    await store.close()


async def test_renewing_many_tells_which_are_here(store: Store, bench: Bench) -> None:
    kept = [make_chunk(number, 100) for number in range(40)]
    await store.chunks.put_many(kept, claim=Claim(keep=Keep.REFERRED))
    ids = [chunk_id for pair in kept for chunk_id in (pair[0], make_chunk(pair[0].hex(), 50)[0])]
    for later in (0, LEASE):
        bench.clock.micros += later
        commits = store.stat().commits
        assert await store.chunks.renew_many(ids) == [True, False] * 40
        assert store.stat().commits <= commits + 1
    assert await store.chunks.renew_many([]) == []


async def test_a_chunk_tells_on_whose_account_it_is_kept(store: Store) -> None:
    chunk_id, data = make_chunk("claimed", 5000)
    assert await store.chunks.claim(chunk_id) is None
    claim = Claim(make_record("dec").object_id, Keep.REFERRED)
    await store.chunks.put(chunk_id, data, claim=claim)
    assert await store.chunks.claim(chunk_id) == claim
    await store.chunks.put(chunk_id, data)
    assert await store.chunks.claim(chunk_id) == Claim(claim.dec, Keep.ALWAYS)
