"""How large a body each service takes (docs/limits.md), from the socket to the rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.api.call import ApiLimits
from tests.node import DEC, id_of, make_node
from tests.unit.net.http_client import serving
from tests.unit.net.loops import both_loops

REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "object_size": ("PUT /non/", {"cyfs-object-id": id_of("text_v1")}),
    "chunk_size": ("PUT /ndn/", {}),
    "json_size": ("POST /util/build_file", {}),
    "crypto_size": ("POST /crypto/encrypt", {"cyfs-encrypt-type": "encrypt_data", "cyfs-crypto-flags": "4"}),
}


@both_loops
@pytest.mark.parametrize("name", REQUESTS)
async def test_body_size(name: str, tmp_path: Path) -> None:
    request, headers = REQUESTS[name]
    limit = getattr(ApiLimits(), name)
    node = await make_node(tmp_path)
    async with serving(node.stack.handle) as served:
        for length, fits in ((limit, True), (limit + 1, False)):
            lines = [f"{request} HTTP/1.1", "host: 127.0.0.1:1318", f"cyfs-dec-id: {DEC}", f"content-length: {length}"]
            if name == "chunk_size":
                lines.append(f"cyfs-object-id: {ChunkId.of_hash(bytes(32), length)}")
            lines += [f"{key}: {value}" for key, value in headers.items()]
            async with served.client() as client:
                await client.send("\r\n".join([*lines, "", ""]).encode() + b"a")
                client.half_close()
                reply = await client.reply()
                if fits:
                    assert reply.status != 413
                else:
                    assert reply.status == 413
                    assert json.loads(reply.body)["code"] == str(int(ErrorCode.OUT_OF_LIMIT))
    await node.stack.close()
