"""Downloads: what is fetched and from whom, what is refused, what is written, and how it goes on after an end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId
from cyfs_edge.core.ports import LEASE, Keep
from cyfs_edge.core.trans import sources
from cyfs_edge.core.trans.ports import PeerAsk
from cyfs_edge.net.peer_data import HttpPeers
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange, make_dir
from tests.node import DEC, NOW, Node

from .conftest import (
    NOWHERE,
    OWNER,
    SECOND,
    SOURCE,
    Door,
    create,
    ended,
    pieces_of,
    put_file,
    restarted,
    state,
    trans,
)

FINISHED = {"Finished": 0}


def shown(node: Node, task_id: str) -> Any:
    return node.stack.trans.show_task(task_id)


async def until_asked(door: Door, count: int) -> None:
    async with asyncio.timeout(20):
        while door.asked.total() < count:
            await asyncio.sleep(0.001)


async def test_a_file_that_is_here_is_written_at_once(node: Node, tmp_path: Path) -> None:
    """Nobody is asked, and the task is finished when the call that starts it returns."""
    pieces = pieces_of(3)
    file = await put_file(node, pieces)
    task_id = await create(node, file.object_id, tmp_path / "new" / "out", [])
    assert await state(node, task_id) == FINISHED
    assert (tmp_path / "new" / "out").read_bytes() == b"".join(pieces)
    assert os.listdir(tmp_path / "new") == ["out"]


async def test_chunks_come_from_a_device_and_stay(node: Node, source: Door, tmp_path: Path) -> None:
    """They are kept as long as the file's object; the dec that asked pays; the file is in the index."""
    pieces = pieces_of(5)
    file = await put_file(source.node, pieces)
    await put_file(node, pieces, only_object=True)
    task_id = await create(node, file.object_id, tmp_path / "out")
    assert await ended(node, task_id) == FINISHED
    assert (tmp_path / "out").read_bytes() == b"".join(pieces)
    for piece in pieces:
        claim = node.store.chunks.claims[ChunkId.of_data(piece)]
        assert (str(claim.dec), claim.keep) == (DEC, Keep.REFERRED)
    assert await node.store.files.by_id(file.object_id) is not None
    (told,) = shown(node, task_id)["sources"]
    assert told["bytes"] == sum(map(len, pieces))
    asked = [headers for headers in source.headers if headers["cyfs-ndn-action"] == "get-data"]
    assert {headers["cyfs-referer-object"] for headers in asked} == {str(file.object_id)}


async def test_the_object_is_fetched_when_it_is_not_here(node: Node, source: Door) -> None:
    file = await put_file(source.node, pieces_of(2))
    assert await ended(node, await create(node, file.object_id)) == FINISHED
    assert (await node.get(file.object_id)).body == file.raw
    reply = await trans(node, "POST", "task", _body(file.object_id, [NOWHERE]))
    assert reply.status == 200


async def test_an_object_that_nobody_can_give_is_refused(node: Node, source: Door) -> None:
    file = await put_file(source.node, pieces_of(1))
    own = [str(node.stack.zone.device_id)]
    for devices in ([], own):
        assert (await trans(node, "POST", "task", _body(file.object_id, devices))).code == ErrorCode.NOT_FOUND


def _body(object_id: object, devices: list[Any]) -> dict[str, Any]:
    listed = [str(device) for device in devices]
    return {"object_id": str(object_id), "local_path": "", "device_list": listed, "auto_start": True}


async def test_a_chunk_alone_stays_for_ever(node: Node, source: Door, tmp_path: Path) -> None:
    """It was asked for by its id. One that is written to a file is wanted there."""
    first, other = pieces_of(2)
    for data in (first, other):
        await source.node.store.chunks.put(ChunkId.of_data(data), data)
    assert await ended(node, await create(node, ChunkId.of_data(first))) == FINISHED
    assert node.store.chunks.claims[ChunkId.of_data(first)].keep is Keep.ALWAYS
    assert await ended(node, await create(node, ChunkId.of_data(other), tmp_path / "c")) == FINISHED
    assert (tmp_path / "c").read_bytes() == other
    assert node.store.chunks.claims[ChunkId.of_data(other)].keep is Keep.REFERRED


