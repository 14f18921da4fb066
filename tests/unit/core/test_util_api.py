"""util calls on a whole node in memory (http-api §8)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import NO_CLAIM, Claim, Durability, Keep
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import File, file_chunks
from cyfs_edge.objects.object_map import MapEntries, ObjectMap
from tests.node import DEC, DEVICE, PEOPLE, Node, Reply, id_of

SYSTEM = str(SYSTEM_DEC_ID)


async def call(node: Node, path: str, **headers: str) -> Reply:
    return await node.send("GET", path, {f"cyfs-{key.replace('_', '-')}": value for key, value in headers.items()})


@pytest.mark.parametrize("path", ["/util/device", "/util/device/", "/util/device/x/y"])
async def test_device_is_told_as_it_was_signed(node: Node, path: str) -> None:
    reply = await call(node, path)
    assert (reply.status, reply.headers["cyfs-device-id"]) == (200, DEVICE)
    assert reply.body == node.identity.device.raw


@pytest.mark.parametrize("object_id", [None, PEOPLE, DEVICE])
async def test_zone_of_the_node(node: Node, object_id: str | None) -> None:
    headers = {"cyfs-object-id": object_id} if object_id else {}
    reply = await node.send("POST", "/util/zone", headers)
    assert (reply.status, reply.headers["cyfs-ood-device-id"]) == (200, DEVICE)
    assert str(decode_object(reply.body).object_id) == reply.headers["cyfs-zone-id"]


async def test_zone_of_what_has_none_is_not_found(node: Node) -> None:
    assert (await node.send("POST", "/util/zone", {"cyfs-object-id": id_of("text_b")})).code == 4


async def test_resolve_ood(node: Node) -> None:
    assert (await call(node, "/util/resolve_ood", object_id=PEOPLE)).json == {"device_list": [DEVICE]}
    unknown = id_of("text_b")
    assert (await call(node, "/util/resolve_ood", object_id=unknown)).code == 4
    assert (await call(node, "/util/resolve_ood", object_id=unknown, owner_id=PEOPLE)).json == {"device_list": [DEVICE]}
    await node.put("text_b")
    assert (await call(node, "/util/resolve_ood", object_id=unknown)).json == {"device_list": [DEVICE]}
    assert (await call(node, "/util/resolve_ood")).code == 4


async def test_an_ood_has_no_ood_status(node: Node) -> None:
    reply = await call(node, "/util/ood_status")
    assert (reply.status, reply.code) == (500, 6)


async def test_noc_info_counts_objects(node: Node) -> None:
    before = (await call(node, "/util/noc_info")).json["stat"]
    await node.put("text_b")
    after = (await call(node, "/util/noc_info")).json["stat"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["count"] == before["count"] + 1


async def test_static_info_always_has_both_sn_lists(node: Node) -> None:
    """The official client fails without them (http-api §0.6)."""
    info = (await call(node, "/util/device_static_info")).json["info"]
    assert isinstance(info, dict)
    assert (info["device_id"], info["owner_id"], info["zone_role"]) == (DEVICE, PEOPLE, "active-ood")
    assert info["is_ood_device"] == "true"
    assert (info["sn_list"], info["known_sn_list"]) == ([], [])


async def test_system_info_can_be_reported_by_the_system_dec_only(node: Node) -> None:
    body = json.dumps({"name": "box", "cpu_usage": 1.5}).encode()
    assert (await node.send("POST", "/util/system_info", {"cyfs-dec-id": DEC}, body)).code == 12
    assert (await node.send("POST", "/util/system_info", {"cyfs-dec-id": SYSTEM}, body)).status == 200
    info = (await call(node, "/util/system_info")).json["info"]
    assert isinstance(info, dict)
    assert (info["name"], info["cpu_usage"]) == ("box", 1.5)
    assert info["total_memory"] > 0


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"nope": 1}', b'{"name": 5}', b'{"cpu_usage": true}'])
async def test_bad_system_info_is_refused(node: Node, body: bytes) -> None:
    reply = await node.send("POST", "/util/system_info", {"cyfs-dec-id": SYSTEM}, body)
    assert (reply.status, reply.code) == (400, 22)


async def test_version_info(node: Node) -> None:
    info = (await call(node, "/util/version_info")).json["info"]
    assert isinstance(info, dict)
    assert set(info) == {"channel", "target", "version"}


async def build_file(node: Node, path: Path | str, dec: str = SYSTEM, **fields: object) -> Reply:
    value = {"common": {"flags": 0}, "local_path": str(path), "owner": PEOPLE, "chunk_size": 1024, **fields}
    return await node.send("POST", "/util/build_file", {"cyfs-dec-id": dec}, json.dumps(value).encode())


async def test_build_file_makes_a_readable_file(node: Node, tmp_path: Path) -> None:
    data = bytes(range(256)) * 10
    (tmp_path / "f.bin").write_bytes(data)
    reply = await build_file(node, tmp_path / "f.bin", chunk_method="Track")
    raw = bytes.fromhex(str(reply.json["object_raw"]))
    assert raw[:2] == (len(raw[2:]) | 1 << 14).to_bytes(2, "big"), "the reference puts a length in front"
    file = decode_object(raw[2:])
    assert str(file.object_id) == reply.json["object_id"]
    assert isinstance(file.desc.value, File)
    assert [chunk_id.length for chunk_id in file_chunks(file)] == [1024, 1024, 512]
    headers = {"cyfs-dec-id": SYSTEM, "cyfs-ndn-action": "get-data", "cyfs-object-id": str(file.object_id)}
    assert (await node.send("GET", "/ndn/", headers)).body == data
    query = {"cyfs-dec-id": SYSTEM, "cyfs-ndn-action": "query-file"}
    found = await node.send("GET", f"/ndn/?type=hash&value={file.desc.value.hash.hex()}", query)
    assert [item["file_id"] for item in found.json["list"]] == [str(file.object_id)]  # type: ignore[attr-defined]


async def test_build_file_without_chunks_keeps_none(node: Node, tmp_path: Path) -> None:
    (tmp_path / "f.bin").write_bytes(b"x" * 3000)
    assert (await build_file(node, tmp_path / "f.bin", chunk_method="None")).status == 200
    assert not node.store.chunks.chunks


async def test_a_folder_becomes_an_object_map_and_then_a_dir(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"aaa")
    (folder / "sub" / "b.txt").write_bytes(b"bbbb")
    (folder / "link").symlink_to("/etc/passwd")
    reply = await build_file(node, folder, chunk_method="Copy")
    content = decode_object((await node.get(str(reply.json["object_id"]), dec=SYSTEM)).body).desc.value
    assert isinstance(content, ObjectMap)
    assert isinstance(content.content, MapEntries)
    assert set(content.content.values) == {"a.txt", "sub"}, "links are not followed"
    body = json.dumps({"common": {"flags": 0}, "object_map_id": reply.json["object_id"], "dir_type": 0}).encode()
    made = await node.send("POST", "/util/build_dir_from_object_map", {"cyfs-dec-id": SYSTEM}, body)
    headers = {
        "cyfs-dec-id": SYSTEM,
        "cyfs-ndn-action": "get-data",
        "cyfs-object-id": str(made.json["object_id"]),
        "cyfs-inner-path": "/sub/b.txt",
    }
    assert (await node.send("GET", "/ndn/", headers)).body == b"bbbb"


async def test_build_file_reads_no_secrets(node: Node, tmp_path: Path) -> None:
    """Neither the node's own folders nor anything for a caller without a dec; links do not lead around it."""
    secret = tmp_path / "etc" / "desc" / "device.sec"
    secret.parent.mkdir(parents=True)
    secret.write_bytes(b"key")
    (tmp_path / "link").symlink_to(secret)
    assert (await build_file(node, secret)).code == 12
    assert (await build_file(node, tmp_path / "link")).code == 12
    assert (await build_file(node, tmp_path / "etc")).code == 12
    # What the kernel tells of processes is no file: the environment may hold the password of the backups.
    (tmp_path / "self").symlink_to("/proc/self/environ")
    for path in ("/proc/self/environ", f"/proc/{os.getpid()}/environ", "/proc/thread-self/cmdline", tmp_path / "self"):
        assert (await build_file(node, path)).code == 12
    (tmp_path / "plain").write_bytes(b"x")
    anonymous = {"common": {"flags": 0}, "local_path": str(tmp_path / "plain"), "owner": PEOPLE, "chunk_size": 0}
    assert (await node.send("POST", "/util/build_file", None, json.dumps(anonymous).encode())).code == 12


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"local_path": "/nope/nope"}, 404, 4),
        ({"local_path": "relative"}, 404, 4),
        ({"local_path": "/dev/null"}, 400, 2),
        ({"chunk_size": 5}, 400, 2),
        ({"chunk_size": "many"}, 400, 8),
        ({"chunk_method": "Move"}, 400, 2),
        ({"owner": "x"}, 400, 8),
        ({"local_path": "/a\0b"}, 404, 4),
    ],
)
async def test_bad_build_file_is_refused(
    node: Node, tmp_path: Path, fields: dict[str, object], status: int, code: int
) -> None:
    (tmp_path / "f").write_bytes(b"x")
    reply = await build_file(node, tmp_path / "f", **fields)
    assert (reply.status, reply.code) == (status, code)


