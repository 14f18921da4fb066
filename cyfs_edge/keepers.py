"""Composition of what keeps a node's data safe: backups, scrub, their timer. Loads what is heavy when it is used."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.pins import Pins
from cyfs_edge.core.jobs import Job, Jobs
from cyfs_edge.core.keeping import Duty, Keeping
from cyfs_edge.core.ports import Clock, Random, Store, Worker
from cyfs_edge.core.scrub import LAST_SCRUB, OpenCopies, ScrubService
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.host.waits import AsyncWaits
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.wire.config import Config

if TYPE_CHECKING:
    from cyfs_edge.core.backup.service import BackupService

SCRATCH_PATH = "data/rehearsal"
_ROOM = 1.25
"""A rehearsal needs more room than the bytes that it brings."""


class Keepers:
    """``pins``: roots that a running backup needs; the collection asks for them."""

    def __init__(
        self,
        config: Config,
        store: Store,
        zone: ZoneManager,
        states: Mapping[str, StateRoots],
        clock: Clock,
        worker: Worker,
        random: Random,
    ) -> None:
        self._config = config
        self._store = store
        self._zone = zone
        self._states = states
        self._clock = clock
        self._worker = worker
        self._random = random
        self._waits = AsyncWaits()
        self.pins = Pins()

    def backups(self) -> BackupService:
        return self._service

    @cached_property
    def _service(self) -> BackupService:
        # The libraries for sealing and SQLite are not for a node that takes no backups.
        from cyfs_edge.core.backup.service import BackupService, NodeParts
        from cyfs_edge.host.backup.opening import Repositories
        from cyfs_edge.host.backup.root_files import EtcFiles

        root = Path(self._config.root)
        places = Repositories(root, self._config.backup.target, self._random, self._worker, os.environ)
        parts = NodeParts(
            self._store, EtcFiles(root), self._zone.device_id, self._states, self._clock, self._worker, self.pins
        )
        return BackupService(parts, places.open, self._open_scratch, self._waits.mutex())

    async def _open_scratch(self, size: int) -> ScratchStore:
        directory = Path(self._config.root) / SCRATCH_PATH
        return await asyncio.to_thread(ScratchStore.open, directory, self._clock, size, self._config.store.min_free)

    def scrub(self) -> ScrubService:
        sources: list[OpenCopies] = []
        if self._config.backup.target is not None:
            sources.append(lambda: self._service.copies())
        return ScrubService(self._store, self._clock, self._waits.bell(), sources)

    async def take_over(self, job: Job, kind: str, path: str, option: str | None) -> object:
        """Imports a reference node's data (``option``: its instance) or an archive (``option``: its password)."""
        from cyfs_edge.core.importing import Importer, ImportSource
        from cyfs_edge.host.imports.archive import ReferenceArchive
        from cyfs_edge.host.imports.reference_root import ReferenceRoot

        make: Callable[[Path, str | None], ImportSource] = ReferenceRoot if kind == "reference" else ReferenceArchive
        source = await asyncio.to_thread(make, Path(path), option)
        return asdict(await Importer(self._store, self._worker, job).run(source))

    def timer(self, jobs: Jobs, others: list[Duty]) -> Keeping:
        """What the gateway runs beside its work; ``others``: duties that are none of keeping data safe."""
        scrub, backup = self._config.scrub, self._config.backup
        duties = [*others]
        if scrub.every:

            async def scrub_slowly(job: Job) -> object:
                return await self.scrub().run(job, repair=bool(backup.target), rate=scrub.rate)

            duties.append(Duty(LAST_SCRUB, "scrub", scrub.every, scrub_slowly))
        if backup.every and backup.target is not None:

            async def back_up(job: Job) -> object:
                from cyfs_edge.core.backup.retention import Keeping as Retention

                result = await self._service.create(job, None)
                keeping = Retention(backup.keep_last, backup.keep_daily, backup.keep_weekly)
                await self._service.forget(job, None, keeping, lazily=True)
                return result

            duties.append(Duty("backup", "backup-create", backup.every, back_up))
        return Keeping(self._store, jobs, self._clock, self._waits.bell(), duties)


class ScratchStore:
    """A store that is thrown away (port ``Scratch``)."""

    def __init__(self, directory: Path, store: LmdbStore) -> None:
        """Use :meth:`open`."""
        self._directory = directory
        self.store: Store = store

    @classmethod
    def open(cls, directory: Path, clock: Clock, size: int, floor: int | None) -> ScratchStore:
        """``OUT_OF_LIMIT`` when there is no room for ``size`` bytes. Removes what an earlier one left."""
        try:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(mode=0o700, parents=True)
            free = shutil.disk_usage(directory).free
        except OSError as error:
            raise CyfsError(ErrorCode.IO_ERROR, f"{directory}: {error.strerror}") from error
        if free < size * _ROOM:
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT,
                f"a rehearsal restores {size >> 20} MiB beside the store, and {free >> 20} MiB are free; "
                "make room, or restore the backup on another machine",
            )
        return cls(directory, LmdbStore.open(directory, clock=clock, options=StoreOptions(floor=floor)))

    async def discard(self) -> None:
        await self.store.close()
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)
