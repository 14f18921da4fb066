"""All golden vectors of ``objects.json`` (objects.md) but those of derivation: what the reference reads and writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from cyfs_edge.base.aes import AesKey, decrypt_aeskey
from cyfs_edge.base.area import Area
from cyfs_edge.base.bucky_error import BuckyError
from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.endpoint import Endpoint
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, UniqueId, data_id
from cyfs_edge.base.keys import MNPublicKey, PrivateKey, PublicKey, read_public_key_value, write_public_key_value
from cyfs_edge.base.signatures import RefIndex, Signature, sign, verify
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.file import bundle_hash, total_length
from cyfs_edge.objects.format_json import format_json
from cyfs_edge.objects.object_map import hub_index
from tests import vector_count
from tests.reencode import reencoded
from tests.unit.objects.rebuild import MAKERS, VECTORS, Vector, public_key
from tests.unit.objects.rebuild_maps import MAP_MAKERS, hub_of

FILE = "objects.json"
DERIVATION = {"cip_people", "cip_device", "key_from_seed"}
"""Kinds that the tests of the derivation go through."""


def code_of(text: str) -> int:
    """``error 8`` or ``InvalidData (22): …`` → the number."""
    return int("".join(char for char in text.partition(":")[0] if char.isdigit()))


# ---- keys, signatures, encryption -----------------------------------------------------------------------------------


def keypair(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    key = PrivateKey.decode(raw + b"more")
    assert key.encode() == raw == bytes.fromhex(vector["input"]["private_key_raw"])
    public = key.public()
    assert public.encode().hex() == vector["public_key_raw"]
    assert PublicKey.decode(public.encode()) == public
    message = b"signed with the key of the vector"
    assert public.verify(message, key.sign(message), public.signature_kind)


def signature(vector: Vector) -> None:
    given = vector["input"]
    data, raw = given["data_utf8"].encode(), bytes.fromhex(vector["hex"])
    key = PrivateKey.decode(bytes.fromhex(given["private_key"]))
    source = RefIndex(0) if given["sign_source"] == "ref_index 0" else key.public()
    made = sign(key, source, data, given["sign_time"])
    assert made.encode() == raw
    held = Signature.decode(raw)
    assert held == made
    assert held.data.hex() == vector["sign_data"]
    public = PublicKey.decode(bytes.fromhex(vector["public_key_raw"]))
    assert verify(public, data, held)
    assert not verify(public, data + b"!", held)


def aeskey_exchange(vector: Vector) -> None:
    key = PrivateKey.decode(bytes.fromhex(vector["input"]["private_key"]))
    agreed, rest = decrypt_aeskey(key, bytes.fromhex(vector["input"]["encrypted"]) + b"rest")
    assert (agreed.raw.hex(), rest) == (vector["hex"], b"rest")


def public_key_value(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    given = vector["input"]
    key = MNPublicKey(given["threshold"], tuple(public_key(name) for name in given["keys"]))
    assert read_public_key_value(Reader(raw)) == key
    writer = Writer()
    write_public_key_value(writer, key)
    assert writer.getvalue() == raw


def aes(vector: Vector) -> None:
    given = vector["input"]
    key = AesKey(bytes.fromhex(given["key"]))
    encrypted = bytes.fromhex(vector["hex"])
    assert key.encrypt(given["plain_utf8"].encode()) == encrypted
    assert key.decrypt(encrypted) == given["plain_utf8"].encode()
    assert str(key) == vector["base58"]
    assert AesKey.from_text(vector["base58"]) == key
    assert key.mix_hash().hex() == vector["mix_hash"]
    assert key.mix_hash(given["salt"]).hex() == vector["mix_hash_salted"]


# ---- values ---------------------------------------------------------------------------------------------------------

Read = Callable[[Reader], Any]
Write = Callable[[Writer, Any], object]


def read_ip(reader: Reader) -> str:
    return str(IPv6Address(reader.take(16)) if reader.u8() else IPv4Address(reader.take(4)))


def write_ip(writer: Writer, text: str) -> None:
    if ":" in text:
        writer.u8(1).raw(IPv6Address(text).packed)
    else:
        writer.u8(0).raw(IPv4Address(text).packed)


def read_result(reader: Reader) -> dict[str, Any]:
    return {"ok": reader.u8()} if reader.u8() == 0 else {"err": reader.string()}


def write_result(writer: Writer, value: dict[str, Any]) -> None:
    if "ok" in value:
        writer.u8(0).u8(value["ok"])
    else:
        writer.u8(1).string(value["err"])


def write_map(writer: Writer, value: dict[str, int]) -> None:
    writer.varint(len(value))
    for key in sorted(value):
        writer.string(key).u32(value[key])


PRIMITIVES: dict[str, tuple[Read, Write]] = {
    "USize": (Reader.varint, Writer.varint),
    "u8": (Reader.u8, Writer.u8),
    "u16": (Reader.u16, Writer.u16),
    "u32": (Reader.u32, Writer.u32),
    "u64": (Reader.u64, Writer.u64),
    "i32": (Reader.i32, Writer.i32),
    "i64": (Reader.i64, Writer.i64),
    "u128": (lambda reader: str(reader.u128()), lambda writer, text: writer.u128(int(text))),
    "bool": (Reader.boolean, Writer.boolean),
    "String": (Reader.string, Writer.string),
    "VarString": (Reader.var_string, Writer.var_string),
    "Option<String>": (
        lambda reader: reader.option(Reader.string),
        lambda writer, value: writer.option(value, Writer.string),
    ),
    "Vec<u32>": (lambda reader: reader.vec(Reader.u32, 4), lambda writer, value: writer.vec(value, Writer.u32)),
    "(u8,u16,String)": (
        lambda reader: [reader.u8(), reader.u16(), reader.string()],
        lambda writer, value: writer.u8(value[0]).u16(value[1]).string(value[2]),
    ),
    "HashMap<String,u32>": (
        lambda reader: {reader.string(): reader.u32() for _ in range(reader.count(6))},
        write_map,
    ),
    "BTreeSet<u64>": (
        lambda reader: reader.vec(Reader.u64, 8),
        lambda writer, value: writer.vec(sorted(value), Writer.u64),
    ),
    "Range<u64>": (
        lambda reader: [reader.u64(), reader.u64()],
        lambda writer, value: writer.u64(value[0]).u64(value[1]),
    ),
    "Result<u8,String>": (read_result, write_result),
    "IpAddr": (read_ip, write_ip),
}


def primitive(vector: Vector) -> None:
    read, write = PRIMITIVES[vector["type"]]
    raw = bytes.fromhex(vector["hex"])
    reader = Reader(raw)
    value = read(reader)
    if vector["type"] == "IpAddr":
        assert IPv6Address(value) == IPv6Address(vector["input"]) if ":" in value else value == vector["input"]
    else:
        assert value == vector["input"]
    assert reader.remaining == 0
    writer = Writer()
    write(writer, vector["input"])
    assert writer.getvalue() == raw


def bucky_error(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    error = BuckyError(vector["code_u16"], vector["input"]["msg"])
    assert BuckyError.decode(raw) == error
    assert error.encode() == raw


def endpoint(vector: Vector) -> None:
    value = Endpoint.from_text(vector["input"])
    assert str(value) == vector["input"]
    assert value.encode().hex() == vector["hex"]
    assert value.encode(signed=True).hex() == vector["signed_hex"]
    for raw in (vector["hex"], vector["signed_hex"]):
        assert str(Endpoint.decode(bytes.fromhex(raw))) == vector["decoded_string"]


def area(vector: Vector) -> None:
    value = Area.from_text(vector["input"])
    writer = Writer()
    value.write(writer)
    assert writer.getvalue().hex() == vector["hex"]
    assert str(Area.read(Reader(writer.getvalue()))) == vector["input"]


def check_id(vector: Vector, value: ObjectId) -> None:
    assert str(value) == vector["id"]
    assert value.base36 == vector["id_base36"]
    assert ObjectId.from_text(vector["id_base36"].upper()) == ObjectId.from_text(vector["id"]) == value


def object_id(vector: Vector) -> None:
    value = data_id(vector["input"]["data_utf8"].encode())
    assert value.hex() == vector["hex"]
    assert value.data == vector["input"]["data_utf8"].encode()
    assert str(value) == vector["id"]
    assert value.base36 == vector["id_base36"]
    assert ObjectId.from_text(vector["id"]) == value


def chunk_id(vector: Vector) -> None:
    value = ChunkId.of_data(vector["input"]["data_utf8"].encode())
    assert value.hex() == vector["hex"]
    assert value.length == vector["len"]
    check_id(vector, value)


def unique_id(vector: Vector) -> None:
    value = UniqueId.create_with_hash(vector["input"]["create_with_hash_utf8"].encode())
    assert value.hex() == vector["hex"]
    assert str(value) == vector["base58"]
    assert UniqueId.from_text(vector["base58"]) == value


def chunk_bundle(vector: Vector) -> None:
    chunks = [ChunkId.from_text(text) for text in vector["input"]["chunks"]]
    assert bundle_hash(chunks).hex() == vector["hex"]
    assert total_length(chunks) == vector["len"]


PARSERS: dict[str, Callable[[str], Any]] = {
    "area": Area.from_text,
    "endpoint": Endpoint.from_text,
    "object_id": ObjectId.from_text,
}


def string_parse(vector: Vector) -> None:
    for kind, cases in vector["input"].items():
        for text, result in cases.items():
            if result.startswith("error"):
                with pytest.raises(CyfsError) as caught:
                    PARSERS[kind](text)
                assert caught.value.code == code_of(result.partition("(")[0])
            else:
                value = PARSERS[kind](text)
                assert (value.hex() if isinstance(value, bytes) else str(value)) == result.partition(" ")[0]


# ---- objects --------------------------------------------------------------------------------------------------------

NOT_CANONICAL = {"real_test_file_old_encoding": "its protobuf has explicit zeros", "typeless_core_ext": "has an ext"}


def named_object(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    obj = decode_object(raw, exact=True)
    assert obj.raw == raw
    assert decode_object(raw + b"more") == obj
    assert obj.object_id == ObjectId.from_text(vector["id"])
    assert str(obj.object_id) == vector["id"]
    if "id_base36" in vector:
        check_id(vector, obj.object_id)
    if "desc_hash" in vector:
        assert obj.desc_hash.hex() == vector["desc_hash"]
    if "desc_hash_input" in vector:
        assert obj.desc_hash == hashlib.sha256(bytes.fromhex(vector["desc_hash_input"])).digest()
        if vector["kind"] != "dir":  # whose hash is that of a shorter form
            assert obj.desc.raw.hex() == vector["desc_hash_input"]
    if "body_hash" in vector:
        assert obj.body_hash is not None
        assert obj.body_hash.hex() == vector["body_hash"]
    if "format_json" in vector:
        assert format_json(obj) == shown(vector)
    for told in vector.get("signs", ()):
        check_sign(obj, told)
    assert (reencoded(obj) == raw) is (vector["name"] not in NOT_CANONICAL)
    make = (MAKERS | MAP_MAKERS).get(vector["name"].rpartition("_")[0])
    if make is not None:
        assert make(vector["input"], obj).raw == raw
    if "decoded" in vector["input"]:
        check_decoded(obj, vector["input"]["decoded"])


def shown(vector: Vector) -> Any:
    """The reference showed the object it had made; a mapped-WAN endpoint is another one once it was written."""
    return json.loads(json.dumps(vector["format_json"]).replace("M4udp", "W4udp"))


def check_sign(obj: NamedObject, told: Vector) -> None:
    """``valid``: whether the signature fits, ``None`` when the signer's key is not known."""
    signs, digest = (obj.desc_signs, obj.desc_hash) if told["part"] == "desc" else (obj.body_signs, obj.body_hash)
    (held,) = signs or ()
    assert held.source == RefIndex(told["ref_index"])
    assert held.sign_time == told["sign_time"]
    if told["valid"] is None:
        return
    key = obj.desc.public_key
    if told["by"] == "owner":
        key = PublicKey.decode(bytes.fromhex(told["owner_public_key_raw"]))
    assert isinstance(key, PublicKey)
    assert digest is not None
    assert verify(key, digest, held) is told["valid"]