@pytest.mark.parametrize("fault", ["wrong", "longer"])
async def test_a_device_that_lies(node: Node, source: Door, second: Door, fault: str) -> None:
    """It is put aside, with its name in the task; the next device gives the data. Nothing wrong is ever kept."""
    pieces = pieces_of(6)
    file = await put_file(source.node, pieces)
    ids = {str(ChunkId.of_data(piece)) for piece in pieces}
    setattr(source, fault, ids)
    alone = await create(node, file.object_id, "", [SOURCE])
    assert await ended(node, alone) == {"Err": ErrorCode.INVALID_DATA}
    assert str(SOURCE) in shown(node, alone)["error"]["msg"]
    assert not node.store.chunks.chunks
    both = await create(node, file.object_id, "", [SOURCE, SECOND])
    assert await ended(node, both) == FINISHED
    liar, honest = shown(node, both)["sources"]
    assert (liar["aside"], honest["aside"]) == (True, False)
    assert set(node.store.chunks.chunks) == {ChunkId.of_data(piece) for piece in pieces}


async def test_a_device_that_gives_another_object(node: Node, source: Door, second: Door) -> None:
    file = await put_file(source.node, pieces_of(1))
    source.wrong = {str(file.object_id)}
    found = await ended(node, await create(node, file.object_id))
    assert found in ({"Err": ErrorCode.INVALID_DATA}, {"Err": ErrorCode.UNMATCH})
    assert await ended(node, await create(node, file.object_id, "", [SOURCE, SECOND])) == FINISHED


async def test_what_one_device_lacks_another_has(node: Node, source: Door, second: Door) -> None:
    pieces = pieces_of(4)
    file = await put_file(source.node, pieces)
    source.refused = {str(ChunkId.of_data(piece)): 404 for piece in pieces[::2]}
    assert await ended(node, await create(node, file.object_id, "", [SOURCE, SECOND])) == FINISHED
    lacking = await create(node, (await put_file(source.node, pieces_of(1, seed=2))).object_id, "", [SOURCE])
    assert await ended(node, lacking) == FINISHED


async def test_a_chunk_that_no_device_has(node: Node, source: Door) -> None:
    pieces = pieces_of(2)
    file = await put_file(source.node, pieces)
    await source.node.store.chunks.delete(ChunkId.of_data(pieces[1]))
    assert await ended(node, await create(node, file.object_id)) == {"Err": ErrorCode.NOT_FOUND}


async def test_devices_without_an_address(node: Node) -> None:
    """The text says what to configure."""
    file = await put_file(node, pieces_of(1), only_object=True)
    task_id = await create(node, file.object_id, "", [NOWHERE])
    assert await ended(node, task_id) == {"Err": ErrorCode.CONNECT_FAILED}
    assert "[trans] sources" in shown(node, task_id)["error"]["msg"]


