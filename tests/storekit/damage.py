"""Opens stores and uses them, in a process of its own: a damaged file must not end it by a signal.

Arguments are folders of stores. Prints a line for each: its name, then ``ok``, or ``open`` or ``use`` with the error.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.store.lmdb_store import LmdbStore
from tests.storekit.kit import Bench, delete_object, gathered, make_lmdb, make_record, put_record, read_chunk


async def try_store(directory: Path) -> str:
    try:
        store = make_lmdb(Bench(directory))
    except CyfsError as error:
        return f"open {int(error.code)} {error.message}"
    errors: list[CyfsError] = []
    await read_all(store, errors)
    await write_some(store, errors)
    try:
        report = await store.scrub()
        if report.problems:
            errors.append(CyfsError(110, f"scrub found {len(report.problems)} problems"))
    except CyfsError as error:
        errors.append(error)
    await store.close()
    return f"use {int(errors[0].code)} {errors[0].message}" if errors else "ok"


async def read_all(store: LmdbStore, errors: list[CyfsError]) -> None:
    try:
        objects, chunks = await gathered(store.objects.list_ids()), [one async for one in store.chunks.list_ids()]
    except CyfsError as error:
        errors.append(error)
        return
    for object_id in objects:
        try:
            await store.objects.get(object_id)
        except CyfsError as error:
            errors.append(error)
    for chunk_id in chunks:
        try:
            await read_chunk(store, chunk_id)
        except CyfsError as error:
            errors.append(error)


async def write_some(store: LmdbStore, errors: list[CyfsError]) -> None:
    for number in range(40):
        record = make_record(number, 700, update_time=9)
        try:
            await delete_object(store, record.object_id)
            await put_record(store, record)
        except CyfsError as error:
            errors.append(error)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, asyncio.run(try_store(Path(name))), flush=True)
