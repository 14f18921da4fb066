"""Large chunks on a real S3 server that is killed, slow, or gives other bytes than it got."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.volumes import MISSING, OK, REMOTE_NAME
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.remote import MARKER, StorageError
from cyfs_edge.store.s3 import S3Storage
from tests.s3_server import S3Server
from tests.storekit.kit import Bench, make_chunk, read_chunk
from tests.storekit.s3_kit import make_on, prefix_of

pytestmark = pytest.mark.slow
LARGE = 50_000


def state_of(store: LmdbStore) -> str:
    return next(place.state for place in store.volumes.states() if place.name == REMOTE_NAME)


async def test_objects_are_put_compared_listed_and_deleted(s3_server: S3Server, bench: Bench) -> None:
    storage = s3_server.storage(prefix_of(bench))
    for number in range(5):
        storage.put(f"name-{number}", b"data" * number)
    assert storage.get("name-3", 12) == b"data" * 3
    assert storage.get("name-3", 4) == b"datad", "one byte more tells that it is longer"
    assert storage.get("none", 5) is None
    assert storage.list("name-1") == ["name-2", "name-3", "name-4"]
    storage.delete(["name-0", "name-1", "none"])
    assert storage.list("") == ["name-2", "name-3", "name-4"]
    assert s3_server.storage("another").list("") == []
    with pytest.raises(StorageError) as caught:
        s3_server.storage("x", endpoint="http://127.0.0.1:9").get("a", 1)
    assert "127.0.0.1:9" in str(caught.value)


async def test_other_bytes_than_it_got(s3_server: S3Server, bench: Bench) -> None:
    storage = s3_server.storage(prefix_of(bench))
    store = make_on(bench, storage, cache_size=0)
    changed, lost, good = (make_chunk(number, LARGE) for number in range(3))
    await store.chunks.put_many([changed, lost, good])
    for name in storage.list(""):
        if name.startswith(changed[0].hex()):
            storage.put(name, bytes(LARGE))
        elif name.startswith(lost[0].hex()):
            storage.delete([name])
    for chunk_id in (changed[0], lost[0]):
        with pytest.raises(CyfsError) as caught:
            await store.chunks.read(chunk_id)
        assert caught.value.code == ErrorCode.IO_ERROR
    assert await read_chunk(store, good[0]) == good[1]
    assert state_of(store) == OK
    report = await store.scrub()
    assert {problem.object_id for problem in report.problems} == {changed[0], lost[0]}
    await store.close()


async def test_a_server_that_is_killed_in_the_middle_and_comes_back(s3_server: S3Server, bench: Bench) -> None:
    store = make_on(bench, s3_server.storage(prefix_of(bench), timeout=3), cache_size=3 * LARGE)
    early = [make_chunk(("early", number), LARGE) for number in range(20)]
    await store.chunks.put_many(early)
    acknowledged = dict(early)

    async def put(worker: int) -> None:
        for number in range(60):
            chunk_id, data = make_chunk((worker, number), LARGE)
            await store.chunks.put(chunk_id, data)
            acknowledged[chunk_id] = data

    async def read() -> None:
        while True:
            for chunk_id, data in early:
                assert await read_chunk(store, chunk_id) == data

    running = asyncio.gather(*(put(worker) for worker in range(4)), read(), return_exceptions=True)
    while len(acknowledged) < 40:
        await asyncio.sleep(0)
    await asyncio.to_thread(s3_server.kill)
    ends = await running
    assert [end.code for end in ends if isinstance(end, CyfsError)] == [ErrorCode.CONNECT_FAILED] * 5
    assert state_of(store) == MISSING
    # What is here goes on.
    assert await store.chunks.put(*make_chunk("small", 100)) is True
    await store.chunks.delete(early[0][0])
    del acknowledged[early[0][0]]
    await asyncio.to_thread(s3_server.start)
    bench.clock.seconds += 5
    for chunk_id, data in acknowledged.items():
        assert await read_chunk(store, chunk_id) == data
    assert await store.chunks.put(*make_chunk("after", LARGE)) is True
    report = await store.scrub()
    assert report.problems == []
    assert 1 <= report.orphans <= 10, "the deleted one, and at most those that nobody was told of"
    report = await store.scrub()
    assert (report.problems, report.orphans) == ([], 0)
    await store.close()
    left = [name for name in s3_server.storage(prefix_of(bench)).list("") if name != MARKER]
    assert len(left) == len(acknowledged) + 1


class Slow:
    """A connection to the server that can be made to stand still."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0

    @asynccontextmanager
    async def running(self, port: int) -> AsyncIterator[None]:
        tasks: set[asyncio.Task[None]] = set()

        async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while data := await reader.read(65_536):
                    await self.open.wait()
                    writer.write(data)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, to_there = await asyncio.open_connection("127.0.0.1", port)
            for task in (
                asyncio.ensure_future(copy(reader, to_there)),
                asyncio.ensure_future(copy(there, writer)),
            ):
                tasks.add(task)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_server_that_stands_still_holds_up_nothing_else(s3_server: S3Server, bench: Bench) -> None:
    slow = Slow()
    async with slow.running(int(s3_server.endpoint.rsplit(":", 1)[1])):
        storage = s3_server.storage(prefix_of(bench), timeout=1, endpoint=f"http://127.0.0.1:{slow.port}")
        store = make_on(bench, storage, cache_size=2 * LARGE)
        chunks = [make_chunk(number, LARGE) for number in range(12)]
        for chunk in chunks:
            await store.chunks.put(*chunk)
        slow.open.clear()
        start = time.monotonic()
        waiting = [asyncio.ensure_future(store.chunks.read(chunk_id)) for chunk_id, _ in chunks[:10]]
        waiting += [asyncio.ensure_future(store.chunks.put(*make_chunk(("new", 1), LARGE)))]  # type: ignore[list-item]
        await asyncio.sleep(0)
        for chunk_id, data in chunks[-2:]:
            assert await read_chunk(store, chunk_id) == data
        assert await store.chunks.put(*make_chunk("small", 100)) is True
        assert not any(task.done() for task in waiting), "they wait for the server"
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert time.monotonic() - start < 20
        assert {result.code for result in results if isinstance(result, CyfsError)} == {ErrorCode.CONNECT_FAILED}
        assert all(isinstance(result, CyfsError) for result in results)
        slow.open.set()
        bench.clock.seconds += 5
        for chunk_id, data in chunks:
            assert await read_chunk(store, chunk_id) == data
        await store.close()


async def test_a_server_that_gives_a_byte_now_and_then_is_given_up(s3_server: S3Server, bench: Bench) -> None:
    """Each byte comes in time, all of them do not. The clock is moved, so that nobody has to wait for it."""
    storage = s3_server.storage(prefix_of(bench))
    storage.put("name", bytes(3 << 20))
    seconds = iter(range(0, 10_000, 60))
    slow = S3Storage(storage.settings, lambda: next(seconds))
    with pytest.raises(StorageError) as caught:
        slow.get("name", 3 << 20)
    assert "in the time for all of them" in str(caught.value)
    assert len(storage.get("name", 3 << 20) or b"") == 3 << 20
