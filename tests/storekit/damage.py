"""Opens a store and reads all of it, in a process of its own: a damaged file must not end it by a signal.

Prints ``ok``, or ``open`` or ``read`` with code and text of the error.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.ports import Change, Durability
from cyfs_edge.store.lmdb_store import LmdbStore
from tests.storekit.kit import Bench, gathered, make_lmdb, make_record, put_record, read_chunk


async def main(directory: Path) -> None:
    try:
        store = make_lmdb(Bench(directory))
    except CyfsError as error:
        print("open", int(error.code), error.message)
        return
    errors = [error for error in [await read_all(store), await write_some(store)] if error is not None]
    try:
        report = await store.scrub()
        if report.problems:
            print("scrub", len(report.problems), "problems")
    except CyfsError as error:
        errors.append(error)
    await store.close()
    for error in errors:
        print("use", int(error.code), error.message)
    if not errors:
        print("ok")


async def read_all(store: LmdbStore) -> CyfsError | None:
    problem = None
    try:
        for object_id in await gathered(store.objects.list_ids()):
            try:
                await store.objects.get(object_id)
            except CyfsError as error:
                problem = error
        async for chunk_id in store.chunks.list_ids():
            try:
                await read_chunk(store, chunk_id)
            except CyfsError as error:
                problem = error
    except CyfsError as error:
        problem = error
    return problem


async def write_some(store: LmdbStore) -> CyfsError | None:
    problem = None
    for number in range(40):
        record = make_record(number, 700, update_time=9)
        try:
            await store.objects.update(record.object_id, lambda held: Change(None, delete=True))
            await put_record(store, record, Durability.DURABLE)
        except CyfsError as error:
            problem = error
    return problem


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
