"""Backups without a node: making a repository, looking into one, and bringing all of a backup back into a root.

A restore works in ``data/restore``; the store gets its name when everything in it is verified, and ``device.desc``,
without which no gateway starts, is written last. Broken off anywhere it is run again and goes on.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.backup.create import Progress
from cyfs_edge.core.backup.ports import RootFile
from cyfs_edge.core.backup.repository import Found, Repository, create_repository, find_snapshot
from cyfs_edge.core.backup.restore import Restorer, SnapshotReader
from cyfs_edge.core.backup.service import snapshot_json
from cyfs_edge.core.backup.verify import Verifier
from cyfs_edge.core.backup.walk import walk_maps
from cyfs_edge.core.ports import Store
from cyfs_edge.core.scrub import SPACE
from cyfs_edge.host.backup.opening import Repositories
from cyfs_edge.host.backup.root_files import EtcFiles, write_key
from cyfs_edge.host.clock import SystemClock
from cyfs_edge.host.worker import SystemRandom, ThreadWorker
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.stack import STORE_PATH
from cyfs_edge.store.chunk_files import sync_directory
from cyfs_edge.store.lmdb_store import LmdbStore, StoreOptions
from cyfs_edge.wire.backup import layout
from cyfs_edge.wire.backup.keys import BackupKey

T = TypeVar("T")
Report = Callable[[str, int, int], None]

RESTORE_PATH = "data/restore"
DEVICE_DESC = "etc/desc/device.desc"
DEVICE_SEC = "etc/desc/device.sec"
_RESTORED = "restored"
"""The record that says which backup a store came from: written at the end, before the store gets its name."""
_RESTORING = "restoring"


def _places(root: Path, default: str | None = None) -> tuple[Repositories, ThreadWorker]:
    worker = ThreadWorker()
    return Repositories(root, default, SystemRandom(), worker, os.environ), worker


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def make_repository(root: Path, target: str | None, key: BackupKey) -> str:
    """Gives the address of the new repository."""

    async def work() -> str:
        places, _ = _places(root)
        place = await places.target(target)
        try:
            await create_repository(place, key, SystemRandom())
            return place.text
        finally:
            await place.close()

    return _run(work())


def look(
    root: Path, target: str | None, key: BackupKey, action: str, *, read_data: bool = False, drop_damaged: bool = False
) -> dict[str, object]:
    """``list`` or ``verify`` as the jobs of a node do them."""

    async def work() -> dict[str, object]:
        places, worker = _places(root)
        with tempfile.TemporaryDirectory(prefix="cyfs-backup-") as folder:
            repository = await places.open(target, key, Path(folder))
            try:
                if action == "verify":
                    verifier = Verifier(repository, worker, lambda progress: None)
                    return asdict(await verifier.run(read_data=read_data, drop_damaged=drop_damaged))
                found = await repository.snapshots()
                sizes = [size async for _, size in repository.files(layout.PACKS)]
                return {
                    "target": repository.target.text,
                    "size": sum(sizes),
                    "snapshots": [snapshot_json(one) for one in found],
                }
            finally:
                await repository.close()

    return _run(work())


def restore_root(
    root: Path,
    target: str | None,
    key: BackupKey,
    wanted: str | None,
    *,
    replace: bool,
    floor: int | None,
    default: str | None,
    report: Report,
) -> dict[str, object]:
    """All of a backup into ``root``. ``replace``: a store that is there is set aside first.

    ``ALREADY_EXISTS`` when there is one, ``CONFLICT`` when the root is another device.
    """

    async def work() -> dict[str, object]:
        places, worker = _places(root, default)
        repository = await places.open(target, key)
        try:
            await repository.sync()
            found = find_snapshot(await repository.snapshots(), wanted)
            return await _Restore(root, repository, found, worker, floor, report).run(replace=replace)
        finally:
            await repository.close()

    result = _run(work())
    write_key(root, key)
    return result


class _Restore:
    def __init__(
        self,
        root: Path,
        repository: Repository,
        found: Found,
        worker: ThreadWorker,
        floor: int | None,
        report: Report,
    ) -> None:
        self._root = root
        self._found = found
        self._reader = SnapshotReader(repository, found.snapshot, worker)
        self._files = EtcFiles(root)
        self._options = StoreOptions(floor=floor)
        self._report = report

    async def run(self, *, replace: bool) -> dict[str, object]:
        files = {file.path: file for file in await self._reader.config()}
        await self._check_identity(files)
        final = self._root / STORE_PATH
        done: dict[str, object] = {"objects": 0, "chunks": 0, "missing": 0}
        if not await self._is_ours(final):
            if final.exists() and not replace:
                raise CyfsError(
                    ErrorCode.ALREADY_EXISTS,
                    f"there is a store in {final} already, and a restore replaces nothing. Take another root, or set "
                    "it aside with --replace; one DecApp is brought back into it with --dec ID",
                )
            done = await self._store()
        kept = [path for path in sorted(files) if not await self._file(files[path])]
        if not await self._is_ours(final):
            if final.exists():
                _set_aside(final)
            (self._root / RESTORE_PATH).rename(final)
            sync_directory(final.parent)
        if DEVICE_DESC in files and await self._files.read(DEVICE_DESC) is None:
            await self._files.write(files[DEVICE_DESC])
        return {"snapshot": self._found.id, **done, "kept": kept, "roots": self._roots()}

    def _roots(self) -> dict[str, str]:
        return {root.name: str(root.root) for root in self._found.snapshot.roots}

    async def _check_identity(self, files: dict[str, RootFile]) -> None:
        held = await self._files.read(DEVICE_DESC)
        device_id = self._found.snapshot.device_id
        if held is None:
            if DEVICE_SEC not in files and await self._files.read(DEVICE_SEC) is None:
                raise CyfsError(
                    ErrorCode.NOT_INIT,
                    f"the backup of device {device_id} does not hold its private key. Make the device from its "
                    "recovery sheet first (cyfs-edge init --restore, with the device id text of the sheet), then "
                    "restore again",
                )
            return
        found: ObjectId | None
        try:
            found = decode_object(held).object_id
        except CyfsError:
            found = None
        if found != device_id:
            raise CyfsError(
                ErrorCode.CONFLICT,
                f"{self._root} is the device {found}, the backup is of {device_id}. Restore it into another root",
            )

    async def _is_ours(self, final: Path) -> bool:
        """Whether an earlier run of this restore has put the store into its place."""
        if not final.exists():
            return False
        store = LmdbStore.open(final, clock=SystemClock(), options=self._options)
        try:
            return await store.records.get(SPACE, _RESTORED) == self._found.name
        finally:
            await store.close()

    async def _store(self) -> dict[str, object]:
        """All of the snapshot, verified, in the passing folder."""
        half = self._root / RESTORE_PATH
        if half.exists() and await self._left_by(half) != self._found.name:
            shutil.rmtree(half)
        store = LmdbStore.open(half, clock=SystemClock(), options=self._options)
        try:
            await store.records.put(SPACE, _RESTORING, self._found.name)
            done = await Restorer(self._reader, store, self._progress).all()
            missing = await self._missing(store)
            await store.records.put(SPACE, _RESTORED, self._found.name)
            await store.records.delete(SPACE, _RESTORING)
        finally:
            await store.close()
        return {**asdict(done), "missing": missing}

    async def _left_by(self, half: Path) -> bytes | None:
        try:
            store = LmdbStore.open(half, clock=SystemClock(), options=self._options)
        except CyfsError as error:
            if error.code != ErrorCode.IO_ERROR:
                raise
            return None
        try:
            left = await store.records.get(SPACE, _RESTORING)
            return left if left is not None else await store.records.get(SPACE, _RESTORED)
        finally:
            await store.close()

    def _progress(self, progress: Progress) -> None:
        self._report(progress.phase, progress.done, progress.total)

    async def _missing(self, store: Store) -> int:
        return sum([len((await walk_maps(store.objects, root.root))[1]) for root in self._found.snapshot.roots])

    async def _file(self, file: RootFile) -> bool:
        """False when another one is there, which stays."""
        held = await self._files.read(file.path)
        if held is None:
            if file.path != DEVICE_DESC:
                await self._files.write(file)
            return True
        return held == file.data


def _set_aside(path: Path) -> None:
    number = 1
    while (aside := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    path.rename(aside)
    sync_directory(path.parent)
