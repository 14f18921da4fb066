"""The protocol's calls as commands use them: NON at level ``noc``, NDN at level ``ndc``, for the system dec."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.cli.client import JSON_LIMIT, Client, Response, checked, read_body
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire import fields, file_batch
from cyfs_edge.wire.message import Headers
from cyfs_edge.wire.requests import RequestFlag

OBJECT_LIMIT = 1 << 30
"""Largest object that is read from a stack, in bytes."""


def put_object(
    client: Client, object_id: ObjectId, raw: bytes, *, access: int | None = None, dec: ObjectId = SYSTEM_DEC_ID
) -> str:
    """Gives the protocol's word for what became of it: ``Accept``, ``AlreadyExists``, ``Updated`` or ``Merged``."""
    headers = _non("put-object", object_id, dec)
    if access is not None:
        headers[fields.ACCESS] = str(access)
    return _finished(client.request("PUT", "/non/", headers, raw)).get(fields.RESULT) or "Accept"


def get_object(
    client: Client, object_id: ObjectId, inner_path: str | None = None, dec: ObjectId = SYSTEM_DEC_ID
) -> tuple[ObjectId, bytes]:
    """The object and its id, which an inner path may lead away from ``object_id``."""
    headers = _non("get-object", object_id, dec)
    if inner_path is not None:
        headers[fields.INNER_PATH] = quote(inner_path, safe="")
    answer = checked(client.request("GET", "/non/", headers))
    found = ObjectId.from_text(answer.headers.get(fields.OBJECT_ID) or str(object_id))
    return found, read_body(answer, OBJECT_LIMIT)


def delete_object(client: Client, object_id: ObjectId) -> bool:
    """Whether it was there."""
    headers = _non("delete-object", object_id, SYSTEM_DEC_ID)
    headers[fields.FLAGS] = str(int(RequestFlag.DELETE_WITH_OBJECT))
    answer = checked(client.request("DELETE", "/non/", headers))
    return bool(read_body(answer, OBJECT_LIMIT))


def put_chunk(client: Client, chunk_id: ChunkId, data: bytes) -> bool:
    """Whether it is new."""
    headers = _finished(client.request("PUT", "/ndn/", _ndn("put-data", chunk_id), data))
    return headers.get(fields.RESULT) != "AlreadyExists"


def has_chunk(client: Client, chunk_id: ChunkId) -> bool:
    """Asks for one byte, not for the chunk."""
    try:
        _finished(client.request("GET", "/ndn/", _ndn("get-data", chunk_id) | {"range": "bytes=0-0"}))
    except CyfsError as error:
        if error.code == ErrorCode.NOT_FOUND:
            return False
        if error.code == ErrorCode.RANGE_NOT_SATISFIABLE and chunk_id.length == 0:
            return True
        raise
    return True


def read_chunk(client: Client, chunk_id: ChunkId, span: tuple[int, int] | None = None) -> Iterator[bytes]:
    """The chunk in pieces, as the stack has it: to be verified. ``span``: bytes ``[begin, end)`` only, not empty."""
    headers = _ndn("get-data", chunk_id)
    if span is not None:
        headers["range"] = f"bytes={span[0]}-{span[1] - 1}"
    return checked(client.request("GET", "/ndn/", headers)).pieces()


def delete_chunk(client: Client, chunk_id: ChunkId) -> bool:
    """Whether it was there."""
    if not has_chunk(client, chunk_id):
        return False
    _finished(client.request("DELETE", "/ndn/", _ndn("delete-data", chunk_id)))
    return True


def bring_chunks(client: Client, chunks: list[tuple[ChunkId, bytes]]) -> int:
    """Stores chunks that a File will refer to within a day. Gives how many were new."""
    if not chunks:
        return 0
    if len(chunks) == 1:
        chunk_id, data = chunks[0]
        answer = client.request("PUT", f"/control/chunk/{chunk_id}", {}, data)
    else:
        answer = client.request("PUT", "/control/chunks", {}, file_batch.encode_chunks(chunks))
    return int(json.loads(read_body(checked(answer), JSON_LIMIT))["new"])


def chunks_here(client: Client, chunk_ids: Sequence[ChunkId]) -> list[bool]:
    """Which of them are stored; those have another day from now on."""
    there: list[bool] = []
    for start in range(0, len(chunk_ids), file_batch.IDS_MAX):
        asked = chunk_ids[start : start + file_batch.IDS_MAX]
        data = _bytes(client.request("POST", "/control/chunks_here", {}, file_batch.encode_ids(asked)))
        there += file_batch.decode_answers(data, len(asked))
    return there


def bring_files(client: Client, files: list[file_batch.MadeFile]) -> None:
    """Stores Files and Dirs whose chunks are there. ``NOT_FOUND`` when a chunk is not."""
    _finished(client.request("PUT", "/control/files", {}, file_batch.encode_files(files)))


def files_known(client: Client, asked: file_batch.Asked) -> list[ObjectId | None]:
    """For each local file the File that it is, if that is known."""
    ids = file_batch.decode_ids(
        _bytes(client.request("POST", "/control/files_known", {}, file_batch.encode_asked(asked)))
    )
    if len(ids) != len(asked.files):
        raise CyfsError(ErrorCode.INVALID_DATA, f"{len(ids)} answers to {len(asked.files)} questions")
    return [None if one == NULL_ID else one for one in ids]


def read_items(client: Client, ids: Sequence[ObjectId]) -> list[bytes | None]:
    """Objects and chunks as they are stored: to be verified. ``None`` for what is not there."""
    items: list[bytes | None] = []
    while len(items) < len(ids):
        asked = ids[len(items) : len(items) + file_batch.IDS_MAX]
        answer = client.request("POST", "/control/read", {}, file_batch.encode_ids(asked))
        got = file_batch.decode_items(_bytes(answer))
        if not 0 < len(got) <= len(asked):
            raise CyfsError(ErrorCode.INVALID_DATA, f"{len(got)} answers to {len(asked)} questions")
        items += got
    return items


def _bytes(answer: Response) -> bytes:
    return read_body(checked(answer), OBJECT_LIMIT)


def _finished(answer: Response) -> Headers:
    """The headers of a success, its (short) body read so that the connection can go on."""
    read_body(checked(answer), JSON_LIMIT)
    return answer.headers


def _non(action: str, object_id: ObjectId, dec: ObjectId) -> dict[str, str]:
    return {
        fields.NON_ACTION: action,
        fields.API_LEVEL: "noc",
        fields.DEC_ID: str(dec),
        fields.OBJECT_ID: str(object_id),
    }


def _ndn(action: str, object_id: ObjectId) -> dict[str, str]:
    return {
        fields.NDN_ACTION: action,
        fields.API_LEVEL: "ndc",
        fields.DEC_ID: str(SYSTEM_DEC_ID),
        fields.OBJECT_ID: str(object_id),
    }
