"""All vectors of ``core-objects.json``: id, bytes, every field, and the same bytes again from the constructors."""

from __future__ import annotations

from typing import Any

import pytest

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.app_cmd import APP_CMD_LIST
from cyfs_edge.objects.core.app_list import AppListItem, AppStatusBody, AppStatusDesc
from cyfs_edge.objects.core.registry import core_codec
from cyfs_edge.objects.core.types import CoreCodec
from cyfs_edge.objects.envelope import NamedObject, decode_object
from tests import vector_count
from tests.unit.objects.core.vector_makers import MAKERS, Header
from tests.unit.objects.core.vector_readers import BEYOND_CONTENTS, READERS

FILE = "core-objects.json"
VECTORS = vector_count.load(FILE)


def codec_for(vector: dict[str, Any]) -> CoreCodec[Any, Any]:
    """By context for AppCmdList, which shares its type code with AppList."""
    if vector["type"] == "AppCmdList":
        return APP_CMD_LIST
    codec = core_codec(vector["object_type"])
    assert codec is not None
    return codec


def an_id(text: str | None) -> ObjectId | None:
    return None if text is None else ObjectId.from_text(text)


def decode(vector: dict[str, Any]) -> NamedObject:
    raw = bytes.fromhex(vector["object_hex"])
    obj = decode_object(raw, exact=True)
    assert str(obj.object_id) == vector["object_id"]
    assert obj.obj_type == vector["object_type"]
    assert obj.raw == raw
    return obj


@pytest.mark.parametrize("vector", VECTORS["objects"], ids=lambda vector: vector["name"])
def test_objects_of_the_rust_library(vector: dict[str, Any]) -> None:
    """What the reference made is read field by field, and made again to the same bytes in two ways."""
    obj = decode(vector)
    header = Header(
        owner=an_id(vector["owner"]),
        dec_id=an_id(vector["dec_id"]),
        create_time=vector["create_time"],
        update_time=obj.update_time if vector["update_time"] is None else vector["update_time"],
        obj=obj,
    )
    assert (obj.owner, obj.dec_id, obj.desc.create_time or None) == (header.owner, header.dec_id, header.create_time)
    assert obj.update_time == header.update_time

    codec = codec_for(vector)
    contents = codec.decode(obj)
    beyond = BEYOND_CONTENTS.get(vector["type"], ())
    expected = {name: value for name, value in vector["input"].items() if name not in beyond}
    if vector["type"] == "AppList":
        # Written sorted by the bytes of the ids, in whatever order the apps were put in.
        expected["source"] = sorted(expected["source"], key=lambda item: ObjectId.from_text(item["app_id"]))
    assert READERS[vector["type"]](contents) == expected
    if "author" in vector["input"]:
        assert str(obj.author) == vector["input"]["author"]

    assert obj.body is not None
    assert contents.body is not None
    assert contents.desc.encode() == obj.desc.content
    assert contents.body.encode() == obj.body.content

    assert MAKERS[vector["type"]](vector["input"], header).raw.hex() == obj.raw.hex()
    vector_count.passed(FILE, vector["name"])


def of_vector(name: str) -> dict[str, Any]:
    (found,) = (one["input"] for one in VECTORS["objects"] if one["name"] == name)
    assert isinstance(found, dict)
    return found


OWNER = VECTORS["objects"][1]["owner"]
APPS = [of_vector("app status on [A]")["app_id"], of_vector("app status off, empty version [A]")["app_id"]]
FRIEND = of_vector("add friend [A]")["to"]
NO_QUOTA = {"mem": "0", "disk_space": "0", "cpu": "0"}

