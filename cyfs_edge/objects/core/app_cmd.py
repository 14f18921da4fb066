"""AppCmd and AppCmdList: what the owner asks the app manager to do (docs/protocol/core-objects.md §3.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BOOL, ID, STRING, UINT32, Message, map_of, pb
from cyfs_edge.objects.content import DescFlag, Json
from cyfs_edge.objects.core.app_local import AppQuota
from cyfs_edge.objects.core.json_view import camel_case, show, show_object
from cyfs_edge.objects.core.kinds import int_enum, object_of_type
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject

CMD_LIST_ID: Final = "default"
CMD_LIST_PATH: Final = "/app/manager/cmd_list"


class AppCmdCode(IntEnum):
    ADD = 0
    REMOVE = 1
    INSTALL = 2
    UNINSTALL = 3
    START = 4
    STOP = 5
    SET_PERMISSION = 6
    SET_QUOTA = 7
    SET_AUTO_UPDATE = 8
    UNKNOWN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class AddApp(Message):
    app_owner_id: ObjectId | None = pb(1, ID, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallApp(Message):
    ver: str = pb(1, STRING)
    run_after_install: bool = pb(2, BOOL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyAppPermission(Message):
    """Name of a permission → whether it is granted."""

    permission: Mapping[str, bool] = pb(1, map_of(BOOL))


@dataclass(frozen=True, slots=True, kw_only=True)
class CmdCode(Message):
    """The command and its argument; refused when a command that takes one comes without it."""

    code: AppCmdCode = pb(1, int_enum(AppCmdCode, unknown=AppCmdCode.UNKNOWN))
    add_app: AddApp | None = pb(2, AddApp, optional=True)
    install_app: InstallApp | None = pb(3, InstallApp, optional=True)
    app_permission: ModifyAppPermission | None = pb(4, ModifyAppPermission, optional=True)
    app_quota: AppQuota | None = pb(5, AppQuota, optional=True)
    auto_update: bool | None = pb(6, BOOL, optional=True)

    def __post_init__(self) -> None:
        if self.code in _ARGUMENTS and self.argument is None:
            raise CyfsError(ErrorCode.INVALID_DATA, f"app command {self.code.name} without {_ARGUMENTS[self.code]}")

    @property
    def argument(self) -> AddApp | InstallApp | ModifyAppPermission | AppQuota | bool | None:
        """That of the command; ``None`` for commands that take none."""
        name = _ARGUMENTS.get(self.code)
        return None if name is None else getattr(self, name)


_ARGUMENTS: Final = {
    AppCmdCode.ADD: "add_app",
    AppCmdCode.INSTALL: "install_app",
    AppCmdCode.SET_PERMISSION: "app_permission",
    AppCmdCode.SET_QUOTA: "app_quota",
    AppCmdCode.SET_AUTO_UPDATE: "auto_update",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCmdDesc(Message):
    """``app_id``: dec id."""

    app_id: ObjectId = pb(1, ID)
    cmd_code: CmdCode = pb(2, CmdCode)


def _cmd_json(desc: AppCmdDesc) -> Json:
    code, argument = desc.cmd_code.code, desc.cmd_code.argument
    name = camel_case(code.name)
    return {"app_id": str(desc.app_id), "cmd_code": name if argument is None else {name: show(argument)}}


APP_CMD: Final = core_type(410, "AppCmd", AppCmdDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=_cmd_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCmdListItem(Message):
    cmd: NamedObject = pb(1, object_of_type(410, "AppCmd"))
    retry_count: int = pb(2, UINT32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCmdListDesc(Message):
    """``list``: a queue, the first is next."""

    id: str = pb(1, STRING)
    list: tuple[AppCmdListItem, ...] = pb(2, AppCmdListItem, repeated=True)


def cmd_list_json(desc: AppCmdListDesc) -> Json:
    items = [{"cmd": show_object(item.cmd), "retry_count": str(item.retry_count)} for item in desc.list]
    return {"id": desc.id, "list": items}


APP_CMD_LIST: Final = core_type(
    402, "AppCmdList", AppCmdListDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=cmd_list_json
)
"""Its header says 402, like AppList's: who knows from the path that it is one decodes it by this."""

CODECS: Final = {410: APP_CMD}


def make_app_cmd(
    owner: ObjectId, app_id: ObjectId, cmd_code: CmdCode, *, create_time: int, update_time: int
) -> NamedObject:
    """Times are bucky µs; an AppCmd always has a create time."""
    desc = AppCmdDesc(app_id=app_id, cmd_code=cmd_code)
    return APP_CMD.build(desc, NoContent(), update_time=update_time, create_time=create_time, owner=owner)


def make_app_cmd_list(
    owner: ObjectId, queue: Iterable[tuple[NamedObject, int]] = (), *, id: str = CMD_LIST_ID, update_time: int
) -> NamedObject:
    """``queue``: AppCmd objects and how often each was tried."""
    items = tuple(AppCmdListItem(cmd=cmd, retry_count=retry_count) for cmd, retry_count in queue)
    return APP_CMD_LIST.build(AppCmdListDesc(id=id, list=items), NoContent(), update_time=update_time, owner=owner)
