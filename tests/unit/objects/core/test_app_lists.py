"""AppList and AppCmdList, which share a type code, and AppCmd (docs/protocol/core-objects.md §3.5, §3.7, §4.1)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.app_cmd import (
    APP_CMD,
    APP_CMD_LIST,
    AddApp,
    AppCmdCode,
    AppCmdListDesc,
    AppCmdListItem,
    CmdCode,
    make_app_cmd,
    make_app_cmd_list,
)
from cyfs_edge.objects.core.app_list import (
    APP_LIST,
    CATEGORY_APP,
    AppListBody,
    AppListDesc,
    AppListItem,
    app_list_body,
    make_app_list,
    make_app_status,
)
from cyfs_edge.objects.core.registry import decode_core
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.envelope import NamedObject, decode_object
from tests.unit.objects.core.ids import APP, NOW, OTHER_APP, PEOPLE

ARGUMENTS = {
    AppCmdCode.ADD: "add_app",
    AppCmdCode.INSTALL: "install_app",
    AppCmdCode.SET_PERMISSION: "app_permission",
    AppCmdCode.SET_QUOTA: "app_quota",
    AppCmdCode.SET_AUTO_UPDATE: "auto_update",
}


def status(app: ObjectId, version: str = "1.0.0") -> NamedObject:
    return make_app_status(PEOPLE, app, version, True, update_time=NOW)


def cmd(code: AppCmdCode, create_time: int = NOW) -> NamedObject:
    return make_app_cmd(PEOPLE, APP, CmdCode(code=code), create_time=create_time, update_time=NOW)


def test_app_lists_are_sorted_and_the_last_of_an_app_counts() -> None:
    given = [status(OTHER_APP), status(APP, "1.0.0"), status(APP, "1.0.1")]
    apps = make_app_list(PEOPLE, "a", CATEGORY_APP, given, update_time=NOW)
    body = APP_LIST.decode(apps).body
    assert body is not None
    assert [item.app_id for item in body.source] == [APP, OTHER_APP]
    assert body.app_list == {APP: given[2], OTHER_APP: given[0]}


def test_foreign_lists_may_name_an_app_twice() -> None:
    first, last = status(APP, "1.0.0"), status(APP, "1.0.1")
    twice = AppListBody(source=(AppListItem(app_id=APP, app_status=first), AppListItem(app_id=APP, app_status=last)))
    assert AppListBody.decode(twice.encode()).app_list == {APP: last}


def test_the_body_of_an_app_list_plays_no_part_in_its_id() -> None:
    empty = make_app_list(PEOPLE, "a", CATEGORY_APP, update_time=NOW)
    filled = APP_LIST.with_body(empty, app_list_body([status(APP)]), NOW + 1)
    assert filled.object_id == empty.object_id
    assert filled.update_time == NOW + 1


def test_only_app_statuses_are_in_app_lists() -> None:
    text = make_text("a", "", "", update_time=NOW)
    raw = b"\x0a\x20" + APP + b"\x12" + bytes([len(text.raw)]) + text.raw
    with pytest.raises(CodecError, match="object of type 41 instead of AppStatus") as refused:
        AppListItem.decode(raw)
    assert (refused.value.code, refused.value.offset) == (ErrorCode.INVALID_DATA, 34)
    with pytest.raises(CodecError):
        AppListItem.decode(b"\x0a\x20" + APP + b"\x12\x03" + text.raw[:3])


def test_a_filled_command_list_is_told_from_an_app_list() -> None:
    """Its header says AppList: by type it is recognised by its content, by context it is decoded as what it is."""
    commands = make_app_cmd_list(PEOPLE, [(cmd(AppCmdCode.START), 0), (cmd(AppCmdCode.STOP), 2)], update_time=NOW)
    assert commands.obj_type == 402
    expected = AppCmdListDesc(
        id="default",
        list=(
            AppCmdListItem(cmd=cmd(AppCmdCode.START), retry_count=0),
            AppCmdListItem(cmd=cmd(AppCmdCode.STOP), retry_count=2),
        ),
    )
    assert APP_CMD_LIST.decode(commands).desc == expected
    by_type = decode_core(commands)
    assert by_type is not None
    assert by_type.desc == expected
    with pytest.raises(CodecError, match="utf-8"):
        APP_LIST.decode(commands)


def test_an_empty_command_list_is_told_from_an_app_list() -> None:
    by_type = decode_core(make_app_cmd_list(PEOPLE, update_time=NOW))
    assert by_type is not None
    assert by_type.desc == AppCmdListDesc(id="default")


def test_an_app_list_stays_one() -> None:
    by_type = decode_core(make_app_list(PEOPLE, "default", CATEGORY_APP, update_time=NOW))
    assert by_type is not None
    assert by_type.desc == AppListDesc(id="default", category="app")


def test_neither_list_is_refused() -> None:
    bad = APP_LIST.build(AppListDesc(id="a", category="app"), AppListBody(), owner=PEOPLE).desc.raw
    broken = bad.replace(b"\x12\x03app", b"\x12\x03\xff\xff\xff")
    assert broken != bad
    with pytest.raises(CodecError):
        decode_core(decode_object(broken))


def test_a_command_list_has_its_limit() -> None:
    """It is all in the desc, which holds 65535 bytes."""
    queue = [(cmd(AppCmdCode.START), 0)] * 700
    with pytest.raises(CyfsError) as refused:
        make_app_cmd_list(PEOPLE, queue, update_time=NOW)
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT


def test_commands_at_two_times_are_two_commands() -> None:
    assert cmd(AppCmdCode.START, NOW).object_id != cmd(AppCmdCode.START, NOW + 1).object_id


@pytest.mark.parametrize("code", sorted(ARGUMENTS))
def test_a_command_without_its_argument_is_refused(code: AppCmdCode) -> None:
    with pytest.raises(CyfsError, match=ARGUMENTS[code]) as refused:
        CmdCode(code=code)
    assert refused.value.code == ErrorCode.INVALID_DATA
    with pytest.raises(CodecError, match=ARGUMENTS[code]):
        CmdCode.decode(bytes([8, code]) if code else b"")


@pytest.mark.parametrize("code", [one for one in AppCmdCode if one not in ARGUMENTS])
def test_commands_without_argument(code: AppCmdCode) -> None:
    read = APP_CMD.decode(cmd(code)).desc.cmd_code
    assert (read.code, read.argument) == (code, None)


def test_unknown_commands_read_as_unknown_and_are_written_as_minus_one() -> None:
    assert CmdCode.decode(b"\x08\x09").code is AppCmdCode.UNKNOWN
    assert CmdCode(code=AppCmdCode.UNKNOWN).encode().hex() == "08ffffffffffffffffff01"


def test_arguments() -> None:
    add = CmdCode(code=AppCmdCode.ADD, add_app=AddApp(app_owner_id=PEOPLE))
    assert add.argument == AddApp(app_owner_id=PEOPLE)
    assert CmdCode(code=AppCmdCode.SET_AUTO_UPDATE, auto_update=False).argument is False
