"""The store of an OOD: objects, chunks and the file index under one folder, opened by one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import lmdb

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.ports import Clock, Pace, ScrubReport, StoreStat
from cyfs_edge.store.chunk_cache import ChunkCache
from cyfs_edge.store.chunk_files import ChunkFiles, sync_directory
from cyfs_edge.store.chunks import INLINE_MAX, LmdbChunks
from cyfs_edge.store.collector import REST, LmdbSpace
from cyfs_edge.store.committer import Committer
from cyfs_edge.store.data_file import DATA_NAME
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.errors import translate
from cyfs_edge.store.file_index import LmdbFileIndex
from cyfs_edge.store.lmdb_env import MAP_SIZE, check_format, create_data_file, open_env, read_counters, read_usage
from cyfs_edge.store.lock import LOCK_NAME, StoreLock
from cyfs_edge.store.objects import LmdbObjects
from cyfs_edge.store.places import Places
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.records import LmdbRecords
from cyfs_edge.store.remote import ObjectStorage, RemoteChunks
from cyfs_edge.store.rows import CHUNK_HEAD, REMOTE, damaged, place_of
from cyfs_edge.store.scrub import Scrub
from cyfs_edge.store.space import Space, SpaceGuard, space_of
from cyfs_edge.store.state import LmdbState
from cyfs_edge.store.volumes import LmdbVolumes, VolumeSetup
from cyfs_edge.store.writer import BatchLimits, Writer

CHUNKS_NAME = "chunks"
CACHE_NAME = "cache"

_NEW_STORE_SIZE = 1 << 20
"""Bytes that making a store may take, more than it does."""


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Where all new large chunks go, and how many bytes of them are kept here as well."""

    storage: ObjectStorage
    cache_size: int = 1 << 30
    threads: int = 4


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """``floor``: bytes kept free, ``None`` for 2 % within 64 MiB and 1 GiB. ``space``: how free space is asked for.

    ``sync=False`` loses acknowledged data at a power cut; it is there for the test that shows so.
    """

    floor: int | None = None
    map_size: int = MAP_SIZE
    inline_max: int = INLINE_MAX
    io_threads: int = 3
    limits: BatchLimits = field(default_factory=BatchLimits)
    space: Callable[[Path], Space] = space_of
    sync: bool = True
    collect_rest: float = REST
    remote: RemoteOptions | None = None


