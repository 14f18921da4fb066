"""What is sent: objects of about 300 bytes, chunks, and the requests that carry them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from urllib.parse import quote

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.envelope import NamedObject

NOW = 13_440_000_000_000_000
DEC = "9tGpLNnMXCHncJ4osqjVTr5MWZZVZduWDczRsQQGRFot"


def objects(count: int, owner: ObjectId, start: int = 0) -> list[NamedObject]:
    """Text objects of 300 bytes, each another one."""
    made = [
        make_text(f"object-{n:08}", "", "x" * 227, owner=owner, update_time=NOW) for n in range(start, start + count)
    ]
    assert len(made[0].raw) == 300, len(made[0].raw)
    return made


def _head(method: str, path: str, headers: dict[str, str], length: int | None) -> bytes:
    """The headers of SDK 0.6.0, in its order and number."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "host: 127.0.0.1:1318",
        "connection: keep-alive",
        "cyfs-api-edition: 1",
        f"cyfs-dec-id: {DEC}",
        "cyfs-flags: 0",
        "accept: */*",
        "user-agent: node",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    if length is not None:
        lines.append(f"content-length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def put_object(obj: NamedObject) -> bytes:
    headers = {"cyfs-non-action": "put-object", "cyfs-api-level": "noc", "cyfs-object-id": str(obj.object_id)}
    return _head("PUT", "/non/", headers, len(obj.raw)) + obj.raw


def get_object(object_id: ObjectId) -> bytes:
    headers = {"cyfs-non-action": "get-object", "cyfs-api-level": "noc", "cyfs-object-id": str(object_id)}
    return _head("GET", "/non/", headers, None)


def post_object(obj: NamedObject, path: str) -> bytes:
    headers = {"cyfs-non-action": "post-object", "cyfs-object-id": str(obj.object_id), "cyfs-req-path": path}
    return _head("POST", "/non/", headers, len(obj.raw)) + obj.raw


def add_handler(name: str, param: dict[str, object]) -> bytes:
    """A handler of posted objects, with an HTTP routine."""
    body = json.dumps(param).encode()
    return _head("POST", f"/handler/non/handler/post_object/{quote(name)}", {}, len(body)) + body


def put_chunk(data: bytes) -> bytes:
    headers = {"cyfs-ndn-action": "put-data", "cyfs-api-level": "ndc", "cyfs-object-id": str(ChunkId.of_data(data))}
    return _head("PUT", "/ndn/", headers, len(data)) + data


def get_chunk(chunk_id: ObjectId) -> bytes:
    headers = {"cyfs-ndn-action": "get-data", "cyfs-api-level": "ndc", "cyfs-object-id": str(chunk_id)}
    return _head("GET", "/ndn/", headers, None)


def random_chunks(size: int) -> Iterator[bytes]:
    """Chunks without end; only the first bytes differ, so that making them costs nothing."""
    rest = os.urandom(size - 16)
    while True:
        yield os.urandom(16) + rest


def cycle(items: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from items


def delete_object(object_id: ObjectId) -> bytes:
    headers = {"cyfs-non-action": "delete-object", "cyfs-api-level": "noc", "cyfs-object-id": str(object_id)}
    return _head("DELETE", "/non/", headers, None)


def delete_chunk(chunk_id: ChunkId) -> bytes:
    headers = {"cyfs-ndn-action": "delete-data", "cyfs-api-level": "ndc", "cyfs-object-id": str(chunk_id)}
    return _head("DELETE", "/ndn/", headers, None)
