"""An error at each call in turn, before, inside or after it: the caller sees it, and nothing is half done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from cyfs_edge.core.ports import Change, Durability, Store
from tests.storekit.faulty import FailAt, FaultyStore, Injected, Plan
from tests.storekit.kit import (
    Bench,
    delete_object,
    gathered,
    make_chunk,
    make_lmdb,
    make_record,
    put_record,
    read_chunk,
)

Step = Callable[[Store], Awaitable[object]]

CHUNKS = [make_chunk(number, size) for number, size in enumerate((10, 4096, 5000, 100_000))]


async def move(store: Store) -> object:
    """Reads one object and writes another: the second call must not happen when the first one failed."""
    held = await store.objects.get(make_record(1).object_id)
    assert held is not None
    return await put_record(store, make_record("copy"))


STEPS: tuple[Step, ...] = (
    lambda store: put_record(store, make_record(1)),
    lambda store: put_record(store, make_record(2), Durability.LAZY),
    lambda store: store.chunks.put_many(CHUNKS),
    move,
    lambda store: put_record(store, make_record(1, update_time=9)),
    lambda store: delete_object(store, make_record(2).object_id),
    lambda store: store.chunks.delete(CHUNKS[3][0]),
    lambda store: store.objects.update(make_record(1).object_id, lambda held: Change(held)),
    lambda store: store.chunks.put(*CHUNKS[3]),
)


async def state_of(store: Store) -> dict[object, object]:
    found: dict[object, object] = {}
    for object_id in await gathered(store.objects.list_ids()):
        found[object_id] = await store.objects.get(object_id)
    for chunk_id in await gathered(store.chunks.list_ids()):
        found[chunk_id] = await read_chunk(store, chunk_id)  # type: ignore[arg-type]
    return found


async def run_all(bench: Bench, plan: Plan) -> tuple[list[dict[object, object]], int | None, int]:
    """The states after each step, the step that failed (the last one run), and the number of calls."""
    inner = make_lmdb(bench)
    store = FaultyStore(inner, plan)
    states = [await state_of(inner)]
    failed = None
    for number, step in enumerate(STEPS):
        try:
            await step(store)
        except Injected:
            failed = number
        states.append(await state_of(inner))
        if failed is not None:
            break
    await inner.close()
    again = make_lmdb(bench)
    assert await state_of(again) == states[-1], "the same after opening anew"
    report = await again.scrub()
    assert (report.problems, report.orphans) == ([], 0)
    await again.close()
    return states, failed, store.calls


@pytest.mark.parametrize("where", ["before", "inside", "after"])
async def test_nothing_is_half_done(tmp_path_factory: pytest.TempPathFactory, where: str) -> None:
    whole, failed, calls = await run_all(Bench(tmp_path_factory.mktemp("whole") / "s"), Plan())
    assert failed is None
    assert calls == len(STEPS) + 1
    fired = 0
    for number in range(1, calls + 1):
        states, failed, _ = await run_all(Bench(tmp_path_factory.mktemp("fault") / "s"), FailAt(number, where))
        if failed is None:
            assert where == "inside", "only calls that do not update have no inside"
            continue
        fired += 1
        done = where == "after" and number != 4  # the fourth call is the read of `move`: it changes nothing
        assert states[-1] == whole[failed + 1 if done else failed]
    assert fired >= 5
