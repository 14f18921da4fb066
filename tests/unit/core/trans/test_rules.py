"""The parts that tasks are made of: ids and records, speeds, turns, and walking what a task consists of."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.trans.beside import FetchGate, Window
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.core.trans.plan import Item, Planner, name_fault
from cyfs_edge.core.trans.record import (
    Priority,
    TaskKind,
    TaskRecord,
    Told,
    decode_record,
    encode_record,
    task_id_of,
)
from cyfs_edge.core.trans.speed import BURST, SpeedMeter, Throttle
from cyfs_edge.host.activities import LoopActivities
from cyfs_edge.host.waits import AsyncWaits
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import DirBody, DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.wire.trans import TaskStatus
from tests.node import NOW

from .conftest import OWNER, SOURCE

CHUNK = ChunkId.of_data(b"x")


def test_a_task_has_the_id_that_the_reference_gives_it() -> None:
    """Recorded: a chunk, without group and context (http-replies.json, trans.create_chunk)."""
    chunk_id = ObjectId.from_text("7ECrUEWAGJXzKLDNQEUbjw4yH4Y2MA8JTE4BBenE8ZpX")
    group = f"{SYSTEM_DEC_ID}/"
    task_id = task_id_of(SYSTEM_DEC_ID, TaskKind.CHUNK, chunk_id, group, None, "/cyfs/vec/out4.bin")
    assert task_id == "2GDn3gp4mHh3gtdEPCLxamJeqkPwU5aiNFFMTKzhmvkd"


def test_a_record_comes_back_as_it_was() -> None:
    record = TaskRecord(
        "id",
        SYSTEM_DEC_ID,
        SOURCE,
        CHUNK,
        "/a ü",
        (SOURCE,),
        "g",
        "/c",
        ("r",),
        "/p",
        NOW,
        TaskStatus.FAILED,
        Priority.HIGH,
        True,
        NOW + 1,
        (22, "why"),
        5,
        9,
        [Told("n", 22, "m")],
        3,
    )
    assert decode_record("id", encode_record(record)) == record
    plain = replace(record, context=None, req_path=None, ended=None, error=None, refused=[])
    assert decode_record("id", encode_record(plain)) == plain


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"status":"Running"}', b'{"status":"Asleep"}'])
def test_junk_is_no_record(data: bytes) -> None:
    with pytest.raises(CyfsError):
        decode_record("id", data)


def test_speeds() -> None:
    meter = SpeedMeter()
    meter.begin(100.0)
    for second in range(10):
        meter.add(1000, 100.0 + second)
    assert meter.current(109.5) == 1000
    assert meter.average(110.0) == 1000
    assert meter.current(200.0) == 0
    meter.end(110.0)
    assert (meter.current(111.0), meter.average(500.0), meter.total) == (0, 1000, 10_000)


def test_the_bandwidth_limit() -> None:
    """Over any time no more than the rate, after a pause no more than a moment's worth at once."""
    throttle = Throttle(1000)
    now = 50.0
    begun, taken = now, 0
    for _ in range(100):
        now += throttle.take(100, now)
        taken += 100
    assert taken <= 1000 * (now - begun + BURST) + 100
    assert throttle.take(100, now + 3600) < 0.2
    assert Throttle(0).take(1 << 40, now) == 0


async def test_fetches_are_let_in_by_priority_and_size() -> None:
    """At most so many and so many bytes at a time; the most urgent first; one that is too large alone."""
    gate = FetchGate(AsyncWaits().bell(), 2, 100)
    order: list[str] = []
    inside = most = 0
    release = asyncio.Event()

    async def fetch(name: str, priority: int, size: int) -> None:
        nonlocal inside, most
        async with gate.enter(priority, size):
            order.append(name)
            inside += 1
            most = max(most, inside)
            await release.wait()
            await asyncio.sleep(0)
            inside -= 1

    works = [("first", 1, 60), ("low", 0, 10), ("high", 2, 10), ("huge", 1, 500), ("normal", 1, 10)]
    tasks = []
    for name, priority, size in works:
        tasks.append(asyncio.create_task(fetch(name, priority, size)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert order == ["first", "low"]
    gone = asyncio.create_task(fetch("gone", 2, 1))
    await asyncio.sleep(0)
    gone.cancel()
    release.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
    assert order == ["first", "low", "high", "huge", "normal"]
    assert most == 2


async def test_no_more_bytes_than_the_limit_are_fetched_at_a_time() -> None:
    gate = FetchGate(AsyncWaits().bell(), 8, 100)
    async with gate.enter(1, 60):
        waiting = asyncio.create_task(gate.enter(1, 60).__aenter__())
        await asyncio.sleep(0.01)
        assert not waiting.done()
    async with asyncio.timeout(5):
        await waiting


async def test_the_first_error_ends_a_window() -> None:
    activities = LoopActivities()
    window = Window(activities, AsyncWaits(), 2)
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)
        if number == 1:
            raise CyfsError(ErrorCode.NOT_FOUND, "one")

    async def all_of_them() -> None:
        for number in range(50):
            await window.add(partial(work, number))
        await window.join()

    with pytest.raises(CyfsError, match="one"):
        await all_of_them()
    assert len(begun) < 10
    window.cancel()
    await activities.close()


# ---- planning -------------------------------------------------------------------------------------------------------


class Shelf:
    """Objects and chunks for a planner."""

    def __init__(self, *objects: NamedObject, chunks: Mapping[ChunkId, bytes] | None = None) -> None:
        self.objects = {obj.object_id: obj for obj in objects}
        self.chunks = dict(chunks or {})
        self.kept: list[ObjectId] = []

    async def object(self, object_id: ObjectId, holder: ObjectId | None) -> NamedObject:
        return self.objects[object_id]

    async def carried(self, obj: NamedObject) -> None:
        self.kept.append(obj.object_id)
        self.objects[obj.object_id] = obj

    async def chunk(self, chunk_id: ChunkId, holder: ObjectId | None, size_max: int) -> bytes:
        if chunk_id.length > size_max:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, "too large")
        return self.chunks[chunk_id]


