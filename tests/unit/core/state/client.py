"""Calls on the state of a whole node in memory, as clients make them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.node import DEC, Node, Reply


@dataclass
class Client:
    """One dec. ``target``: another dec whose state is meant."""

    node: Node
    dec: str | None = DEC
    category: str = "root-state"
    target: str | None = None

    async def call(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Reply:
        lines = dict(headers)
        if self.dec is not None:
            lines["cyfs-dec-id"] = self.dec
        if self.target is not None:
            lines["cyfs-target-dec-id"] = self.target
        data = b"" if body is None else json.dumps(body).encode()
        return await self.node.send(method, f"/{self.category}/{path}", lines, data)

    async def root(self, root_type: str = "dec") -> Reply:
        body = {"common": {"flags": 0}, "root_type": root_type}
        return await self.call("POST", "root", {"cyfs-root-state-aciton": "get-current-root"}, body)

    async def try_create(self, kind: str = "path", access: object = None) -> Reply:
        body: dict[str, object] = {"common": {"flags": 0}, "op_env_type": kind}
        if access is not None:
            body["access"] = access
        return await self.call("POST", "op-env", {"cyfs-root-state-aciton": "create-op-env"}, body)

    async def create(self, kind: str = "path", access: object = None) -> Env:
        reply = await self.try_create(kind, access)
        assert reply.status == 200, reply.body
        return Env(self, str(reply.json["sid"]))

    async def get(self, path: str) -> Reply:
        return await self.call("GET", path, {})

    async def grant(self, path: str, access: int) -> None:
        body = {"common": {"flags": 0}, "item": {"path": path, "access": {"Default": access}}}
        reply = await self.call("PUT", "meta/access", {"cyfs-meta-aciton": "global-state-add-access"}, body)
        assert reply.status == 200, reply.body


@dataclass
class Env:
    client: Client
    sid: str

    async def send(self, method: str, path: str, action: str, headers: dict[str, str], body: object) -> Reply:
        lines = {"cyfs-op-env-action": action, "cyfs-op-env-sid": self.sid, **headers}
        return await self.client.call(method, f"op-env/{path}", lines, body)

    async def post(self, where: str, action: str, method: str = "POST", **values: Any) -> Reply:
        return await self.send(method, where, action, {}, {"common": {"flags": 0, "sid": self.sid}, **values})

    async def insert(self, key: str, value: str, **values: Any) -> Reply:
        return await self.post("map", "insert-with-key", key=key, value=value, **values)

    async def set(self, key: str, value: str, **values: Any) -> Reply:
        given = {"auto_insert": True, **values}
        return await self.post("map", "set-with-key", "PUT", key=key, value=value, **given)

    async def get(self, key: str) -> Reply:
        return await self.send("GET", "map", "get-by-key", {"cyfs-op-env-key": key}, None)

    async def list(self, path: str | None = None) -> Reply:
        headers = {} if path is None else {"cyfs-op-env-path": path}
        return await self.send("GET", "list", "list", headers, None)

    async def new(self, content_type: str, **values: Any) -> Reply:
        return await self.post("init/new", "create-new", content_type=content_type, **values)

    async def lock(self, *paths: str, duration: int = 0, try_lock: bool = True) -> Reply:
        return await self.post("lock", "lock", path_list=list(paths), duration_in_millsecs=duration, try_lock=try_lock)

    async def commit(self, op_type: str = "commit") -> Reply:
        return await self.post("transaction", "commit", op_type=op_type)

    async def abort(self) -> Reply:
        return await self.post("transaction", "abort", "DELETE")
