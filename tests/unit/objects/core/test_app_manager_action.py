"""AppManagerAction and DefaultAppList (docs/protocol/core-objects.md §3.8, §3.9)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.objects.core.app_manager_action import (
    APP_MANAGER_ACTION,
    AppManagerActionDesc,
    DecAclInfo,
    DecIpInfo,
    ModifyAcl,
    RegisterDec,
    UnregisterDec,
    make_app_manager_action,
)
from cyfs_edge.objects.core.default_app_list import DefaultAppInfo, DefaultAppListBody
from tests.unit.objects.core.ids import APP, NOW, OTHER_APP, PEOPLE

ACTIONS = [
    RegisterDec(docker_gateway_ip="172.18.0.1", dec_list={str(APP): DecIpInfo(name="a", ip="172.18.0.3")}),
    UnregisterDec(dec_list={str(APP): "a", str(OTHER_APP): ""}),
    ModifyAcl(dec_list={str(APP): DecAclInfo(name="a", acl_info={"net": True, "fs": False})}),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_each_action(action: RegisterDec | UnregisterDec | ModifyAcl) -> None:
    made = make_app_manager_action(PEOPLE, action, create_time=NOW, update_time=NOW)
    assert APP_MANAGER_ACTION.decode(made).desc.action == action


def test_an_empty_action_is_one() -> None:
    assert AppManagerActionDesc.decode(b"\x12\x00").action == UnregisterDec()


@pytest.mark.parametrize("raw", [b"", b"\x0a\x00\x12\x00"])
def test_exactly_one_action(raw: bytes) -> None:
    with pytest.raises(CodecError) as refused:
        AppManagerActionDesc.decode(raw)
    assert refused.value.code == ErrorCode.INVALID_DATA
    with pytest.raises(CyfsError):
        AppManagerActionDesc()


def test_maps_are_written_sorted() -> None:
    """Makers write them in any order; ours is always the same."""
    names = {str(APP): "a", str(OTHER_APP): "b"}
    backwards = dict(reversed(names.items()))
    assert UnregisterDec(dec_list=names).encode() == UnregisterDec(dec_list=backwards).encode()


def info(name: str) -> DefaultAppInfo:
    return DefaultAppInfo(name, "d", "c", APP)


def test_default_apps_are_written_by_group_and_read_in_any_order() -> None:
    apps = DefaultAppListBody({"b": info("2"), "a": info("1")})
    assert apps.encode() == DefaultAppListBody({"a": info("1"), "b": info("2")}).encode()
    first, second = (DefaultAppListBody({one: info(one)}).encode()[1:] for one in "ab")
    assert DefaultAppListBody.decode(b"\x02" + second + first) == DefaultAppListBody({"a": info("a"), "b": info("b")})


def test_a_count_of_default_apps_that_cannot_follow_is_refused_at_once() -> None:
    with pytest.raises(CodecError) as refused:
        DefaultAppListBody.decode(b"\xff\xff\xff\xff" + bytes(40))
    assert refused.value.code == ErrorCode.OUT_OF_LIMIT
