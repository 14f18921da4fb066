"""Making the objects of ``objects.json`` again from the inputs that the vectors tell.

What an input leaves open is read from the bytes: random ids, times of the run, and the times of the objects of the
TypeScript SDK, which writes others than it was given.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from cyfs_edge.base.area import Area
from cyfs_edge.base.endpoint import Endpoint
from cyfs_edge.base.ids import ChunkId, ObjectId, UniqueId
from cyfs_edge.base.keys import PrivateKey, PublicKey
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import RefIndex, Signature, sign
from cyfs_edge.objects.app_group import make_app_group
from cyfs_edge.objects.builder import BodyParts, build_body, build_object
from cyfs_edge.objects.contract import Contract, ContractType, make_contract
from cyfs_edge.objects.device import DeviceCategory, device_category, make_device
from cyfs_edge.objects.diff import make_diff
from cyfs_edge.objects.dir import DirBody, DirEntry, DirList, DirRange, make_dir
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import make_file, make_file_in_file
from cyfs_edge.objects.group import CommonGroupBody, GroupMember, make_org, make_simple_group
from cyfs_edge.objects.people import make_people
from cyfs_edge.objects.proof_of_service import ProofOfService, ProofType, make_proof_of_service
from cyfs_edge.objects.tx import Caller, Tx, make_tx
from cyfs_edge.objects.union_account import make_union_account
from tests.vector_count import load

Vector = dict[str, Any]

VECTORS: dict[str, Vector] = {vector["name"]: vector for vector in load("objects.json")["vectors"]}
PRIVATE_KEYS = {
    name.removeprefix("key_"): PrivateKey.decode(bytes.fromhex(vector["hex"]))
    for name, vector in VECTORS.items()
    if vector["kind"] == "keypair"
}
"""By the names of the inputs."""


def received(name: str) -> NamedObject:
    return decode_object(bytes.fromhex(VECTORS[name]["hex"]))


def public_key(name: str) -> PublicKey:
    """Two keys are known by the devices that have them only."""
    if name in PRIVATE_KEYS:
        return PRIVATE_KEYS[name].public()
    key = received({"secpb": "device_0", "rsa1024b": "device_1"}[name]).desc.public_key
    assert isinstance(key, PublicKey)
    return key


def chunk(text: str) -> ChunkId:
    return ChunkId.of_data(text.encode())


def made_up(header: int, label: str) -> ObjectId:
    return ObjectId(bytes((header, 0, 0, 0, 0)) + hashlib.sha256(label.encode()).digest()[5:])


def object_id(text: str | None) -> ObjectId | None:
    return None if text is None else ObjectId.from_text(text)


def object_ids(texts: list[str]) -> list[ObjectId]:
    return [ObjectId.from_text(text) for text in texts]


def area(text: str | None) -> Area | None:
    return None if text is None else Area.from_text(text)


def _people(given: Vector, held: NamedObject) -> NamedObject:
    return make_people(
        public_key(given["key"]),
        update_time=given["update_time"],
        create_time=given["create_time"],
        owner=object_id(given["owner"]),
        area=area(given["area"]),
        ood_list=object_ids(given["ood_list"]),
        name=given["name"],
        icon=object_id(given["icon"]),
        ood_work_mode=given["ood_work_mode"],
    )


def _ts_people(given: Vector, held: NamedObject) -> NamedObject:
    key = held.desc.public_key
    assert isinstance(key, PublicKey)
    return make_people(
        key,
        update_time=held.update_time,
        create_time=held.desc.create_time,
        owner=object_id(given["owner"]),
        area=area(given["area"]),
        ood_list=object_ids(given["ood_list"]),
        name=given["name"],
        ood_work_mode=None,
    )


def _cip(held: NamedObject) -> int:
    """Which of the two identities made from a mnemonic this is."""
    ids = [VECTORS[f"cip_people_{index}"]["id"] for index in range(2)]
    people = held.owner or held.object_id
    return ids.index(str(people))


def _cip_people_signed(given: Vector, held: NamedObject) -> NamedObject:
    index = _cip(held)
    key = PrivateKey.decode(bytes.fromhex(VECTORS[f"cip_people_{index}"]["hex"]))
    people = make_people(
        key.public(),
        update_time=held.update_time,
        area=Area(),
        ood_list=[ObjectId.from_text(VECTORS[f"cip_device_{index}"]["id"])],
        ood_work_mode=None,
    )
    return _signed(people, held, key)


def _cip_device_signed(given: Vector, held: NamedObject) -> NamedObject:
    index = _cip(held)
    given = VECTORS[f"cip_device_{index}"]
    key = PrivateKey.decode(bytes.fromhex(given["hex"]))
    device = make_device(
        key.public(),
        held.desc.value.unique_id,
        update_time=held.update_time,
        category=device_category(held),
        owner=ObjectId.from_text(VECTORS[f"cip_people_{index}"]["id"]),
    )
    return _signed(device, held, PrivateKey.decode(bytes.fromhex(VECTORS[f"cip_people_{index}"]["hex"])))


def _people_signed(given: Vector, held: NamedObject) -> NamedObject:
    people = _people(given["fields"], held)
    return _signed(people, held, PRIVATE_KEYS[given["fields"]["key"]])


def _signed(obj: NamedObject, held: NamedObject, key: PrivateKey) -> NamedObject:
    """One signature of desc and body each, with source and time of those held."""
    (desc_sign,), (body_sign,) = held.desc_signs or (), held.body_signs or ()
    assert obj.body_hash is not None
    return obj.with_parts(
        desc_signs=(_same_sign(key, desc_sign, obj.desc_hash),), body_signs=(_same_sign(key, body_sign, obj.body_hash),)
    )


def _same_sign(key: PrivateKey, model: Signature, digest: bytes) -> Signature:
    return sign(key, model.source, digest, model.sign_time)


def _device(given: Vector, held: NamedObject) -> NamedObject:
    device = make_device(
        public_key(given["key"]),
        UniqueId.from_text(given["unique_id"]),
        update_time=given["update_time"],
        category=DeviceCategory(given["category"]),
        area=area(given["area"]),
        create_time=given["create_time"],
        owner=object_id(given["owner"]),
        endpoints=[Endpoint.from_text(text) for text in given["endpoints"]],
        sn_list=object_ids(given["sn_list"]),
        passive_pn_list=object_ids(given["passive_pn_list"]),
        name=given["name"],
        bdt_version=given["bdt_version"],
    )
    if not given["body_object_id"]:
        return device
    assert device.body is not None
    parts = BodyParts(device.body.content, device.update_time, format=1, object_id=device.object_id)
    return device.with_parts(body=build_body(device.desc, parts))


def _device_signed(given: Vector, held: NamedObject) -> NamedObject:
    """The device's own key is not among the test keys: its signature is taken over, the two of the people are made."""
    device = _device(given["fields"], held)
    key = PRIVATE_KEYS[given["people_key"]]
    (by_people, by_device), (body_sign,) = held.desc_signs or (), held.body_signs or ()
    assert by_people.source == RefIndex(254)
    assert body_sign.source == ObjectLink(ObjectId.from_text(given["fields"]["owner"]))
    assert device.body_hash is not None
    return device.with_parts(
        desc_signs=(_same_sign(key, by_people, device.desc_hash), by_device),
        body_signs=(_same_sign(key, body_sign, device.body_hash),),
    )