TS_INPUTS: dict[str, dict[str, Any]] = {
    "storage (TS sets create_time)": {"id": "A-storage", "hash": None, "value_hex": "010203"},
    "zone": {
        "owner": OWNER,
        "ood_list": of_vector("zone standalone [A]")["ood_list"],
        "known_device_list": [],
        "ood_work_mode": "standalone",
    },
    "dec app tags": {
        "id": "A-app",
        "icon": None,
        "desc": None,
        "source": {"1.0.1": of_vector("dec app with sources and tags [A]")["source"]["1.0.1"]},
        "source_desc": {"1.0.1": "second"},
        "tags": {"latest": "1.0.1"},
    },
    "status": {"app_id": APPS[0], "version": "1.0.0.1", "status": 1},
    "local status": {
        "app_id": APPS[0],
        "status": 0,
        "version": None,
        "web_dir": None,
        "permissions": [],
        "quota": NO_QUOTA,
        "last_status_update_time": "13439788052884000",
        "sub_error": 0,
        "auto_update": True,
    },
    "install": {"app_id": APPS[0], "cmd_code": {"code": 2, "install_app": {"ver": "1.0.3", "run_after_install": True}}},
    "setting": {"app_id": APPS[0], "auto_update": False},
    "add friend": {"to": FRIEND},
    "option": {"auto_confirm": 1, "msg": "hi"},
}
"""What the TypeScript vectors were made of; the file says it for the store list only."""


def make_with(codec: CoreCodec[Any, Any], obj: NamedObject) -> NamedObject:
    """The object again, from its typed contents and header."""
    contents = codec.decode(obj)
    return codec.build(
        contents.desc,
        contents.body,
        update_time=obj.update_time,
        create_time=obj.desc.create_time or None,
        owner=obj.owner,
        author=obj.author,
        dec_id=obj.dec_id,
    )


@pytest.mark.parametrize(
    "vector",
    [one for one in VECTORS["made_with_ts_sdk"] if one["name"] in TS_INPUTS],
    ids=lambda vector: vector["name"],
)
def test_objects_of_the_typescript_sdk(vector: dict[str, Any]) -> None:
    """npm 0.5.8 writes the same contents, though its headers differ (create times, no author)."""
    obj = decode(vector)
    codec = codec_for(vector)
    assert READERS[vector["type"]](codec.decode(obj)) == TS_INPUTS[vector["name"]]
    assert make_with(codec, obj) == obj
    vector_count.passed(FILE, vector["name"])


def ts_vector(name: str) -> dict[str, Any]:
    (found,) = (one for one in VECTORS["made_with_ts_sdk"] if one["name"] == name)
    assert isinstance(found, dict)
    return found


def test_app_list_of_the_typescript_sdk() -> None:
    vector = ts_vector("list")
    obj = decode(vector)
    codec = codec_for(vector)
    contents = codec.decode(obj)
    assert (contents.desc.id, contents.desc.category) == ("A-list", "app")
    status_codec = core_codec(401)
    assert status_codec is not None
    seen = []
    for item in contents.body.source:
        assert isinstance(item, AppListItem)
        status = status_codec.decode(item.app_status)
        assert status.desc == AppStatusDesc(id=item.app_id)
        seen.append((str(item.app_id), status.body))
    expected = [(APPS[1], AppStatusBody(version="2", status=1)), (APPS[0], AppStatusBody(version="1", status=1))]
    assert seen == expected
    assert make_with(codec, obj) == obj
    vector_count.passed(FILE, vector["name"])


def test_app_store_list_has_an_empty_raw_desc() -> None:
    vector = ts_vector("store list")
    obj = decode(vector)
    codec = codec_for(vector)
    contents = codec.decode(obj)
    assert [str(one) for one in contents.body.app_store_list] == vector["input"]["list"]
    assert str(obj.owner) == vector["input"]["owner"]
    assert (obj.desc.content, obj.desc.format) == (b"", 0)
    assert make_with(codec, obj) == obj
    vector_count.passed(FILE, vector["name"])


def test_app_ext_info_is_named_after_its_app() -> None:
    vector = ts_vector("ext info")
    obj = decode(vector)
    codec = codec_for(vector)
    contents = codec.decode(obj)
    assert (contents.desc.id, contents.body.info) == ("A-ext", "")
    assert make_with(codec, obj) == obj
    vector_count.passed(FILE, vector["name"])


def test_message_whose_content_the_typescript_sdk_lost_is_kept_but_refused() -> None:
    vector = ts_vector("msg")
    obj = decode(vector)
    with pytest.raises(CodecError, match="content is missing") as refused:
        codec_for(vector).decode(obj)
    assert refused.value.code == ErrorCode.INVALID_DATA
    vector_count.passed(FILE, vector["name"])
