"""The store on an S3 server, for the conformance kit."""

from __future__ import annotations

from hashlib import sha256

from cyfs_edge.store.lmdb_store import LmdbStore, RemoteOptions
from cyfs_edge.store.remote import ObjectStorage
from tests.s3_server import S3Server
from tests.storekit.kit import Bench, Maker, fill_disk, free_disk, make_lmdb

CACHE_SIZE = 300_000
"""So small that the tests read from the server as well as from the cache."""

_running: list[S3Server] = []


def use_server(server: S3Server) -> None:
    _running[:] = [server]


def prefix_of(bench: Bench) -> str:
    """Each bench has a place of its own in the bucket, the same one whenever its store is opened."""
    return sha256(bytes(bench.directory)).hexdigest()[:20]


def make_on(bench: Bench, storage: ObjectStorage, cache_size: int = CACHE_SIZE) -> LmdbStore:
    return make_lmdb(bench, RemoteOptions(storage, cache_size))


def _make(bench: Bench) -> LmdbStore:
    return make_on(bench, _running[0].storage(prefix_of(bench)))


S3 = Maker("s3", _make, fill_disk, free_disk, lasting=True)
