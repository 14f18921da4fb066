"""Seeds, keys and objects of the golden vectors come out byte for byte."""

from __future__ import annotations

from typing import Any

import pytest

from cyfs_edge.base.area import Area
from cyfs_edge.base.ids import ObjectId, UniqueId
from cyfs_edge.base.keys import KeyKind, PrivateKey
from cyfs_edge.core.derivation import (
    HARDENED,
    Path,
    derive_key,
    device_index,
    device_seed,
    key_from_seed,
    people_seed,
)
from cyfs_edge.core.mnemonic import entropy_from_words, words_from_entropy
from cyfs_edge.objects.device import DeviceCategory, make_device
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.people import make_people
from tests import vector_count

FILE = "objects.json"
VECTORS: list[dict[str, Any]] = vector_count.load(FILE)["vectors"]


def of_kind(kind: str) -> pytest.MarkDecorator:
    vectors = [vector for vector in VECTORS if vector["kind"] == kind]
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def path_of(text: str) -> Path:
    return tuple(int(step.rstrip("'")) | (HARDENED if step.endswith("'") else 0) for step in text.split("/")[1:])


@of_kind("key_from_seed")
def test_key_from_seed(vector: dict[str, Any]) -> None:
    given = vector["input"]
    key = key_from_seed(bytes.fromhex(given["seed"]), KeyKind[given["type"].upper()])
    assert key.encode().hex() == vector["hex"]
    vector_count.passed(FILE, vector["name"])


@of_kind("cip_people")
def test_people_from_words(vector: dict[str, Any]) -> None:
    given = vector["input"]
    entropy = entropy_from_words(given["mnemonic"])
    assert words_from_entropy(entropy) == given["mnemonic"]
    assert entropy.hex() == given.get("entropy", entropy.hex())
    seed = people_seed(entropy, given["password"])
    assert seed.hex() == vector["seed"]
    key = derive_key(seed, path_of(given["path"]), KeyKind[given.get("key_type", "rsa1024").upper()])
    assert key.encode().hex() == vector["hex"]
    if "people_hex" in vector:
        assert key.public().encode().hex() == vector["public_key_raw"]
        expected = decode_object(bytes.fromhex(vector["people_hex"]), exact=True)
        people = make_people(key.public(), update_time=expected.update_time, area=Area(), ood_work_mode=None)
        assert people == expected
        assert people.desc.raw.hex() == vector["people_desc"]
        assert str(people.object_id) == vector["id"]
    vector_count.passed(FILE, vector["name"])


@of_kind("cip_device")
def test_device_of_people(vector: dict[str, Any]) -> None:
    given = vector["input"]
    people_id = ObjectId.from_text(given["people_id"])
    seed = device_seed(PrivateKey.decode(bytes.fromhex(given["people_private_key"])), people_id)
    assert seed.hex() == vector["seed"]
    assert device_index(given["unique_str"]) == given["address_index"]
    key = derive_key(seed, path_of(given["path"]), KeyKind.RSA1024)
    assert key.encode().hex() == vector["hex"]
    assert key.public().encode().hex() == vector["public_key_raw"]
    unique_id = UniqueId.create(given["unique_str"].encode())
    assert unique_id.hex() == vector["unique_id"]
    expected = decode_object(bytes.fromhex(vector["device_hex"]), exact=True)
    device = make_device(
        key.public(),
        unique_id,
        update_time=expected.update_time,
        category=DeviceCategory(given["category"]),
        owner=people_id,
    )
    assert device == expected
    assert str(device.object_id) == vector["id"]
    vector_count.passed(FILE, vector["name"])
