"""All places of a store that take large chunks, and which of them gets a new one (docs/storage.md, "Chunk files")."""

from __future__ import annotations

from collections.abc import Iterator

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.volumes import OK, ROOT_NAME, PlaceState
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_files import ChunkFiles
from cyfs_edge.store.chunk_place import ChunkPlace, Written
from cyfs_edge.store.errors import is_full
from cyfs_edge.store.pool import IoPool
from cyfs_edge.store.remote import RemoteChunks
from cyfs_edge.store.space import SpaceGuard
from cyfs_edge.store.volume import Volume

_ROW_SIZE = 1024
"""More than a row takes."""


class Places:
    """``volumes`` by number. Changed by their service only; read by all threads."""

    __slots__ = ("_guard", "remote", "root", "volumes")

    def __init__(self, root: ChunkFiles, guard: SpaceGuard, remote: RemoteChunks | None) -> None:
        """``remote``: where all new large chunks go, if there is one."""
        self._guard = guard
        self.root = root
        self.remote = remote
        self.volumes: dict[int, Volume] = {}

    def get(self, number: int) -> ChunkPlace:
        """``ERROR_STATE`` for a place that this store does not have now."""
        if number == rows.IN_FILE:
            return self.root
        place = self.remote if number == rows.REMOTE else self.volumes.get(number)
        if place is None:
            what = "a remote store, and [chunks] does not say which" if number == rows.REMOTE else "an unknown volume"
            raise CyfsError(ErrorCode.ERROR_STATE, f"the chunk is in {what}", place=str(number))
        return place

    def each(self) -> Iterator[ChunkPlace]:
        yield self.root
        yield from list(self.volumes.values())
        if self.remote is not None:
            yield self.remote

    @property
    def write_pool(self) -> IoPool:
        return (self.remote or self.root).pool

    def write(self, chunk_id: ChunkId, data: bytes) -> Written:
        """To the remote, else to the first volume that has room, else to the folder of the store.

        In the threads of ``write_pool``. ``CONNECT_FAILED``: the remote does not answer.
        ``ERROR_STATE`` while a volume that is to take chunks is missing or failing: what was to go to a large disk must
        not fill a small one. ``OUT_OF_LIMIT`` when there is no room anywhere. ``OSError``.
        """
        if self.remote is not None:
            self._make_room(self.remote)
            return self.remote.write(chunk_id, data)
        wanted = [volume for volume in list(self.volumes.values()) if not volume.draining]
        for volume in wanted:
            volume.check_usable()
        for volume in wanted:
            if volume.has_room(len(data)):
                try:
                    return volume.write(chunk_id, data)
                except OSError as error:
                    if not is_full(error):
                        raise
        self._guard.check(len(data))
        return self.root.write(chunk_id, data)

    def _make_room(self, remote: RemoteChunks) -> None:
        """For the row; what is only cached is no reason to refuse a chunk."""
        try:
            self._guard.check(_ROW_SIZE)
        except CyfsError:
            remote.clear_cache()
            self._guard.check(_ROW_SIZE)

    def accepts(self, written: Written) -> bool:
        """Whether a row may speak of it: not when its volume was given up meanwhile. In the writer's order."""
        if written.number in (rows.IN_FILE, rows.REMOTE):
            return True
        volume = self.volumes.get(written.number)
        return volume is not None and not volume.draining

    def drop(self, written: Written) -> None:
        try:
            self.get(written.number).drop(written)
        except CyfsError:
            return  # gone with its volume

    def states(self) -> list[PlaceState]:
        here = PlaceState(ROOT_NAME, str(self.root.root), OK, free=self._guard.free())
        states = [here, *(volume.state() for volume in list(self.volumes.values()))]
        return states if self.remote is None else [*states, self.remote.state()]

    def stop(self) -> None:
        """Lets go of the remote. Blocks."""
        if self.remote is not None:
            self.remote.close()

    def close(self) -> None:
        self.root.close()
