"""Task groups: states, speeds and control of all tasks at and below a name (http-api §10)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId
from tests.node import DEC, DEC2, Node

from .conftest import SOURCE, Door, create, ended, pieces_of, put_file, restarted, state, trans


async def group(node: Node, name: str, dec: str = DEC, **more: Any) -> Any:
    reply = await trans(node, "POST", "task_group/state", {"group_type": "download", "group": name, **more}, dec)
    return reply.json if reply.status == 200 else reply.code


async def control(node: Node, name: str, action: str) -> Any:
    reply = await trans(node, "PUT", "task_group", {"group_type": "download", "group": name, "action": action})
    return reply.json["control_state"] if reply.status == 200 else reply.code


async def stuck_task(node: Node, source: Door, name: str, seed: int) -> str:
    """A task that has one of its two chunks, and waits for the other."""
    pieces = pieces_of(2, seed=seed)
    file = await put_file(source.node, pieces)
    source.stuck.add(str(ChunkId.of_data(pieces[1])))
    task_id = await create(node, file.object_id, group=name)
    async with asyncio.timeout(20):
        while ChunkId.of_data(pieces[0]) not in node.store.chunks.chunks:
            await asyncio.sleep(0.001)
    return task_id


async def test_the_name_of_a_group(node: Node) -> None:
    """Tasks tell it with the dec in front, and it is found in both forms, by its own dec only."""
    file = await put_file(node, pieces_of(1))
    task_id = await create(node, file.object_id, group="/a/b", devices=[])
    reply = await trans(node, "POST", "task/state", {"task_id": task_id})
    assert reply.json == {"state": {"Finished": 0}, "group": f"{DEC}/a/b"}
    for name in ("a/b", "/a/b", "a", f"{DEC}/a/b", "/", ""):
        assert (await group(node, name))["state"] == "Finished"
    assert await group(node, "a/b/c") == ErrorCode.NOT_FOUND
    assert await group(node, f"{DEC}/a/b", DEC2) == ErrorCode.NOT_FOUND
    reply = await trans(node, "POST", "task_group/state", {"group_type": "upload", "group": "a/b"})
    assert reply.code == ErrorCode.NOT_FOUND


async def test_bytes_and_speeds_of_a_group(node: Node, source: Door) -> None:
    for seed in (1, 2):
        file = await put_file(source.node, pieces_of(3, seed=seed))
        assert await ended(node, await create(node, file.object_id, group="g")) == {"Finished": 0}
    told = await group(node, "g", speed_when=1)
    assert told["transfered"] == 2 * 3 * 1024
    assert told["speed"] == told["cur_speed"] == 0
    assert told["history_speed"] > 0
    assert list(told) == ["state", "control_state", "speed", "cur_speed", "history_speed", "transfered"]
    assert (await group(node, "g"))["speed"] is None


async def test_pause_and_resume(node: Node, source: Door) -> None:
    """Also over a restart; a task that is started in a paused group waits for it."""
    first = await stuck_task(node, source, "g/one", 1)
    assert (await group(node, "g"))["state"] == "Running"
    assert await control(node, "g", "Pause") == "Paused"
    assert await state(node, first) == "Paused"
    file = await put_file(source.node, pieces_of(1, seed=9))
    second = await create(node, file.object_id, group="g/two")
    assert await state(node, second) == "Paused"
    again = await restarted(node)
    try:
        assert [await state(again, one) for one in (first, second)] == ["Paused", "Paused"]
        told = await group(again, "g")
        assert (told["state"], told["control_state"]) == ("Paused", "Paused")
        source.stuck.clear()
        source.let_go.set()
        assert await control(again, "g", "Resume") == "Normal"
        assert [await ended(again, one) for one in (first, second)] == [{"Finished": 0}] * 2
        assert await control(again, "g", "Pause") == "Normal", "nothing is left to pause"
    finally:
        await again.stack.trans.close()


async def test_cancel(node: Node, source: Door) -> None:
    """Its tasks stop and cannot be started until the group is resumed; others go on."""
    inside = await stuck_task(node, source, "g", 1)
    outside = await stuck_task(node, source, "h", 2)
    assert await control(node, "g", "Cancel") == "Canceled"
    assert await state(node, inside) == "Paused"
    assert "Downloading" in await state(node, outside)
    start = {"task_id": inside, "action": "Start"}
    assert (await trans(node, "PUT", "task", start)).code == ErrorCode.ERROR_STATE
    source.stuck.clear()
    source.let_go.set()
    assert await control(node, "g", "Resume") == "Normal"
    assert await state(node, inside) == "Paused", "it was not paused but cancelled"
    assert (await trans(node, "PUT", "task", start)).status == 200
    assert await ended(node, inside) == {"Finished": 0}


@pytest.mark.parametrize(("action", "below"), [("Close", "g/below"), ("CloseRecursively", "g/below")])
async def test_a_closed_group_takes_no_new_tasks(node: Node, action: str, below: str) -> None:
    """Nor does a group below it. With the last of its tasks it is forgotten."""
    file = await put_file(node, pieces_of(1))
    task_id = await create(node, file.object_id, group="g", devices=[])
    assert await control(node, "g", action) == "Normal"
    other = await put_file(node, pieces_of(1, seed=2))
    body = {"object_id": str(other.object_id), "local_path": "", "device_list": [], "auto_start": False}
    for name in ("g", below):
        assert (await trans(node, "POST", "task", {**body, "group": name})).code == ErrorCode.ERROR_STATE
    assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Delete"})).status == 200
    assert await group(node, "g") == ErrorCode.NOT_FOUND
    assert (await trans(node, "POST", "task", {**body, "group": "g"})).status == 200
    assert not [key async for key, _ in node.store.records.list("trans-groups")]


async def test_a_failed_task_is_the_error_of_its_group(node: Node, source: Door) -> None:
    file = await put_file(source.node, pieces_of(1))
    source.refused = {str(ChunkId.of_data(pieces_of(1)[0])): 404}
    assert await ended(node, await create(node, file.object_id, "", [SOURCE], group="g")) == {"Err": 4}
    assert (await group(node, "g"))["state"]["Error"]["code"] == 4


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"group_type": "sideways", "group": "g", "action": "Pause"}, 8),
        ({"group_type": "download", "action": "Pause"}, 4),
        ({"group_type": "download", "group": "g", "action": "Eat"}, 22),
        ({"group_type": "download", "group": "g" * 256, "action": "Pause"}, 10),
        ({"group_type": "download", "group": "none", "action": "Pause"}, 4),
    ],
)
async def test_bad_group_calls(node: Node, body: dict[str, Any], code: int) -> None:
    assert (await trans(node, "PUT", "task_group", body)).code == code
