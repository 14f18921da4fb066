"""One collection: what it knows to be of use so far, and what it is told meanwhile (docs/storage.md, "Collection")."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.references import is_container, references
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.store.id_set import IdSet

ReadObject = Callable[[ObjectId], bytes | None]
"""The bytes of an object as it came; ``None`` when it is not here."""
ReadChunk = Callable[[ChunkId], bytes | None]

WRITES_AT_ONCE = 256


class Collection:
    """Marks by one thread at a time: the pool's, and the writer's while that one waits.

    Before the sweep whatever is read stays, after it begins whatever is not marked is gone. Whatever is written stays.
    """

    __slots__ = ("_live", "_reads", "_writes", "_written", "sweeping")

    def __init__(self) -> None:
        self._live = IdSet()
        # Appended to by the loop and the writer, emptied by whoever marks: both ends of a deque are safe to use so.
        self._reads: deque[ObjectId] = deque()
        self._writes: deque[ObjectId] = deque()
        self._written: set[ObjectId] = set()
        self.sweeping = False

    def is_live(self, object_id: ObjectId) -> bool:
        return object_id in self._live or object_id in self._written

    def read(self, object_id: ObjectId, made_here: bool) -> bool:
        """A reader has found it. False when it is given up already."""
        if not made_here or self.is_live(object_id):
            return True
        if self.sweeping:
            return False
        self._reads.append(object_id)
        return True

    def wrote(self, object_id: ObjectId) -> None:
        """It was written, or found where it was to be written."""
        self._written.add(object_id)
        self._writes.append(object_id)

    @property
    def has_reads(self) -> bool:
        return bool(self._reads)

    @property
    def has_writes(self) -> bool:
        return bool(self._writes)

    def mark_reads(self, read_object: ReadObject, read_chunk: ReadChunk) -> None:
        while self._reads:
            self.mark((self._reads.popleft(),), read_object, read_chunk)

    def mark_writes(self, read_object: ReadObject, read_chunk: ReadChunk) -> bool:
        """Of those written so far, as the writer sees them: not all of it need be committed. True when all are done."""
        for _ in range(WRITES_AT_ONCE):
            if not self._writes:
                return True
            object_id = self._writes.popleft()
            self.mark((object_id,), read_object, read_chunk, again=True)
            self._written.discard(object_id)
        return not self._writes

    def mark(
        self, roots: Iterable[ObjectId], read_object: ReadObject, read_chunk: ReadChunk, *, again: bool = False
    ) -> None:
        """These and all that they lead to are of use. ``again``: also when they were marked, for they have changed."""
        waiting = list(roots)
        while waiting:
            object_id = waiting.pop()
            new = self._live.add(object_id)
            if not (new or again) or not is_container(object_id):
                continue
            again = False
            raw = read_object(object_id)
            if raw is not None:
                waiting += references(decode_object(raw), read_chunk)