class LmdbStore:
    """The ports of ``Store``; ``close`` once at the end."""

    def __init__(
        self,
        directory: Path,
        env: lmdb.Environment,
        lock: StoreLock,
        guard: SpaceGuard,
        clock: Clock,
        options: StoreOptions,
        store_id: str,
    ) -> None:
        """Use :meth:`open`."""
        self._directory = directory
        self._lock = lock
        self._guard = guard
        self._engine = Engine(env)
        counters = read_counters(env)
        self._pool = IoPool(options.io_threads)
        remote = None if options.remote is None else self._open_remote(options.remote, store_id, clock)
        self._places = Places(ChunkFiles.make(directory / CHUNKS_NAME, self._pool), guard, remote)
        self._committer = Committer(self._engine, self._places, self._guard, clock, counters, read_usage(env))
        self._writer = Writer(self._committer, clock, options.limits)
        self.objects = LmdbObjects(self._engine, self._writer, self._pool)
        self.chunks = LmdbChunks(self._engine, self._places, self._writer, self._pool, clock, options.inline_max)
        self.files = LmdbFileIndex(self._engine, self._writer, self._pool)
        self.state = LmdbState(self._engine, self._writer)
        self.records = LmdbRecords(self._engine, self._writer, self._pool)
        self.space = LmdbSpace(
            self._engine, self._committer, self._writer, self._pool, self.chunks, clock, options.collect_rest
        )
        setup = VolumeSetup(store_id, directory, options.space, clock.monotonic, options.floor)
        self.volumes = LmdbVolumes(self._engine, self._places, self._writer, self._pool, self.records, setup)
        self._writer.start()

    def _open_remote(self, options: RemoteOptions, store_id: str, clock: Clock) -> RemoteChunks:
        cache = ChunkCache(self._directory / CACHE_NAME, options.cache_size, self._guard)
        pool = IoPool(options.threads)
        return RemoteChunks(options.storage, cache, pool, store_id, self._has_remote_rows, clock.monotonic)

    def _has_remote_rows(self) -> bool:
        after: bytes | None = None
        while page := self._engine.heads(Table.CHUNKS, after, CHUNK_HEAD):
            if any(place_of(head) == REMOTE for _, head in page):
                return True
            after = page[-1][0]
        return False

    @classmethod
    def open(cls, directory: Path, *, clock: Clock, options: StoreOptions | None = None) -> LmdbStore:
        """Opens the store in ``directory`` and makes it when there is none.

        ``ERROR_STATE``: another process has it open. ``NOT_SUPPORT``: written by a newer release. ``IO_ERROR``: it is
        damaged, or the disk fails. ``OUT_OF_LIMIT``: no space to make it, or no addresses to map it.
        """
        options = options or StoreOptions()
        try:
            _make_directory(directory)
            lock = StoreLock(directory / LOCK_NAME)
            lock.acquire()
        except OSError as error:
            raise translate(error, f"opening the store in {directory}") from error
        guard = SpaceGuard(partial(options.space, directory), clock.monotonic, options.floor)
        env: lmdb.Environment | None = None
        try:
            if not (directory / DATA_NAME).exists():
                if (directory / CHUNKS_NAME).exists():
                    raise damaged(f"{directory / DATA_NAME} is missing while {directory / CHUNKS_NAME} is there")
                guard.check(_NEW_STORE_SIZE)
                create_data_file(directory, clock.now())
            # Before anything is made beside it, and also when it was there: its maker may have died before this.
            sync_directory(directory)
            env = open_env(directory, map_size=options.map_size, sync=options.sync, thorough=lock.left_open)
            store_id = check_format(env)
            return cls(directory, env, lock, guard, clock, options, store_id)
        except BaseException as error:
            if env is not None:
                env.close()
            lock.release(orderly=not lock.left_open)
            if isinstance(error, (lmdb.Error, OSError)):
                raise translate(error, f"opening the store in {directory}") from error
            raise

    @property
    def failure(self) -> CyfsError | None:
        """Why nothing can be written any more until the store is opened anew; ``None`` when all is well."""
        return self._committer.failure

    def stat(self) -> StoreStat:
        """``bytes_written``: what the store gave the system to write since it was opened."""
        counters = self._committer.counters
        blocks = (self._directory / DATA_NAME).stat().st_blocks * 512
        return StoreStat(
            object_count=counters.objects,
            storage_size=counters.object_bytes,
            chunk_count=counters.chunks,
            chunk_size=counters.chunk_bytes,
            file_size=blocks + counters.file_bytes,
            free_space=self._guard.free(),
            bytes_written=self._writer.bytes_written() + self.chunks.file_bytes_written,
            commits=self._committer.commits,
        )

    async def scrub(
        self, progress: Callable[[ScrubReport], None] | None = None, pace: Pace | None = None
    ) -> ScrubReport:
        """Reads all there is and compares it with its hashes. Changes nothing but files that no row speaks of."""
        return await Scrub(self._engine, self._places, self._writer, self._pool).run(progress, pace)

    async def close(self) -> None:
        """Commits what waits, then lets go of files and lock. Calls that come later are ``ERROR_STATE``."""
        await asyncio.get_running_loop().run_in_executor(None, self._stop_threads)
        # Here, on the loop, nobody is in the middle of a read when the file is unmapped.
        self._engine.close()
        self._places.close()
        self._lock.release(orderly=self.failure is None)

    def _stop_threads(self) -> None:
        self._writer.stop()
        self._places.stop()
        self._pool.close()


def _make_directory(directory: Path) -> None:
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700)
        sync_directory(path.parent)
    sync_directory(directory.parent)
    if not directory.is_dir():
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{directory} is not a folder")
