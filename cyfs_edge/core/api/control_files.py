"""The calls of the administration API that bring and fetch files in bulk (docs/files.md, "Calls")."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.core.api.call import ApiLimits
from cyfs_edge.core.api.control import Action, Query
from cyfs_edge.core.file_intake import FileIntake
from cyfs_edge.wire import fields, file_batch
from cyfs_edge.wire.message import HttpRequest, HttpResponse

_IDS_SIZE = file_batch.IDS_MAX * 32
_ASKED_SIZE = 4 << 20


class ControlFiles:
    __slots__ = ("_intake", "_limits")

    def __init__(self, intake: FileIntake, limits: ApiLimits) -> None:
        self._intake = intake
        self._limits = limits

    def routes(self) -> Mapping[tuple[str, str], Action]:
        return {
            ("PUT", "chunk"): self._put_chunk,
            ("PUT", "chunks"): self._put_chunks,
            ("POST", "chunks_here"): self._here,
            ("PUT", "files"): self._put_files,
            ("POST", "files_known"): self._known,
            ("POST", "read"): self._read,
        }

    async def _put_chunk(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """``/control/chunk/<id>``: one of any size, as it is."""
        chunk_id = ChunkId(ObjectId.from_text(rest))
        data = await request.body.read(self._limits.chunk_size)
        return _new(await self._intake.put_chunks([(chunk_id, data)]))

    async def _put_chunks(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        chunks = file_batch.decode_chunks(await request.body.read(file_batch.BATCH_SIZE))
        return _new(await self._intake.put_chunks(chunks) if chunks else 0)

    async def _here(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        ids = file_batch.decode_chunk_ids(await request.body.read(_IDS_SIZE))
        return _bytes(file_batch.encode_answers(await self._intake.here(ids)))

    async def _put_files(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        limit = file_batch.BATCH_SIZE + self._limits.object_size
        files = file_batch.decode_files(await request.body.read(limit))
        for file in files:
            if len(file.raw) > self._limits.object_size:
                text = f"an object of {len(file.raw)} bytes, at most {self._limits.object_size}"
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, text, status=413)
        await self._intake.put_files(files)
        return HttpResponse(200)

    async def _known(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """An id for each; the null id where nothing is known."""
        asked = file_batch.decode_asked(await request.body.read(_ASKED_SIZE))
        return _bytes(file_batch.encode_ids([one or NULL_ID for one in await self._intake.known(asked)]))

    async def _read(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """The first of the things asked for, as many as fit; who wants the rest asks again."""
        ids = file_batch.decode_ids(await request.body.read(_IDS_SIZE))
        for one in ids:
            if one.is_chunk and ChunkId(one).length > self._limits.chunk_size:
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"chunk {one} is too large to be read as a whole", status=413)
        return _bytes(file_batch.encode_items(await self._intake.read(ids, file_batch.BATCH_SIZE)))


def _new(count: int) -> HttpResponse:
    return HttpResponse(200, [fields.JSON_TYPE], fields.json_body({"new": count}))


def _bytes(data: bytes) -> HttpResponse:
    return HttpResponse(200, [fields.OCTET_STREAM], data)
