"""The state of apps on this zone: AppLocalStatus, AppSetting, AppLocalList (docs/protocol/core-objects.md §3.6, §3.8).

Their data is in the desc: every change makes an object with a new id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BOOL, ID, STRING, Message, pb
from cyfs_edge.objects.content import DescFlag, Json
from cyfs_edge.objects.core.json_view import show
from cyfs_edge.objects.core.kinds import DECIMAL_I64, DECIMAL_U64, int_enum
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject

APP_LOCAL_LIST_ID: Final = "app"
APP_LOCAL_LIST_PATH: Final = "/app/manager/local_list"


class AppLocalStatusCode(IntEnum):
    """There is no "installed": success ends in ``STOP`` or ``NO_SERVICE``."""

    INIT = 0
    INSTALLING = 1
    INSTALL_FAILED = 3
    NO_SERVICE = 4
    STOPPING = 5
    STOP = 6
    STOP_FAILED = 7
    STARTING = 8
    RUNNING = 9
    START_FAILED = 10
    UNINSTALLING = 11
    UNINSTALL_FAILED = 12
    UNINSTALLED = 13
    RUN_EXCEPTION = 15
    ERR_STATUS = 255


class SubErrorCode(IntEnum):
    NONE = 0
    INCOMPATIBLE = 1
    NO_VERSION = 2
    DOWNLOAD_FAILED = 3
    DOCKER_FAILED = 4
    COMMOND_FAILED = 5
    APP_NOT_FOUND = 6
    QUERY_PERMISSION_ERROR = 7
    LOAD_FAILED = 8
    REMOVE_FAILED = 9
    ASSIGN_CONTAINER_IP_FAILED = 10
    REGISTER_APP_FAILED = 11
    PUB_DIR_FAILED = 12
    UNKNOWN = 255


class PermissionState(IntEnum):
    UNHANDLED = 0
    BLOCKED = 1
    GRANTED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPermission(Message):
    permission: str = pb(1, STRING)
    reason: str = pb(2, STRING)
    state: PermissionState = pb(3, int_enum(PermissionState, unknown=PermissionState.UNHANDLED))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppQuota(Message):
    """Bytes of memory, bytes of disk, CPU share."""

    mem: int = pb(1, DECIMAL_I64)
    disk_space: int = pb(2, DECIMAL_I64)
    cpu: int = pb(3, DECIMAL_I64)


NO_QUOTA: Final = AppQuota(mem=0, disk_space=0, cpu=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLocalStatusDesc(Message):
    """``id``: dec id. ``web_dir``: a Dir. ``permissions``: sorted by name. ``last_status_update_time``: bucky µs."""

    id: ObjectId = pb(1, ID)
    status: AppLocalStatusCode = pb(2, int_enum(AppLocalStatusCode, unknown=AppLocalStatusCode.ERR_STATUS))
    version: str | None = pb(3, STRING, optional=True)
    web_dir: ObjectId | None = pb(4, ID, optional=True)
    permissions: tuple[AppPermission, ...] = pb(5, AppPermission, repeated=True)
    quota: AppQuota = pb(6, AppQuota)
    last_status_update_time: int = pb(7, DECIMAL_U64)
    sub_error: SubErrorCode = pb(8, int_enum(SubErrorCode, unknown=SubErrorCode.UNKNOWN))
    auto_update: bool = pb(9, BOOL)


def _local_status_json(desc: AppLocalStatusDesc) -> Json:
    permissions = {one.permission: {"reason": one.reason, "state": show(one.state)} for one in desc.permissions}
    return {**show(desc), "permissions": permissions}


APP_LOCAL_STATUS: Final = core_type(
    411, "AppLocalStatus", AppLocalStatusDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=_local_status_json
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettingDesc(Message):
    """``id``: dec id."""

    id: ObjectId = pb(1, ID)
    auto_update: bool = pb(2, BOOL)


APP_SETTING: Final = core_type(414, "AppSetting", AppSettingDesc, NoContent, sub_desc=DescFlag.OWNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLocalListItem(Message):
    app_id: ObjectId = pb(1, ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLocalListDesc(Message):
    """``list``: a set. Makers write it in any order, so ids of lists of two or more apps cannot be reproduced."""

    id: str = pb(1, STRING)
    list: tuple[AppLocalListItem, ...] = pb(2, AppLocalListItem, repeated=True)

    @property
    def app_list(self) -> frozenset[ObjectId]:
        return frozenset(item.app_id for item in self.list)


def _local_list_json(desc: AppLocalListDesc) -> Json:
    return {"id": desc.id, "list": [str(app_id) for app_id in sorted(desc.app_list)]}


APP_LOCAL_LIST: Final = core_type(
    416, "AppLocalList", AppLocalListDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=_local_list_json
)

CODECS: Final = {411: APP_LOCAL_STATUS, 414: APP_SETTING, 416: APP_LOCAL_LIST}


def app_local_status_path(app_id: ObjectId) -> str:
    """Where in the root state the status of an app is kept."""
    return f"/app/{app_id}/local_status"


def app_setting_path(app_id: ObjectId) -> str:
    return f"/app_setting/{app_id}"


def initial_app_local_status(app_id: ObjectId, now: int) -> AppLocalStatusDesc:
    """That of an app just added. ``dataclasses.replace`` makes the later ones; a new status comes with a new time."""
    return AppLocalStatusDesc(id=app_id, quota=NO_QUOTA, last_status_update_time=now, auto_update=True)


def make_app_local_status(owner: ObjectId, desc: AppLocalStatusDesc, *, update_time: int) -> NamedObject:
    """Of several permissions with one name the last one counts. ``update_time``: bucky µs, here and below."""
    by_name = {one.permission: one for one in desc.permissions}
    desc = replace(desc, permissions=tuple(by_name[name] for name in sorted(by_name)))
    return APP_LOCAL_STATUS.build(desc, NoContent(), update_time=update_time, owner=owner)


def make_app_setting(owner: ObjectId, app_id: ObjectId, *, auto_update: bool = False, update_time: int) -> NamedObject:
    desc = AppSettingDesc(id=app_id, auto_update=auto_update)
    return APP_SETTING.build(desc, NoContent(), update_time=update_time, owner=owner)


def make_app_local_list(
    owner: ObjectId, app_list: Iterable[ObjectId] = (), *, id: str = APP_LOCAL_LIST_ID, update_time: int
) -> NamedObject:
    items = tuple(AppLocalListItem(app_id=app_id) for app_id in sorted(set(app_list)))
    return APP_LOCAL_LIST.build(AppLocalListDesc(id=id, list=items), NoContent(), update_time=update_time, owner=owner)
