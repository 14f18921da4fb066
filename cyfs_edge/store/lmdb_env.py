"""Making and opening the LMDB file of a store, and the version of what is in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb

import cyfs_edge
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.committer import COUNTERS_KEY, USAGE_PREFIX
from cyfs_edge.store.data_file import DATA_NAME
from cyfs_edge.store.engine import Table
from cyfs_edge.store.errors import translate
from cyfs_edge.store.rows import damaged
from cyfs_edge.store.tree_check import check_data_file
from cyfs_edge.store.view import Counters

FORMAT_VERSION = 1
FORMAT_KEY = b"format"

MIGRATIONS: dict[int, Callable[[lmdb.Transaction], None]] = {}
"""From the version that is the key to the next one, inside one transaction. Version 1 is the first."""

_READERS_NAME = "lock.mdb"
_READERS_SIZE = 16384
"""Its table of readers, for more of them than py-lmdb asks for; in it are no data."""

MAP_SIZE = 128 << 30
"""Address space reserved at open; the file grows as used."""


def create_data_file(directory: Path, now: int) -> None:
    """Makes an empty store. It appears whole or not at all; ``directory`` is yet to be synced."""
    final, new = directory / DATA_NAME, directory / (DATA_NAME + ".new")
    try:
        new.unlink(missing_ok=True)
        env = lmdb.open(
            str(new), subdir=False, lock=False, map_size=16 << 20, max_dbs=len(Table), mode=0o600, **_engine()
        )
        try:
            for table in Table:
                env.open_db(table.value)
            with env.begin(write=True) as txn:
                txn.put(FORMAT_KEY, _format_row(now))
                txn.put(COUNTERS_KEY, Counters().encode())
        finally:
            env.close()
        os.rename(new, final)
    except (lmdb.Error, OSError) as error:
        raise translate(error, f"making a store in {directory}") from error


def open_env(directory: Path, *, map_size: int, sync: bool, thorough: bool) -> lmdb.Environment:
    """Opens what :func:`create_data_file` made, after looking (``thorough`` or not) whether it is safe to map."""
    if sys.maxsize < 1 << 32:
        raise CyfsError(ErrorCode.NOT_SUPPORT, "the store needs a 64-bit system: it maps more than 4 GiB of addresses")
    check_data_file(directory / DATA_NAME, thorough=thorough)
    try:
        _reserve(directory / _READERS_NAME, _READERS_SIZE)
        return lmdb.open(
            str(directory),
            map_size=map_size,
            max_dbs=len(Table),
            sync=sync,
            writemap=False,
            create=False,
            mode=0o600,
            max_spare_txns=8,
        )
    except lmdb.MemoryError as error:
        raise CyfsError(
            ErrorCode.OUT_OF_LIMIT,
            f"the store reserves {map_size >> 20} MiB of addresses and did not get them; lift the limit of the process "
            "(ulimit -v, LimitAS=) or set a smaller map size",
        ) from error
    except (lmdb.Error, OSError) as error:
        raise translate(error, f"opening the store in {directory}") from error


def _reserve(path: Path, size: int) -> None:
    """Gives the file its blocks: LMDB writes to this one through a map, which on a full disk is SIGBUS."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)
    finally:
        os.close(fd)


def check_format(env: lmdb.Environment) -> str:
    """Brings the store to ``FORMAT_VERSION``; gives its id. ``NOT_SUPPORT`` when it is newer than that."""
    try:
        with env.begin() as txn:
            held = _read_format(txn.get(FORMAT_KEY))
        with env.begin(write=bool(MIGRATIONS) or "store" not in held) as txn:
            found = _read_format(txn.get(FORMAT_KEY))
            version = found["version"]
            if version > FORMAT_VERSION or (version < FORMAT_VERSION and version not in MIGRATIONS):
                raise CyfsError(
                    ErrorCode.NOT_SUPPORT,
                    f"the store has format {version} (made by release {found.get('release', 'unknown')}), this release "
                    f"knows {FORMAT_VERSION}; install the release that wrote it, or a newer one",
                    version=version,
                )
            while version < FORMAT_VERSION:
                MIGRATIONS[version](txn)
                version += 1
                txn.put(FORMAT_KEY, _encode_format({**found, "version": version}))
            if "store" not in found:
                found = {**found, "version": version, "store": _new_id()}
                txn.put(FORMAT_KEY, _encode_format(found))
            return str(found["store"])
    except lmdb.Error as error:
        raise translate(error, "opening the store") from error


def read_counters(env: lmdb.Environment) -> Counters:
    with env.begin() as txn:
        row = txn.get(COUNTERS_KEY)
    if row is None:
        raise damaged("the counters are missing")
    return Counters.decode(row)


def read_usage(env: lmdb.Environment) -> dict[bytes, Counters]:
    """By the key of the account."""
    found: dict[bytes, Counters] = {}
    with env.begin() as txn, txn.cursor() as cursor:
        there = cursor.set_range(USAGE_PREFIX)
        while there and cursor.key().startswith(USAGE_PREFIX):
            found[cursor.key()[len(USAGE_PREFIX) :]] = Counters.decode(cursor.value())
            there = cursor.next()
    return found


def _engine() -> dict[str, Any]:
    # py-lmdb 3 carries two engines; releases before it, Debian's among them, read only what the first one writes.
    return {"lib_version": 0} if hasattr(lmdb.Environment, "lib_version") else {}


def _format_row(now: int) -> bytes:
    return _encode_format(
        {"version": FORMAT_VERSION, "created": now, "release": cyfs_edge.__version__, "store": _new_id()}
    )


def _new_id() -> str:
    return os.urandom(8).hex()


def _encode_format(found: dict[str, Any]) -> bytes:
    return json.dumps(found).encode()


def _read_format(row: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(row or b"")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("version"), int):
        raise damaged("the row that tells its format is missing or unreadable")
    return found
