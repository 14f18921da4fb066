"""The JSON views of core objects (docs/protocol/core-objects.md §5, objects.md §11)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.core.admin import GlobalStateAccessMode, GlobalStateCategory, make_access_mode_command
from cyfs_edge.objects.core.app_cmd import (
    AddApp,
    AppCmdCode,
    CmdCode,
    ModifyAppPermission,
    make_app_cmd,
    make_app_cmd_list,
)
from cyfs_edge.objects.core.app_list import make_app_list, make_app_status
from cyfs_edge.objects.core.app_local import (
    AppLocalStatusCode,
    AppPermission,
    AppQuota,
    PermissionState,
    SubErrorCode,
    initial_app_local_status,
    make_app_local_list,
    make_app_local_status,
    make_app_setting,
)
from cyfs_edge.objects.core.app_manager_action import DecAclInfo, ModifyAcl, make_app_manager_action
from cyfs_edge.objects.core.dec_app import DecAppBody, make_dec_app
from cyfs_edge.objects.core.default_app_list import DefaultAppInfo, make_default_app_list
from cyfs_edge.objects.core.friend import make_add_friend, make_friend_option, make_friend_property
from cyfs_edge.objects.core.json_view import camel_case, show
from cyfs_edge.objects.core.msg import make_text_msg
from cyfs_edge.objects.core.nft import make_nft_list
from cyfs_edge.objects.core.text_storage import make_storage, make_text
from cyfs_edge.objects.core.trans_context import (
    ChunkCodecDesc,
    ChunkCodecInfo,
    TransContextDevice,
    make_trans_context,
)
from cyfs_edge.objects.core.zone import OodWorkMode, make_zone
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.format_json import format_json
from tests import vector_count
from tests.unit.objects.core.ids import APP, DIR, FRIEND, NOW, OOD, OTHER_APP, PEOPLE, PHONE
from tests.unit.objects.core.strategies import FILE


def contents(obj: NamedObject) -> tuple[Any, Any]:
    view = format_json(obj)
    return view["desc"]["content"], view["body"]["content"]


STATUS = make_app_status(PEOPLE, APP, "1.0.0", True, update_time=NOW)
START = make_app_cmd(PEOPLE, APP, CmdCode(code=AppCmdCode.START), create_time=NOW, update_time=NOW)
LOCAL_STATUS = replace(
    initial_app_local_status(APP, NOW),
    status=AppLocalStatusCode.NO_SERVICE,
    web_dir=DIR,
    permissions=(AppPermission(permission="net", reason="r", state=PermissionState.GRANTED),),
    quota=AppQuota(mem=1, disk_space=-1, cpu=2),
    sub_error=SubErrorCode.ASSIGN_CONTAINER_IP_FAILED,
)
STREAM = TransContextDevice(
    target=OOD, chunk_codec_desc=ChunkCodecDesc.STREAM, chunk_codec_info=ChunkCodecInfo(start=1, step=-1)
)


def cmd(cmd_code: CmdCode) -> NamedObject:
    return make_app_cmd(PEOPLE, APP, cmd_code, create_time=NOW, update_time=NOW)


VIEWS: list[tuple[NamedObject, Any, Any]] = [
    (make_text("a", "h", "v", update_time=NOW), {"id": "a", "header": "h"}, {"value": "v"}),
    (make_storage("a", b"\xab\x01", update_time=NOW), {"id": "a", "hash": None}, "ab01"),
    (
        make_storage("a", b"", hashed=True, update_time=NOW),
        {"id": "a", "hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        "",
    ),
    (
        make_zone(PEOPLE, [OOD], [PHONE], OodWorkMode.ACTIVE_STANDBY, update_time=NOW),
        {"owner": str(PEOPLE)},
        {"ood_list": [str(OOD)], "known_device_list": [str(PHONE)], "ood_work_mode": "ActiveStandby"},
    ),
    (
        make_dec_app(PEOPLE, "a", DecAppBody(source={"1.0.0": DIR}, tags={"t": "1.0.0"}), update_time=NOW),
        {"id": "a"},
        {"source": {"1.0.0": str(DIR)}, "source_desc": {}, "icon": None, "desc": None, "tags": {"t": "1.0.0"}},
    ),
    (STATUS, {"id": str(APP)}, {"version": "1.0.0", "status": 1}),
    (
        make_app_list(PEOPLE, "a", "app", [STATUS], update_time=NOW),
        {"id": "a", "category": "app"},
        {str(APP): format_json(STATUS)},
    ),
    (
        make_app_local_status(PEOPLE, LOCAL_STATUS, update_time=NOW),
        {
            "id": str(APP),
            "status": "NoService",
            "version": None,
            "web_dir": str(DIR),
            "permissions": {"net": {"reason": "r", "state": "Granted"}},
            "quota": {"mem": 1, "disk_space": -1, "cpu": 2},
            "last_status_update_time": NOW,
            "sub_error": "AssignContainerIpFailed",
            "auto_update": True,
        },
        {},
    ),
    (make_app_setting(PEOPLE, APP, update_time=NOW), {"id": str(APP), "auto_update": False}, {}),
    (
        make_app_local_list(PEOPLE, [OTHER_APP, APP], update_time=NOW),
        {"id": "app", "list": [str(APP), str(OTHER_APP)]},
        {},
    ),
    (START, {"app_id": str(APP), "cmd_code": "Start"}, {}),
    (
        cmd(CmdCode(code=AppCmdCode.ADD, add_app=AddApp())),
        {"app_id": str(APP), "cmd_code": {"Add": {"app_owner_id": None}}},
        {},
    ),
    (
        cmd(CmdCode(code=AppCmdCode.SET_PERMISSION, app_permission=ModifyAppPermission(permission={"a": True}))),
        {"app_id": str(APP), "cmd_code": {"SetPermission": {"permission": {"a": True}}}},
        {},
    ),
    (
        cmd(CmdCode(code=AppCmdCode.SET_AUTO_UPDATE, auto_update=False)),
        {"app_id": str(APP), "cmd_code": {"SetAutoUpdate": False}},
        {},
    ),
    (
        make_app_cmd_list(PEOPLE, [(START, 3)], update_time=NOW),
        {"id": "default", "list": [{"cmd": format_json(START), "retry_count": "3"}]},
        {},
    ),
    (
        make_app_manager_action(
            PEOPLE,
            ModifyAcl(dec_list={str(APP): DecAclInfo(name="n", acl_info={"a": True})}),
            create_time=NOW,
            update_time=NOW,
        ),
        {"app_manager_action_enum": {"ModifyAcl": {"dec_list": {str(APP): {"name": "n", "acl_info": {"a": True}}}}}},
        {},
    ),
    (
        make_default_app_list(PEOPLE, "a", {"g": DefaultAppInfo("n", "d", "c", APP)}, update_time=NOW),
        {"id": "a"},
        {"list": {"g": {"name": "n", "desc": "d", "copyright": "c", "dec_id": str(APP)}}},
    ),
    (make_friend_option(PEOPLE, True, None, update_time=NOW), {"auto_confirm": 1, "msg": None}, None),
    (make_friend_property(PEOPLE, update_time=NOW), {}, None),
    (
        make_trans_context(APP, "/a", [STREAM, TransContextDevice(target=PHONE)], update_time=NOW),
        {"context_path": "/a"},
        {
            "device_list": [
                {"target": str(OOD), "chunk_codec_desc": {"Stream": [1, None, -1]}},
                {"target": str(PHONE), "chunk_codec_desc": "Unknown"},
            ]
        },
    ),
    (
        make_access_mode_command(
            PEOPLE,
            OOD,
            GlobalStateCategory.LOCAL_CACHE,
            GlobalStateAccessMode.WRITE,
            create_time=NOW,
            update_time=NOW,
        ),
        {
            "target": str(OOD),
            "cmd": {"GlobalStateAccessMode": {"category": "LocalCache", "access_mode": "Write"}},
        },
        {},
    ),
]


@pytest.mark.parametrize(("obj", "desc", "body"), VIEWS)
def test_contents_are_shown_field_by_field(obj: NamedObject, desc: Any, body: Any) -> None:
    assert contents(obj) == (desc, body)


def test_an_nft_list_is_an_array_of_file_descs() -> None:
    (file_view,), body = contents(make_nft_list(PEOPLE, [FILE], update_time=NOW))
    assert body is None
    assert file_view["object_id"] == str(FILE.object_id)
    assert file_view["object_type_code"] == "File"


@pytest.mark.parametrize(
    "obj",
    [
        make_add_friend(PEOPLE, FRIEND, create_time=NOW, update_time=NOW),
        make_text_msg(PEOPLE, FRIEND, "t", create_time=NOW, update_time=NOW),
    ],
)
def test_types_without_a_view_are_shown_in_hex(obj: NamedObject) -> None:
    view = format_json(obj)
    assert view["desc"]["content"] == obj.desc.content.hex()
    assert view["desc"]["content_codec"] == {"version": 0, "format": 1}


def test_contents_that_are_not_what_the_type_says_are_shown_in_hex() -> None:
    view = format_json(build_object(32, desc_content=b"\xff", body=BodyParts(content=b"\xfe")))
    assert view["desc"]["content"] == "ff"
    assert view["body"]["content"]["content"] == "fe"


@pytest.mark.parametrize("vector", vector_count.load("core-objects.json")["objects"], ids=lambda one: one["name"])
def test_every_vector_has_a_view_that_json_can_hold(vector: dict[str, Any]) -> None:
    view = format_json(decode_object(bytes.fromhex(vector["object_hex"])))
    assert json.loads(json.dumps(view))["desc"]["object_id"] == vector["object_id"]


def test_names_of_members() -> None:
    assert [camel_case(one) for one in ("INIT", "NO_SERVICE", "ASSIGN_CONTAINER_IP_FAILED")] == [
        "Init",
        "NoService",
        "AssignContainerIpFailed",
    ]


def test_values_of_no_protocol_type_have_no_view() -> None:
    with pytest.raises(TypeError):
        show(1.5)
