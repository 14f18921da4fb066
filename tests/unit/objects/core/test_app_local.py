"""AppLocalStatus, AppSetting, AppLocalList (docs/protocol/core-objects.md §3.6, §3.8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.objects.core.app_local import (
    APP_LOCAL_LIST,
    APP_LOCAL_STATUS,
    NO_QUOTA,
    AppLocalListDesc,
    AppLocalStatusCode,
    AppLocalStatusDesc,
    AppPermission,
    AppQuota,
    PermissionState,
    SubErrorCode,
    app_local_status_path,
    app_setting_path,
    initial_app_local_status,
    make_app_local_list,
    make_app_local_status,
    make_app_setting,
)
from tests.unit.objects.core.ids import APP, NOW, OTHER_APP, PEOPLE

INITIAL = initial_app_local_status(APP, NOW)


def permission(name: str, state: PermissionState = PermissionState.UNHANDLED) -> AppPermission:
    return AppPermission(permission=name, reason="", state=state)


def test_a_new_app_has_no_quota_and_updates_itself() -> None:
    assert (INITIAL.status, INITIAL.quota, INITIAL.auto_update) == (AppLocalStatusCode.INIT, NO_QUOTA, True)
    assert INITIAL.last_status_update_time == NOW


def test_every_change_makes_another_object() -> None:
    older = make_app_local_status(PEOPLE, INITIAL, update_time=NOW)
    changed = replace(INITIAL, status=AppLocalStatusCode.INSTALLING, last_status_update_time=NOW + 1)
    assert make_app_local_status(PEOPLE, changed, update_time=NOW).object_id != older.object_id


def test_permissions_are_written_by_name_and_once() -> None:
    given = (permission("net"), permission("fs"), permission("net", PermissionState.GRANTED))
    status = make_app_local_status(PEOPLE, replace(INITIAL, permissions=given), update_time=NOW)
    expected = (permission("fs"), permission("net", PermissionState.GRANTED))
    assert APP_LOCAL_STATUS.decode(status).desc.permissions == expected


@pytest.mark.parametrize("code", ["c801", "8002", "ffffffff0f"])
def test_unknown_codes_are_read_as_the_safe_one(code: str) -> None:
    """They are said to be errors; a permission in a state that nobody knows is not granted."""
    number = bytes.fromhex(code)
    permissions = b"\x2a" + bytes([len(number) + 1]) + b"\x18" + number
    read = AppLocalStatusDesc.decode(INITIAL.encode() + b"\x10" + number + b"\x40" + number + permissions)
    assert read.status is AppLocalStatusCode.ERR_STATUS
    assert read.sub_error is SubErrorCode.UNKNOWN
    assert read.permissions == (permission(""),)


def test_a_missing_quota_is_refused() -> None:
    raw = INITIAL.encode().replace(b"\x32\x09\x0a\x010\x12\x010\x1a\x010", b"")
    with pytest.raises(CodecError, match="quota is missing") as refused:
        AppLocalStatusDesc.decode(raw)
    assert refused.value.code == ErrorCode.INVALID_DATA


@pytest.mark.parametrize(
    "text", [b"", b"x", b"1.0", b"0x10", b" 1", b"1_0", "１".encode(), b"9223372036854775808", b"-9223372036854775809"]
)
def test_numbers_in_text_are_decimal_and_in_range(text: bytes) -> None:
    with pytest.raises(CodecError) as refused:
        AppQuota.decode(b"\x0a" + bytes([len(text)]) + text + b"\x12\x010\x1a\x010")
    assert refused.value.code == ErrorCode.INVALID_DATA


def test_numbers_in_text_may_have_a_sign() -> None:
    read = AppQuota.decode(b"\x0a\x02+7\x12\x02-1\x1a\x0300" + b"1")
    assert read == AppQuota(mem=7, disk_space=-1, cpu=1)


def test_times_in_text_are_not_negative() -> None:
    with pytest.raises(CodecError, match="out of the range of u64"):
        AppLocalStatusDesc.decode(INITIAL.encode() + b"\x3a\x02-1")
    with pytest.raises(CodecError) as refused:
        replace(INITIAL, last_status_update_time=-1).encode()
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT


def test_local_lists_are_written_sorted_and_read_in_any_order() -> None:
    ours = make_app_local_list(PEOPLE, [OTHER_APP, APP, OTHER_APP], update_time=NOW)
    assert [item.app_id for item in APP_LOCAL_LIST.decode(ours).desc.list] == [APP, OTHER_APP]
    item = b"\x12\x22\x0a\x20"
    theirs = AppLocalListDesc.decode(b"\x0a\x03app" + item + OTHER_APP + item + APP)
    assert theirs.app_list == APP_LOCAL_LIST.decode(ours).desc.app_list == {APP, OTHER_APP}


def test_where_they_are_kept() -> None:
    assert app_local_status_path(APP) == f"/app/{APP}/local_status"
    assert app_setting_path(APP) == f"/app_setting/{APP}"


def test_settings_differ_in_id_by_what_they_say() -> None:
    on, off = (make_app_setting(PEOPLE, APP, auto_update=one, update_time=NOW) for one in (True, False))
    assert on.object_id != off.object_id
