"""NON calls on a whole node in memory: put rules, access, inner paths, errors (http-api §6)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.base.signatures import RefIndex, sign
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.dir import Dir, DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.object_map import ObjectMap
from tests.node import DEC, DEC2, DEVICE, NOW, OBJECTS, PEOPLE, Node, id_of

CLOSED = str(0o070777)
"""Access that gives other decs nothing."""


async def test_put_decides_by_update_time(node: Node) -> None:
    """New, same, newer, older and equally old objects get the reference's results, and only the newest body is kept."""
    results = [
        (await node.put(name)).headers["cyfs-result"]
        for name in ("text_v1", "text_v1", "text_v2_newer", "text_v0_older", "text_same_time")
    ]
    assert results == ["Accept", "AlreadyExists", "Updated", "AlreadyExists", "AlreadyExists"]
    assert (await node.get(id_of("text_v1"))).body == OBJECTS["text_v2_newer"]


async def test_put_keeps_create_dec_and_insert_time(node: Node) -> None:
    """Whoever updates an object does not become its owner."""
    await node.put("text_v1")
    node.clock.time += 1_000_000
    await node.put("text_v2_newer", dec=DEC2)
    record = node.store.objects.records[ObjectId.from_text(id_of("text_v1"))]
    assert str(record.create_dec_id) == DEC
    assert (record.insert_time, record.update_time) == (NOW, NOW + 1_000_000)


def signed(raw: bytes, node: Node, times: Sequence[int], source: int = 254) -> bytes:
    obj, key = decode_object(raw), node.identity.require_key()
    return obj.with_parts(
        desc_signs=tuple(sign(key, RefIndex(source + n), obj.desc_hash, time) for n, time in enumerate(times))
    ).raw


async def test_put_merges_signatures_of_the_same_version(node: Node) -> None:
    """A signature from a new source is added, a newer one of a known source replaces it, the body stays."""
    raw = OBJECTS["text_v1"]
    await node.put_raw(signed(raw, node, [100]))
    assert (await node.put_raw(signed(raw, node, [100]))).headers["cyfs-result"] == "AlreadyExists"
    assert (await node.put_raw(signed(raw, node, [200]))).headers["cyfs-result"] == "AlreadyExists"
    assert (await node.put_raw(signed(raw, node, [50], source=255))).headers["cyfs-result"] == "Merged"
    held = decode_object((await node.get(id_of("text_v1"))).body)
    assert held.desc_signs is not None
    assert sorted(sign.sign_time for sign in held.desc_signs) == [50, 200]


async def test_newer_body_keeps_desc_signatures_and_drops_body_signatures(node: Node) -> None:
    """Old body signatures would be signatures of another body; signatures of the desc stay true."""
    old, key = decode_object(OBJECTS["text_v1"]), node.identity.require_key()
    assert old.body_hash is not None
    body_sign = sign(key, RefIndex(254), old.body_hash, 7)
    await node.put_raw(
        old.with_parts(desc_signs=(sign(key, RefIndex(254), old.desc_hash, 7),), body_signs=(body_sign,)).raw
    )
    assert (await node.put("text_v2_newer")).headers["cyfs-result"] == "Updated"
    held = decode_object((await node.get(id_of("text_v1"))).body)
    assert held.body_signs is None
    assert held.desc_signs is not None
    assert len(held.desc_signs) == 1


