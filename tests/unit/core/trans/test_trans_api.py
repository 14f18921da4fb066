"""The calls of ``/trans`` on a whole node: who may, what is refused, publishing and contexts (http-api §10, §15)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.trans.record import SPACE
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.objects.core.trans_context import ChunkCodecDesc, TransContextDevice, make_trans_context
from cyfs_edge.stack import compose
from tests.node import DEC, DEC2, DEVICE, NOW, PEOPLE, Node, id_of

from .conftest import SOURCE, Door, create, ended, pieces_of, put_file, state, trans

TASK = {"object_id": id_of("chunk_hello"), "local_path": "", "device_list": [], "auto_start": False}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"object_id": str(SYSTEM_DEC_ID)}, 2),
        ({"object_id": "zz"}, 8),
        ({"object_id": None}, 4),
        ({"local_path": None}, 4),
        ({"local_path": 7}, 8),
        ({"local_path": "a/b"}, 2),
        ({"local_path": "/a\0b"}, 2),
        ({"local_path": "/" + "x" * 4096}, 10),
        ({"device_list": None}, 4),
        ({"device_list": "x"}, 8),
        ({"device_list": [PEOPLE]}, 8),
        ({"device_list": [DEVICE] * 65}, 10),
        ({"auto_start": None}, 4),
        ({"auto_start": 1}, 8),
        ({"group": "g" * 256}, 10),
        ({"group": "a\0b"}, 8),
        ({"group": 3}, 8),
        ({"context": "c" * 256}, 10),
    ],
)
async def test_create_refuses_what_it_cannot_read(node: Node, change: dict[str, Any], code: int) -> None:
    reply = await trans(node, "POST", "task", {**TASK, **change})
    assert reply.code == code
    assert not node.stack.trans.list_tasks()


@pytest.mark.parametrize("path", ["task", "task/state", "tasks", "file", "get_context", "task_group/state"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"", b'"x"', b"\xff", b"[" * 5000])
async def test_a_body_that_is_no_json_object(node: Node, path: str, body: bytes) -> None:
    assert (await trans(node, "POST", path, body)).code == ErrorCode.INVALID_PARAM


async def test_the_level_must_be_stated(node: Node) -> None:
    reply = await node.send("POST", "/trans/task", {"cyfs-dec-id": DEC}, json.dumps(TASK).encode())
    assert reply.code == ErrorCode.NOT_FOUND
    assert (await trans(node, "POST", "task", TASK, api_level="noc")).code == ErrorCode.INVALID_FORMAT


@pytest.mark.parametrize("value", ["no-such-task", "x", "", "1" * 31, "z" * 44])
async def test_ids_that_are_none(node: Node, value: str) -> None:
    assert (await trans(node, "POST", "task/state", {"task_id": value})).code == ErrorCode.INVALID_FORMAT


async def test_the_anonymous_dec_touches_no_files(node: Node, tmp_path: Path) -> None:
    """Without a local path it may download like everybody else."""
    (tmp_path / "f").write_bytes(b"f")
    anonymous = str(ANONYMOUS_DEC_ID)
    body = {**TASK, "local_path": str(tmp_path / "out")}
    assert (await trans(node, "POST", "task", body, anonymous)).code == ErrorCode.PERMISSION_DENIED
    publish = {"owner": PEOPLE, "local_path": str(tmp_path / "f"), "chunk_size": 1024}
    assert (await trans(node, "POST", "file", publish, anonymous)).code == ErrorCode.PERMISSION_DENIED
    assert (await trans(node, "POST", "task", TASK, anonymous)).status == 200


async def test_callers_of_other_devices(node: Node) -> None:
    """Devices of the zone may let this one download into its store; its files are for its own programs. Others may
    do nothing."""
    device = (await node.send("GET", "/util/device", {"cyfs-dec-id": DEC})).headers["cyfs-device-id"]
    assert device == DEVICE
    other = str(SOURCE)
    assert (await trans(node, "POST", "task", TASK, source=other)).code == ErrorCode.PERMISSION_DENIED
    assert (await trans(node, "POST", "tasks", {}, source=other)).code == ErrorCode.PERMISSION_DENIED


async def test_a_task_is_seen_by_its_own_dec_only(node: Node) -> None:
    task_id = await create(node, ObjectId.from_text(id_of("chunk_hello")), auto_start=False)
    for dec in (DEC2, str(SYSTEM_DEC_ID)):
        assert (await trans(node, "POST", "task/state", {"task_id": task_id}, dec)).code == ErrorCode.NOT_FOUND
        assert (await trans(node, "POST", "tasks", {}, dec)).json == {"task_list": []}
        for action in ("Start", "Stop"):
            reply = await trans(node, "PUT", "task", {"task_id": task_id, "action": action}, dec)
            assert reply.code == ErrorCode.NOT_FOUND
        # As with a task that is not there, and as little happens.
        assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Delete"}, dec)).status == 200
    assert await state(node, task_id) == "Paused"
    again = await create(node, ObjectId.from_text(id_of("chunk_hello")), auto_start=False)
    assert again == task_id


async def test_query_by_status_and_range(node: Node, tmp_path: Path) -> None:
    files = [await put_file(node, pieces_of(1, seed=seed)) for seed in range(4)]
    ids = []
    for index, file in enumerate(files):
        node.clock.time += 1
        ids.append(await create(node, file.object_id, tmp_path / str(index), [], auto_start=index == 2))
    assert await ended(node, ids[2]) == {"Finished": 0}

    async def listed(**body: Any) -> list[str]:
        reply = await trans(node, "POST", "query", body)
        return [task["task_id"] for task in reply.json["task_list"]]  # type: ignore[attr-defined]

    assert await listed() == ids
    assert await listed(task_status="Finished") == [ids[2]]
    assert await listed(task_status="Stopped", offset="1", length="2") == [ids[1], ids[3]]
    assert await listed(offset=3, length=10) == [ids[3]]
    assert await listed(offset=9, length=1) == []
    assert (await trans(node, "POST", "tasks", {"task_status": "Lazy"})).code == ErrorCode.INVALID_FORMAT
    assert (await trans(node, "POST", "tasks", {"offset": -1, "length": 1})).code == ErrorCode.INVALID_FORMAT


async def test_the_old_sdk_reads_the_state_alone(node: Node) -> None:
    """0.5.8 sends no ``common``."""
    task_id = await create(node, ObjectId.from_text(id_of("chunk_hello")), auto_start=False, context_id="/c")
    reply = await trans(node, "POST", "task/state", json.dumps({"task_id": task_id}).encode())
    assert reply.body == b'"Paused"'
    (task,) = (await trans(node, "POST", "query", b"{}")).json["task_list"]  # type: ignore[misc]
    assert task["context"] == "/c"


async def test_no_more_tasks_than_the_limit(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest finished one of the dec makes room; when none is finished the dec is told to delete some."""
    limits = node.stack.trans._tools.limits
    object.__setattr__(limits, "tasks_per_dec", 3)
    files = [await put_file(node, pieces_of(1, seed=seed)) for seed in range(6)]
    ids = [await create(node, file.object_id, "", [], auto_start=index == 1) for index, file in enumerate(files[:3])]
    assert await ended(node, ids[1]) == {"Finished": 0}
    ids.append(await create(node, files[3].object_id, "", [], auto_start=False))
    assert {str(task["id"]) for task in node.stack.trans.list_tasks()} == {ids[0], ids[2], ids[3]}
    body = {"object_id": str(files[4].object_id), "local_path": "", "device_list": [], "auto_start": False}
    assert (await trans(node, "POST", "task", body)).code == ErrorCode.OUT_OF_LIMIT
    object.__setattr__(limits, "tasks", 4)
    assert (await trans(node, "POST", "task", body, DEC2)).status == 200
    body["object_id"] = str(files[5].object_id)
    assert (await trans(node, "POST", "task", body, DEC2)).code == ErrorCode.OUT_OF_LIMIT