async def test_devices_that_cannot_be_reached_are_tried_again(
    node: Node, source: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many rounds, then the task fails, and can be started again."""
    monkeypatch.setattr(sources, "PAUSES", (0.001,))
    pieces = pieces_of(1)
    file = await put_file(source.node, pieces)
    chunk_id = str(ChunkId.of_data(pieces[0]))
    source.refused = {chunk_id: 504}
    task_id = await create(node, file.object_id)
    assert await ended(node, task_id) == {"Err": ErrorCode.TIMEOUT}
    assert source.asked[chunk_id] == 5
    source.refused = {}
    assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Start"})).status == 200
    assert await ended(node, task_id) == FINISHED


async def test_a_full_store_is_no_fault_of_the_device(node: Node, source: Door) -> None:
    file = await put_file(source.node, pieces_of(3, 9000))
    await put_file(node, pieces_of(3, 9000), only_object=True)
    task_id = await create(node, file.object_id, auto_start=False)
    room, stat = node.store.room, node.store.stat()
    node.store.room = stat.storage_size + stat.chunk_size + 12_000
    await trans(node, "PUT", "task", {"task_id": task_id, "action": "Start"})
    assert await ended(node, task_id) == {"Err": ErrorCode.OUT_OF_LIMIT}
    assert not shown(node, task_id)["sources"][0]["error"]
    node.store.room = room
    await trans(node, "PUT", "task", {"task_id": task_id, "action": "Start"})
    assert await ended(node, task_id) == FINISHED


async def test_stop_and_start(node: Node, source: Door) -> None:
    """A stopped task keeps what it has; a task that is finished cannot be stopped."""
    pieces = pieces_of(8)
    file = await put_file(source.node, pieces)
    last = str(ChunkId.of_data(pieces[-1]))
    source.stuck = {last}
    task_id = await create(node, file.object_id)
    async with asyncio.timeout(20):
        while len(node.store.chunks.chunks) < 7:
            await asyncio.sleep(0.001)
    found = await state(node, task_id)
    assert found["Downloading"]["download_percent"] == 7 * 100 // 8
    assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Stop"})).status == 200
    assert await state(node, task_id) == "Paused"
    assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Stop"})).code == ErrorCode.ERROR_STATE
    source.stuck = set()
    source.let_go.set()
    assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Start"})).status == 200
    assert await ended(node, task_id) == FINISHED
    assert source.asked[last] == 2
    assert all(count == 1 for chunk_id, count in source.asked.items() if chunk_id != last)


async def test_a_running_task_goes_on_after_a_restart(node: Node, source: Door, tmp_path: Path) -> None:
    pieces = pieces_of(8)
    file = await put_file(source.node, pieces)
    source.stuck = {str(ChunkId.of_data(pieces[5]))}
    running = await create(node, file.object_id, tmp_path / "out")
    stopped = await create(node, file.object_id, tmp_path / "other", auto_start=False)
    await until_asked(source, 9)
    again = await restarted(node)
    try:
        source.stuck = set()
        source.let_go.set()
        assert await ended(again, running) == FINISHED
        assert (tmp_path / "out").read_bytes() == b"".join(pieces)
        assert await state(again, stopped) == "Paused"
        assert source.asked[str(ChunkId.of_data(pieces[0]))] == 1
        third = await restarted(again)
        assert await state(third, running) == FINISHED
        await third.stack.trans.close()
    finally:
        await again.stack.trans.close()


async def test_a_dir_with_every_kind_of_entry(node: Node, source: Door, tmp_path: Path) -> None:
    """Files, a chunk, parts of a parent chunk, a dir in a dir, an empty one."""
    far = source.node
    pieces = pieces_of(2)
    file = await put_file(far, pieces)
    single, parent = b"one chunk", b"first,second"
    for data in (single, parent):
        await far.store.chunks.put(ChunkId.of_data(data), data)
    inner = make_dir(OWNER, DirList({"f": DirEntry(file.object_id)}), update_time=NOW)
    empty = make_dir(OWNER, DirList({}), update_time=NOW)
    listing = DirList(
        {
            "a/file": DirEntry(file.object_id),
            "chunk": DirEntry(ChunkId.of_data(single)),
            "one": DirEntry(DirRange(0, 5)),
            "two": DirEntry(DirRange(6, 12)),
            "dir": DirEntry(inner.object_id),
            "none": DirEntry(empty.object_id),
        },
        ChunkId.of_data(parent),
    )
    top = make_dir(OWNER, listing, update_time=NOW)
    for obj in (inner, empty, top):
        await far.put_raw(obj.raw)
    task_id = await create(node, top.object_id, tmp_path / "copy")
    assert await ended(node, task_id) == FINISHED, shown(node, task_id)
    copy = tmp_path / "copy"
    assert {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()} == {
        "a/file": b"".join(pieces),
        "chunk": single,
        "one": b"first",
        "two": b"second",
        "dir/f": b"".join(pieces),
    }
    assert (copy / "none").is_dir()
    assert shown(node, task_id)["done"] == shown(node, task_id)["total"]


async def test_a_dir_whose_list_is_in_a_chunk(node: Node, source: Door, tmp_path: Path) -> None:
    file = await put_file(source.node, pieces_of(1))
    listing = DirList({f"{index:0200}": DirEntry(file.object_id) for index in range(300)})
    top = make_dir(OWNER, listing, update_time=NOW)
    await source.node.put_raw(top.raw)
    task_id = await create(node, top.object_id, tmp_path / "many")
    assert await ended(node, task_id) == FINISHED
    assert len(os.listdir(tmp_path / "many")) == 300


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


BAD_NAMES = ["../out", "a/../../out", "/etc/out", "a//b", ".", "", "a\0b", "n" * 256, "..", "./a"]


async def test_entries_that_would_leave_the_folder_are_refused(node: Node, tmp_path: Path) -> None:
    """One by one, with a coded error in the task; the others are written."""
    file = await put_file(node, pieces_of(1))
    entries = {name: DirEntry(file.object_id) for name in [*BAD_NAMES, "good"]}
    top = make_dir(OWNER, DirList(entries), update_time=NOW)
    await node.put_raw(top.raw)
    before = files_below(tmp_path)
    task_id = await create(node, top.object_id, tmp_path / "in" / "copy", [])
    assert await ended(node, task_id) == {"Err": ErrorCode.INVALID_DATA}
    told = shown(node, task_id)
    assert {one["name"] for one in told["refused"]} == set(BAD_NAMES)
    assert {one["code"] for one in told["refused"]} == {"22"}
    assert files_below(tmp_path) - before == {"in/copy/good"}
    # Without a folder nothing is written, and names do not matter.
    assert await ended(node, await create(node, top.object_id, "", [])) == FINISHED


async def test_no_more_refused_entries_are_told_than_the_limit(node: Node, tmp_path: Path) -> None:
    file = await put_file(node, pieces_of(1))
    top = make_dir(OWNER, DirList({f"../{index}": DirEntry(file.object_id) for index in range(130)}), update_time=NOW)
    await node.put_raw(top.raw)
    task_id = await create(node, top.object_id, tmp_path / "copy", [])
    await ended(node, task_id)
    assert (len(shown(node, task_id)["refused"]), shown(node, task_id)["refused_count"]) == (100, 130)


async def test_links_in_the_folder_are_not_followed(node: Node, tmp_path: Path) -> None:
    """A link that lies in the target leads nowhere: its entry is refused, and what it points to is untouched."""
    file = await put_file(node, pieces_of(1))
    entries = {"link/f": DirEntry(file.object_id), "file": DirEntry(file.object_id)}
    top = make_dir(OWNER, DirList(entries), update_time=NOW)
    await node.put_raw(top.raw)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "copy" / "file").symlink_to(tmp_path / "outside" / "kept")
    task_id = await create(node, top.object_id, tmp_path / "copy", [])
    assert await ended(node, task_id) == {"Err": ErrorCode.INVALID_DATA}
    assert [one["name"] for one in shown(node, task_id)["refused"]] == ["link/f"]
    assert os.listdir(tmp_path / "outside") == ["kept"]
    assert (tmp_path / "outside" / "kept").read_text() == "kept"
    assert not (tmp_path / "copy" / "file").is_symlink()


async def test_a_folder_where_nothing_may_be_written(node: Node, tmp_path: Path) -> None:
    """The task fails with a code and can be started again."""
    file = await put_file(node, pieces_of(1))
    (tmp_path / "a file").write_text("in the way")
    task_id = await create(node, file.object_id, tmp_path / "a file" / "out", [])
    assert await ended(node, task_id) == {"Err": ErrorCode.ALREADY_EXISTS}
    (tmp_path / "a file").unlink()
    await trans(node, "PUT", "task", {"task_id": task_id, "action": "Start"})
    assert await ended(node, task_id) == FINISHED
    (tmp_path / "dir").mkdir()
    assert await ended(node, await create(node, file.object_id, tmp_path / "dir", [])) == {
        "Err": ErrorCode.ALREADY_EXISTS
    }
    assert os.listdir(tmp_path / "dir") == []


async def test_the_nodes_own_folders_are_not_written(node: Node, tmp_path: Path) -> None:
    file = await put_file(node, pieces_of(1))
    before = files_below(tmp_path)
    (tmp_path / "way").symlink_to(tmp_path / "root" / "etc")
    for path in (tmp_path / "root" / "etc" / "x", tmp_path / "way" / "x", tmp_path / "root" / "data" / "new" / "x"):
        task_id = await create(node, file.object_id, path, [])
        assert await ended(node, task_id) == {"Err": ErrorCode.PERMISSION_DENIED}
    assert files_below(tmp_path) == before
    assert not (tmp_path / "root" / "data").exists()


@pytest.mark.parametrize("fault", ["length", "digest"])
async def test_a_file_object_that_lies_about_its_content(node: Node, tmp_path: Path, fault: str) -> None:
    """Chunks that do not add up, or a whole with another hash: no file."""
    lie: dict[str, Any] = {"length": {"length": 17}, "digest": {"digest": bytes(32)}}[fault]
    file = await put_file(node, pieces_of(2), **lie)
    assert await ended(node, await create(node, file.object_id, tmp_path / "out", [])) == {"Err": 22}
    assert not os.path.lexists(tmp_path / "out")
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []


async def test_what_was_written_before_is_not_written_again(node: Node, tmp_path: Path) -> None:
    """After a kill in the middle of a tree the files that are whole stay as they are."""
    pieces = pieces_of(1)
    file = await put_file(node, pieces)
    (tmp_path / "out").write_bytes(b"".join(pieces))
    before = (tmp_path / "out").stat()
    assert await ended(node, await create(node, file.object_id, tmp_path / "out", [])) == FINISHED
    assert (tmp_path / "out").stat().st_ino == before.st_ino


async def test_chunks_and_objects_have_a_largest_size(node: Node, source: Door) -> None:
    """A huge chunk id is refused before anything is fetched, a huge object when its length is known."""
    huge = ChunkId.of_hash(bytes(32), (64 << 20) + 1)
    task_id = await create(node, huge)
    assert await ended(node, task_id) == {"Err": ErrorCode.OUT_OF_LIMIT}
    assert not source.asked
    file = await put_file(source.node, pieces_of(3))
    peers = HttpPeers({SOURCE: f"http://127.0.0.1:{source.port}"})
    with pytest.raises(CyfsError) as refused:
        await peers.get_object(SOURCE, PeerAsk(SYSTEM_DEC_ID), file.object_id, 100)
    peers.close()
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT


async def test_an_object_map_is_a_folder_too(node: Node, source: Door, tmp_path: Path) -> None:
    """What publish makes of a folder is an object map."""
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "a").write_bytes(b"a")
    (tmp_path / "tree" / "sub" / "b").write_bytes(b"b" * 5000)
    body = {"owner": str(OWNER), "local_path": str(tmp_path / "tree"), "chunk_size": 1024}
    map_id = (await trans(source.node, "POST", "file", body)).json["file_id"]
    task_id = await create(node, str(map_id), tmp_path / "copy")
    assert await ended(node, task_id) == FINISHED
    assert (tmp_path / "copy" / "sub" / "b").read_bytes() == b"b" * 5000


async def test_more_tasks_than_may_run_wait_for_their_turn(node: Node, source: Door) -> None:
    """Pending, which counts as running; one that is stopped leaves the row."""
    ids = []
    for seed in range(18):
        file = await put_file(source.node, pieces_of(1, seed=seed))
        source.stuck.add(str(file.object_id))
        ids.append(await create(node, file.object_id))
    states = [await state(node, task_id) for task_id in ids]
    assert states[16:] == ["Pending", "Pending"]
    assert "Pending" not in states[:16]
    assert (await trans(node, "PUT", "task", {"task_id": ids[16], "action": "Stop"})).status == 200
    source.stuck.clear()
    source.let_go.set()
    assert await ended(node, ids[17]) == FINISHED
    assert await state(node, ids[16]) == "Paused"


async def test_a_wrong_part_from_one_device_and_the_rest_from_another(node: Node, source: Door, second: Door) -> None:
    """The whole does not fit; then each gives all of it, and nobody is put aside for what another one did."""
    pieces = pieces_of(1)
    file = await put_file(source.node, pieces)
    source.cut = {str(ChunkId.of_data(pieces[0]))}
    task_id = await create(node, file.object_id, "", [SOURCE, SECOND])
    assert await ended(node, task_id) == FINISHED
    assert [one["aside"] for one in shown(node, task_id)["sources"]] == [False, False]
    ranges = [headers["range"] for headers in second.headers if "range" in headers]
    assert ranges == [f"bytes={len(pieces[0]) // 2}-"]


async def test_a_device_that_knows_no_ranges(node: Node, source: Door, second: Door) -> None:
    """It sends all of a chunk again, of which the first part is passed over."""
    pieces = pieces_of(1)
    file = await put_file(source.node, pieces)
    source.cut = second.whole = {str(ChunkId.of_data(pieces[0]))}
    assert await ended(node, await create(node, file.object_id, "", [SOURCE, SECOND])) == FINISHED


async def test_a_finished_task_can_be_started_again(node: Node, tmp_path: Path) -> None:
    """It gets what is not there any more."""
    file = await put_file(node, pieces_of(2))
    task_id = await create(node, file.object_id, tmp_path / "out", [])
    (tmp_path / "out").unlink()
    assert await create(node, file.object_id, tmp_path / "out", []) == task_id
    assert await ended(node, task_id) == FINISHED
    assert (tmp_path / "out").exists()


async def test_referers_and_the_request_path_go_along(node: Node, source: Door) -> None:
    """What gives the right to data of another zone: as the caller stated them, and the file itself."""
    pieces = pieces_of(1)
    file = await put_file(source.node, pieces)
    top = make_dir(OWNER, DirList({"f": DirEntry(file.object_id)}), update_time=NOW)
    for where in (source.node, node):
        await where.put_raw(top.raw)
    await put_file(node, pieces, only_object=True)
    body = {"object_id": str(file.object_id), "local_path": "", "device_list": [str(SOURCE)], "auto_start": True}
    referer = f"{top.object_id}/f"
    reply = await trans(node, "POST", "task", body, referer_object=referer, req_path="/shared/f")
    assert await ended(node, str(reply.json["task_id"])) == FINISHED
    (headers,) = (one for one in source.headers if one["cyfs-ndn-action"] == "get-data")
    assert headers["cyfs-req-path"] == "%2Fshared%2Ff"
    assert headers["cyfs-dec-id"] == DEC


async def test_what_an_unfinished_task_has_fetched_is_not_collected(node: Node, source: Door, tmp_path: Path) -> None:
    """A chunk that could not be written out has no object that refers to it: the task does, until it is deleted.
    Its DecApp and the owner of the zone pay for it."""
    data = pieces_of(1)[0]
    chunk_id = ChunkId.of_data(data)
    await source.node.store.chunks.put(chunk_id, data)
    (tmp_path / "in the way").mkdir()
    task_id = await create(node, chunk_id, tmp_path / "in the way")
    assert await ended(node, task_id) == {"Err": ErrorCode.ALREADY_EXISTS}
    assert node.store.chunks.claims[chunk_id].owner == node.stack.zone.zone.owner
    node.store.now = lambda: NOW + LEASE + 1
    await node.stack.space.collect()
    assert chunk_id in node.store.chunks.chunks
    assert (await trans(node, "PUT", "task", {"task_id": task_id, "action": "Delete"})).status == 200
    await node.stack.space.collect()
    assert chunk_id not in node.store.chunks.chunks
