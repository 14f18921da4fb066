"""Backups, scrub and imports on the administration API."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.core.api.control_backup import BODY_MAX
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from tests.node import BytesBody, Node, Reply, make_node, read_body


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    return await make_node(tmp_path)


async def ask(node: Node, target: str, body: object = None, raw: bytes | None = None) -> Reply:
    data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    request = HttpRequest("POST", target, Headers([("host", "localhost")]), BytesBody(data), Peer("local"))
    response = await node.stack.control.handle(request)
    return Reply(response.status, dict(response.headers), await read_body(response))


async def test_an_action_is_a_job_and_a_second_one_of_its_kind_must_ask_the_same(node: Node) -> None:
    first = await ask(node, "/control/backup/create", {"target": "/one"})
    assert first.status == 202
    assert first.json["kind"] == "backup-create"
    again = await ask(node, "/control/backup/create", {"target": "/one"})
    assert again.json["id"] == first.json["id"]
    other = await ask(node, "/control/backup/create", {"target": "/two"})
    assert other.code == ErrorCode.WOULD_BLOCK
    assert (await ask(node, "/control/backup/verify", {"target": "/two"})).status == 202
    await node.stack.jobs.close()


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/control/backup/create", {"target": 5}),
        ("/control/backup/create", {"secret": "yes"}),
        ("/control/backup/create", {"target": "x" * 5000}),
        ("/control/backup/create", []),
        ("/control/backup/forget", {"keep_last": -1}),
        ("/control/backup/forget", {"keep_last": True}),
        ("/control/backup/restore", {}),
        ("/control/import/tape", {"path": "/x"}),
        ("/control/import/archive", {}),
        ("/control/scrub", {"repair": 1}),
    ],
)
async def test_wrong_options_are_refused_before_anything_begins(node: Node, target: str, body: object) -> None:
    assert (await ask(node, target, body)).code == ErrorCode.INVALID_PARAM


async def test_unknown_actions_and_too_much_of_a_body(node: Node) -> None:
    unknown = await ask(node, "/control/backup/shred")
    assert unknown.code == ErrorCode.NOT_FOUND
    assert "rehearse" in str(unknown.json["msg"])
    assert (await ask(node, "/control/scrub", raw=b"{" + b" " * BODY_MAX)).code == ErrorCode.OUT_OF_LIMIT
    assert (await ask(node, "/control/scrub", raw=b"[" * 10_000)).code == ErrorCode.INVALID_PARAM