def check_decoded(obj: NamedObject, told: Vector) -> None:
    desc, body = obj.desc, obj.body
    assert body is not None
    key = desc.public_key
    known: dict[str, Any] = {
        "obj_type": obj.obj_type,
        "owner": desc.owner and str(desc.owner),
        "create_time": desc.create_time,
        "area": desc.area and str(desc.area),
        "public_key_code": key.kind if isinstance(key, PublicKey) else None,
        "update_time": body.update_time,
    }
    value = body.value
    if obj.obj_type == 1:
        known |= {
            "unique_id": desc.value.unique_id.hex(),
            "endpoints": [one.encode().hex() for one in value.endpoints],
            "sn_list": [str(one) for one in value.sn_list],
            "passive_pn_list": [str(one) for one in value.passive_pn_list],
            "device_name": value.name,
            "bdt_version": value.bdt_version,
            "body_ext": body.object_id and "0a20" + body.object_id.hex(),
        }
    elif obj.obj_type == 2:
        known |= {
            "ood_list": [str(one) for one in value.ood_list],
            "people_name": value.name,
            "ood_work_mode": value.ood_work_mode,
            "icon": value.icon and str(value.icon),
        }
    else:
        known |= {"len": desc.value.length, "hash": desc.value.hash.hex()}
    assert {name: known[name] for name in told} == told


