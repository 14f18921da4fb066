"""NDN: data, by the ids of chunks and files (docs/protocol/http-api.md §7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.net.http_client import BODY_MAX, HttpStream
from cyfs_edge.sdk.caller import Caller, Fields, encode, reply_id, reply_number, text
from cyfs_edge.wire import fields
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.data_range import range_text
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.ndn import NdnAction, referer_text
from cyfs_edge.wire.requests import NdnLevel, PutDataResult, QueryKind, Referer

_U64_MAX = (1 << 64) - 1

Span = tuple[int, int | None]
"""Bytes ``[begin, end)``; ``None`` = up to the end."""


class DataReply:
    """Data on its way. ``object_id``: what it is of. ``length``: bytes that come, if told; ``total`` of the whole.

    Read it once: ``async for piece in reply`` or ``await reply.read()``.
    """

    __slots__ = ("_stream", "length", "object_id", "owner", "total")

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self.object_id = reply_id(stream)
        self.owner = reply_id(stream, fields.OWNER_ID)
        self.length = reply_number(stream.headers.get("content-length"))
        self.total = self.length
        if stream.status == 206:
            self.total = reply_number((stream.headers.get("content-range") or "").rpartition("/")[2])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def read(self, limit: int = BODY_MAX) -> bytes:
        """All of it; ``OUT_OF_LIMIT`` beyond ``limit`` bytes."""
        return await self._stream.read(limit)


@dataclass(frozen=True, slots=True)
class FileRef:
    """A Dir that has the file, and where in it."""

    dir_id: ObjectId
    inner_path: str


@dataclass(frozen=True, slots=True)
class FileInfo:
    """One file of the index. ``hash``: SHA-256 of the content. ``length``: bytes."""

    file_id: ObjectId
    hash: bytes
    length: int
    flags: int
    owner: ObjectId | None
    quick_hash: tuple[str, ...]
    ref_dirs: tuple[FileRef, ...]


class Ndn:
    """``level``: how far a request may go. ``referers``: objects that grant access to the data."""

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def put_data(
        self,
        data: bytes,
        *,
        level: NdnLevel = NdnLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
    ) -> tuple[ChunkId, PutDataResult]:
        """Stores one chunk; its id follows from its bytes."""
        chunk_id = ChunkId.of_data(data)
        headers = _common(NdnAction.PUT_DATA, chunk_id, level, target, req_path, ())
        # Bytes go over plain HTTP, as in the official SDK.
        async with self._caller.stream("PUT", "/ndn/", headers, data) as reply:
            await reply.read()
            return chunk_id, PutDataResult(reply.headers.get(fields.RESULT) or PutDataResult.ACCEPT.value)

    @asynccontextmanager
    async def get_data(
        self,
        object_id: ObjectId,
        *spans: Span,
        inner_path: str | None = None,
        referers: Sequence[Referer] = (),
        context: str | None = None,
        group: str | None = None,
        level: NdnLevel = NdnLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
    ) -> AsyncIterator[DataReply]:
        """A chunk, a file, or the file at ``inner_path`` of a Dir; of it only ``spans``, one behind the other.

        ``RANGE_NOT_SATISFIABLE`` when no span lies inside the data.
        """
        headers = _common(NdnAction.GET_DATA, object_id, level, target, req_path, referers) | {
            fields.INNER_PATH: text(inner_path),
            fields.CONTEXT: text(context),
            fields.TASK_GROUP: text(group),
            "range": range_text(spans),
        }
        async with self._caller.stream("GET", "/ndn/", headers) as reply:
            yield DataReply(reply)

    async def delete_data(
        self,
        object_id: ObjectId,
        inner_path: str | None = None,
        *,
        level: NdnLevel = NdnLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
    ) -> None:
        headers = _common(NdnAction.DELETE_DATA, object_id, level, target, req_path, ())
        async with self._caller.stream("DELETE", "/ndn/", headers | {fields.INNER_PATH: text(inner_path)}) as reply:
            await reply.read()

    async def query_file(
        self,
        kind: QueryKind,
        value: str | ObjectId,
        *,
        level: NdnLevel = NdnLevel.ROUTER,
        target: ObjectId | None = None,
        req_path: str | None = None,
    ) -> list[FileInfo]:
        """Files of the index by file id, hash (hex), quick hash or chunk id."""
        query = f"/ndn/?type={kind.value}&value={quote(str(value), safe='')}"
        headers = _common(NdnAction.QUERY_FILE, None, level, target, req_path, ())
        async with self._caller.stream("GET", query, headers) as reply:
            found = values.read_object(await reply.read(), "the reply")
        return [_file_info(item) for item in found.get("list", [])]


def _common(
    action: NdnAction,
    object_id: ObjectId | None,
    level: NdnLevel,
    target: ObjectId | None,
    req_path: str | None,
    referers: Sequence[Referer],
) -> Fields:
    return {
        fields.NDN_ACTION: action.value,
        fields.API_LEVEL: level.value,
        fields.TARGET: target,
        fields.REQ_PATH: text(req_path),
        fields.REFERER_OBJECT: ",".join(encode(referer_text(one)) for one in referers) or None,
        fields.FLAGS: 0,
        fields.OBJECT_ID: object_id,
    }


def _file_info(item: Members) -> FileInfo:
    return FileInfo(
        file_id=values.object_id(item, "file_id"),
        hash=values.hex_bytes(item, "hash"),
        length=values.number(item, "length", 0, _U64_MAX),
        flags=values.number(item, "flags", 0, 0xFFFF_FFFF),
        owner=values.optional_id(item, "owner"),
        quick_hash=tuple(item.get("quick_hash") or ()),
        ref_dirs=tuple(
            FileRef(values.object_id(one, "dir_id"), values.text(one, "inner_path"))
            for one in item.get("ref_dirs") or ()
        ),
    )
