"""Bringing local files to a stack: read once, hashed in a few threads, sent in batches that share commits.

One thread walks; the others each have a connection. What is in memory is bounded: a few batches, a few chunks of one
large file, the names of the folders on the way, and the list of the Dir that is being made.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.cli import calls, local_file
from cyfs_edge.cli.client import Client
from cyfs_edge.cli.local_file import Stamp, Unreadable
from cyfs_edge.cli.progress import Progress
from cyfs_edge.cli.tree import FolderBegin, FolderEnd, Found, LeftOut, Step, walk
from cyfs_edge.objects.dir import make_dir_of_list
from cyfs_edge.objects.dir_list import EMPTY_LIST, ListBuilder
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import CHUNK_SIZE, make_file
from cyfs_edge.wire.file_batch import Asked, MadeFile, Seen

THREADS = 3
BATCH_STEPS = 512
BATCH_BYTES = 4 << 20
CARRIED_LIST_MAX = 1 << 20
"""Bytes of a list that a Dir carries along itself; a longer one is stored as a chunk."""
TOLD_MAX = 1000
"""Files that are named in a report; the rest are counted."""

_BATCHES_WAITING = 4
_CHUNKS_WAITING = 4
_CHUNK_LOST_TRIES = 2


@dataclass(slots=True)
class Report:
    """What became of one path. ``object_id``: ``None`` when nothing of it could be stored."""

    object_id: ObjectId | None = None
    files: int = 0
    unchanged: int = 0
    size: int = 0
    new_chunks: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    left_out_count: int = 0
    failed: list[tuple[bytes, Unreadable]] = field(default_factory=list)
    failed_count: int = 0


@dataclass(slots=True)
class _Made:
    """One file as it was read. ``object``: ``None`` when that failed, for ``error``."""

    object: NamedObject | None = None
    stamp: Stamp | None = None
    chunk: tuple[ChunkId, bytes] | None = None
    error: Unreadable | None = None


@dataclass(slots=True)
class _Batch:
    """Steps in order, and when it is done the ids of the files among them."""

    steps: list[Step] = field(default_factory=list)
    size: int = 0
    ids: Future[dict[str, ObjectId]] = field(default_factory=Future)


class Ingest:
    """For one owner. ``close`` at the end, also after a failure."""

    def __init__(
        self,
        client: Client,
        owner: ObjectId,
        bar: Progress,
        *,
        rehash: bool = False,
        avoid: bytes | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """``rehash``: reads every file, whatever is remembered of it. ``avoid``: a folder that is not put."""
        self._client = client
        self._owner = owner
        self._bar = bar
        self._rehash = rehash
        self._avoid = avoid
        self._now_ns = now_ns
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ingest")
        self._own = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        self._report = Report()
        self._place = self._walked = ""
        self._empty: ObjectId | None = None

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def put_file(self, path: bytes) -> Report:
        report = self._report = Report()
        self._place = local_file.place(self._owner, path)
        found = self._put_one(Found("", os.path.realpath(path)), None)
        report.object_id = found.get("")
        return report

    def put_folder(self, path: bytes) -> Report:
        """Files that cannot be read are reported, and the Dir is made of the rest."""
        report = self._report = Report()
        self._place = local_file.place(self._owner, path)
        listing = ListBuilder(self._store_dir)
        waiting: deque[_Batch] = deque()
        for batch in self._batches(path):
            waiting.append(batch)
            while waiting and (waiting[0].ids.done() or len(waiting) > _BATCHES_WAITING):
                self._enter(listing, waiting.popleft())
        while waiting:
            self._enter(listing, waiting.popleft())
        self._forget_rest()
        report.object_id = listing.finish()
        return report

    # The walking thread.

    def _batches(self, top: bytes) -> Iterator[_Batch]:
        """Batches that are being worked on. A file of more than one chunk has the pool for itself."""
        batch, self._walked = _Batch(), self._place
        for step in walk(top, self._avoid):
            if isinstance(step, LeftOut):
                self._leave_out(step)
                continue
            stamp = local_file.stamp_of(step.path) if isinstance(step, Found) else None
            size = stamp.size if stamp is not None else 0
            large = size > CHUNK_SIZE
            if batch.steps and (large or len(batch.steps) >= BATCH_STEPS or batch.size + size > BATCH_BYTES):
                yield self._start(batch)
                batch = _Batch()
            batch.steps.append(step)
            batch.size += size
            if large and isinstance(step, Found):
                begin, self._walked = self._walked, local_file.key_of(self._place, step.inner)
                batch.ids.set_result(self._put_one(step, begin))
                yield batch
                batch = _Batch()
        if batch.steps:
            yield self._start(batch)

    def _start(self, batch: _Batch) -> _Batch:
        files = [step for step in batch.steps if isinstance(step, Found)]
        begin = self._walked
        if files:
            self._walked = local_file.key_of(self._place, files[-1].inner)
        batch.ids = self._pool.submit(self._put_small, files, begin)
        return batch

    def _forget_rest(self) -> None:
        """What is remembered behind the last file is of files that are gone."""
        if not self._rehash:
            end = Seen(self._place + local_file.LAST, "")
            calls.files_known(self._client, Asked((end,), self._walked))

    def _enter(self, listing: ListBuilder, batch: _Batch) -> None:
        ids = batch.ids.result()
        for step in batch.steps:
            if isinstance(step, FolderBegin):
                listing.begin()
            elif isinstance(step, FolderEnd):
                listing.end(step.inner)
                if step.empty:
                    self._empty = self._empty or self._store_dir(EMPTY_LIST)
                    listing.add(step.inner, self._empty)
            elif isinstance(step, Found) and step.inner in ids:
                listing.add(step.inner, ids[step.inner])

    def _store_dir(self, listed: bytes) -> ObjectId:
        if len(listed) <= CARRIED_LIST_MAX:
            made = make_dir_of_list(self._owner, listed, update_time=0)
            try:
                calls.bring_files(self._client, [MadeFile(made.raw)])
                return made.object_id
            except CyfsError as error:
                # The gateway takes no object as large as this; a chunk is no object.
                if error.context.get("status") != 413:
                    raise
        made = make_dir_of_list(self._owner, listed, update_time=0, carry=False)
        calls.bring_chunks(self._client, [(ChunkId.of_data(listed), listed)])
        calls.bring_files(self._client, [MadeFile(made.raw)])
        return made.object_id

    # Files of one chunk, a batch in a call. On the pool.

    def _put_small(self, files: list[Found], begin: str) -> dict[str, ObjectId]:
        if not files:
            return {}
        client = self._client_of_thread()
        ids = self._ask(client, files, begin)
        fresh = [file for file in files if file.inner not in ids]
        made = [(file, self._read_small(file)) for file in fresh]
        for tries_left in reversed(range(_CHUNK_LOST_TRIES)):
            try:
                self._send(client, made)
                break
            except CyfsError as error:
                # A chunk went while we were at it; what is missing is sent again.
                if error.code != ErrorCode.NOT_FOUND or not tries_left:
                    raise
        for file, one in made:
            if one.error is not None:
                self._fail(file.path, one.error)
            elif one.object is not None:
                ids[file.inner] = one.object.object_id
                self._count(one.chunk[0].length if one.chunk else 0, unchanged=False)
        return ids

    def _send(self, client: Client, made: list[tuple[Found, _Made]]) -> None:
        chunks = dict(one.chunk for _, one in made if one.chunk is not None)
        there = calls.chunks_here(client, list(chunks))
        wanted = [chunk for chunk, is_there in zip(chunks.items(), there, strict=True) if not is_there]
        new = calls.bring_chunks(client, wanted)
        files = [
            MadeFile(one.object.raw, self._seen(file, one.stamp))
            for file, one in made
            if one.object is not None and one.stamp is not None
        ]
        if files:
            calls.bring_files(client, files)
        with self._lock:
            self._report.new_chunks += new

    def _read_small(self, file: Found) -> _Made:
        data = b""

        def read(fd: int, expected: int) -> int:
            nonlocal data
            data = local_file.read_piece(fd, min(expected, CHUNK_SIZE) + 1, 0)
            return len(data)

        try:
            stamp = local_file.read_steadily(file.path, read)
            if len(data) > CHUNK_SIZE:
                raise local_file.Changed
        except Unreadable as error:
            return _Made(error=error)
        digest = hashlib.sha256(data).digest()
        chunk_id = ChunkId.of_hash(digest, len(data))
        chunk_ids = [chunk_id] if data else []
        made = make_file(self._owner, len(data), digest, chunk_ids, update_time=0)
        return _Made(made, stamp, (chunk_id, data) if data else None)

    # A file of many chunks, which go to the pool while the next ones are read.

    def _put_one(self, file: Found, begin: str | None) -> dict[str, ObjectId]:
        ids = self._ask(self._client, [file], begin)
        if ids:
            return ids
        for tries_left in reversed(range(_CHUNK_LOST_TRIES)):
            try:
                made, stamp = self._read_large(file)
                calls.bring_files(self._client, [MadeFile(made.raw, self._seen(file, stamp))])
                break
            except Unreadable as error:
                self._fail(file.path, error)
                return {}
            except CyfsError as error:
                # A chunk went while we were at it; what is missing is sent again.
                if error.code != ErrorCode.NOT_FOUND or not tries_left:
                    raise
        self._count(stamp.size, unchanged=False, shown=True)
        return {file.inner: made.object_id}

    def _read_large(self, file: Found) -> tuple[NamedObject, Stamp]:
        whole = hashlib.sha256()
        chunk_ids: list[ChunkId] = []

        def read(fd: int, expected: int) -> int:
            nonlocal whole
            whole = hashlib.sha256()
            chunk_ids.clear()
            sending: deque[Future[ChunkId]] = deque()
            size = 0
            while size <= expected and (data := local_file.read_piece(fd, CHUNK_SIZE, size)):
                sending.append(self._pool.submit(self._send_chunk, data))
                whole.update(data)
                size += len(data)
                self._advance(len(data))
                if len(sending) >= _CHUNKS_WAITING:
                    chunk_ids.append(sending.popleft().result())
            chunk_ids.extend(future.result() for future in sending)
            return size

        stamp = local_file.read_steadily(file.path, read)
        return make_file(self._owner, stamp.size, whole.digest(), chunk_ids, update_time=0), stamp

    def _send_chunk(self, data: bytes) -> ChunkId:
        client = self._client_of_thread()
        chunk_id = ChunkId.of_data(data)
        if not calls.chunks_here(client, [chunk_id])[0]:
            new = calls.bring_chunks(client, [(chunk_id, data)])
            with self._lock:
                self._report.new_chunks += new
        return chunk_id

    # Both.

    def _ask(self, client: Client, files: list[Found], begin: str | None) -> dict[str, ObjectId]:
        """What is known of files that are as they were. The order of asking is that of the keys."""
        if self._rehash:
            return {}
        stamps: list[tuple[Found, Stamp, Seen]] = []
        for file in files:
            stamp = local_file.stamp_of(file.path)
            if stamp is not None:
                stamps.append((file, stamp, local_file.seen(local_file.key_of(self._place, file.inner), stamp)))
        known = calls.files_known(client, Asked(tuple(seen for _, _, seen in stamps), begin))
        ids: dict[str, ObjectId] = {}
        for (file, stamp, _), file_id in zip(stamps, known, strict=True):
            if file_id is not None:
                ids[file.inner] = file_id
                self._count(stamp.size, unchanged=True)
        return ids

    def _seen(self, file: Found, stamp: Stamp) -> Seen | None:
        if not stamp.is_settled(self._now_ns()):
            return None
        return local_file.seen(local_file.key_of(self._place, file.inner), stamp)

    def _client_of_thread(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._client.sibling()
            with self._lock:
                self._clients.append(client)
        return client

    def _count(self, size: int, *, unchanged: bool, shown: bool = False) -> None:
        with self._lock:
            self._report.files += 1
            self._report.size += size
            self._report.unchanged += unchanged
        if not shown:
            self._advance(size)

    def _advance(self, size: int) -> None:
        with self._lock:
            self._bar.advance(size)

    def _fail(self, path: bytes, error: Unreadable) -> None:
        with self._lock:
            self._report.failed_count += 1
            if len(self._report.failed) < TOLD_MAX:
                self._report.failed.append((path, error))

    def _leave_out(self, step: LeftOut) -> None:
        if step.error:
            self._fail(step.path, step.error)
            return
        with self._lock:
            self._report.left_out_count += 1
            if len(self._report.left_out) < TOLD_MAX:
                self._report.left_out.append(step)
