"""The volumes of an LMDB store: added, drained, removed (port ``Volumes``; docs/storage.md, "Volumes")."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.ports import Durability
from cyfs_edge.core.volumes import (
    LEFT_LISTED,
    MISSING,
    REMOTE_NAME,
    ROOT_NAME,
    DrainReport,
    PlaceState,
    PlaceUse,
    unknown_volume,
)
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_place import Written, verify_chunk
from cyfs_edge.store.chunks import drop_chunk
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.errors import translate
from cyfs_edge.store.places import Places
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.records import LmdbRecords
from cyfs_edge.store.rows import ChunkHead, damaged
from cyfs_edge.store.space import Space
from cyfs_edge.store.view import View
from cyfs_edge.store.volume import FOLDER, Marker, Volume, make_volume, read_marker, unmake_volume
from cyfs_edge.store.writer import Writer

VOLUMES_MAX = 64
"""Volumes of one store at a time."""
_DELETES = 64
"""Rows deleted in one operation, so that no put waits long behind it."""


@dataclass(frozen=True, slots=True)
class VolumeSetup:
    """What volumes are made with. ``directory``: of the store, on whose disk none should be."""

    store_id: str
    directory: Path
    space: Callable[[Path], Space]
    monotonic: Callable[[], float]
    floor: int | None


def _nothing(view: View) -> None:
    """An operation that changes nothing: it comes after all that were submitted before, and commits what is lazy."""


class LmdbVolumes:
    __slots__ = ("_changes", "_engine", "_places", "_pool", "_records", "_setup", "_writer")

    def __init__(
        self,
        engine: Engine,
        places: Places,
        writer: Writer,
        pool: IoPool,
        records: LmdbRecords,
        setup: VolumeSetup,
    ) -> None:
        """Takes up the volumes that the store remembers; one that is not there is ``missing``."""
        self._engine = engine
        self._places = places
        self._writer = writer
        self._pool = pool
        self._records = records
        self._setup = setup
        self._changes = asyncio.Lock()
        for volume in self._remembered():
            volume.refresh()
            places.volumes[volume.number] = volume

    def _remembered(self) -> Iterator[Volume]:
        prefix = rows.record_prefix(rows.OWN_SPACE)
        for key in self._engine.keys(Table.RECORDS, prefix, None):
            row = self._engine.get(Table.RECORDS, key)
            try:
                found = json.loads(rows.decode_record(key, row or b""))
                number = int(key[len(prefix) :])
                yield self._volume(number, str(found["id"]), str(found["path"]), draining=bool(found["draining"]))
            except (ValueError, KeyError, TypeError):
                raise damaged(f"the record of volume {key!r} cannot be read") from None

    def _volume(self, number: int, volume_id: str, path: str, *, draining: bool) -> Volume:
        setup = self._setup
        return Volume(
            number,
            volume_id,
            path,
            setup.store_id,
            self._pool,
            setup.space,
            setup.monotonic,
            setup.floor,
            draining=draining,
        )

    async def _remember(self, volume: Volume) -> None:
        value = json.dumps({"id": volume.id, "path": volume.path, "draining": volume.draining})
        await self._records.put(rows.OWN_SPACE, f"{volume.number:03}", value.encode())

    def _find(self, name: str) -> Volume:
        for volume in self._places.volumes.values():
            if volume.id == name:
                return volume
        raise unknown_volume(name)

    # -- looking ------------------------------------------------------------------------------------------------------

    def states(self) -> list[PlaceState]:
        return self._places.states()

    async def refresh(self) -> list[PlaceState]:
        for volume in list(self._places.volumes.values()):
            await self._pool.run(volume.refresh)
        if self._places.remote is not None:
            await self._places.remote.pool.run(self._places.remote.refresh)
        return self.states()

    async def use(self) -> dict[str, PlaceUse]:
        names = {rows.IN_FILE: ROOT_NAME, rows.REMOTE: REMOTE_NAME}
        names |= {volume.number: volume.id for volume in self._places.volumes.values()}
        found = {name: PlaceUse() for name in names.values()}
        async for page in self._heads():
            for chunk_id, number in page:
                use = found.get(names.get(number, ""))
                if use is not None:
                    use.chunks += 1
                    use.bytes += chunk_id.length
        return found

    async def chunks(self, name: str, after: ChunkId | None = None) -> AsyncIterator[ChunkId]:
        number = self._find(name).number
        async for page in self._heads(after):
            for chunk_id, place in page:
                if place == number:
                    yield chunk_id

    async def _heads(self, after: bytes | None = None) -> AsyncIterator[list[tuple[ChunkId, int]]]:
        """Of all chunks with the numbers of their places, in pages; what is lazy is committed first."""
        await self._writer.submit(_nothing, Durability.DURABLE)
        while page := await self._pool.run(self._engine.heads, Table.CHUNKS, after, rows.CHUNK_HEAD):
            yield [(ChunkId(key), rows.place_of(head)) for key, head in page]
            after = page[-1][0]

    # -- add ----------------------------------------------------------------------------------------------------------

    async def add(self, path: str, *, same_disk: bool = False) -> PlaceState:
        async with self._changes:
            try:
                volume = await self._pool.run(self._make, path, same_disk)
            except OSError as error:
                raise translate(error, f"making a volume in {path}") from error
            await self._remember(volume)
            self._places.volumes[volume.number] = volume
            return volume.state()

    def _make(self, text: str, same_disk: bool) -> Volume:
        path = Path(text)
        if not path.is_absolute() or not path.is_dir():
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a volume is the absolute path of a folder, not {text!r}")
        path = path.resolve()
        held = self._places.volumes
        if len(held) >= VOLUMES_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"there are {VOLUMES_MAX} volumes; more are too many")
        directory = self._setup.directory.resolve()
        if path == directory or directory in path.parents:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{path} is in the folder of the store itself")
        for volume in held.values():
            if Path(volume.path) == path:
                raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{path} is volume {volume.id} already")
        if not same_disk and os.stat(path).st_dev == os.stat(directory).st_dev:
            raise CyfsError(
                ErrorCode.INVALID_PARAM,
                f"{path} is on the disk that the store is on. Mount the other disk there first, "
                "or say --same-disk if that is what you want",
            )
        marker = read_marker(path / FOLDER)
        if marker is None:
            marker = Marker(os.urandom(8).hex(), self._setup.store_id)
        elif marker.store_id != self._setup.store_id:
            raise CyfsError(
                ErrorCode.ALREADY_EXISTS,
                f"{path} has volume {marker.volume_id} of another store; if that is of no use, remove {FOLDER} there",
            )
        elif any(volume.id == marker.volume_id for volume in held.values()):
            raise CyfsError(ErrorCode.ALREADY_EXISTS, f"{path} has a volume that is in use: {marker.volume_id}")
        make_volume(path, marker)
        number = next(number for number in range(rows.VOLUME_MIN, rows.REMOTE) if number not in held)
        volume = self._volume(number, marker.volume_id, str(path), draining=False)
        volume.refresh()
        volume.check_usable()
        return volume

    # -- drain --------------------------------------------------------------------------------------------------------

    async def set_draining(self, name: str, draining: bool) -> None:
        async with self._changes:
            volume = self._find(name)
            if volume.draining == draining:
                return
            # Before the record: whatever the writer runs after it gives the volume nothing more.
            volume.draining = draining
            try:
                await self._remember(volume)
            except BaseException:
                volume.draining = not draining
                raise

    async def drain(self, name: str, progress: Callable[[DrainReport], None] | None = None) -> DrainReport:
        volume = self._find(name)
        await self.set_draining(name, True)
        report = DrainReport()
        async for page in self._heads():
            report.total += sum(number == volume.number for _, number in page)
        if report.total and await self._pool.run(self._state_of, volume) == MISSING:
            raise volume.error()
        async for page in self._heads():
            for chunk_id, number in page:
                if number != volume.number:
                    continue
                what = await self._move(volume, chunk_id)
                if what is None:
                    report.chunks += 1
                    report.bytes += chunk_id.length
                else:
                    report.failed += 1
                    report.left += [(chunk_id, what)] if len(report.left) < LEFT_LISTED else []
                if progress is not None:
                    progress(report)
        return report

    @staticmethod
    def _state_of(volume: Volume) -> str:
        volume.refresh()
        return volume.state().state

    async def _move(self, volume: Volume, chunk_id: ChunkId) -> str | None:
        """What keeps the chunk from being moved, if anything does: only what is wrong with it alone."""
        try:
            data = await self._pool.run(_read_all, volume, chunk_id)
        except OSError as error:
            return f"its file cannot be read: {error}"
        except CyfsError as error:
            if "place" in error.context:
                raise
            return error.message
        places = self._places
        try:
            written = await places.write_pool.run_owned(partial(places.write, chunk_id, data), places.drop)
        except OSError as error:
            raise translate(error, "moving a chunk") from error
        move = partial(self._switch, volume.number, chunk_id, written)
        await self._writer.submit(move, Durability.DURABLE, 0, (written,))
        return None

    def _switch(self, number: int, chunk_id: ChunkId, written: Written, view: View) -> None:
        """Runs as an operation: the row speaks of the new place from now on, unless the chunk went meanwhile."""
        row = view.get(Table.CHUNKS, chunk_id)
        if row is None or rows.place_of(row) != number:
            return
        if not self._places.accepts(written):
            raise CyfsError(ErrorCode.ERROR_STATE, "the volume that a chunk was moved to is drained, too; do it again")
        head = rows.decode_chunk_head(chunk_id, row)
        moved = ChunkHead(written.number, head.time, head.claim)
        view.put(Table.CHUNKS, chunk_id, rows.encode_chunk(chunk_id, moved, written.note))
        view.place_file(written)
        view.remove_file(chunk_id, number, row[rows.CHUNK_HEAD :])

    # -- remove -------------------------------------------------------------------------------------------------------

    async def remove(self, name: str, progress: Callable[[int], None] | None = None, *, lost: bool = False) -> PlaceUse:
        volume, dropped = self._find(name), PlaceUse()
        if lost and await self._pool.run(self._state_of, volume) in ("ok", "draining"):
            raise CyfsError(
                ErrorCode.ERROR_STATE,
                f"volume {name} is here and well; move what it has elsewhere: cyfs-edge volume drain {name}",
            )
        await self.set_draining(name, True)
        async for page in self._heads():
            held = [chunk_id for chunk_id, number in page if number == volume.number]
            if held and not lost:
                raise CyfsError(
                    ErrorCode.ERROR_STATE, f"volume {name} still has chunks; first: cyfs-edge volume drain {name}"
                )
            for start in range(0, len(held), _DELETES):
                some = held[start : start + _DELETES]
                gone = await self._writer.submit(partial(_drop, volume.number, some), Durability.DURABLE)
                dropped.chunks += gone.chunks
                dropped.bytes += gone.bytes
                if progress is not None:
                    progress(dropped.chunks)
        async with self._changes:
            await self._records.delete(rows.OWN_SPACE, f"{volume.number:03}")
            self._places.volumes.pop(volume.number, None)
        if not lost:
            await self._pool.run(unmake_volume, volume.folder)
        return dropped


def _drop(number: int, chunk_ids: list[ChunkId], view: View) -> PlaceUse:
    """Runs as an operation."""
    dropped = PlaceUse()
    for chunk_id in chunk_ids:
        row = view.get(Table.CHUNKS, chunk_id)
        if row is not None and rows.place_of(row) == number:
            drop_chunk(view, chunk_id, row)
            dropped.chunks += 1
            dropped.bytes += chunk_id.length
    return dropped


def _read_all(volume: Volume, chunk_id: ChunkId) -> bytes:
    """The verified bytes. ``OSError``; ``CyfsError`` with ``place`` when it is the volume that cannot be read."""
    fd = volume.open_fresh(chunk_id, b"")
    try:
        data = os.pread(fd, chunk_id.length + 1, 0)
    finally:
        os.close(fd)
    verify_chunk(chunk_id, data)
    return data