def _members(pairs: list[list[str]]) -> list[GroupMember]:
    return [GroupMember(id=ObjectId.from_text(text), title=title) for text, title in pairs]


def _group_simple(given: Vector, held: NamedObject) -> NamedObject:
    ood_list = [made_up(0x44, label) for label in ("g1", "g2", "g1")]
    common = CommonGroupBody(
        name=given["name"],
        members=tuple(_members(given["members"])),
        ood_list=tuple(ood_list),
        version=given["version"],
    )
    unique_id = UniqueId(held.desc.value.unique_id)
    times = {"create_time": given["create_time"], "update_time": given["update_time"]}
    group = make_simple_group(unique_id, _members(given["admins"]), common, area=area(given["area"]), **times)
    if given["founder"] is None:
        return group
    # Ours have no founder; this is what the reference makes of the vector's object when it reads it.
    lost = VECTORS["group_simple_1"]["id_after_reference_decode"]
    assert group.object_id == ObjectId.from_text(lost)
    assert group.body is not None
    return build_object(
        3,
        desc_content=dataclasses.replace(group.desc.value, founder_id=ObjectId.from_text(given["founder"])).encode(),
        create_time=given["create_time"],
        area=area(given["area"]),
        body=BodyParts(group.body.content, group.update_time),
    )


