"""How the LMDB store is opened: its files, its lock, formats, and what is refused."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import lmdb
import pytest
import pytest_asyncio

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store import lmdb_env
from cyfs_edge.store.data_file import DATA_NAME
from cyfs_edge.store.lmdb_store import LmdbStore
from cyfs_edge.store.lock import LOCK_NAME, holder_of
from tests.storekit.kit import (
    Bench,
    delete_object,
    edit,
    make_chunk,
    make_lmdb,
    make_record,
    put_record,
)


@pytest_asyncio.fixture
async def store(bench: Bench) -> AsyncIterator[LmdbStore]:
    made = make_lmdb(bench)
    yield made
    await made.close()


async def test_the_files_are_the_owners_alone(store: LmdbStore, bench: Bench) -> None:
    await store.chunks.put(*make_chunk(1, 10_000))
    for folder, _, files in os.walk(bench.directory):
        assert os.stat(folder).st_mode & 0o077 == 0
        for name in files:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0, name


async def test_a_second_opener_is_told_who_has_it(store: LmdbStore, bench: Bench) -> None:
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.ERROR_STATE
    assert f"in use by process {os.getpid()}" in caught.value.message
    assert holder_of(bench.directory / LOCK_NAME) == os.getpid()
    assert await put_record(store, make_record(1)) is True, "the first one goes on"


async def test_the_lock_is_free_after_closing(bench: Bench) -> None:
    await make_lmdb(bench).close()
    assert holder_of(bench.directory / LOCK_NAME) is None
    await make_lmdb(bench).close()


async def test_a_refused_opening_leaves_the_lock_free(bench: Bench) -> None:
    await make_lmdb(bench).close()
    (bench.directory / DATA_NAME).write_bytes(b"junk")
    with pytest.raises(CyfsError):
        make_lmdb(bench)
    assert holder_of(bench.directory / LOCK_NAME) is None


async def test_a_newer_format_is_refused_with_its_release(bench: Bench) -> None:
    await make_lmdb(bench).close()
    edit(bench, lmdb_env.FORMAT_KEY, b'{"version": 2, "created": 1, "release": "9.9"}')
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.NOT_SUPPORT
    assert "format 2" in caught.value.message
    assert "9.9" in caught.value.message


async def test_an_older_format_is_migrated_step_by_step(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_lmdb(bench)
    await put_record(store, make_record(1))
    await store.close()
    monkeypatch.setattr(lmdb_env, "FORMAT_VERSION", 3)
    monkeypatch.setitem(lmdb_env.MIGRATIONS, 1, lambda txn: txn.put(b"step", b"1"))
    monkeypatch.setitem(lmdb_env.MIGRATIONS, 2, lambda txn: txn.put(b"step", txn.get(b"step") + b"2"))
    store = make_lmdb(bench)
    assert await store.objects.get(make_record(1).object_id) == make_record(1)
    await store.close()
    env = lmdb.open(str(bench.directory), max_dbs=8)
    with env.begin() as txn:
        assert txn.get(b"step") == b"12"
        assert b'"version": 3' in txn.get(lmdb_env.FORMAT_KEY)
    env.close()


@pytest.mark.parametrize("row", [b"", b"{", b"[]", b'{"version": "1"}', None], ids=repr)
async def test_an_unreadable_format_is_damage(bench: Bench, row: bytes | None) -> None:
    await make_lmdb(bench).close()
    edit(bench, lmdb_env.FORMAT_KEY, row)
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.IO_ERROR
    assert "damaged" in caught.value.message


async def test_chunks_without_their_index_are_no_new_store(bench: Bench) -> None:
    await make_lmdb(bench).close()
    (bench.directory / DATA_NAME).unlink()
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.IO_ERROR
    assert "missing" in caught.value.message


async def test_no_store_is_made_on_a_full_disk(bench: Bench) -> None:
    bench.disk.free = 0
    with pytest.raises(CyfsError) as caught:
        make_lmdb(bench)
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert not (bench.directory / DATA_NAME).exists()


async def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(CyfsError):
            make_lmdb(Bench(path))


async def test_a_store_is_opened_again_on_a_full_disk(bench: Bench) -> None:
    store = make_lmdb(bench)
    await put_record(store, make_record(1))
    await store.close()
    bench.disk.free = 0
    store = make_lmdb(bench)
    assert await store.objects.get(make_record(1).object_id) == make_record(1)
    assert await delete_object(store, make_record(1).object_id) is True
    await store.close()


def test_too_little_address_space_is_said(bench: Bench) -> None:
    """In a process of its own, whose limit is below what the store reserves."""
    script = f"""
import asyncio
import contextlib
from pathlib import Path
from tests.storekit.kit import Bench, make_lmdb
from cyfs_edge.base.errors import CyfsError
try:
    make_lmdb(Bench(Path({str(bench.directory)!r})))
except CyfsError as error:
    print(int(error.code), error.message)
"""
    limit = 4 << 30
    done = subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=True,
    )
    code, message = done.stdout.split(" ", 1)
    assert int(code) == ErrorCode.OUT_OF_LIMIT
    assert "ulimit -v" in message
