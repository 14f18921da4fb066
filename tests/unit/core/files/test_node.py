"""The tree of a whole node: what is written there is found by the calls of the protocol, and over WebDAV."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from tests.memory_server import MemoryServer
from tests.node import Node, make_node
from tests.unit.core.files.kit import at, pieces_of


@pytest_asyncio.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    made = await make_node(tmp_path)
    yield made
    await made.stack.close()


async def test_other_ways_to_the_same_files(node: Node) -> None:
    tree = node.stack.files
    await tree.make_dir(at("docs"))
    written = await tree.write(at("docs/hello.txt"), pieces_of(b"hello"))
    headers = {"cyfs-dec-id": str(SYSTEM_DEC_ID)}
    page = await node.send("GET", f"/r/{SYSTEM_DEC_ID}/files/docs/hello.txt", headers)
    assert (page.status, page.body) == (200, b"hello")
    assert page.headers["cyfs-object-id"] == written.entry.tag
    listed = await node.send("GET", f"/r/{SYSTEM_DEC_ID}/files/docs?action=list", headers)
    assert [item["key"] for item in json.loads(listed.body)] == ["hello.txt"]
    data = await node.send(
        "GET", "/ndn/", {**headers, "cyfs-object-id": written.entry.tag or "", "cyfs-ndn-action": "get-data"}
    )
    assert data.body == b"hello"
    dav = await MemoryServer(lambda request: node.stack.dav.handle(request, "/dav")).request(
        "GET", "/dav/docs/hello.txt"
    )
    assert (dav.status, dav.body) == (200, b"hello")
