"""The store with a remote engine, for the conformance kit: in memory, and on an S3 server."""

from __future__ import annotations

from hashlib import sha256

from cyfs_edge.store.lmdb_store import LmdbStore, RemoteOptions
from cyfs_edge.store.remote import ObjectStorage, StorageError
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


class MemoryStorage:
    """The port at its plainest. ``down``: what it answers to everything, ``calls``: how often it was asked."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = ""
        self.calls = 0
        self.where = "memory"

    def _asked(self) -> None:
        self.calls += 1
        if self.down:
            raise StorageError(self.down)

    def put(self, name: str, data: bytes) -> None:
        self._asked()
        self.objects[name] = data

    def get(self, name: str, limit: int) -> bytes | None:
        self._asked()
        data = self.objects.get(name)
        return None if data is None else data[: limit + 1]

    def delete(self, names: list[str]) -> None:
        self._asked()
        for name in names:
            self.objects.pop(name, None)

    def list(self, after: str) -> list[str]:
        self._asked()
        return sorted(name for name in list(self.objects) if name > after)[:100]


_memories: dict[str, MemoryStorage] = {}


def memory_of(bench: Bench) -> MemoryStorage:
    """What outlives the store of a bench."""
    return _memories.setdefault(str(bench.directory), MemoryStorage())


REMOTE = Maker("remote", lambda bench: make_on(bench, memory_of(bench)), fill_disk, free_disk, lasting=True)
S3 = Maker("s3", _make, fill_disk, free_disk, lasting=True)
