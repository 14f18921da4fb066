"""Clients of handlers, played in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.handlers.registry import Routine
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.handler import Action, Category, Chain, HandlerKey, HandlerParam
from tests.node import DEC, OBJECTS, Node, id_of

Answer = dict[str, Any] | bytes | CyfsError


class Client:
    """Answers what it is told to, or what a function makes of the call; keeps what it was asked."""

    def __init__(self, answer: Answer | Callable[[dict[str, Any]], Answer]) -> None:
        self._answer = answer
        self.seen: list[dict[str, Any]] = []

    async def call(self, key: HandlerKey, param: str) -> bytes:
        self.seen.append(json.loads(param))
        answer = self._answer(self.seen[-1]) if callable(self._answer) else self._answer
        if isinstance(answer, CyfsError):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def client(action: str = "Default", value: object = None, error: object = None, request: object = None) -> Client:
    """One that always gives the same answer."""
    answer: dict[str, Any] = {"action": action}
    if value is not None:
        answer["response"] = {"value": value}
    if error is not None:
        answer["response"] = {"error": error}
    if request is not None:
        answer["request"] = request
    return Client(answer)


def broken() -> Client:
    return Client(CyfsError(ErrorCode.NOT_CONNECTED, "gone"))


def object_of(name: str) -> dict[str, str]:
    """A recorded object as handlers see it."""
    return {"object_id": id_of(name), "object_raw": OBJECTS[name].hex()}


async def register(
    node: Node,
    chain: str,
    category: str,
    routine: Routine | None,
    *,
    handler_id: str = "h",
    dec: str | ObjectId = SYSTEM_DEC_ID,
    filter: str | None = "*",
    req_path: str | None = None,
    index: int = 0,
    default: str = "Default",
) -> HandlerKey:
    """Adds a handler on behalf of a local dec, the system dec unless said otherwise."""
    dec_id = ObjectId.from_text(str(dec))
    key = HandlerKey(Chain(chain), Category(category), handler_id, dec_id)
    param = HandlerParam(index, Action(default), filter, req_path, None if routine is None else "r")
    await node.stack.handlers.add(node.stack.zone.local_source(dec_id), key, param, routine)
    return key


async def post(node: Node, req_path: str, name: str = "text_v1", dec: str = DEC) -> Any:
    headers = {"cyfs-dec-id": dec, "cyfs-object-id": id_of(name), "cyfs-req-path": req_path.replace("?", "%3F")}
    return await node.send("POST", "/non/", headers, OBJECTS[name])