def dir_of(entries: Mapping[str, ObjectId], body: DirBody | None = None) -> NamedObject:
    listing = DirList({name: DirEntry(node) for name, node in entries.items()})
    return make_dir(OWNER, listing, update_time=NOW, body=body)


async def plan(
    shelf: Shelf, top: NamedObject, limits: TransLimits | None = None
) -> tuple[list[Item], dict[str, CyfsError]]:
    refused: dict[str, CyfsError] = {}
    shelf.objects[top.object_id] = top
    planner = Planner(shelf, limits or TransLimits(), refused.__setitem__, names=True)
    return await planner.plan(top.object_id), refused


async def test_a_task_has_no_more_entries_than_the_limit() -> None:
    top = dir_of({str(number): CHUNK for number in range(11)})
    with pytest.raises(CyfsError) as refused:
        await plan(Shelf(), top, TransLimits(entries=10))
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT
    assert len((await plan(Shelf(), top, TransLimits(entries=11)))[0]) == 11


async def test_dirs_are_nested_no_deeper_than_the_limit() -> None:
    objects = [dir_of({"f": CHUNK})]
    for _ in range(66):
        objects.append(dir_of({"d": objects[-1].object_id}))
    with pytest.raises(CyfsError) as refused:
        await plan(Shelf(*objects), objects[-1])
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT
    assert len((await plan(Shelf(*objects), objects[60]))[0]) == 1


async def test_few_dirs_that_name_one_another_often_come_to_an_end() -> None:
    """2^40 paths in 40 objects."""
    objects = [dir_of({})]
    for _ in range(40):
        objects.append(dir_of({"a": objects[-1].object_id, "b": objects[-1].object_id}))
    with pytest.raises(CyfsError) as refused:
        await plan(Shelf(*objects), objects[-1], TransLimits(entries=1000))
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT


async def test_a_list_in_a_chunk_has_a_largest_size() -> None:
    listing = DirList({f"{number:0200}": DirEntry(CHUNK) for number in range(300)})
    encoded = listing.encode()
    chunk_id = ChunkId.of_data(encoded)
    top = make_dir(OWNER, chunk_id, update_time=NOW)
    shelf = Shelf(chunks={chunk_id: encoded})
    with pytest.raises(CyfsError) as refused:
        await plan(shelf, top, TransLimits(list_size=len(encoded) - 1))
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT
    assert len((await plan(shelf, top))[0]) == 300


async def test_what_a_dir_carries_is_kept_before_its_entries_are_looked_at() -> None:
    inner = dir_of({"f": CHUNK})
    shelf = Shelf()
    items, _ = await plan(shelf, dir_of({"d": inner.object_id}, DirBody({inner.object_id: inner.raw})))
    assert [item.inner for item in items] == ["d/f"]
    assert shelf.kept == [inner.object_id]
    lying = dir_of({"d": inner.object_id}, DirBody({SOURCE: inner.raw}))
    with pytest.raises(CyfsError, match="carries"):
        await plan(Shelf(), lying)


async def test_two_entries_with_one_path() -> None:
    """A dir may list ``d/f`` beside a dir ``d`` that has an ``f``: one of them is refused."""
    inner = dir_of({"f": CHUNK})
    items, refused = await plan(Shelf(inner), dir_of({"d": inner.object_id, "d/f": CHUNK}))
    assert [item.inner for item in items] == ["d/f"]
    assert [error.code for error in refused.values()] == [ErrorCode.ALREADY_EXISTS]


async def test_entries_that_are_no_data_are_refused() -> None:
    items, refused = await plan(Shelf(), dir_of({"device": SOURCE, "f": CHUNK}))
    assert [item.inner for item in items] == ["f"]
    assert refused["device"].code == ErrorCode.NOT_SUPPORT


@pytest.mark.parametrize("name", ["a", "a/b", "...", " ", "a\n", "-rf", "ü/ö", "n" * 255])
def test_names_that_are_safe(name: str) -> None:
    assert name_fault(name) is None
