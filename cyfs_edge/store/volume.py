"""One further volume: a folder on another disk that takes large chunks (docs/storage.md, "Volumes").

It is known by its marker, a file with its id. Without it nothing is read, written or made there: an empty mount point
stays empty.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.volumes import DRAINING, FAILING, MISSING, OK, PlaceState
from cyfs_edge.store.chunk_files import ChunkFiles, make_layout, remove_layout, sync_directory
from cyfs_edge.store.chunk_place import Written
from cyfs_edge.store.errors import is_full, translate
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.space import Space, SpaceGuard

FOLDER = "cyfs-volume"
MARKER = "volume.json"
MARKER_MAX = 4096
CHUNKS = "chunks"
RETRY_S = 1.0
"""How often a volume that is not well is looked at again, while somebody asks for it."""


class Marker(NamedTuple):
    volume_id: str
    store_id: str


class Volume:
    """A :class:`ChunkPlace`, and its state: ``missing`` and ``failing`` end by themselves when the disk is back."""

    __slots__ = (
        "_files",
        "_free",
        "_guard",
        "_inode",
        "_lock",
        "_monotonic",
        "_next_look",
        "_state",
        "_store_id",
        "_why",
        "draining",
        "id",
        "number",
        "path",
        "pool",
    )

    def __init__(
        self,
        number: int,
        volume_id: str,
        path: str,
        store_id: str,
        pool: IoPool,
        space: Callable[[Path], Space],
        monotonic: Callable[[], float],
        floor: int | None,
        *,
        draining: bool = False,
    ) -> None:
        self.number = number
        self.id = volume_id
        self.path = path
        self.pool = pool
        self.draining = draining
        self._store_id = store_id
        self._guard = SpaceGuard(partial(space, self.folder), monotonic, floor)
        self._monotonic = monotonic
        self._files: ChunkFiles | None = None
        self._inode = (-1, -1)
        self._state = MISSING
        self._why = "it was not looked at yet"
        self._free: int | None = None
        self._next_look = float("-inf")
        self._lock = Lock()

    @property
    def folder(self) -> Path:
        return Path(self.path, FOLDER)

    def state(self) -> PlaceState:
        state = DRAINING if self.draining and self._state == OK else self._state
        return PlaceState(self.id, self.path, state, self._why, self._free)

    def refresh(self) -> None:
        """Looks whether it is there, and whether one that was failing takes files again. Never raises."""
        with self._lock:
            try:
                files = self._find()
                self._free = self._guard.free()
            except (OSError, CyfsError) as error:
                self._lose(error)
                return
            if self._files is None:
                self._files = files
                self._state, self._why = OK, ""
                try:
                    files.sweep()
                except OSError as error:
                    self._fail(error)
            if self._state == FAILING:
                try:
                    probe = files.write(ChunkId.of_data(b""), b"")
                    files.drop(probe)
                    self._state, self._why = OK, ""
                except OSError as error:
                    self._fail(error)
            if self._state == OK and not os.access(files.root, os.W_OK):
                self._fail(OSError(errno.EROFS, os.strerror(errno.EROFS)))

    def _find(self) -> ChunkFiles:
        found = read_marker(self.folder)
        if found is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no {FOLDER}/{MARKER} is in that folder; is its disk mounted?")
        if found != (self.id, self._store_id):
            raise CyfsError(ErrorCode.UNMATCH, f"another volume is mounted there: {found.volume_id}")
        status = os.stat(self.folder / MARKER)
        files = ChunkFiles.find(self.folder / CHUNKS, self.pool, self.number)
        self._inode = (status.st_dev, status.st_ino)
        return files

    def _is_here(self) -> bool:
        try:
            status = os.stat(self.folder / MARKER)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._inode

    def _lose(self, why: object) -> None:
        self._files, self._free = None, None
        self._state, self._why = MISSING, why.message if isinstance(why, CyfsError) else str(why)
        self._next_look = self._monotonic() + RETRY_S

    def _fail(self, why: OSError) -> None:
        self._state, self._why = FAILING, f"it takes no files: {why}"
        self._next_look = self._monotonic() + RETRY_S

    def error(self) -> CyfsError:
        """Why it cannot be used as it is."""
        if self._state == FAILING:
            return CyfsError(
                ErrorCode.ERROR_STATE,
                f"volume {self.id} at {self.path} takes nothing: {self._why}. Look into the kernel log, check the disk "
                f"and how it is mounted; or move what it has elsewhere: cyfs-edge volume drain {self.id}",
                place=self.id,
            )
        return CyfsError(
            ErrorCode.ERROR_STATE,
            f"volume {self.id} at {self.path} is missing: {self._why}. Mount its disk there again; if it is lost for "
            f"good: cyfs-edge volume remove --lost {self.id}",
            place=self.id,
        )

    def _usable(self, *, writing: bool) -> ChunkFiles:
        if self._state == MISSING or (writing and self._state == FAILING):
            if self._monotonic() >= self._next_look:
                self.refresh()
        elif writing and not self._is_here():
            self.refresh()
        files = self._files
        if files is None or (writing and self._state == FAILING):
            raise self.error()
        return files

    def _judge(self, error: OSError, *, writing: bool) -> Exception:
        """What to raise for an error of its disk. A volume that is gone, or does not take a write, is known as such."""
        if is_full(error) or error.errno in (errno.EMFILE, errno.ENFILE):
            return error
        if not self._is_here():
            self.refresh()
            return self.error() if self._files is None else error
        if not writing or error.errno == errno.ENOENT:
            return error
        with self._lock:
            self._fail(error)
        return self.error()

    def check_usable(self) -> None:
        """Raises what keeps it from taking a chunk, other than a full disk."""
        self._usable(writing=True)

    def has_room(self, size: int) -> bool:
        try:
            self._guard.check(size)
        except CyfsError:
            return False
        except OSError as error:
            raise self._judge(error, writing=True) from error
        return True

    # -- ChunkPlace ---------------------------------------------------------------------------------------------------

    def write(self, chunk_id: ChunkId, data: bytes) -> Written:
        files = self._usable(writing=True)
        try:
            return files.write(chunk_id, data)
        except OSError as error:
            raise self._judge(error, writing=True) from error

    def drop(self, written: Written) -> None:
        if self._files is not None:
            self._files.drop(written)

    def place(self, written: Written) -> None:
        files = self._usable(writing=True)
        try:
            files.place(written)
        except OSError as error:
            raise self._judge(error, writing=True) from error

    def sync(self) -> None:
        """Always ``CyfsError``: the disk of the store itself is well."""
        files = self._usable(writing=True)
        try:
            files.sync()
        except OSError as error:
            raise translate(self._judge(error, writing=True), f"writing to volume {self.id}") from error

    def take_back(self, written: Written) -> None:
        self._usable(writing=False).take_back(written)

    def copy_back(self, written: Written) -> None:
        self._usable(writing=False).copy_back(written)

    def remove(self, chunk_id: ChunkId, note: bytes) -> None:
        self._usable(writing=False).remove(chunk_id, note)

    def holds(self, chunk_id: ChunkId, note: bytes) -> bool:
        return self._usable(writing=False).holds(chunk_id, note)

    def open(self, chunk_id: ChunkId, note: bytes) -> int:
        files = self._usable(writing=False)
        try:
            return files.open(chunk_id, note)
        except OSError as error:
            raise self._judge(error, writing=False) from error

    open_now = open_fresh = open

    def names(self) -> Iterator[tuple[ChunkId, bytes]]:
        files = self._usable(writing=False)
        try:
            yield from files.names()
        except OSError as error:
            raise self._judge(error, writing=False) from error


def read_marker(folder: Path) -> Marker | None:
    """``None`` when there is none. ``OSError``; ``INVALID_FORMAT`` when it is no marker."""
    try:
        with open(folder / MARKER, "rb") as file:
            data = file.read(MARKER_MAX)
    except FileNotFoundError:
        return None
    marker = decode_marker(data)
    if marker is None:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{folder / MARKER} is no marker of a volume")
    return marker


def decode_marker(data: bytes) -> Marker | None:
    """``None`` when it is no marker."""
    try:
        found = json.loads(data)
        volume_id, store_id = found["volume"], found["store"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    known = isinstance(volume_id, str) and isinstance(store_id, str) and re.fullmatch(r"[0-9a-f]{16}", volume_id)
    return Marker(volume_id, store_id) if known else None


def make_volume(path: Path, marker: Marker) -> None:
    """Makes the folder of a volume, whole and durable before its marker is there. ``OSError``."""
    folder = path / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    make_layout(folder / CHUNKS)
    sync_directory(folder / CHUNKS)
    new = folder / (MARKER + ".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags | os.O_CLOEXEC, 0o600)) as file:
        file.write(json.dumps({"format": 1, "volume": marker.volume_id, "store": marker.store_id}).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, folder / MARKER)
    sync_directory(folder)
    sync_directory(path)


def unmake_volume(folder: Path) -> None:
    """Removes what :func:`make_volume` made, where nothing else is in it. What cannot be removed stays."""
    try:
        remove_layout(folder / CHUNKS)
        (folder / MARKER).unlink()
        folder.rmdir()
        sync_directory(folder.parent)
    except OSError:
        return
