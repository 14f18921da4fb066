"""One run of a task: find out what it is made of, fetch what is not here, write it where it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.non import NonService
from cyfs_edge.core.object_cache import ObjectCache
from cyfs_edge.core.ports import Claim, Clock, Durability, FileIndexEntry, Keep, Store, Waits
from cyfs_edge.core.trans.beside import FetchGate, Window
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.core.trans.plan import BadContent, Content, Item, Planner, content_of
from cyfs_edge.core.trans.ports import Activities, LocalTargets, PeerData
from cyfs_edge.core.trans.record import TaskKind
from cyfs_edge.core.trans.sources import Sources
from cyfs_edge.core.trans.speed import Throttle
from cyfs_edge.core.trans.task import Task
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.wire.requests import NonCommon
from cyfs_edge.wire.source import Source

BESIDE = 4
"""Objects or chunks that one task fetches at a time."""
ENTRY_FAULTS = frozenset((ErrorCode.ALREADY_EXISTS, ErrorCode.INVALID_PARAM))
"""Errors of writing one file that do not keep the others from being written."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all runs share."""

    non: NonService
    cache: ObjectCache
    store: Store
    targets: LocalTargets
    peers: PeerData
    activities: Activities
    waits: Waits
    clock: Clock
    gate: FetchGate
    throttle: Throttle
    limits: TransLimits