def typeless(vector: Vector) -> None:
    named_object(vector)
    given = vector["input"]
    obj = decode_object(bytes.fromhex(vector["hex"]))
    assert obj.obj_type == given["obj_type"]
    if "content" in given:
        assert obj.desc.flags.to_bytes(2, "big").hex() == given["flags"]
        assert (obj.desc.version, obj.desc.format) == (given["content_version"], given["content_format"])
        assert obj.desc.content.hex() == given["content"]
    assert obj.desc.value is None


def object_map_hub(vector: Vector) -> None:
    given = vector["input"]
    keys = [f"key{index:05d}" for index in range(vector["count"])]
    for key, index in vector["hub_index_depth0"].items():
        assert hub_index(key, 0) == index
    hub, subs = hub_of(keys, given)
    raw = hub.desc.raw
    assert str(hub.object_id) == vector["id"]
    assert len(raw) == vector["desc_len"]
    assert hashlib.sha256(raw).hexdigest() == vector["desc_sha256"]
    assert raw[:256].hex() == vector["desc_head_256"]
    held = decode_object(raw, exact=True).desc.value
    assert (held.total, held.size, held.is_hub) == (vector["count"], vector["size"], vector["mode"] == "hub")
    for key in keys[:: vector["count"] // 50]:
        sub = subs[held.sub_map_of(key)]
        assert sub.desc.value.get(key) == ChunkId.of_data(key.encode())


def reject(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    decode: dict[str, Callable[[], object]] = {
        "people": lambda: decode_object(raw),
        "USize": lambda: Reader(raw).varint(),
    }
    with pytest.raises(CodecError) as caught:
        decode[vector["input"]["decode_as"]]()
    assert caught.value.code == ErrorCode(code_of(vector["error"]))


CHECKS: dict[str, Callable[[Vector], None]] = {
    check.__name__: check
    for check in (
        keypair,
        signature,
        aeskey_exchange,
        public_key_value,
        aes,
        primitive,
        bucky_error,
        endpoint,
        area,
        object_id,
        chunk_id,
        unique_id,
        chunk_bundle,
        string_parse,
        typeless,
        object_map_hub,
        reject,
    )
}
OBJECT_KINDS = {
    "people",
    "device",
    "group",
    "app_group",
    "action",
    "union_account",
    "file",
    "dir",
    "diff",
    "tx",
    "contract",
    "object_map",
    "proof_of_service",
}


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector["kind"] not in DERIVATION])
def test_vector(name: str) -> None:
    """The vector is read, written and computed as the reference does."""
    vector = VECTORS[name]
    kind = vector["kind"]
    check = named_object if kind in OBJECT_KINDS else CHECKS[kind]
    check(vector)
    vector_count.passed(FILE, name)


def test_a_group_whose_founder_the_reference_loses_keeps_its_id() -> None:
    """The id comes from the bytes, not from what the reference makes of them."""
    vector = VECTORS["group_simple_1"]
    obj = decode_object(bytes.fromhex(vector["hex"]))
    assert str(obj.object_id) == vector["id"] != vector["id_after_reference_decode"]
    assert obj.desc.value.founder_id is not None
