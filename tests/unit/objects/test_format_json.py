"""The JSON view, where the vectors do not show it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from cyfs_edge.base.ids import ChunkId, ObjectId, make_object_id
from cyfs_edge.base.keys import MNPublicKey, SignatureKind
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import Signature
from cyfs_edge.base.times import BUCKY_OFFSET
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.contract import Contract, ContractType, make_contract
from cyfs_edge.objects.dir import DirBody, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import make_bundle
from cyfs_edge.objects.format_json import format_json
from cyfs_edge.objects.object_map import HubEntries, MapClass, MapContentType, ObjectMap, make_object_map
from tests import strategies
from tests.strategies import PRIVATE_KEYS

OWNER = ObjectId.from_text("5r4MYfFLsj2ZndcxiGobMgJnMQswpcCa29EmfSnH7aqG")
FILE = make_object_id(bytes(32), 8)
CHUNK = ChunkId.of_data(b"chunk")


@given(strategies.signed(strategies.named_objects))
def test_every_object_has_a_view(obj: NamedObject) -> None:
    view = json.loads(json.dumps(format_json(obj)))
    assert view["desc"]["object_id"] == str(obj.object_id)
    assert ("body" in view) == (obj.body is not None)
    assert ("signs" in view) == (obj.desc_signs is not None or obj.body_signs is not None)
    assert "author" not in view["desc"]


@pytest.mark.parametrize(
    ("bucky", "text"),
    [
        (0, "0"),
        (1, "1970-01-01T00:00:00+00:00,1"),
        (BUCKY_OFFSET, f"1970-01-01T00:00:00+00:00,{BUCKY_OFFSET}"),
        (13_330_000_000_000_000, "2023-05-31T09:46:40+00:00,13330000000000000"),
        (13_330_000_000_001_000, "2023-05-31T09:46:40.001+00:00,13330000000001000"),
        (13_330_000_000_001_010, "2023-05-31T09:46:40.001010+00:00,13330000000001010"),
        ((1 << 64) - 1, str((1 << 64) - 1)),
    ],
)
def test_times(bucky: int, text: str) -> None:
    """RFC 3339 with as many digits as needed; a year beyond 9999 is told by its number."""
    obj = build_object(13, create_time=bucky, expired_time=bucky, body=BodyParts(update_time=bucky))
    view = format_json(obj)
    assert view["desc"]["create_time"] == view["desc"]["expired_time"] == view["body"]["update_time"] == text


def test_decapp_contents_are_hex_and_their_times_numbers() -> None:
    obj = build_object(
        40000, desc_content=b"\1", desc_version=2, desc_format=1, create_time=5, body=BodyParts(b"\2", 6)
    )
    view = format_json(obj)
    assert view["desc"]["content"] == "01"
    assert view["desc"]["content_codec"] == {"version": 2, "format": 1}
    assert view["desc"]["create_time"] == "5"
    assert view["body"]["content"] == {"content": "02", "content_codec": {"version": 0, "format": 0}}


def test_a_core_content_that_is_not_what_its_type_says_is_hex() -> None:
    obj = build_object(32, desc_content=b"\xff", desc_format=1, create_time=5)
    view = format_json(obj)
    assert view["desc"]["content"] == "ff"
    assert view["desc"]["create_time"] == "5"
    assert view["desc"]["object_type_code"] == "Custom"


def test_types_that_the_reference_does_not_show() -> None:
    contract = make_contract(Contract(ContractType.DSG, b"x"), owner=OWNER, create_time=1, update_time=1)
    view = format_json(contract)
    assert view["desc"]["content"] == view["body"]["content"] == "[unimplemented]"
    assert view["desc"]["object_type_code"] == "Contract"


def test_keys_and_sources() -> None:
    key = PRIVATE_KEYS["secpa"].public()
    shown_key = {"type": "secp256k1", "raw_data": key.encode().hex()}
    obj = build_object(17, public_key=MNPublicKey(1, (key,)))
    assert format_json(obj)["desc"]["public_key"] == {"index": 1, "value": [shown_key]}
    signs = tuple(
        Signature(source, 0, 9, SignatureKind.SECP256K1, bytes(64))
        for source in (ObjectLink(OWNER), ObjectLink(OWNER, FILE), key)
    )
    shown = format_json(obj.with_parts(desc_signs=signs, body_signs=()))["signs"]
    assert [sign["sign_source"] for sign in shown["desc_signs"]] == [
        {"type": "object", "value": {"object_id": str(OWNER)}},
        {"type": "object", "value": {"object_id": str(OWNER), "owner": str(FILE)}},
        {"type": "key", "value": shown_key},
    ]
    assert shown["desc_signs"][0]["sign"] == {"type": "ecc", "raw_data": 128 * "0"}
    assert shown["body_signs"] == []


def test_forms_of_contents() -> None:
    hub = ObjectMap(MapClass.GLOBAL_ROOT, 9, 10, 0, MapContentType.MAP, HubEntries({7: FILE}))
    view = format_json(make_object_map(hub))["desc"]["content"]
    assert (view["class"], view["content_mode"], view["content"]) == ("global-root", "hub", {"7": str(FILE)})
    bundle = format_json(make_bundle(None, [CHUNK], update_time=1))
    assert bundle["body"]["content"] == {"chunk_list": {"chunk_in_bundle": [str(CHUNK)]}}
    chunked = format_json(make_dir(None, CHUNK, update_time=1, body=DirBody(chunk_id=CHUNK)))
    assert chunked["desc"]["content"] == {"attributes": {"flags": 0}, "object_list": {"chunk": str(CHUNK)}}
    assert chunked["body"]["content"] == {"chunk": str(CHUNK)}
    listed = format_json(make_dir(None, DirList({}, CHUNK), update_time=1))["desc"]["content"]
    assert listed["object_list"] == {"object_list": {"object_map": [], "parent_chunk": str(CHUNK)}}
