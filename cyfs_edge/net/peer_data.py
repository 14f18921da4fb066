"""Objects and chunks of other devices, by HTTP from the addresses that are configured (port ``PeerData``).

What comes is not to be believed: whoever asks compares it with its id.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from urllib.parse import urlsplit

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.trans.ports import PeerAsk
from cyfs_edge.net.http_client import HttpClient, HttpStream
from cyfs_edge.wire import fields
from cyfs_edge.wire.errors import error_of_reply

STALL = 30.0
"""Seconds in which a device must begin to answer, and send each further piece."""
ERROR_MAX = 64 * 1024
"""Bytes of an answer that is no success."""


class HttpPeers:
    """``addresses``: device → ``http://host:port``."""

    __slots__ = ("_clients",)

    def __init__(self, addresses: Mapping[ObjectId, str], stall: float = STALL) -> None:
        self._clients: dict[ObjectId, HttpClient] = {}
        for device, url in addresses.items():
            parts = urlsplit(url)
            self._clients[device] = HttpClient(parts.hostname or "", parts.port or 80, timeout=stall)

    def knows(self, device: ObjectId) -> bool:
        return device in self._clients

    async def read_chunk(
        self, device: ObjectId, ask: PeerAsk, chunk_id: ChunkId, start: int
    ) -> AsyncGenerator[bytes, None]:
        headers = [
            (fields.NDN_ACTION, "get-data"),
            (fields.API_LEVEL, "router"),
            (fields.OBJECT_ID, str(chunk_id)),
            *_right(ask),
            *((fields.REFERER_OBJECT, fields.encode_text(referer)) for referer in ask.referers),
        ]
        if start:
            headers.append(("range", f"bytes={start}-"))
        async with self._client(device).stream("GET", "/ndn/", headers) as reply:
            if reply.status != 200 and not (start and reply.status == 206):
                raise await _refusal(reply)
            # Whoever does not know ranges sends all of it.
            skip = start if reply.status == 200 else 0
            async for piece in reply:
                if skip < len(piece):
                    yield piece[skip:]
                skip = max(0, skip - len(piece))

    async def get_object(self, device: ObjectId, ask: PeerAsk, object_id: ObjectId, size_max: int) -> bytes:
        headers = [
            (fields.NON_ACTION, "get-object"),
            (fields.API_LEVEL, "router"),
            (fields.OBJECT_ID, str(object_id)),
            *_right(ask),
        ]
        async with self._client(device).stream("GET", "/non/", headers) as reply:
            if reply.status != 200:
                raise await _refusal(reply)
            try:
                return await reply.read(size_max)
            except CyfsError as error:
                if error.code != ErrorCode.OUT_OF_LIMIT:
                    raise
                text = f"object {object_id} has more than {size_max} bytes"
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, text, size_max=size_max) from None

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _client(self, device: ObjectId) -> HttpClient:
        client = self._clients.get(device)
        if client is None:
            text = f"no way to {device}: give its address under [trans] sources"
            raise CyfsError(ErrorCode.CONNECT_FAILED, text)
        return client


def _right(ask: PeerAsk) -> list[tuple[str, str]]:
    path = [] if ask.req_path is None else [(fields.REQ_PATH, fields.encode_text(ask.req_path))]
    return [(fields.DEC_ID, str(ask.dec)), *path]


async def _refusal(reply: HttpStream) -> CyfsError:
    """What a device answered instead of the data; a success of another form is none of the protocol."""
    body = await reply.read(ERROR_MAX)
    if reply.status < 300:
        return CyfsError(ErrorCode.INVALID_DATA, f"an answer of status {reply.status} to a request for data")
    return error_of_reply(reply.status, body)
