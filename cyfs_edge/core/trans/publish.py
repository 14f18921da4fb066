"""Making local files and folders readable by their ids (docs/protocol/http-api.md §10, publish_file)."""

from __future__ import annotations

from dataclasses import replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.build import BuildService, ChunkMethod
from cyfs_edge.core.non import NonService
from cyfs_edge.core.ports import ChunkStore, Claim, FileIndex, FileIndexEntry, Keep, LocalFiles
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import File, file_chunks
from cyfs_edge.wire.requests import NonCommon, UtilCommon
from cyfs_edge.wire.trans import PublishFile, PublishMethod

_METHODS = {
    PublishMethod.TRACK: ChunkMethod.TRACK,
    PublishMethod.COPY: ChunkMethod.COPY,
    PublishMethod.NONE: ChunkMethod.NONE,
}


class Publisher:
    __slots__ = ("_build", "_chunks", "_files", "_index", "_non")

    def __init__(
        self, build: BuildService, non: NonService, chunks: ChunkStore, index: FileIndex, files: LocalFiles
    ) -> None:
        self._build = build
        self._non = non
        self._chunks = chunks
        self._index = index
        self._files = files

    async def publish(self, request: PublishFile) -> ObjectId:
        """The id of the File, or of the object map of a folder. ``INVALID_PARAM`` for a path without either."""
        common = request.common
        if request.file_id is not None:
            file = await self._non.load(NonCommon(common.source, req_path=common.req_path), request.file_id)
            await self._publish_as(request, file)
            return file.object_id
        if not request.local_path:
            raise CyfsError(ErrorCode.INVALID_PARAM, "publish_file needs local_path or file_id")
        try:
            built = await self._build.build_file(
                UtilCommon(common.source, common.target, common.flags, common.req_path),
                request.local_path,
                request.owner,
                request.chunk_size,
                _METHODS[request.method],
                request.access,
                known=True,
            )
        except CyfsError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{request.local_path!r} is no file or folder") from None
        if isinstance(built.desc.value, File) and request.method is not PublishMethod.NONE:
            await self._enter(request, built)
        return built.object_id

    async def _publish_as(self, request: PublishFile, file: NamedObject) -> None:
        """A file whose object is here already. ``INVALID_DATA`` when the local file has another content."""
        if not isinstance(file.desc.value, File):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{file.object_id} is no file")
        if request.local_path and request.method is not PublishMethod.NONE:
            chunk_ids = file_chunks(file)
            claim = Claim(request.common.source.dec, Keep.REFERRED, request.common.source.zone)
            count = 0
            async for piece in self._files.read(request.local_path, chunk_ids[0].length if chunk_ids else 1):
                if count == len(chunk_ids) or chunk_ids[count].length != len(piece):
                    raise _other_content(request, file)
                await self._chunks.put(chunk_ids[count], piece, claim=claim)
                count += 1
            if count != len(chunk_ids):
                raise _other_content(request, file)
        await self._enter(request, file)

    async def _enter(self, request: PublishFile, file: NamedObject) -> None:
        """Into the index, with the dirs that are said to hold it."""
        content: File = file.desc.value
        held = await self._index.by_id(file.object_id)
        entry = held or FileIndexEntry(
            file.object_id, content.hash, content.length, file.owner, chunks=file_chunks(file)
        )
        dirs = tuple((ref.dir_id, ref.inner_path) for ref in request.dirs)
        if held is None or not set(dirs) <= set(held.ref_dirs):
            await self._index.add(replace(entry, ref_dirs=tuple(dict.fromkeys((*entry.ref_dirs, *dirs)))))


def _other_content(request: PublishFile, file: NamedObject) -> CyfsError:
    return CyfsError(ErrorCode.INVALID_DATA, f"{request.local_path!r} is not what the file {file.object_id} describes")