async def test_build_dir_of_what_is_no_map_is_not_found(node: Node) -> None:
    body = json.dumps({"common": {"flags": 0}, "object_map_id": id_of("text_b"), "dir_type": 0}).encode()
    assert (await node.send("POST", "/util/build_dir_from_object_map", None, body)).code == 4


async def test_build_file_notices_a_file_that_changes(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.bin").write_bytes(bytes(4096))
    put = node.store.chunks.put

    async def growing(
        chunk_id: ChunkId, data: bytes, durability: Durability = Durability.DURABLE, claim: Claim = NO_CLAIM
    ) -> bool:
        with (tmp_path / "f.bin").open("ab") as file:
            file.truncate(5000)
        return await put(chunk_id, data, durability, claim)

    monkeypatch.setattr(node.store.chunks, "put", growing)
    reply = await build_file(node, tmp_path / "f.bin")
    assert (reply.status, reply.code) == (500, ErrorCode.CONFLICT)


async def test_chunks_of_a_built_file_stay_as_long_as_the_file(node: Node, tmp_path: Path) -> None:
    (tmp_path / "f.bin").write_bytes(b"data")
    assert (await build_file(node, tmp_path / "f.bin")).status == 200
    assert node.store.chunks.claims[ChunkId.of_data(b"data")] == Claim(
        SYSTEM_DEC_ID, Keep.REFERRED, ObjectId.from_text(PEOPLE)
    )
