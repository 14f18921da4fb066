"""Scrub on every store: it reads everything, and finds an object whose bytes are not those of its id."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cyfs_edge.core.ports import Durability, ScrubReport, Store
from tests.storekit.kit import make_chunk, make_record, put_record


async def test_a_sound_store_has_no_problems(store: Store) -> None:
    records = [make_record(number) for number in range(150)]
    chunks = [make_chunk(number, size) for number, size in enumerate((0, 10, 4096, 5000, 2 << 20))]
    for number, record in enumerate(records):
        await put_record(store, record, list(Durability)[number % 2])
    await put_record(store, make_record("last"))
    await store.chunks.put_many(chunks)
    seen: list[int] = []
    report = await store.scrub(lambda so_far: seen.append(so_far.bytes))
    assert report == ScrubReport(
        objects=len(records) + 1,
        chunks=len(chunks),
        bytes=sum(len(one.raw) for one in (*records, make_record("last"))) + sum(len(data) for _, data in chunks),
    )
    assert seen == sorted(seen)
    assert seen[-1] == report.bytes


async def test_what_does_not_match_its_id_is_found(store: Store) -> None:
    good, other, junk = make_record(1), make_record(2), make_record(3)
    await put_record(store, good)
    await put_record(store, replace(other, raw=good.raw))
    await put_record(store, replace(junk, raw=b"\x00\x01"))
    report = await store.scrub()
    assert {problem.object_id for problem in report.problems} == {other.object_id, junk.object_id}
    assert {problem.kind for problem in report.problems} == {"object"}
    assert all(problem.what for problem in report.problems)


async def test_scrub_runs_beside_other_work_and_can_be_cancelled(store: Store) -> None:
    await store.chunks.put_many([make_chunk(number, 50_000) for number in range(40)])
    running = asyncio.ensure_future(store.scrub())
    for number in range(20):
        await put_record(store, make_record(number))
        await store.chunks.put(*make_chunk(("more", number), 30_000))
        await store.chunks.delete(make_chunk(number, 50_000)[0])
    report = await running
    assert (report.problems, report.orphans) == ([], 0)
    stopped = asyncio.ensure_future(store.scrub())
    await asyncio.sleep(0)
    stopped.cancel()
    await asyncio.wait([stopped])
    assert await put_record(store, make_record("after")) is True
