"""Large chunks as objects of a remote engine, with a cache of them here (docs/storage.md, "Remote engine").

Each upload has a name of its own, which the row of the chunk remembers. So a delete that arrives late never hits what
was put after it, and what was uploaded in vain is known by having no row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.volumes import MISSING, OK, REMOTE_NAME, PlaceState
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_cache import ChunkCache, in_memory
from cyfs_edge.store.chunk_files import chunk_of_name
from cyfs_edge.store.chunk_place import Written, verify_chunk
from cyfs_edge.store.pool import IoPool

T = TypeVar("T")

MARKER = "cyfs-edge-store.json"
MARKER_MAX = 4096
RETRY_S = 2.0
"""How long nothing is asked of a remote that failed."""
DOOMED_MAX = 100_000
"""Objects that wait to be deleted at a time; what is beyond is left to scrub."""
_DELETES = 1000
_LOCKS = 16
_NOTE = rows.PLACE_NOTE[rows.REMOTE]


class StorageError(Exception):
    """A remote store did not do what it was asked. Its text says what it said."""


class ObjectStorage(Protocol):
    """Whole objects by name. Calls block, each for a bounded time, from any thread. All errors are ``StorageError``."""

    @property
    def where(self) -> str:
        """For people."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Returns when the store has all bytes, verified by it."""
        ...

    def get(self, name: str, limit: int) -> bytes | None:
        """``None`` when there is none. Of a longer object ``limit + 1`` bytes."""
        ...

    def delete(self, names: list[str]) -> None:
        """At most 1,000. One that is not there is no error."""
        ...

    def list(self, after: str) -> list[str]:
        """Some of the names after ``after``, in the order of the store; none at the end."""
        ...


