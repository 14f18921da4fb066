"""State: sessions of changes, reads by path, lists, and maps of many keys."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

from bench import load, samples
from bench.gateway import Gateway
from bench.rows import Calibration, Row, rate
from cyfs_edge.base.ids import ObjectId

DEC = samples.DEC
LIST_KEYS = 1000
MAP_KEYS = (2_000, 100_000)
BATCH = 5_000
"""Keys inserted between two updates of a map."""


def _request(method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1:1318", f"cyfs-dec-id: {DEC}"]
    data = b"" if body is None else json.dumps({"common": {"flags": 0}, **body}).encode()
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(data)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def get_by_path(path: str) -> bytes:
    return _request("GET", f"/root-state{path}?action=get-object-by-path", {})


def list_by_path(path: str, keys: int) -> bytes:
    return _request("GET", f"/root-state{path}?action=list&page_index=0&page_size={keys}", {})


class Client:
    """One connection, used for one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> Client:
        return cls(*await asyncio.open_connection(*address))

    async def send(self, request: bytes) -> bytes:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        at = head.find(b"content-length: ") + 16
        body = await self._reader.readexactly(int(head[at : head.find(b"\r", at)]))
        if head[9:12] != b"200":
            raise RuntimeError(head.decode("latin-1") + body.decode("latin-1"))
        return body

    async def open_env(self, kind: str) -> int:
        headers = {"cyfs-root-state-aciton": "create-op-env"}
        made = await self.send(_request("POST", "/root-state/op-env", headers, {"op_env_type": kind}))
        return int(json.loads(made)["sid"])

    async def env(self, sid: int, method: str, path: str, action: str, body: dict[str, Any]) -> Any:
        headers = {"cyfs-op-env-action": action, "cyfs-op-env-sid": str(sid)}
        reply = await self.send(_request(method, f"/root-state/op-env/{path}", headers, body))
        return json.loads(reply) if reply else None

    async def insert(self, sid: int, path: str | None, key: str, value: ObjectId) -> None:
        place = {} if path is None else {"path": path}
        await self.env(sid, "POST", "map", "insert-with-key", {**place, "key": key, "value": str(value)})

    async def commit(self, sid: int, kind: str = "commit") -> None:
        await self.env(sid, "POST", "transaction", "commit", {"op_type": kind})

    def close(self) -> None:
        self._writer.close()


async def commits(
    address: tuple[str, int], connections: int, seconds: float, value: ObjectId, path: str | None = None
) -> load.Result:
    """Sessions of one insert each: into the map at ``path``, or every connection into one of its own."""
    until = time.perf_counter() + seconds
    latencies: list[float] = []
    start = time.perf_counter()

    async def work(number: int) -> None:
        client = await Client.connect(address)
        for count in itertools.count():
            began = time.perf_counter()
            if began >= until:
                break
            sid = await client.open_env("path")
            await client.insert(sid, path or f"/bench/{connections}/{number}", f"new-{count}", value)
            await client.commit(sid)
            latencies.append(time.perf_counter() - began)
        client.close()

    await asyncio.gather(*map(work, range(connections)))
    elapsed = time.perf_counter() - start
    latencies.sort()
    count = len(latencies)
    return load.Result(count, elapsed, 0, latencies[count // 2], latencies[min(count - 1, count * 99 // 100)])


async def fill(address: tuple[str, int], path: str, keys: int, value: ObjectId) -> float:
    """Makes a map of ``keys`` keys at ``path``; gives the inserts a second, the commits of every batch included."""
    client = await Client.connect(address)
    start = time.perf_counter()
    sid = await client.open_env("path")
    for number in range(keys):
        await client.insert(sid, path, f"key-{number:06}", value)
        if number % BATCH == BATCH - 1:
            await client.commit(sid, "update")
    await client.commit(sid)
    client.close()
    return keys / (time.perf_counter() - start)


def gets(path: str, keys: int) -> Iterator[bytes]:
    """Reads all over a map."""
    return samples.cycle([get_by_path(f"{path}/key-{number * keys // 200:06}") for number in range(200)])


async def rows(node: Gateway, base: Calibration, seconds: float) -> list[Row]:
    found: list[Row] = []
    value = samples.objects(1, node.owner)[0]
    await load.run(node.address, iter([samples.put_object(value)]), 1, 60)
    for connections in base.echo:
        result = await commits(node.address, connections, seconds, value.object_id)
        name = f"op-env create + insert + commit, {connections} connections"
        found.append(rate(name, result, base.fdatasync, "fdatasync"))
    await fill(node.address, "/list", LIST_KEYS, value.object_id)
    for connections, echo in base.echo.items():
        result = await load.run(node.address, gets("/list", LIST_KEYS), connections, seconds)
        found.append(rate(f"get by path, {connections} connections", result, echo, "echo"))
    for connections, echo in base.echo.items():
        lists = samples.cycle([list_by_path("/list", LIST_KEYS)])
        result = await load.run(node.address, lists, connections, seconds)
        found.append(rate(f"list of {LIST_KEYS:,} keys, {connections} connections", result, echo, "echo"))
    for keys in MAP_KEYS:
        found += await map_rows(node, base, seconds, keys, value.object_id)
    return found


async def map_rows(node: Gateway, base: Calibration, seconds: float, keys: int, value: ObjectId) -> list[Row]:
    path, name = f"/map-{keys}", f"map of {keys:,} keys: "
    inserts = await fill(node.address, path, keys, value)
    found = [Row(name + f"filled, {BATCH:,} inserts a commit", inserts, "1/s", inserts / base.echo[1], "echo")]
    result = await load.run(node.address, gets(path, keys), 1, seconds)
    found.append(rate(name + "get one", result, base.echo[1], "echo"))
    result = await load.run(node.address, samples.cycle([list_by_path(path, keys)]), 1, seconds)
    found.append(rate(name + "list all", result, base.echo[1], "echo"))
    result = await commits(node.address, 1, seconds, value, path)
    found.append(rate(name + "op-env create + insert one + commit", result, base.fdatasync, "fdatasync"))
    return found
