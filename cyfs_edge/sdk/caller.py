"""What every call has in common: whose dec it is for, the common headers, the check of the reply
(docs/protocol/http-api.md §4).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.net.http_client import BODY_MAX, HttpClient, HttpReply, HttpStream
from cyfs_edge.wire import fields, state
from cyfs_edge.wire.errors import error_of_reply
from cyfs_edge.wire.json_values import Members, read_object

API_EDITION = "cyfs-api-edition"
OCTETS = fields.OCTET_STREAM[1]
JSON = fields.JSON_TYPE[1]
STATE_JSON = "text/html; charset=utf-8"
"""What the official SDK calls its JSON for root-state and local-cache (docs/protocol/http-api.md §4.3)."""

Fields = dict[str, str | int | ObjectId | None]
"""Headers by name; ``None`` leaves one out."""


class Transport(Protocol):
    """Carries one request: an :class:`HttpClient`, or requests inside a WebSocket."""

    async def send(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes | None = None
    ) -> HttpReply: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls of one dec. ``http`` carries data, which never goes over WebSocket; ``transport`` all else."""

    dec_id: ObjectId
    http: HttpClient
    transport: Transport

    async def call(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | int | ObjectId | None],
        body: bytes | None = None,
        content_type: str | None = None,
    ) -> HttpReply:
        """The reply of a success; else the error that it tells."""
        reply = await self.transport.send(method, target, self._lines(headers, content_type), body)
        if not 200 <= reply.status < 300:
            raise error_of_reply(reply.status, reply.body)
        return reply

    async def call_json(
        self, method: str, target: str, headers: Fields, body: Members | None = None, content_type: str = JSON
    ) -> Members:
        """JSON in where there is a body, a JSON object out; ``{}`` for an empty reply."""
        data = None if body is None else fields.json_body(body)
        reply = await self.call(method, target, headers, data, None if data is None else content_type)
        return read_object(reply.body, "the reply") if reply.body else {}

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Fields, body: bytes | None = None
    ) -> AsyncIterator[HttpStream]:
        """As ``call``, the body being read inside the block."""
        lines = self._lines(headers, None if body is None else OCTETS)
        async with self.http.stream(method, target, lines, body) as reply:
            if not 200 <= reply.status < 300:
                raise error_of_reply(reply.status, await reply.read(BODY_MAX))
            yield reply

    def _lines(
        self, headers: Mapping[str, str | int | ObjectId | None], content_type: str | None
    ) -> list[tuple[str, str]]:
        lines = [("cache-control", "no-cache"), (API_EDITION, "1"), (fields.DEC_ID, str(self.dec_id))]
        lines += [(name, str(value)) for name, value in headers.items() if value is not None]
        if content_type is not None:
            lines.append(("content-type", content_type))
        return lines


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Whose state is meant. ``target``: the device that has it; ``dec``: whose it is; none of each = own."""

    caller: Caller
    category: str
    target: ObjectId | None
    dec: ObjectId | None

    def headers(self, **more: str | None) -> Fields:
        return {fields.TARGET: self.target, state.TARGET_DEC_ID: self.dec, fields.FLAGS: 0, **more}

    def common(self, **more: str) -> Members:
        common: Members = {}
        if self.dec is not None:
            common["target_dec_id"] = str(self.dec)
        if self.target is not None:
            common["target"] = str(self.target)
        return {**common, "flags": 0, **more}

    async def call_json(self, method: str, path: str, headers: Fields, body: Members | None, **common: str) -> Members:
        """A call on ``path`` below the category; ``common`` joins ``body`` if there is one."""
        data = None if body is None else {"common": self.common(**common), **body}
        return await self.caller.call_json(method, f"/{self.category}/{path}", headers, data, STATE_JSON)


def text(value: str | None) -> str | None:
    """A header that holds text, percent-encoded to the letter as the official SDK does it."""
    return None if value is None else encode(value)


def encode(value: str) -> str:
    return quote(value, safe="!*'()")


def reply_id(reply: HttpReply | HttpStream, name: str = fields.OBJECT_ID) -> ObjectId | None:
    """An id out of a reply's headers; ``INVALID_FORMAT`` when it is none."""
    return fields.optional_id(reply.headers, name)


def reply_number(value: str | None) -> int | None:
    """A number out of a reply's headers; ``None`` when it is none."""
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) <= 20 else None


def read_json(body: bytes) -> Any:
    """A JSON value of any kind."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise CyfsError(ErrorCode.JSON_ERROR, "the reply is not JSON") from None
