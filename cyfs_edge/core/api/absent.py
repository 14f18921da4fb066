"""Services of the protocol that this node does not have: told as such, after the usual look at the body."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.api.call import Call
from cyfs_edge.wire.message import HttpResponse


async def group_service(call: Call) -> HttpResponse:
    await call.json(bad_code=ErrorCode.INVALID_PARAM)
    raise _absent(call)


def _absent(call: Call) -> CyfsError:
    return CyfsError(ErrorCode.NOT_SUPPORT, f"this node has no service {call.request.method} {call.path}")
