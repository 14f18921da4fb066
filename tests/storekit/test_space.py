"""What every store promises of space: what nobody needs goes, all else stays, and accounts keep to their quotas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.core.ports import (
    LEASE,
    MADE_HERE,
    OBJECT_LEASE,
    Account,
    Change,
    Claim,
    CollectReport,
    Keep,
    ObjectRecord,
    RootChange,
    RootRecord,
    Store,
    Usage,
)
from cyfs_edge.objects.dir import DirBody, DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_file
from cyfs_edge.objects.object_map import MapClass, MapContentType, MapEntries, ObjectMap, make_object_map
from tests.storekit.kit import Bench, Maker, delete_object, gathered, make_chunk, make_record, put_record

REFERRED = Claim(keep=Keep.REFERRED)


def a_map(seed: object, values: Iterable[ObjectId]) -> NamedObject:
    entries = {str(number): value for number, value in enumerate(values)}
    value = ObjectMap(MapClass.ROOT, len(entries), 40 * len(entries), 0, MapContentType.MAP, MapEntries(entries))
    return make_object_map(value, owner=make_record(seed).object_id, dec_id=None, update_time=1)


def a_file(seed: object, chunks: Iterable[tuple[ChunkId, bytes]]) -> NamedObject:
    listed = list(chunks)
    length = sum(len(data) for _, data in listed)
    return make_file(make_record(seed).object_id, length, bytes(32), [one for one, _ in listed], update_time=1)


def made(obj: NamedObject, bench: Bench) -> ObjectRecord:
    return ObjectRecord(obj.object_id, obj.raw, NULL_ID, bench.clock.now(), 2, context=MADE_HERE)


def put_by_user(obj: NamedObject, bench: Bench) -> ObjectRecord:
    return replace(made(obj, bench), context=None)


async def held(store: Store, *objects: NamedObject) -> list[bool]:
    return [await store.objects.get(obj.object_id) is not None for obj in objects]


async def collect(store: Store, *roots: ObjectId) -> tuple[int, int]:
    report = await store.space.collect(lambda: roots)
    return report.objects, report.chunks


def pass_leases(bench: Bench) -> None:
    bench.clock.micros += LEASE + 1


async def test_what_a_root_leads_to_stays_and_the_rest_goes(store: Store, bench: Bench) -> None:
    leaf, gone = a_map("leaf", []), a_map("gone", [])
    middle = a_map("middle", [leaf.object_id])
    top, old_top = a_map("top", [middle.object_id]), a_map("old", [gone.object_id, leaf.object_id])
    await store.state.commit([made(obj, bench) for obj in (leaf, gone, middle, top, old_top)])
    await store.state.commit([], RootChange("root-state/x", None, RootRecord(top.object_id, 1)))
    assert await collect(store) == (0, 0), "all of them are within their lease"
    pass_leases(bench)
    before = store.stat()
    report = await store.space.collect(lambda: ())
    assert (report.objects, report.bytes) == (2, len(gone.raw) + len(old_top.raw))
    assert await held(store, leaf, middle, top) == [True] * 3
    assert await held(store, gone, old_top) == [False] * 2
    assert store.stat().object_count == before.object_count - 2
    assert store.stat().storage_size == before.storage_size - report.bytes
    assert await collect(store) == (0, 0)


async def test_what_a_user_put_stays_with_all_that_it_names(store: Store, bench: Bench) -> None:
    inner, chunk = a_map("inner", []), make_chunk("data", 5000)
    await store.chunks.put(*chunk, claim=REFERRED)
    file = a_file("file", [chunk])
    await store.state.commit([made(inner, bench), made(file, bench)])
    listing = make_dir(None, DirList({"a": DirEntry(file.object_id), "b": DirEntry(inner.object_id)}), update_time=1)
    await put_record(store, put_by_user(listing, bench))
    pass_leases(bench)
    assert await collect(store) == (0, 0)
    await delete_object(store, listing.object_id)
    assert await collect(store) == (2, 1)
    assert await store.chunks.contains(chunk[0]) is False


async def test_a_list_in_a_chunk_and_objects_that_a_dir_carries_are_seen(store: Store, bench: Bench) -> None:
    one, two = make_chunk("one", 5000), make_chunk("two", 10)
    listed, carried = a_file("listed", [one]), a_file("carried", [two])
    entries = {"a": DirEntry(listed.object_id), "b": DirEntry(carried.object_id)}
    data = DirList(entries).encode()
    list_chunk = ChunkId.of_data(data)
    await store.chunks.put_many([one, two, (list_chunk, data)], claim=REFERRED)
    folder = make_dir(None, list_chunk, update_time=1, body=DirBody({carried.object_id: carried.raw}))
    await put_record(store, put_by_user(folder, bench))
    await store.state.commit([made(listed, bench)])
    pass_leases(bench)
    assert await collect(store) == (0, 0)


async def test_roots_of_the_caller_stay(store: Store, bench: Bench) -> None:
    leaf = a_map("leaf", [])
    top = a_map("top", [leaf.object_id])
    await store.state.commit([made(leaf, bench), made(top, bench)])
    pass_leases(bench)
    assert await collect(store, top.object_id) == (0, 0)
    assert await collect(store) == (2, 0)


async def test_a_lease_begins_anew_when_something_is_kept_again(store: Store, bench: Bench) -> None:
    node, chunk = a_map("node", []), make_chunk("chunk", 5000)
    await store.state.commit([made(node, bench)])
    await store.chunks.put(*chunk, claim=REFERRED)
    bench.clock.micros += OBJECT_LEASE * 3 // 4
    await store.state.commit([made(node, bench)])
    bench.clock.micros += OBJECT_LEASE * 3 // 4
    assert await collect(store) == (0, 0)
    bench.clock.micros += LEASE * 3 // 4
    assert await store.chunks.renew(chunk[0]) is True
    bench.clock.micros += LEASE * 3 // 4
    assert await collect(store) == (1, 0)
    pass_leases(bench)
    assert await collect(store) == (0, 1)
    assert await store.chunks.renew(chunk[0]) is False


async def test_what_somebody_put_by_its_id_stays(store: Store, bench: Bench) -> None:
    first, second = make_chunk("first", 5000), make_chunk("second", 10)
    await store.chunks.put(*first)
    await store.chunks.put(*second, claim=REFERRED)
    assert await store.chunks.put(*second) is False
    assert await store.chunks.put(*first, claim=REFERRED) is False
    node = a_map("node", [])
    await store.state.commit([made(node, bench)])
    await store.state.commit([put_by_user(node, bench)])
    pass_leases(bench)
    assert await collect(store) == (0, 0)
    assert len(await gathered(store.chunks.list_ids())) == 2  # type: ignore[arg-type]


async def test_what_comes_or_is_read_while_a_collection_runs_stays(store: Store, bench: Bench) -> None:
    """Nobody waits for a collection. What is read, put or committed before its sweep is there afterwards, and whole."""
    filler = [a_map(("filler", number), []) for number in range(2000)]
    await store.state.commit([made(obj, bench) for obj in filler])
    children = [a_map(("child", number), []) for number in range(3)]
    read, linked, committed = (a_map(("parent", one.object_id), [one.object_id]) for one in children)
    link = a_map("link", [linked.object_id])
    await store.state.commit([made(obj, bench) for obj in (*children, read, linked)])
    pass_leases(bench)
    phases: list[str] = []
    in_time: list[NamedObject] = []

    async def meanwhile() -> None:
        assert await store.objects.get(read.object_id) is not None
        in_time.extend((read, children[0]))
        await put_record(store, put_by_user(link, bench))
        if phases[-1] == "mark":
            in_time.extend((linked, children[1]))
        await store.state.commit([made(committed, bench)])
        if phases[-1] == "mark":
            in_time.extend((committed, children[2]))

    tasks: list[asyncio.Task[None]] = []

    def progress(report: CollectReport) -> None:
        phases.append(report.phase)
        if not tasks and report.phase == "mark":
            tasks.append(asyncio.ensure_future(meanwhile()))

    await store.space.collect(lambda: (), progress)
    for task in tasks:
        await task
    assert all(await held(store, *in_time))
    assert await held(store, filler[0]) == [False]


async def test_a_random_graph_keeps_just_what_is_reached(store: Store, bench: Bench) -> None:
    rng = Random(7)
    nodes: list[NamedObject] = []
    names: dict[ObjectId, list[ObjectId]] = {}
    for number in range(400):
        picked = rng.sample(nodes, min(len(nodes), rng.randrange(4)))
        node = a_map(number, [one.object_id for one in picked])
        nodes.append(node)
        names[node.object_id] = [one.object_id for one in picked]
    users = rng.sample(nodes, 5)
    for node in users:
        await put_record(store, put_by_user(node, bench))
    await store.state.commit([made(node, bench) for node in nodes])
    roots = rng.sample(nodes, 3)
    reached: set[ObjectId] = set()
    waiting = [node.object_id for node in (*users, *roots)]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += names[one]
    pass_leases(bench)
    await store.space.collect(lambda: [node.object_id for node in roots])
    assert {one async for one in store.objects.list_ids()} == reached


async def test_accounts_tell_what_is_kept_for_whom(store: Store) -> None:
    dec, owner = make_record("dec").object_id, make_record("owner").object_id
    record = replace(make_record(1), create_dec_id=dec, owner=owner)
    chunk = make_chunk(1, 5000)
    await put_record(store, record)
    await store.chunks.put(*chunk, claim=Claim(dec))
    usage = store.space.usage()
    assert usage[Account("dec", dec)] == Usage(1, len(record.raw), 1, 5000)
    assert usage[Account("owner", owner)] == Usage(1, len(record.raw), 0, 0)
    await put_record(store, replace(record, create_dec_id=NULL_ID))
    assert store.space.usage()[Account("dec", dec)] == Usage(0, 0, 1, 5000)
    await store.chunks.delete(chunk[0])
    await delete_object(store, record.object_id)
    assert store.space.usage() == {}


async def test_a_quota_refuses_what_goes_beyond_it(store: Store) -> None:
    dec = make_record("dec").object_id
    account = Account("dec", dec)
    store.space.set_quota(account, 10_000)
    await store.chunks.put(*make_chunk(1, 6000), claim=Claim(dec))
    for put in (
        store.chunks.put(*make_chunk(2, 6000), claim=Claim(dec)),
        put_record(store, replace(make_record(3, 5000), create_dec_id=dec)),
        store.state.commit([replace(make_record(4, 5000), create_dec_id=dec)]),
    ):
        with pytest.raises(CyfsError) as raised:
            await put
        assert raised.value.code == ErrorCode.OUT_OF_LIMIT
    assert store.space.usage()[account] == Usage(0, 0, 1, 6000, 10_000)
    await store.chunks.put(*make_chunk(2, 6000))
    await put_record(store, replace(make_record(3, 1000), create_dec_id=dec))
    store.space.set_quota(account, None)
    await store.chunks.put(*make_chunk(5, 6000), claim=Claim(dec))


async def test_puts_at_the_same_time_do_not_get_past_a_quota_together(store: Store) -> None:
    dec = make_record("dec").object_id
    store.space.set_quota(Account("dec", dec), 10_000)
    puts = [store.chunks.put(*make_chunk(number, 3000), claim=Claim(dec)) for number in range(8)]
    done = await asyncio.gather(*puts, return_exceptions=True)
    assert sum(one is True for one in done) == 3
    assert store.space.usage()[Account("dec", dec)].chunk_bytes == 9000


async def test_accounts_outlive_the_store(maker: Maker, bench: Bench) -> None:
    if not maker.lasting:
        pytest.skip("nothing outlives a store in memory")
    dec = make_record("dec").object_id
    store = maker.make(bench)
    await store.chunks.put(*make_chunk(1, 5000), claim=Claim(dec))
    await put_record(store, replace(make_record(1), create_dec_id=dec))
    usage = store.space.usage()
    await store.close()
    again = maker.make(bench)
    assert again.space.usage() == usage
    await again.close()


async def test_what_an_update_finds_while_things_are_swept_stays(store: Store, maker: Maker, bench: Bench) -> None:
    """A restore that leaves an object as it is has been told that it is there."""
    if maker.name == "memory":
        pytest.skip("a store in memory collects in one step")
    old = [a_map(f"old {number}", []) for number in range(600)]
    await store.state.commit([made(obj, bench) for obj in old])
    pass_leases(bench)
    last = max(obj.object_id for obj in old)
    updates: list[asyncio.Future[bool]] = []

    def progress(report: CollectReport) -> None:
        if report.phase == "sweep" and not updates:
            updates.append(asyncio.ensure_future(store.objects.update(last, lambda held: Change(held is not None))))

    report = await store.space.collect(lambda: (), progress)
    assert await updates[0] is True, "it was there"
    assert await store.objects.get(last) is not None
    assert report.objects == len(old) - 1


async def test_only_one_collection_runs(store: Store, maker: Maker) -> None:
    if maker.name == "memory":
        pytest.skip("a store in memory collects in one step")
    first = asyncio.ensure_future(store.space.collect(lambda: ()))
    await asyncio.sleep(0)
    others = await asyncio.gather(*(store.space.collect(lambda: ()) for _ in range(2)), return_exceptions=True)
    assert any(isinstance(one, CyfsError) and one.code == ErrorCode.ERROR_STATE for one in others)
    await first
    await store.space.collect(lambda: ())