async def test_a_record_that_cannot_be_read_is_left_alone(node: Node) -> None:
    await node.store.records.put(SPACE, "junk", b"{")
    stack = await compose(node.stack.config, node.identity, node.store, node.clock)
    assert stack.trans.list_tasks() == []
    assert await node.store.records.get(SPACE, "junk") == b"{"


# ---- publish --------------------------------------------------------------------------------------------------------


def publishing(path: Path | str, **more: Any) -> dict[str, Any]:
    return {"owner": PEOPLE, "local_path": str(path), "chunk_size": 1024, **more}


async def test_publishing_again_gives_the_same_file(node: Node, tmp_path: Path) -> None:
    """Also by another method and another dec that may write it; not for another owner."""
    (tmp_path / "f").write_bytes(b"content" * 1000)
    first = (await trans(node, "POST", "file", publishing(tmp_path / "f"))).json["file_id"]
    node.clock.time += 5_000_000
    for more in ({}, {"chunk_method": "Copy"}, {"chunk_method": "None"}, {"chunk_size": "1024"}):
        assert (await trans(node, "POST", "file", publishing(tmp_path / "f", **more))).json["file_id"] == first
    other = publishing(tmp_path / "f", owner=DEVICE)
    assert (await trans(node, "POST", "file", other)).json["file_id"] != first


