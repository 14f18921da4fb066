"""Operations that this node does not serve are told as NotSupport, and docs/compatibility.md says which those are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cyfs_edge.core.api.absent import ABSENT
from cyfs_edge.core.api.operation import JSON, Operation
from cyfs_edge.core.api.operations import OPERATIONS
from tests.node import DEC, Node

PROJECT = Path(__file__).parents[3]
ROW = re.compile(r"^\| `([A-Z]+ /[^`]*)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NEEDED = {"cyfs-api-level": "ndc", "cyfs-object-id": DEC}


def headers_of(operation: Operation) -> dict[str, str]:
    names = [name[:-1] for name in operation.headers if name.endswith("!")]
    return {"cyfs-dec-id": DEC, **{name: NEEDED[name] for name in names}}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("operation", ABSENT, ids=lambda one: one.name)
async def test_what_is_not_served_is_not_supported(node: Node, operation: Operation, slash: str) -> None:
    reply = await node.send(operation.method, operation.path + slash, headers_of(operation), b"{}")
    assert (reply.status, reply.code) == (500, 6)
    assert operation.name in str(reply.json["msg"])


@pytest.mark.parametrize("operation", ABSENT, ids=lambda one: one.name)
async def test_what_the_operation_needs_is_told_first(node: Node, operation: Operation) -> None:
    headers = headers_of(operation)
    for name in list(headers):
        if name != "cyfs-dec-id":
            del headers[name]
            reply = await node.send(operation.method, operation.path, headers, b"{}")
            assert (reply.status, reply.code) == (404, 4)
            headers = headers_of(operation)
    if operation.body is not None and operation.body[0] == JSON:
        reply = await node.send(operation.method, operation.path, headers, b"{")
        assert (reply.status, reply.code) == (400, 2)


def test_the_table_of_operations_names_each_and_says_whether_it_is_served() -> None:
    rows = ROW.findall((PROJECT / "docs" / "compatibility.md").read_text(encoding="utf-8"))
    table = {operation: served for operation, served, _ in rows}
    assert len(table) == len(rows)
    absent = {one.name for one in ABSENT}
    operations: dict[str, bool] = {}
    for one in OPERATIONS:
        path = re.sub(r"^/(root-state|local-cache)/", "/{c}/", one.path)
        operations[f"{one.method} {path}"] = one.name not in absent
    assert list(table) == list(operations)
    assert {operation for operation, served in table.items() if served == "not yet"} == {
        operation for operation, served in operations.items() if not served
    }


def test_the_tests_of_the_table_are_there() -> None:
    for operation, _, tests in ROW.findall((PROJECT / "docs" / "compatibility.md").read_text(encoding="utf-8")):
        assert "replay" in tests or "tests/" in tests, operation
        for path in re.findall(r"`(tests/[^`]+)`", tests):
            assert (PROJECT / path).is_file(), (operation, path)
