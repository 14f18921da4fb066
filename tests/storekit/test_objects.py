"""What every store promises of objects."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ObjectId
from cyfs_edge.core.ports import Change, Durability, ObjectRecord, StorageCategory, Store
from tests.storekit.kit import Bench, Maker, delete_object, gathered, make_chunk, make_record, put_record

BOTH = pytest.mark.parametrize("durability", list(Durability), ids=lambda value: value.value)


def counter_record(object_id: ObjectId, value: int) -> ObjectRecord:
    """Not an object, but the store does not look inside."""
    return ObjectRecord(object_id, value.to_bytes(8, "big"), NULL_ID, 1, 2)


def value_of(record: ObjectRecord | None) -> int:
    return 0 if record is None else int.from_bytes(record.raw, "big")


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.objects.get(make_record(1).object_id) is None


@BOTH
async def test_a_record_comes_back_with_every_field(store: Store, durability: Durability) -> None:
    full = ObjectRecord(
        make_record(1).object_id,
        make_record(1).raw,
        create_dec_id=make_record("dec").object_id,
        insert_time=(1 << 64) - 1,
        update_time=3,
        object_update_time=4,
        object_expired_time=5,
        access=0o123456,
        storage_category=StorageCategory.CACHE,
        context="ctx/ü",
        last_access_rpath="/a/b",
    )
    bare = replace(make_record(2), context="", last_access_rpath=None)
    for record in (full, bare):
        assert await put_record(store, record, durability) is True
        assert await store.objects.get(record.object_id) == record


async def test_the_change_sees_what_is_held_and_its_result_is_given(store: Store) -> None:
    old, new = make_record(1, update_time=1), make_record(1, update_time=2)
    seen: list[ObjectRecord | None] = []

    def change(held: ObjectRecord | None) -> Change[str]:
        seen.append(held)
        return Change("first" if held is None else "second", old if held is None else new)

    assert await store.objects.update(old.object_id, change) == "first"
    assert await store.objects.update(old.object_id, change) == "second"
    assert seen == [None, old]
    assert await store.objects.get(old.object_id) == new


async def test_no_record_leaves_things_as_they_are(store: Store) -> None:
    record = make_record(1)
    await put_record(store, record)
    assert await store.objects.update(record.object_id, lambda held: Change(held == record)) is True
    assert await store.objects.get(record.object_id) == record


@BOTH
async def test_delete_removes_and_tells_what_was_there(store: Store, durability: Durability) -> None:
    record = make_record(1)
    await put_record(store, record, durability)
    assert await delete_object(store, record.object_id, durability) is True
    assert await store.objects.get(record.object_id) is None
    assert await delete_object(store, record.object_id, durability) is False
    assert await put_record(store, record, durability) is True


@pytest.mark.parametrize("put", list(Durability), ids=lambda value: f"put {value.value}")
@pytest.mark.parametrize("delete", list(Durability), ids=lambda value: f"delete {value.value}")
async def test_what_was_deleted_in_either_way_is_gone(store: Store, put: Durability, delete: Durability) -> None:
    record = make_record(1)
    await put_record(store, record, put)
    await delete_object(store, record.object_id, delete)
    assert await store.objects.get(record.object_id) is None
    assert await store.objects.update(record.object_id, lambda held: Change(held)) is None
    assert await store.objects.get(record.object_id) is None


async def test_what_a_change_raises_is_raised_and_nothing_is_written(store: Store) -> None:
    record = make_record(1)

    def change(held: ObjectRecord | None) -> Change[None]:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, "no")

    with pytest.raises(CyfsError) as caught:
        await store.objects.update(record.object_id, change)
    assert caught.value.code == ErrorCode.PERMISSION_DENIED
    assert await store.objects.get(record.object_id) is None


async def test_a_failing_change_does_not_disturb_those_beside_it(store: Store) -> None:
    records = [make_record(number) for number in range(60)]

    def change(record: ObjectRecord, number: int) -> Change[int]:
        if number % 3 == 0:
            raise ValueError(number)
        return Change(number, record)

    results = await asyncio.gather(
        *(
            store.objects.update(record.object_id, lambda held, r=record, n=number: change(r, n))  # type: ignore[misc]
            for number, record in enumerate(records)
        ),
        return_exceptions=True,
    )
    for number, (record, result) in enumerate(zip(records, results, strict=True)):
        if number % 3 == 0:
            assert isinstance(result, ValueError)
            assert await store.objects.get(record.object_id) is None
        else:
            assert result == number
            assert await store.objects.get(record.object_id) == record


async def test_a_change_must_not_answer_with_another_object(store: Store) -> None:
    with pytest.raises(CyfsError):
        await store.objects.update(make_record(1).object_id, lambda held: Change(None, make_record(2)))
    assert await store.objects.get(make_record(2).object_id) is None


@pytest.mark.parametrize("mixed", [False, True], ids=["durable", "mixed"])
async def test_updates_of_one_id_are_serialised(store: Store, mixed: bool) -> None:
    object_id = make_record(1).object_id
    random = Random(3)

    async def increment(durability: Durability) -> int:
        def change(held: ObjectRecord | None) -> Change[int]:
            value = value_of(held) + 1
            return Change(value, counter_record(object_id, value))

        return await store.objects.update(object_id, change, durability)

    kinds = [Durability.LAZY if mixed and random.random() < 0.5 else Durability.DURABLE for _ in range(300)]
    results = await asyncio.gather(*(increment(kind) for kind in kinds))
    assert sorted(results) == list(range(1, 301))
    assert value_of(await store.objects.get(object_id)) == 300


async def test_concurrent_updates_of_many_ids_add_up(store: Store) -> None:
    ids = [make_record(number).object_id for number in range(8)]
    wanted = [0] * len(ids)

    async def worker(seed: int) -> None:
        random = Random(seed)
        for _ in range(40):
            which = random.randrange(len(ids))
            wanted[which] += 1
            await store.objects.update(
                ids[which],
                lambda held, w=which: Change(None, counter_record(ids[w], value_of(held) + 1)),  # type: ignore[misc]
            )

    await asyncio.gather(*(worker(seed) for seed in range(16)))
    assert [value_of(await store.objects.get(object_id)) for object_id in ids] == wanted


async def test_an_answered_update_is_seen_by_the_next_read(store: Store) -> None:
    object_id = make_record(1).object_id

    async def writer() -> None:
        for value in range(1, 200):
            kind = Durability.LAZY if value % 3 else Durability.DURABLE
            await store.objects.update(
                object_id,
                lambda held, v=value: Change(None, counter_record(object_id, v)),
                kind,  # type: ignore[misc]
            )
            assert value_of(await store.objects.get(object_id)) >= value

    async def reader() -> None:
        last = 0
        while last < 199:
            value = value_of(await store.objects.get(object_id))
            assert value >= last, "a read went back in time"
            last = value
            await asyncio.sleep(0)

    await asyncio.gather(writer(), reader())


async def test_big_and_empty_objects(store: Store) -> None:
    for size in (0, 1, 4095, 4096, 100_000, 8 << 20):
        record = replace(make_record(size), raw=Random(size).randbytes(size))
        await put_record(store, record)
        assert await store.objects.get(record.object_id) == record


async def test_a_text_that_does_not_fit_is_refused(store: Store) -> None:
    with pytest.raises(CyfsError) as caught:
        await put_record(store, replace(make_record(1), context="x" * 70_000))
    assert caught.value.code == ErrorCode.INVALID_PARAM
    assert await store.objects.get(make_record(1).object_id) is None


async def test_list_gives_all_ids_in_byte_order(store: Store) -> None:
    records = [make_record(number, 10) for number in range(600)]
    kinds = (Durability.DURABLE, Durability.LAZY)
    await asyncio.gather(*(put_record(store, record, kinds[n % 2]) for n, record in enumerate(records)))
    ids = sorted(record.object_id for record in records)
    assert await gathered(store.objects.list_ids()) == ids
    prefix = bytes(ids[300][:6])
    assert await gathered(store.objects.list_ids(prefix)) == [one for one in ids if one.startswith(prefix)]
    assert await gathered(store.objects.list_ids(b"\xff" * 32)) == []


async def test_list_hides_what_was_lazily_deleted(store: Store) -> None:
    records = [make_record(number) for number in range(5)]
    for record in records:
        await put_record(store, record)
    await delete_object(store, records[2].object_id, Durability.LAZY)
    left = sorted(record.object_id for record in records if record is not records[2])
    assert await gathered(store.objects.list_ids()) == left


async def test_list_goes_on_while_things_change(store: Store) -> None:
    records = [make_record(number, 10) for number in range(900)]
    ids = sorted(record.object_id for record in records)
    by_id = {record.object_id: record for record in records}
    kept, later = set(ids[::3]), set(ids[1::3])
    await asyncio.gather(*(put_record(store, by_id[one]) for one in ids if one not in later))
    doomed = [one for one in ids if one not in kept and one not in later]
    seen = []
    async for one in store.objects.list_ids():
        seen.append(one)
        if len(seen) % 10 == 0 and later:
            await put_record(store, by_id[later.pop()])
            await delete_object(store, doomed.pop())
    assert seen == sorted(set(seen)), "in order, and no id twice"
    assert kept <= set(seen), "what was there all the time is seen"
    assert set(seen) <= set(ids)


async def test_below_the_floor_only_deletes_go_on(store: Store, maker: Maker, bench: Bench) -> None:
    held = make_record(1)
    await put_record(store, held)
    maker.fill_disk(store, bench)
    for durability in Durability:
        with pytest.raises(CyfsError) as caught:
            await put_record(store, make_record(2), durability)
        assert caught.value.code == ErrorCode.OUT_OF_LIMIT
        assert "full" in caught.value.message
        assert "delete something" in caught.value.message.lower()
    assert await store.objects.get(held.object_id) == held
    assert await store.objects.update(held.object_id, lambda one: Change(one == held)) is True
    assert await store.objects.get(make_record(2).object_id) is None
    assert await delete_object(store, held.object_id) is True
    maker.free_disk(store, bench)
    assert await put_record(store, make_record(2)) is True


async def test_a_cancelled_caller_leaves_the_store_working(store: Store) -> None:
    record = make_record(1)
    task = asyncio.ensure_future(put_record(store, record))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert await put_record(store, make_record(2)) is True
    assert await store.objects.get(record.object_id) in (None, record)


async def test_stat_counts_objects_and_their_bytes(store: Store) -> None:
    random = Random(5)
    model: dict[ObjectId, ObjectRecord] = {}
    for _ in range(120):
        record = make_record(random.randrange(20), random.randrange(300))
        kind = random.choice(list(Durability))
        if random.random() < 0.3:
            await delete_object(store, record.object_id, kind)
            model.pop(record.object_id, None)
        else:
            await put_record(store, record, kind)
            model[record.object_id] = record
        stat = store.stat()
        assert (stat.object_count, stat.storage_size) == (len(model), sum(len(r.raw) for r in model.values()))
    assert stat.commits > 0
    assert stat.free_space > 0


async def test_all_is_there_after_opening_anew(lasting: Maker, bench: Bench) -> None:
    records = [make_record(number) for number in range(40)]
    store = lasting.make(bench)
    for number, record in enumerate(records):
        await put_record(store, record, Durability.LAZY if number % 2 else Durability.DURABLE)
    before = store.stat()
    await store.close()
    store = lasting.make(bench)
    for record in records:
        assert await store.objects.get(record.object_id) == record
    after = store.stat()
    assert (after.object_count, after.storage_size) == (before.object_count, before.storage_size)
    await store.close()


async def test_a_closed_store_says_so(maker: Maker, bench: Bench) -> None:
    store = maker.make(bench)
    await put_record(store, make_record(1))
    await store.close()
    for attempt in (
        store.objects.get(make_record(1).object_id),
        put_record(store, make_record(2)),
        store.chunks.contains(make_chunk(1, 10)[0]),
    ):
        with pytest.raises(CyfsError) as caught:
            await attempt
        assert caught.value.code == ErrorCode.ERROR_STATE