async def test_an_index_entry_names_the_dirs_of_its_file(node: Node, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"content")
    dirs = [{"dir_id": id_of("file_small"), "inner_path": "a/f"}]
    file_id = (await trans(node, "POST", "file", publishing(tmp_path / "f", dirs=dirs))).json["file_id"]
    entry = await node.store.files.by_id(ObjectId.from_text(str(file_id)))
    assert entry is not None
    assert [(str(dir_id), path) for dir_id, path in entry.ref_dirs] == [(dirs[0]["dir_id"], "a/f")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"local_path": "/no/such/file"}, 2),
        ({"local_path": "relative"}, 2),
        ({"local_path": ""}, 2),
        ({"chunk_size": 3}, 2),
        ({"chunk_size": None}, 4),
        ({"chunk_size": -1}, 8),
        ({"chunk_method": "Eat"}, 8),
        ({"owner": None}, 4),
        ({"file_id": id_of("file_small")}, 4),
        ({"dirs": [{"dir_id": PEOPLE, "inner_path": "x"}] * 65}, 10),
        ({"dirs": [7]}, 8),
        ({"access": 1 << 31}, 8),
    ],
)
async def test_publish_refuses_what_it_cannot_do(node: Node, tmp_path: Path, change: dict[str, Any], code: int) -> None:
    (tmp_path / "f").write_bytes(b"content")
    assert (await trans(node, "POST", "file", {**publishing(tmp_path / "f"), **change})).code == code


async def test_the_nodes_own_files_are_not_published(node: Node, tmp_path: Path) -> None:
    (tmp_path / "root" / "etc" / "key").write_bytes(b"secret")
    reply = await trans(node, "POST", "file", publishing(tmp_path / "root" / "etc" / "key"))
    assert reply.code == ErrorCode.PERMISSION_DENIED


async def test_publishing_as_a_file_that_is_described_already(node: Node, tmp_path: Path) -> None:
    """The chunks of its list are read out of the local file; a file with another content is refused."""
    pieces = pieces_of(3)
    file = await put_file(node, pieces, only_object=True)
    file_id = str(file.object_id)
    (tmp_path / "f").write_bytes(b"".join(pieces))
    (tmp_path / "other").write_bytes(b"".join(pieces)[:-1] + b"!")
    (tmp_path / "short").write_bytes(pieces[0])
    for name in ("other", "short"):
        reply = await trans(node, "POST", "file", publishing(tmp_path / name, file_id=file_id))
        assert reply.code == ErrorCode.INVALID_DATA
    assert await node.store.files.by_id(file.object_id) is None
    reply = await trans(node, "POST", "file", publishing(tmp_path / "f", file_id=file_id))
    assert reply.json == {"file_id": file_id}
    assert await node.store.files.by_id(file.object_id) is not None
    assert (await trans(node, "POST", "file", publishing("", file_id=id_of("chunk_hello")))).code >= 1
    assert (await trans(node, "POST", "file", publishing("", file_id=file_id))).json == {"file_id": file_id}


# ---- contexts -------------------------------------------------------------------------------------------------------


def context_of(*devices: ObjectId, dec: str | None = DEC, path: str = "/c") -> Any:
    listed = [TransContextDevice(target=device, chunk_codec_desc=ChunkCodecDesc.UNKNOWN) for device in devices]
    dec_id = None if dec is None else ObjectId.from_text(dec)
    return make_trans_context(dec_id, path, listed, update_time=NOW)


async def test_contexts_by_path_and_id(node: Node) -> None:
    context = context_of(SOURCE)
    assert (await trans(node, "POST", "put_context", context.raw)).status == 200
    for body in ({"context_path": "/c"}, {"context_path": "c/"}, {"context_id": str(context.object_id)}):
        assert (await trans(node, "POST", "get_context", body)).body == context.raw
    shared = context_of(SOURCE, dec=None, path="$all")
    assert (await trans(node, "POST", "put_context", shared.raw)).status == 200
    assert (await trans(node, "POST", "get_context", {"context_path": "$all"}, DEC2)).body == shared.raw


async def test_contexts_that_are_refused(node: Node) -> None:
    foreign = context_of(SOURCE, dec=DEC2)
    assert (await trans(node, "POST", "put_context", foreign.raw)).code == ErrorCode.PERMISSION_DENIED
    assert (await trans(node, "POST", "put_context", b"junk")).code == ErrorCode.UNMATCH
    assert (await trans(node, "POST", "put_context", b"\x01\x5e")).status >= 400
    many = context_of(*[SOURCE] * 65)
    assert (await trans(node, "POST", "put_context", many.raw)).code == ErrorCode.OUT_OF_LIMIT
    await node.put("file_small")
    body = {"context_id": id_of("file_small")}
    assert (await trans(node, "POST", "get_context", body)).code == ErrorCode.NOT_FOUND
    assert (await trans(node, "POST", "get_context", {})).code == ErrorCode.INVALID_PARAM


async def test_a_task_takes_its_devices_from_its_context(node: Node, source: Door) -> None:
    """Looked up when it starts; a context that is not there is an error of the task."""
    file = await put_file(source.node, pieces_of(2))
    task_id = await create(node, file.object_id, "", [], context="/c")
    assert await ended(node, task_id) == {"Err": ErrorCode.NOT_FOUND}
    await trans(node, "POST", "put_context", context_of(SOURCE).raw)
    await trans(node, "PUT", "task", {"task_id": task_id, "action": "Start"})
    assert await ended(node, task_id) == {"Finished": 0}