class Download:
    """``source``: who asks, with the right to the root object. Chunks that are verified are kept, so that another run
    goes on where this one ended.
    """

    __slots__ = ("_claim", "_common", "_parent", "_record", "_sources", "_task", "_tools", "_window")

    def __init__(self, task: Task, source: Source, sources: Sources, tools: Tools) -> None:
        self._task = task
        self._record = task.record
        self._common = NonCommon(source)
        self._sources = sources
        self._tools = tools
        self._window = Window(tools.activities, tools.waits, BESIDE)
        # A chunk that was asked for by its id, to have it here, has no object that refers to it.
        alone = task.record.kind is TaskKind.CHUNK and not task.record.local_path
        self._claim = Claim(task.record.dec, Keep.ALWAYS if alone else Keep.REFERRED, source.zone)
        self._parent: tuple[ChunkId, bytes] | None = None

    async def run(self) -> None:
        """Raises what it failed with. ``INVALID_DATA`` also when all is there but entries that had to be refused."""
        self._record.refused.clear()
        self._record.refused_count = 0
        try:
            items = await self._look()
            await self._fetch(items)
            await self._write(items)
        finally:
            self._window.cancel()
        self._task.job.result = {"files": sum(item.node is not None for item in items), "bytes": self._task.job.total}
        if self._record.refused_count:
            text = f"{self._record.refused_count} entries were refused; the others are there"
            raise CyfsError(ErrorCode.INVALID_DATA, text)

    # ---- phases -----------------------------------------------------------------------------------------------------

    async def _look(self) -> list[Item]:
        """All objects are here afterwards, and the length of all is known."""
        job = self._task.job
        job.phase, job.done, job.total = "objects", 0, 0
        planner = Planner(self, self._tools.limits, self._refuse, names=bool(self._record.local_path))
        items = await planner.plan(self._record.object_id)
        bad: set[int] = set()

        async def look(index: int, item: Item) -> None:
            try:
                content = await content_of(item, self.object, self._tools.limits)
            except BadContent as error:
                if not item.inner:
                    raise
                self._refuse(item.inner, error)
                bad.add(index)
            else:
                job.total += content.length

        for index, item in enumerate(items):
            await self._window.add(partial(look, index, item))
        await self._window.join()
        return [item for index, item in enumerate(items) if index not in bad]

    async def _fetch(self, items: list[Item]) -> None:
        job, chunks = self._task.job, self._tools.store.chunks
        job.phase = "data"
        coming: set[ChunkId] = set()

        async def fetch(chunk_id: ChunkId, referer: str | None, counted: int) -> None:
            await self._get_chunk(chunk_id, referer)
            coming.discard(chunk_id)
            job.done += counted

        for item in items:
            content = await content_of(item, self.object, self._tools.limits)
            referer = self._referer(item, content)
            for chunk_id in content.chunks:
                counted = content.length if content.span is not None else chunk_id.length
                if chunk_id in coming or await chunks.renew(chunk_id):
                    job.done += counted
                else:
                    coming.add(chunk_id)
                    await self._window.add(partial(fetch, chunk_id, referer, counted))
        await self._window.join()

    async def _write(self, items: list[Item]) -> None:
        self._task.job.phase = "write"
        target = self._record.local_path
        is_tree = self._record.kind is TaskKind.DIR
        folder, name = (target.rstrip("/") or "/", "") if is_tree else _split(target)
        if target and is_tree:
            await self._tools.targets.make_folder(folder, "")
        written: set[str] = set()

        async def write(item: Item) -> None:
            content = await content_of(item, self.object, self._tools.limits)
            inner = item.inner or name
            if target:
                try:
                    await self._write_one(folder, inner, item, content)
                except CyfsError as error:
                    if not is_tree or error.code not in ENTRY_FAULTS:
                        raise
                    self._refuse(inner, error)
                    return
                written.add(inner.rpartition("/")[0])
            await self._enter_index(content)

        for item in items:
            await self._window.add(partial(write, item))
        await self._window.join()
        if target:
            await self._tools.targets.settle(folder, written)

    async def _write_one(self, folder: str, inner: str, item: Item, content: Content) -> None:
        targets = self._tools.targets
        if item.node is None:
            await targets.make_folder(folder, inner)
            return
        if content.sha256 is not None and await targets.holds(folder, inner, content.length, content.sha256):
            return
        sink = await targets.create(folder, inner, self._record.task_id)
        try:
            if content.span is not None:
                begin, end = content.span
                await sink.write((await self._parent_chunk(content.chunks[0]))[begin:end])
            else:
                for chunk_id in content.chunks:
                    await sink.write(await self._stored(chunk_id))
            await sink.finish(content.sha256)
        finally:
            sink.abandon()

    async def _enter_index(self, content: Content) -> None:
        """Files that are here are found by query_file."""
        obj, index = content.file, self._tools.store.files
        if obj is None or content.sha256 is None or await index.by_id(obj.object_id) is not None:
            return
        entry = FileIndexEntry(obj.object_id, content.sha256, content.length, obj.owner, chunks=content.chunks)
        await index.add(entry)

    # ---- objects and chunks, from here or elsewhere -----------------------------------------------------------------

    async def object(self, object_id: ObjectId, holder: ObjectId | None) -> NamedObject:
        try:
            return await self._tools.non.load(self._common, object_id)
        except CyfsError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
        obj = await self._sources.fetch_object(object_id)
        await self._tools.cache.put(self._common.source, obj, None)
        return obj

    async def carried(self, obj: NamedObject) -> None:
        try:
            await self._tools.cache.put(self._common.source, obj, None)
        except CyfsError as error:
            if error.code != ErrorCode.PERMISSION_DENIED:
                raise
            # It is here already, and another dec's: whether it may be read is seen when it is wanted.

    async def chunk(self, chunk_id: ChunkId, holder: ObjectId | None, size_max: int) -> bytes:
        if chunk_id.length > size_max:
            text = f"chunk {chunk_id} has {chunk_id.length} bytes, more than {size_max} for a list"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)
        if not await self._tools.store.chunks.renew(chunk_id):
            await self._get_chunk(chunk_id, None if holder is None else str(holder))
        return await self._stored(chunk_id)

    async def _get_chunk(self, chunk_id: ChunkId, referer: str | None) -> None:
        if chunk_id.length == 0:
            await self._keep(chunk_id, b"")
        else:
            await self._sources.fetch_chunk(chunk_id, referer, self._keep)

    async def _keep(self, chunk_id: ChunkId, data: bytes) -> None:
        await self._tools.store.chunks.put(chunk_id, data, Durability.DURABLE, self._claim)

    async def _stored(self, chunk_id: ChunkId) -> bytes:
        data = await self._tools.store.chunks.read_whole(chunk_id)
        if data is None:
            text = f"chunk {chunk_id} was deleted while it was written out; start the task again"
            raise CyfsError(ErrorCode.NOT_FOUND, text)
        return data

    async def _parent_chunk(self, chunk_id: ChunkId) -> bytes:
        """The chunk that several small files are parts of, read once for those that follow one another."""
        if self._parent is None or self._parent[0] != chunk_id:
            self._parent = chunk_id, await self._stored(chunk_id)
        return self._parent[1]

    def _referer(self, item: Item, content: Content) -> str | None:
        """What a device of another zone wants to see before it gives a chunk: the object that it is part of."""
        if content.file is not None:
            return str(content.file.object_id)
        return None if item.holder is None else str(item.holder)

    def _refuse(self, name: str, error: CyfsError) -> None:
        self._task.refuse(name, error, self._tools.limits.told)


def _split(path: str) -> tuple[str, str]:
    """Folder and name of a file."""
    folder, _, name = path.rstrip("/").rpartition("/")
    return folder or "/", name