class RemoteChunks:
    """A :class:`ChunkPlace`. While the remote fails, everything that needs it is ``CONNECT_FAILED`` at once."""

    __slots__ = (
        "_busy",
        "_cache",
        "_deleting",
        "_doomed",
        "_has_rows",
        "_lock",
        "_locks",
        "_marker_lock",
        "_monotonic",
        "_next_try",
        "_since",
        "_storage",
        "_store_id",
        "_verified",
        "_why",
        "number",
        "pool",
    )

    def __init__(
        self,
        storage: ObjectStorage,
        cache: ChunkCache,
        pool: IoPool,
        store_id: str,
        has_rows: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        """``has_rows``: whether the store has chunks with a remote already. ``pool`` is closed with it."""
        self.number = rows.REMOTE
        self.pool = pool
        self._storage = storage
        self._cache = cache
        self._store_id = store_id
        self._has_rows = has_rows
        self._monotonic = monotonic
        self._busy: set[bytes] = set()
        # Doomed since the last listing began; it may have seen some of them all the same.
        self._since: set[str] = set()
        self._doomed: dict[str, None] = {}
        self._deleting = False
        self._lock = Lock()
        self._marker_lock = Lock()
        self._locks = tuple(Lock() for _ in range(_LOCKS))
        self._verified = False
        self._why = ""
        self._next_try = float("-inf")

    def state(self) -> PlaceState:
        return PlaceState(REMOTE_NAME, self._storage.where, MISSING if self._why else OK, self._why)

    def refresh(self) -> None:
        """Looks whether it answers. Never raises."""
        try:
            self._call(lambda: self._storage.get(MARKER, MARKER_MAX))
        except CyfsError:
            return

    def clear_cache(self) -> None:
        self._cache.clear()

    def close(self) -> None:
        """Deletes what waits for it, if the remote answers."""
        self.pool.close()
        self._delete_doomed()

    # -- the remote ---------------------------------------------------------------------------------------------------

    def _call(self, work: Callable[[], T]) -> T:
        if self._why and self._monotonic() < self._next_try:
            raise self.error()
        try:
            if not self._verified:
                self._verify_marker()
            result = work()
        except StorageError as error:
            self._why = str(error)
            self._next_try = self._monotonic() + RETRY_S
            raise self.error() from error
        self._why = ""
        return result

    def error(self) -> CyfsError:
        return CyfsError(
            ErrorCode.CONNECT_FAILED,
            f"the remote store of large chunks at {self._storage.where} does not answer as it should: {self._why}. "
            "Look at the server, the network and [chunks] in the configuration; it is tried again by itself",
            place=REMOTE_NAME,
        )

    def _verify_marker(self) -> None:
        """Whether the place there is ours: two stores in one would delete each other's chunks."""
        with self._marker_lock:
            if self._verified:
                return
            held = self._storage.get(MARKER, MARKER_MAX)
            if held is None:
                if self._has_rows():
                    raise StorageError(f"{MARKER} is missing there, though chunks of this store should be")
                self._storage.put(MARKER, json.dumps({"format": 1, "store": self._store_id}).encode() + b"\n")
                held = self._storage.get(MARKER, MARKER_MAX)
            if store_of_marker(held or b"") != self._store_id:
                raise StorageError("the place belongs to another store; choose another prefix")
            self._verified = True

    def _name(self, chunk_id: ChunkId, note: bytes) -> str:
        return f"{chunk_id.hex()}-{note.hex()}"

    def _doom(self, name: str) -> None:
        with self._lock:
            if len(self._since) <= DOOMED_MAX:
                self._since.add(name)
            if len(self._doomed) >= DOOMED_MAX:
                return
            self._doomed[name] = None
            if self._deleting:
                return
            self._deleting = True
        try:
            self.pool.submit(self._delete_doomed)
        except CyfsError:
            return  # closing, which deletes them

    def _delete_doomed(self) -> None:
        while True:
            with self._lock:
                some = list(self._doomed)[:_DELETES]
                if not some:
                    self._deleting = False
                    return
            try:
                self._call(lambda names=some: self._storage.delete(names))  # type: ignore[misc]
            except CyfsError:
                with self._lock:
                    self._doomed.clear()  # objects without a row; scrub removes them
                continue
            with self._lock:
                for name in some:
                    self._doomed.pop(name, None)

    # -- ChunkPlace ---------------------------------------------------------------------------------------------------

    def write(self, chunk_id: ChunkId, data: bytes) -> Written:
        note = os.urandom(_NOTE)
        name = self._name(chunk_id, note)
        # Known before it is there: scrub takes nothing for forgotten that is on its way.
        self._busy.add(note)
        try:
            self._call(lambda: self._storage.put(name, data))
        except BaseException:
            self._doom(name)  # it may have arrived all the same
            self._busy.discard(note)
            raise
        os.close(self._cache.add(chunk_id, data))
        return Written(self.number, chunk_id, Path(), note)

    def drop(self, written: Written) -> None:
        if written.note in self._busy:
            self._doom(self._name(written.chunk_id, written.note))
            self._busy.discard(written.note)

    def place(self, written: Written) -> None:
        self._busy.discard(written.note)

    def sync(self) -> None:
        """It was durable before :meth:`write` returned."""

    def copy_back(self, written: Written) -> None:
        """Each copy has a name of its own, so that none is ever the bytes of an older row."""

    def take_back(self, written: Written) -> None:
        self._busy.add(written.note)

    def remove(self, chunk_id: ChunkId, note: bytes) -> None:
        self._cache.remove(chunk_id)
        self._doom(self._name(chunk_id, note))

    def open_now(self, chunk_id: ChunkId, note: bytes) -> int | None:
        return self._cache.open(chunk_id)

    def open(self, chunk_id: ChunkId, note: bytes) -> int:
        fd = self._cache.open(chunk_id)
        if fd is not None:
            return fd
        # Who wants the same chunk at the same time waits for the first one to have it.
        with self._locks[chunk_id[-1] % _LOCKS]:
            fd = self._cache.open(chunk_id)
            return self._cache.add(chunk_id, self._get_verified(chunk_id, note)) if fd is None else fd

    def _get(self, chunk_id: ChunkId, note: bytes) -> bytes:
        data = self._call(lambda: self._storage.get(self._name(chunk_id, note), chunk_id.length))
        if data is None:
            raise FileNotFoundError(f"no object {self._name(chunk_id, note)}")
        return data

    def _get_verified(self, chunk_id: ChunkId, note: bytes) -> bytes:
        try:
            data = self._get(chunk_id, note)
            verify_chunk(chunk_id, data)
        except CyfsError as error:
            if "place" in error.context:
                raise
            # Perhaps spoiled on the way.
            data = self._get(chunk_id, note)
            try:
                verify_chunk(chunk_id, data)
            except CyfsError as again:
                what = f"what the remote store at {self._storage.where} gives for it is wrong: {again.message}"
                raise rows.damaged(what) from again
        return data

    def open_fresh(self, chunk_id: ChunkId, note: bytes) -> int:
        return in_memory(self._get(chunk_id, note))

    def holds(self, chunk_id: ChunkId, note: bytes) -> bool:
        # Of too many nothing is known: then nothing is taken for forgotten.
        known = len(self._since) < DOOMED_MAX
        return known and note not in self._busy and self._name(chunk_id, note) not in self._since

    def names(self) -> Iterator[tuple[ChunkId, bytes]]:
        with self._lock:
            self._since = set(self._doomed)
        after = ""
        while page := self._call(lambda start=after: self._storage.list(start)):  # type: ignore[misc]
            for name in page:
                found = parse_name(name)
                if found is not None and self.holds(*found):
                    yield found
            after = page[-1]


def parse_name(name: str) -> tuple[ChunkId, bytes] | None:
    """Chunk and note of the name of an object; ``None`` for names that we do not make."""
    head, _, tail = name.partition("-")
    chunk_id = chunk_of_name(head)
    try:
        note = bytes.fromhex(tail)
    except ValueError:
        return None
    return (chunk_id, note) if chunk_id is not None and len(note) == _NOTE and tail == note.hex() else None


def store_of_marker(data: bytes) -> str | None:
    """The id of the store that a marker names; ``None`` when it is no marker."""
    try:
        found = json.loads(data)["store"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
