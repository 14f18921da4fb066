"""What every call has in common: whose dec it is for, the common headers, the check of the reply
(docs/protocol/http-api.md §4).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.sdk.http import BODY_MAX, HttpClient, HttpReply, HttpStream, error_of
from cyfs_edge.wire import fields
from cyfs_edge.wire.json_values import Members, read_object

API_EDITION = "cyfs-api-edition"

Fields = Mapping[str, str | int | ObjectId | None]
"""Headers by name; ``None`` leaves one out."""


class Transport(Protocol):
    """Carries one request: :class:`~cyfs_edge.sdk.http.HttpClient`, or requests inside a WebSocket."""

    async def send(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None = None
    ) -> HttpReply: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls of one dec. ``http`` carries data, which never goes over WebSocket; ``transport`` all else."""

    dec_id: ObjectId
    http: HttpClient
    transport: Transport

    async def call(
        self, method: str, target: str, headers: Fields, body: bytes | None = None, content_type: str | None = None
    ) -> HttpReply:
        """The reply of a success; else the error that it tells."""
        reply = await self.transport.send(method, target, self._lines(headers, content_type), body)
        if not 200 <= reply.status < 300:
            raise error_of(reply.status, reply.body)
        return reply

    async def call_json(self, method: str, target: str, headers: Fields, body: Members | None = None) -> Members:
        """JSON in where there is a body, a JSON object out; ``{}`` for an empty reply."""
        data = None if body is None else fields.json_body(body)
        reply = await self.call(method, target, headers, data, None if data is None else "application/json")
        return read_object(reply.body, "the reply") if reply.body else {}

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Fields, body: bytes | None = None
    ) -> AsyncIterator[HttpStream]:
        """As ``call``, the body being read inside the block."""
        async with self.http.stream(method, target, self._lines(headers, None), body) as reply:
            if not 200 <= reply.status < 300:
                raise error_of(reply.status, await reply.read(BODY_MAX))
            yield reply

    def _lines(self, headers: Fields, content_type: str | None) -> list[tuple[str, str]]:
        lines = [(API_EDITION, "1"), (fields.DEC_ID, str(self.dec_id))]
        lines += [(name, str(value)) for name, value in headers.items() if value is not None]
        if content_type is not None:
            lines.append(("content-type", content_type))
        return lines


def text(value: str | None) -> str | None:
    """A header that holds text, percent-encoded."""
    return None if value is None else fields.encode_text(value)


def reply_id(reply: HttpReply | HttpStream, name: str = fields.OBJECT_ID) -> ObjectId | None:
    """An id out of a reply's headers; ``INVALID_FORMAT`` when it is none."""
    return fields.optional_id(reply.headers, name)


def read_json(body: bytes) -> Any:
    """A JSON value of any kind."""
    try:
        return json.loads(body)
    except ValueError:
        raise CyfsError(ErrorCode.JSON_ERROR, "the reply is not JSON") from None
