"""A repository as a source of good copies for what is damaged in a store."""

from __future__ import annotations

from collections.abc import Collection

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.backup.repository import Repository
from cyfs_edge.core.backup.restore import SnapshotReader
from cyfs_edge.core.ports import ObjectRecord, Worker
from cyfs_edge.wire.backup.layout import Blob


class RepositoryCopies:
    """Chunks of any snapshot, objects as the newest snapshot that has them (ports of ``cyfs_edge/core/scrub.py``)."""

    def __init__(self, repository: Repository, worker: Worker) -> None:
        self._repository = repository
        self._worker = worker

    @property
    def text(self) -> str:
        return f"the backup at {self._repository.target.text}"

    async def chunk(self, chunk_id: ChunkId) -> bytes | None:
        if await self._repository.index.missing(Blob.CHUNK, [chunk_id]):
            return None
        try:
            return await self._repository.read_blob(Blob.CHUNK, chunk_id)
        except CyfsError as error:
            if error.code != ErrorCode.INVALID_DATA:
                raise
            return None

    async def objects(self, ids: Collection[ObjectId]) -> dict[ObjectId, ObjectRecord]:
        found: dict[ObjectId, ObjectRecord] = {}
        for one in reversed(await self._repository.snapshots()):
            if len(found) == len(ids):
                break
            async for records in SnapshotReader(self._repository, one.snapshot, self._worker).objects():
                for record in records:
                    if record.object_id in ids:
                        found.setdefault(record.object_id, record)
        return found