def _group_org(given: Vector, held: NamedObject) -> NamedObject:
    like: Vector = VECTORS["group_simple_1"]["input"]
    admins = _members(VECTORS[f"group_simple_{given['body_admins'] - 1}"]["input"]["admins"])
    return make_org(
        UniqueId(held.desc.value.unique_id),
        object_id(given["founder"]),
        admins,
        CommonGroupBody(name=given["name"], members=tuple(_members(like["members"]))),
        area=area(given["area"]),
        create_time=like["create_time"],
        update_time=like["update_time"],
    )


def _app_group(given: Vector, held: NamedObject) -> NamedObject:
    return make_app_group(
        create_time=given["create_time"], update_time=given["update_time"], owner=object_id(given["owner"])
    )


def _action(given: Vector, held: NamedObject) -> NamedObject:
    """With every field of a desc and a body; ``make_action`` does not do all of that."""
    links = [ObjectLink(ObjectId.from_text(link), object_id(owner)) for link, owner in given.get("ref_objects", ())]
    return build_object(
        13,
        dec_id=object_id(given.get("dec_id")),
        ref_objects=links or None,
        prev=object_id(given.get("prev")),
        create_timestamp=_hex(given.get("create_timestamp")),
        create_time=given["create_time"],
        expired_time=given.get("expired_time"),
        owner=object_id(given.get("owner")),
        body=BodyParts(
            b"",
            held.update_time,  # the TypeScript SDK writes the next microsecond
            prev_version=_hex(given.get("prev_version")),
            user_data=given["user_data_utf8"].encode() if "user_data_utf8" in given else None,
        ),
        nonce=int(given["nonce"], 16) if "nonce" in given else None,
    )


def _hex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _union_account(given: Vector, held: NamedObject) -> NamedObject:
    return make_union_account(
        ObjectId.from_text(given["account1"]),
        ObjectId.from_text(given["account2"]),
        given["service_type"],
        create_time=given["create_time"],
        update_time=given["update_time"],
    )


def _file(given: Vector, held: NamedObject) -> NamedObject:
    owner, author, digest = object_id(given["owner"]), object_id(given.get("author")), bytes.fromhex(given["hash"])
    listed: str = given.get("chunk_list", "")
    if listed.startswith("file: "):
        return make_file_in_file(
            owner,
            given["len"],
            digest,
            made_up(0x60, "cf"),
            create_time=given["create_time"],
            update_time=given["update_time"],
            author=author,
        )
    return make_file(
        owner,
        given["len"],
        digest,
        [ChunkId.from_text(text) for text in given["chunks"]] if "chunks" in given else [chunk("c1"), chunk("c22")],
        create_time=held.desc.create_time,
        update_time=held.update_time,
        author=author,
    )


_DIR_LISTS = {
    0: DirList({"path1": DirEntry(made_up(0x60, "f1"))}),
    3: DirList(
        {
            "z/小": DirEntry(DirRange(10, 21), 65535),
            "path1": DirEntry(made_up(0x60, "f1")),
            "a/b.txt": DirEntry(chunk("dc"), 7),
        }
    ),
}
"""By attributes of the dir, as the inputs of dir_list_0 and dir_list_1 tell in words."""


def _dir(given: Vector, held: NamedObject, body: DirBody | None = None, author: ObjectId | None = None) -> NamedObject:
    if body is None:
        body = DirBody({ObjectId.from_text(text): value.encode() for text, value in given["body_list"].items()})
    return make_dir(
        ObjectId.from_text(given["owner"]),
        _DIR_LISTS[given["attributes"]],
        attributes=given["attributes"],
        update_time=given["update_time"],
        author=author,
        body=body,
    )


