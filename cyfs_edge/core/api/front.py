"""``GET`` of any path that is no service: front addresses (docs/protocol/http-front.md §1).

A name as first segment is looked up on the MetaChain, which this node does not ask; objects have no pages.
"""

from __future__ import annotations

from urllib.parse import unquote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.call import Call
from cyfs_edge.wire.message import HttpResponse

RESERVED = frozenset(
    (
        *("handler", "non", "ndn", "crypto", "util", "sync", "trans", "root-state", "local-cache", "system", "root"),
        *("o", "r", "l", "a"),
    )
)
_VIEWS = ("/o/", "/r/", "/l/", "/a/")
NAME_MAX = 40
"""A longer first segment must be an object id."""


async def front(call: Call) -> HttpResponse:
    path = call.path
    if path[:3] in _VIEWS:
        segments = [segment for segment in unquote(path[3:]).split("/") if segment]
        if not segments:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no service for GET {path}")
    else:
        segments = [segment for segment in unquote(path[1:]).split("/") if segment]
        first = segments[0] if segments else ""
        if first[:2] in ("o.", "a.", "r.", "l."):
            if first[2:] != "system":
                ObjectId.from_text(first[2:])
        elif first in RESERVED:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"/{first} is no page: check method and path of the call")
    first = segments[0]
    if len(first) > NAME_MAX:
        ObjectId.from_text(first)
        raise CyfsError(ErrorCode.NOT_SUPPORT, f"{first} has no page here; read it with GET /non/ or GET /ndn/")
    raise CyfsError(ErrorCode.INTERNAL_ERROR, f"the name {first!r} cannot be looked up: no name service is reachable")
