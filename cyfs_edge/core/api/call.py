"""One request on its way through the API."""

from __future__ import annotations

import json
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse
from cyfs_edge.wire.requests import UtilCommon
from cyfs_edge.wire.source import Source


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """Most bytes of a body, by what it carries (docs/limits.md)."""

    object_size: int = 16 << 20
    chunk_size: int = 64 << 20
    json_size: int = 1 << 20
    crypto_size: int = 1 << 20


@dataclass(slots=True)
class Call:
    """``path`` is normalised, without query; ``query`` the raw text after ``?``, ``pairs`` what it holds, decoded.

    ``app``: the DecApp in whose own origin the call is made.
    """

    request: HttpRequest
    path: str
    query: str
    pairs: list[tuple[str, str]]
    source: Source
    app: ObjectId | None
    limits: ApiLimits

    @property
    def headers(self) -> Headers:
        return self.request.headers

    @property
    def is_head(self) -> bool:
        """The reply is wanted without its body. Everything else is as for ``GET``."""
        return self.request.method == "HEAD"

    def util_common(self) -> UtilCommon:
        headers = self.request.headers
        return UtilCommon(
            self.source,
            fields.optional_id(headers, fields.TARGET),
            fields.flags(headers),
            fields.optional_text(headers, fields.REQ_PATH),
        )

    async def body(self, limit: int) -> bytes:
        return await self.request.body.read(limit)

    async def json(self, bad_code: ErrorCode = ErrorCode.INVALID_FORMAT) -> object:
        """The JSON body; ``bad_code`` when it is none."""
        data = await self.body(self.limits.json_size)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise CyfsError(bad_code, "the body is not JSON") from None


def json_response(value: object) -> HttpResponse:
    return HttpResponse(200, [fields.JSON_TYPE], fields.json_body(value))
