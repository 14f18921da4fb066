"""A whole node in memory: the real rules and API on a MemoryStore and a clock that the test turns."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.keys import PrivateKey
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.stack import Stack, compose
from cyfs_edge.store.identity_files import NodeIdentity
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.wire.config import Config
from cyfs_edge.wire.message import BodyFile, BodyStream, Headers, HttpRequest, HttpResponse, Peer

RECORDING = json.loads((Path(__file__).parent / "vectors" / "http-replies.json").read_text())
OBJECTS = {name: bytes.fromhex(item["raw"]) for name, item in RECORDING["objects"].items()}
"""Objects and chunks of the recording, by their names there."""
DEC = RECORDING["identity"]["dec"]
DEC2 = RECORDING["identity"]["dec2"]
PEOPLE = RECORDING["identity"]["people"]
DEVICE = RECORDING["identity"]["device"]
NOW = 13_440_000_000_000_000


def id_of(name: str) -> str:
    """The id of a recorded object."""
    text: str = RECORDING["objects"][name]["id"]
    return text


class TestClock:
    """Stands still until told."""

    __test__ = False

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return self.time / 1_000_000


class BytesBody:
    """A request body that is there already; ``length`` ``None`` plays a chunked one."""

    def __init__(self, data: bytes, chunked: bool = False) -> None:
        self._data = data
        self._chunked = chunked

    @property
    def length(self) -> int | None:
        return None if self._chunked else len(self._data)

    async def read(self, limit: int) -> bytes:
        if len(self._data) > limit:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, "too large", status=413)
        return self._data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        value: dict[str, object] = json.loads(self.body)
        return value

    @property
    def code(self) -> int:
        """The protocol's error code; 0 for a success."""
        return int(str(self.json["code"])) if self.status >= 400 else 0


@dataclass
class Node:
    stack: Stack
    store: MemoryStore
    clock: TestClock
    identity: NodeIdentity
    uid: int | None = field(default_factory=os.geteuid)
    default_headers: dict[str, str] = field(default_factory=lambda: {"host": "127.0.0.1:1318"})

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        chunked: bool = False,
    ) -> Reply:
        lines = {**self.default_headers, **(headers or {})}
        peer = Peer("127.0.0.1:5", uid=self.uid)
        request = HttpRequest(method, target, Headers(lines.items()), BytesBody(body, chunked), peer)
        response = await self.stack.handle(request)
        return Reply(response.status, dict(response.headers), await read_body(response))

    async def put(self, name: str, dec: str = DEC, **headers: str) -> Reply:
        """Puts a recorded object."""
        extra = {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()}
        return await self.send(
            "PUT", "/non/", {"cyfs-dec-id": dec, "cyfs-object-id": id_of(name), **extra}, OBJECTS[name]
        )

    async def put_raw(self, raw: bytes, dec: str = DEC, **headers: str) -> Reply:
        extra = {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()}
        object_id = str(decode_object(raw).object_id)
        return await self.send("PUT", "/non/", {"cyfs-dec-id": dec, "cyfs-object-id": object_id, **extra}, raw)

    async def get(self, object_id: str | ObjectId, dec: str = DEC, **headers: str) -> Reply:
        extra = {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()}
        return await self.send("GET", "/non/", {"cyfs-dec-id": dec, "cyfs-object-id": str(object_id), **extra})


async def read_body(response: HttpResponse) -> bytes:
    body = response.body
    if isinstance(body, bytes):
        return body
    if isinstance(body, BodyFile):
        raise AssertionError("a store in memory has no files")
    assert isinstance(body, BodyStream)
    pieces = [piece async for piece in body.pieces if isinstance(piece, bytes)]
    assert sum(map(len, pieces)) == body.length
    return b"".join(pieces)


def recorded_identity() -> NodeIdentity:
    files = {name: bytes.fromhex(text) for name, text in RECORDING["identity"]["files_hex"].items()}
    device, owner = decode_object(files["device.desc"]), decode_object(files["people.desc"])
    return NodeIdentity(device, PrivateKey.decode(files["device.sec"]), owner, None, [], [])


async def make_node(root: Path, **config: object) -> Node:
    """A node with the identity of the recording. ``root`` is only looked at by calls that read local files."""
    store, clock, identity = MemoryStore(), TestClock(), recorded_identity()
    stack = await compose(Config(str(root), **config), identity, store, clock)  # type: ignore[arg-type]
    return Node(stack, store, clock, identity)
