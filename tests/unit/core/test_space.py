"""Space as the administrator sees it: use, quotas that last, and collection as a job."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import LEASE, MADE_HERE, Account, ObjectRecord
from cyfs_edge.core.shares.record import Audience, ObjectTarget
from cyfs_edge.core.shares.service import NewShare
from cyfs_edge.core.space import SpaceService
from cyfs_edge.core.state.map_cache import MapCache
from cyfs_edge.objects.file import make_file
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from tests.node import DEC, DEVICE, NOW, BytesBody, Node, id_of, make_node, read_body
from tests.storekit.test_space import a_map


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    return await make_node(tmp_path)


async def control(node: Node, method: str, target: str) -> tuple[int, dict[str, object]]:
    request = HttpRequest(method, target, Headers(), BytesBody(b""), Peer("local"))
    response = await node.stack.control.handle(request)

    body = await read_body(response)
    return response.status, json.loads(body) if body else {}


async def test_what_a_dec_puts_counts_for_it_and_for_the_owner(node: Node) -> None:
    await node.put("text_v1")
    status, shown = await control(node, "GET", "/control/space")
    assert status == 200
    accounts = {(one["kind"], one["id"]): one for one in shown["accounts"]}  # type: ignore[attr-defined]
    assert accounts["dec", DEC]["objects"] == 1


async def test_a_quota_refuses_puts_and_outlives_the_node(node: Node, tmp_path: Path) -> None:
    assert (await control(node, "PUT", f"/control/space/dec/{DEC}?quota=10"))[0] == 200
    reply = await node.put("text_v1")
    assert reply.code == ErrorCode.OUT_OF_LIMIT
    assert (await node.get(id_of("text_v1"))).code == ErrorCode.NOT_FOUND
    again = SpaceService(node.store, MapCache(node.store.objects), node.clock, [])
    node.store.space.set_quota(Account("dec", ObjectId.from_text(DEC)), None)
    await again.restore()
    assert again.usage()[Account("dec", ObjectId.from_text(DEC))].quota == 10
    assert (await control(node, "PUT", f"/control/space/dec/{DEC}"))[0] == 200
    assert (await node.put("text_v1")).status == 200


@pytest.mark.parametrize(
    "target", ["dec/none", f"friend/{DEC}", f"dec/{DEC}?quota=many", f"dec/{DEC}?quota=-1", f"dec/{DEC}?quota={10**20}"]
)
async def test_a_wrong_quota_is_refused(node: Node, target: str) -> None:
    status, body = await control(node, "PUT", f"/control/space/{target}")
    assert status == 400, body


async def test_a_collection_is_a_job_that_tells_what_it_freed(node: Node) -> None:
    old = a_map("old", [])
    record = ObjectRecord(old.object_id, old.raw, ObjectId.from_text(DEC), NOW, NOW, context=MADE_HERE)
    await node.store.state.commit([record])
    node.store.now = lambda: NOW + LEASE + 1
    status, job = await control(node, "POST", "/control/collect")
    assert status == 202
    while job["state"] == "running":
        await asyncio.sleep(0)
        job = (await control(node, "GET", f"/control/jobs/{job['id']}"))[1]
    assert job["state"] == "done"
    result = job["result"]
    assert isinstance(result, dict)
    assert result["objects"] >= 1
    assert await node.store.objects.get(old.object_id) is None


async def test_what_is_pinned_stays_meanwhile(node: Node) -> None:
    old = a_map("old", [])
    record = ObjectRecord(old.object_id, old.raw, ObjectId.from_text(DEC), NOW, NOW, context=MADE_HERE)
    await node.store.state.commit([record])
    node.store.now = lambda: NOW + LEASE + 1
    with node.stack.space.pinned([old.object_id]):
        await node.stack.space.collect()
        assert await node.store.objects.get(old.object_id) is not None
    await node.stack.space.collect()
    assert await node.store.objects.get(old.object_id) is None


async def test_what_a_user_puts_is_theirs_even_if_the_node_made_it(node: Node) -> None:
    old = a_map("old", [])
    record = ObjectRecord(old.object_id, old.raw, ObjectId.from_text(DEC), NOW, NOW, context=MADE_HERE)
    await node.store.state.commit([record])
    assert (await node.put_raw(old.raw)).status == 200
    node.store.now = lambda: NOW + LEASE + 1
    await node.stack.space.collect()
    assert await node.store.objects.get(old.object_id) is not None


async def test_only_decs_and_owners_have_quotas(node: Node) -> None:
    with pytest.raises(CyfsError) as raised:
        await node.stack.space.set_quota(Account("zone", ObjectId.from_text(DEC)), 1)
    assert raised.value.code == ErrorCode.INVALID_PARAM


async def test_what_is_shared_by_its_id_stays(node: Node) -> None:
    old = a_map("old", [])
    record = ObjectRecord(old.object_id, old.raw, ObjectId.from_text(DEC), NOW, NOW, context=MADE_HERE)
    await node.store.state.commit([record])
    made = await node.stack.door.shares.create(NewShare(Audience.ANYONE, ObjectTarget(old.object_id)))
    node.store.now = lambda: NOW + LEASE + 1
    await node.stack.space.collect()
    assert await node.store.objects.get(old.object_id) is not None
    await node.stack.door.shares.revoke(made.share.id)
    await node.stack.space.collect()
    assert await node.store.objects.get(old.object_id) is None


async def test_no_collection_begins_while_a_restore_runs(node: Node) -> None:
    """It brings objects before those that name them."""
    with node.stack.keepers.pins.restoring():
        with pytest.raises(CyfsError) as raised:
            await node.stack.space.collect()
        assert raised.value.code == ErrorCode.ERROR_STATE
    await node.stack.space.collect()


async def test_the_owners_quota_covers_all_ways_to_bring_files(node: Node, tmp_path: Path) -> None:
    """WebDAV, the commands of the owner, and what a DecApp builds or publishes, whoever it says owns it."""
    owner, dec = node.stack.zone.zone.owner, ObjectId.from_text(DEC)

    def used(account: Account) -> int:
        usage = node.stack.space.usage().get(account)
        return 0 if usage is None else usage.chunk_bytes

    await node.stack.files.write(("f",), one_piece(b"a" * 100))
    assert used(Account("owner", owner)) == 100
    chunk = b"b" * 100
    await node.stack.intake.put_chunks([(ChunkId.of_data(chunk), chunk)])
    assert used(Account("owner", owner)) == 200
    (tmp_path / "f").write_bytes(b"c" * 100)
    build = {"common": {}, "local_path": str(tmp_path / "f"), "owner": DEVICE, "chunk_size": 0}
    assert (await node.send("POST", "/util/build_file", {"cyfs-dec-id": DEC}, json.dumps(build).encode())).status == 200
    assert used(Account("owner", owner)) == 300
    data = b"d" * 100
    (tmp_path / "g").write_bytes(data)
    file = make_file(owner, 100, hashlib.sha256(data).digest(), [ChunkId.of_data(data)], update_time=NOW)
    await node.store.objects.replace(ObjectRecord(file.object_id, file.raw, dec, NOW, NOW))
    publish = {**build, "local_path": str(tmp_path / "g"), "file_id": str(file.object_id)}
    assert (
        await node.send(
            "POST", "/trans/file", {"cyfs-dec-id": DEC, "cyfs-api-level": "ndc"}, json.dumps(publish).encode()
        )
    ).status == 200
    assert used(Account("owner", owner)) == 400
    assert used(Account("dec", dec)) == 200
    node.store.space.set_quota(Account("owner", owner), node.stack.space.usage()[Account("owner", owner)].chunk_bytes)
    with pytest.raises(CyfsError) as caught:
        await node.stack.files.write(("g",), one_piece(b"more"))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


async def one_piece(data: bytes) -> AsyncIterator[bytes]:
    yield data