async def test_put_refuses_what_is_not_the_named_object(node: Node) -> None:
    reply = await node.send("PUT", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_b")}, OBJECTS["text_v1"])
    assert (reply.status, reply.code) == (500, 28)
    assert (await node.get(id_of("text_v1"))).status == 404


async def test_bytes_after_the_object_are_not_kept(node: Node) -> None:
    await node.send("PUT", "/non/", {"cyfs-object-id": id_of("text_v1")}, OBJECTS["text_v1"] + b"tail")
    assert (await node.get(id_of("text_v1"))).body == OBJECTS["text_v1"]


async def test_access_is_checked_for_other_decs(node: Node) -> None:
    """A dec without rights can neither read, overwrite nor delete; the owning and the system dec can."""
    await node.put("text_v1", access=CLOSED)
    object_id = id_of("text_v1")
    assert (await node.get(object_id, dec=DEC2)).code == 12
    assert (await node.get(object_id, dec=str(ANONYMOUS_DEC_ID))).code == 12
    assert (await node.put("text_v2_newer", dec=DEC2)).code == 12
    delete = await node.send("DELETE", "/non/", {"cyfs-dec-id": DEC2, "cyfs-object-id": object_id})
    assert delete.code == 12
    assert (await node.get(object_id)).body == OBJECTS["text_v1"]
    assert (await node.get(object_id, dec=str(SYSTEM_DEC_ID))).status == 200


async def test_empty_put_changes_only_the_access(node: Node) -> None:
    await node.put("text_v1")
    reply = await node.send(
        "PUT", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_v1"), "cyfs-access": CLOSED}
    )
    assert (reply.status, reply.headers["cyfs-result"]) == (200, "Accept")
    assert (await node.get(id_of("text_v1"), dec=DEC2)).code == 12
    assert (await node.get(id_of("text_v1"))).body == OBJECTS["text_v1"]


async def test_put_without_access_does_not_open_what_was_closed(node: Node) -> None:
    """A repeated put that says nothing of access leaves it as it is."""
    await node.put("text_v1", access=CLOSED)
    await node.put("text_v1")
    assert (await node.get(id_of("text_v1"), dec=DEC2)).code == 12


async def test_delete_gives_the_object_when_asked(node: Node) -> None:
    await node.put("text_v1")
    headers = {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_v1"), "cyfs-flags": "2"}
    reply = await node.send("DELETE", "/non/", headers)
    assert (reply.status, reply.body) == (200, OBJECTS["text_v1"])
    again = await node.send("DELETE", "/non/", headers)
    assert (again.status, again.body, "cyfs-object-id" in again.headers) == (200, b"", False)
    assert (await node.get(id_of("text_v1"))).code == 4


async def test_inner_path_walks_a_dir(node: Node) -> None:
    await node.put("file_small")
    await node.put("dir")
    found = await node.get(id_of("dir"), inner_path="%2Fdocs%2Fa.txt")
    assert (found.status, found.headers["cyfs-object-id"]) == (200, id_of("file_small"))
    assert found.headers["cyfs-attributes"] == "0"
    assert (await node.get(id_of("dir"), inner_path="%2Fnope")).code == 42
    assert (await node.get(id_of("dir"), inner_path="%2Fc")).code == 4


async def test_inner_path_walks_a_dir_whose_list_lies_in_a_chunk(node: Node) -> None:
    """The large form of a dir is resolved from its body or from the stored chunk."""
    await node.put("file_small")
    file_id = ObjectId.from_text(id_of("file_small"))
    listing = DirList({"x/y.txt": DirEntry(file_id)})
    chunk = listing.encode()
    made = make_dir(ObjectId.from_text(PEOPLE), ChunkId.of_data(chunk), update_time=NOW)
    assert isinstance(made.desc.value, Dir)
    await node.put_raw(made.raw)
    assert (await node.get(made.object_id, inner_path="/x/y.txt")).code == 4
    await node.store.chunks.put(ChunkId.of_data(chunk), chunk)
    assert (await node.get(made.object_id, inner_path="/x/y.txt")).body == OBJECTS["file_small"]


async def test_inner_path_walks_nested_and_split_object_maps(node: Node) -> None:
    """Maps in maps, and a map so large that it is a tree of parts."""
    from cyfs_edge.core.maps.making import make_map

    await node.put("file_small")
    file_id, owner = ObjectId.from_text(id_of("file_small")), ObjectId.from_text(PEOPLE)
    inner = make_map({f"file-{n:05}": file_id for n in range(3000)}, owner=owner, update_time=NOW)
    outer = make_map({"sub": inner[-1].object_id}, owner=owner, update_time=NOW)
    assert isinstance(inner[-1].desc.value, ObjectMap)
    assert inner[-1].desc.value.is_hub
    for obj in (*inner, *outer):
        await node.put_raw(obj.raw)
    assert (await node.get(outer[-1].object_id, inner_path="/sub/file-02999")).body == OBJECTS["file_small"]
    assert (await node.get(outer[-1].object_id, inner_path="/sub/file-03000")).code == 42


async def test_post_needs_a_path_and_a_handler(node: Node) -> None:
    headers = {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_b")}
    assert (await node.send("POST", "/non/", headers, OBJECTS["text_b"])).code == 12
    own = {**headers, "cyfs-req-path": "%2Fx"}
    reply = await node.send("POST", "/non/", own, OBJECTS["text_b"])
    assert (reply.status, reply.code) == (501, 262)
    other = {**headers, "cyfs-req-path": f"%2F{DEC2}%2Fx"}
    assert (await node.send("POST", "/non/", other, OBJECTS["text_b"])).code == 12


@pytest.mark.parametrize("level", ["noc", "non"])
async def test_levels_are_for_the_own_device_and_zone(node: Node, level: str) -> None:
    """``cyfs-source`` names the device that a request is forwarded for: one that we do not know is another zone."""
    await node.put("text_v1")
    stranger = "5aSixgP8EPf6HkP54Qgybddhhsd1fgrkg7Atf2icJiiz"
    assert (await node.get(id_of("text_v1"), api_level=level)).status == 200
    assert (await node.get(id_of("text_v1"), api_level=level, source=stranger)).code == 12
    assert (await node.put("text_b", source=stranger)).code == 12


async def test_remote_device_header_is_not_believed(node: Node) -> None:
    await node.put("text_v1")
    reply = await node.get(
        id_of("text_v1"), remote_device="5aSixgP8EPf6HkP54Qgybddhhsd1fgrkg7Atf2icJiiz", api_level="noc"
    )
    assert reply.status == 200


@pytest.mark.parametrize("target", [DEVICE, PEOPLE])
async def test_own_targets_are_served_here(node: Node, target: str) -> None:
    await node.put("text_v1")
    assert (await node.get(id_of("text_v1"), target=target)).status == 200


async def test_unknown_target_is_an_error_not_a_local_answer(node: Node) -> None:
    await node.put("text_v1")
    assert (await node.get(id_of("text_v1"), target="5aSixgP8EPf6HkP54Qgybddhhsd1fgrkg7Atf2icJiiz")).code == 34


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("cyfs-object-id", "zzzz", 400, 8),
        ("cyfs-dec-id", "", 400, 8),
        ("cyfs-flags", "-1", 400, 8),
        ("cyfs-flags", "99999999999", 400, 8),
        ("cyfs-api-level", "ndn", 400, 8),
        ("cyfs-non-action", "eat-object", 400, 22),
        ("cyfs-non-action", "put-object", 400, 22),
        ("cyfs-req-path", "%ff%fe", 400, 8),
        ("cyfs-target", "x", 400, 8),
    ],
)
async def test_bad_headers_are_coded_errors(node: Node, header: str, value: str, status: int, code: int) -> None:
    reply = await node.send("GET", "/non/", {"cyfs-object-id": id_of("text_v1"), header: value})
    assert (reply.status, reply.code) == (status, code)


async def test_missing_id_is_not_found(node: Node) -> None:
    assert (await node.send("GET", "/non/")).code == 4


async def test_a_full_store_refuses_puts_and_keeps_reading(node: Node) -> None:
    await node.put("text_v1")
    node.store.room = 0
    reply = await node.put("text_b")
    assert reply.code == 10
    assert (await node.get(id_of("text_v1"))).status == 200
    assert (await node.send("DELETE", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": id_of("text_v1")})).status == 200


@pytest.mark.parametrize("time", [0, 1, 2**63, 2**64 - 1])
async def test_any_update_time_can_be_kept_and_told(node: Node, time: int) -> None:
    """Times beyond the calendar have no exact date text; the number itself is exact."""
    obj = make_text("id", "", "value", update_time=time)
    put = await node.put_raw(obj.raw)
    assert (put.status, put.headers["cyfs-object-update-time"]) == (200, str(time))
    got = await node.get(obj.object_id)
    assert (got.status, got.body) == (200, obj.raw)
    assert got.headers.get("cyfs-object-update-time", "0") == str(time)
