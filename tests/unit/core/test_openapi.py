"""The table of operations and the routes are the same set, and the document made of it is sound OpenAPI."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.core.api.openapi import HEADERS, SCHEMAS, openapi_document
from cyfs_edge.core.api.operations import OPERATIONS
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from cyfs_edge.wire.state import OpEnvAction
from tests.node import BytesBody, make_node, read_body

Route = tuple[str, str]
FRONT = ("GET", "/{name}")
"""Answers every GET that no route takes."""


def plain(path: str) -> str:
    """A path without its parameters and without the slash that may stand at its end."""
    return path.partition("{")[0].rstrip("/")


async def routes_of(root: Path) -> set[Route]:
    """A route is served with and without a slash at its end, and some with more behind it: one operation each."""
    api = (await make_node(root)).stack.api
    exact = {(method, plain(path), False) for method, path in api._exact}
    below = {(method, plain(path), True) for method, routes in api._prefixes.items() for path, _ in routes}
    whole = {(method, path) for method, path, _ in exact}
    # /util/device/x is the operation /util/device; but /ndn/{id} is another one than /ndn.
    more = {(method, path) for method, path, _ in below if not path.startswith("/util/")}
    assert {(method, path) for method, path, _ in below} - more <= whole
    return whole | {(method, path + "/…") for method, path in more}


async def test_every_route_is_an_operation_and_every_operation_a_route(tmp_path: Path) -> None:
    table = {
        (one.method, plain(one.path) + ("/…" if "{" in one.path else ""))
        for one in OPERATIONS
        if (one.method, one.path) != FRONT
    }
    assert table == await routes_of(tmp_path)


def test_no_operation_is_there_twice() -> None:
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)


def test_the_actions_of_op_envs_are_those_of_the_protocol() -> None:
    document = openapi_document()
    actions = [
        parameter["schema"]["const"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation["parameters"]
        if parameter["name"] == "cyfs-op-env-action"
    ]
    assert sorted(actions) == sorted(2 * [one.value for one in OpEnvAction])


def test_all_that_is_described_is_used_and_all_references_resolve() -> None:
    text = json.dumps(openapi_document())
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) == set(SCHEMAS)
    named = {header.rstrip("!") for one in OPERATIONS for header in one.headers}
    answered = {header.rstrip("!") for one in OPERATIONS for reply in one.replies for header in reply.headers}
    assert named | answered | {"cyfs-dec-id"} == set(HEADERS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_parameters_of_a_path_are_declared(operation: Any) -> None:
    made = openapi_document()["paths"][operation.path][operation.method.lower()]
    in_path = [one["name"] for one in made["parameters"] if one["in"] == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", operation.path)
    assert {"default", *map(str, (reply.status for reply in operation.replies))} == set(made["responses"])


async def test_the_control_api_serves_it(tmp_path: Path) -> None:
    node = await make_node(tmp_path)
    request = HttpRequest("GET", "/control/openapi.json", Headers([]), BytesBody(b"", False), Peer("local"))
    response = await node.stack.control.handle(request)
    assert response.status == 200
    assert json.loads(await read_body(response)) == openapi_document()