def _dir_chunk(given: Vector, held: NamedObject) -> NamedObject:
    listed = bytes.fromhex(given["list_raw"])
    assert ChunkId.of_data(listed) == ChunkId.from_text(given["list_chunk"])
    assert _DIR_LISTS[held.desc.value.attributes].encode() == listed
    return make_dir(
        held.owner, ChunkId.of_data(listed), attributes=held.desc.value.attributes, update_time=held.update_time
    )


def _dir_chunk_body(given: Vector, held: NamedObject) -> NamedObject:
    like = VECTORS["dir_list_0" if held.desc.value.attributes == 0 else "dir_list_1"]["input"]
    return _dir(like, held, DirBody(chunk_id=chunk("body")), ObjectId.from_text(given["author"]))


def _ts_dir(given: Vector, held: NamedObject) -> NamedObject:
    entries = {
        name: DirEntry(
            ChunkId.from_text(entry["chunk"]) if "chunk" in entry else ObjectId.from_text(entry["object_id"]),
            entry["attr"],
        )
        for name, entry in given["entries"].items()
    }
    return make_dir(
        ObjectId.from_text(given["owner"]),
        DirList(entries),
        attributes=given["attributes"],
        update_time=held.update_time,
    )


def _diff(given: Vector, held: NamedObject) -> NamedObject:
    chunks = [chunk(text.removeprefix("chunk ")) for text in given["diff_list"]]
    assert held.body is not None
    return make_diff(
        ObjectId.from_text(given["file_id"]),
        chunks,
        create_time=held.desc.create_time,
        update_time=held.update_time,
        owner=object_id(given["owner"]),
    )


def _tx(given: Vector, held: NamedObject) -> NamedObject:
    caller = received("people_0" if given["caller"].startswith("People") else "device_1")
    tx = Tx(
        given["nonce"],
        Caller.of_desc(caller.desc),
        given["gas_coin_id"],
        given["gas_price"],
        given["max_fee"],
        bytes.fromhex(given["body"]),
    )
    return make_tx(tx, bytes.fromhex(given["data"]), create_time=given["create_time"], update_time=given["update_time"])


def _tx_signed(given: Vector, held: NamedObject) -> NamedObject:
    key = PRIVATE_KEYS["rsa1024a" if "rsa1024a" in given["sign"] else "rsa2048b"]
    return _signed(_tx(given["fields"], held), held, key)


def _contract(given: Vector, held: NamedObject) -> NamedObject:
    def repeated(text: str) -> bytes:
        byte, _, count = text.partition(" x ")
        return bytes.fromhex(byte) * int(count)

    return make_contract(
        Contract(ContractType[given["type"].upper()], repeated(given["desc_data"])),
        repeated(given["body_data"]),
        owner=ObjectId.from_text(given["owner"]),
        author=ObjectId.from_text(given["author"]),
        create_time=held.desc.create_time,
        update_time=held.update_time,
    )


def _proof_of_service(given: Vector, held: NamedObject) -> NamedObject:
    proof = ProofOfService(ProofType.DSG_STORAGE_CHECK, bytes.fromhex(given["data"]))
    return make_proof_of_service(
        proof, bytes.fromhex(given["body_data"]), create_time=given["create_time"], update_time=given["update_time"]
    )


MAKERS = {
    "people": _people,
    "ts_people": _ts_people,
    "cip_people_signed": _cip_people_signed,
    "cip_device_signed": _cip_device_signed,
    "people_signed": _people_signed,
    "device": _device,
    "device_signed": _device_signed,
    "group_simple": _group_simple,
    "group_org": _group_org,
    "app_group": _app_group,
    "action": _action,
    "ts_action": _action,
    "union_account": _union_account,
    "file_list": _file,
    "file_in_file": _file,
    "ts_file": _file,
    "dir_list": _dir,
    "dir_chunk": _dir_chunk,
    "dir_chunk_body": _dir_chunk_body,
    "ts_dir": _ts_dir,
    "diff": _diff,
    "tx": _tx,
    "tx_signed": _tx_signed,
    "contract": _contract,
    "proof_of_service": _proof_of_service,
}
