"""Puts things where tests want them: objects at paths of a dec's state, files, installed apps."""

from __future__ import annotations

import hashlib
import json

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.file import make_file
from tests.node import DEC, NOW, PEOPLE, Node, Reply

OWNER = ObjectId.from_text(PEOPLE)


async def link(
    node: Node, path: str, object_id: str, kind: str = "map", category: str = "root-state", dec: str = DEC
) -> dict[str, object]:
    """Puts an object at a path of the dec's state, or into the set there; gives what the commit told."""

    async def call(method: str, route: str, action: str, sid: object = None, **body: object) -> Reply:
        lines = {"cyfs-dec-id": dec, "cyfs-op-env-action": action}
        if sid is None:
            lines["cyfs-root-state-aciton"] = action
        else:
            lines["cyfs-op-env-sid"] = str(sid)
        raw = json.dumps({"common": {"flags": 0}, **body}).encode()
        reply = await node.send(method, f"/{category}/op-env{route}", lines, raw)
        assert reply.status == 200, reply.body
        return reply

    sid = (await call("POST", "", "create-op-env", op_env_type="path")).json["sid"]
    if kind == "map":
        await call("PUT", "/map", "set-with-key", sid, key=path, value=object_id, auto_insert=True)
    else:
        await call("POST", "/set", "insert", sid, path=path, value=object_id)
    return (await call("POST", "/transaction", "commit", sid)).json


async def put_file(node: Node, data: bytes, dec: str = DEC) -> ObjectId:
    """A file of one chunk, with its data."""
    chunk_id = ChunkId.of_data(data)
    lines = {"cyfs-dec-id": dec, "cyfs-ndn-action": "put-data", "cyfs-object-id": str(chunk_id)}
    assert (await node.send("PUT", "/ndn/", lines, data)).status == 200
    made = make_file(OWNER, len(data), hashlib.sha256(data).digest(), [chunk_id], update_time=NOW)
    assert (await node.put_raw(made.raw, dec)).status == 200
    return made.object_id


async def put_dir(node: Node, files: dict[str, bytes], dec: str = DEC) -> ObjectId:
    """``files``: content by inner path."""
    entries = {path: DirEntry(await put_file(node, data, dec)) for path, data in files.items()}
    made = make_dir(OWNER, DirList(entries), update_time=NOW)
    assert (await node.put_raw(made.raw, dec)).status == 200
    return made.object_id


async def install(node: Node, files: dict[str, bytes], dec: str = DEC, version: str = "1.2.3") -> ObjectId:
    """Makes a folder of pages that of an app, as the app manager does; gives the folder's id."""
    dir_id = await put_dir(node, files, dec)
    for name in ("current", version):
        await link(node, f"/app/{dec}/versions/{name}", str(dir_id), dec=str(SYSTEM_DEC_ID))
    return dir_id
