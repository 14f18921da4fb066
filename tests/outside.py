"""Somebody outside, who asks at the owner door of a node in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.door.door import OwnerDoor
from cyfs_edge.core.shares.record import Audience, ObjectTarget, Share, Target
from cyfs_edge.core.shares.service import NewShare
from cyfs_edge.wire.config import DoorConfig
from cyfs_edge.wire.door import LISTENER
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from tests.node import BytesBody, Node, Reply, make_node, read_body

HOST = "box.example:1380"
PASSWORD = "correct horse battery"
PAGE = {"accept": "text/html,*/*"}
"""What makes a request that of a browser that navigates."""


@dataclass
class Outside:
    """``address``: where the requests come from."""

    node: Node
    address: str = "192.0.2.1:5"

    @property
    def door(self) -> OwnerDoor:
        return self.node.stack.door

    async def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Reply:
        lines = {"host": HOST, **(headers or {})}
        request = HttpRequest(method, target, Headers(lines.items()), BytesBody(body), Peer(self.address, LISTENER))
        response = await self.door.api.handle(request)
        return Reply(response.status, dict(response.headers), await read_body(response))

    async def login(self, password: str = PASSWORD) -> Reply:
        headers = {"content-type": "application/json"}
        return await self.ask("POST", "/api/login", headers, json.dumps({"password": password}).encode())

    async def session(self) -> dict[str, str]:
        """The header of a new session of the owner, without the time that a password takes."""
        secret, _ = await self.door.sessions.open_session()
        return {"authorization": f"Bearer {secret}"}

    async def link(self, target: Target, label: str = "", expires: int = 0) -> tuple[str, Share]:
        """The path of a new link, and its share."""
        made = await self.door.shares.create(NewShare(Audience.ANYONE, target, label, expires))
        return f"/s/{made.secret}", made.share

    async def link_to(self, object_id: object, inner_path: str = "", label: str = "") -> str:
        return (await self.link(ObjectTarget(ObjectId.from_text(str(object_id)), inner_path), label))[0]


async def make_outside(root: Path) -> Outside:
    node = await make_node(root, door=DoorConfig(enabled=True, names=("box.example",)))
    node.stack.door.api.site.names = frozenset(("box.example",))
    return Outside(node)
