"""Routes, CORS and the order of checks (http-api §1, §2; http-front §1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cyfs_edge.core.api.router import split_target
from cyfs_edge.wire.config import LimitsConfig
from tests.node import DEC, DEC2, OBJECTS, Node, id_of, make_node


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a?b=c", "/a", "b=c"),
        ("/a?b#c", "/a", "b"),
        ("/util/../sync/status", "/sync/status", ""),
        ("/../../etc/passwd", "/etc/passwd", ""),
        ("/a/./b/.", "/a/b/", ""),
        ("/a/%2e%2E/b", "/b", ""),
        ("/a/.hidden", "/a/.hidden", ""),
        ("/a/..", "/", ""),
    ],
)
def test_split_target(target: str, path: str, query: str) -> None:
    assert split_target(target) == (path, query)


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("POST", "/nothing", 404, 4),
        ("PUT", "/non/extra", 404, 4),
        ("PATCH", "/non/", 404, 4),
        ("HEAD", "/util/device", 404, 4),
        ("OPTIONS", "/non/", 404, 4),
        ("GET", "/util/nothing", 400, 2),
        ("GET", "/crypto/sign", 400, 2),
        ("GET", "/o", 400, 2),
        ("GET", "/o/", 404, 4),
        ("GET", "/nothing/x", 500, 11),
        ("GET", "/o/" + "a" * 3000, 400, 8),
        ("GET", "/o.zz/x", 400, 8),
        ("GET", "//util//device", 404, 4),
        ("GET", "/root-state/op-env/map", 404, 4),
    ],
)
async def test_unknown_targets(node: Node, method: str, target: str, status: int, code: int) -> None:
    reply = await node.send(method, target)
    assert (reply.status, reply.code) == (status, code)


@pytest.mark.parametrize("path", ["/", "/index.html", "/favicon.ico"])
async def test_bare_not_found(node: Node, path: str) -> None:
    reply = await node.send("GET", path)
    assert (reply.status, reply.body, reply.headers) == (404, b"", {})


async def test_preflight_is_granted_to_known_origins_only(node: Node) -> None:
    known = await node.send("OPTIONS", "/non/", {"origin": "http://127.0.0.1:8080"})
    assert (known.status, known.headers["access-control-allow-origin"]) == (200, "http://127.0.0.1:8080")
    for origin in ("https://evil.example", "null"):
        refused = await node.send("OPTIONS", "/non/", {"origin": origin})
        assert (refused.status, refused.code) == (403, 12)
        assert "access-control-allow-origin" not in refused.headers


async def test_pages_speak_for_their_own_dec(node: Node) -> None:
    """A page puts as its dec without naming it; another dec's page cannot read what is closed."""
    page, other = {"origin": f"cyfs://a.{DEC}"}, {"origin": f"cyfs://a.{DEC2}"}

    put = {"cyfs-object-id": id_of("text_v1"), "cyfs-access": str(0o070777), **page}
    reply = await node.send("PUT", "/non/", put, OBJECTS["text_v1"])
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")
    get = {"cyfs-object-id": id_of("text_v1")}
    assert (await node.send("GET", "/non/", {**get, **page})).status == 200
    denied = await node.send("GET", "/non/", {**get, **other})
    assert (denied.code, denied.headers["access-control-allow-origin"]) == (12, "*")


async def test_foreign_pages_reach_nothing(node: Node) -> None:
    reply = await node.send("GET", "/util/device", {"origin": "https://evil.example"})
    assert (reply.status, reply.code) == (403, 12)
    assert "access-control-allow-origin" not in reply.headers
    rebound = await node.send("GET", "/util/device", {"host": "evil.example"})
    assert (rebound.status, rebound.code) == (403, 12)


async def test_object_size_limit(tmp_path: Path) -> None:
    node = await make_node(tmp_path, limits=LimitsConfig(object_size=10))
    reply = await node.put("text_v1")
    assert (reply.status, reply.code) == (413, 10)
    await node.stack.close()


async def test_browsers_keep_no_reply(node: Node) -> None:
    """The calls of the API have one address; a cache would give one object for another."""
    page = {"origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-site"}
    assert (await node.send("GET", "/util/device", page)).headers["cache-control"] == "no-store"
    of_node = {"user-agent": "node", "sec-fetch-mode": "cors"}
    assert "cache-control" not in (await node.send("GET", "/util/device", of_node)).headers
