"""Admin: a command of the zone's owner to one of its devices (docs/protocol/core-objects.md §3.13)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, Message, pb
from cyfs_edge.objects.content import DescFlag, Json
from cyfs_edge.objects.core.json_view import show
from cyfs_edge.objects.core.kinds import int_enum
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject


class AdminCommand(IntEnum):
    GLOBAL_STATE_ACCESS_MODE = 0


class GlobalStateCategory(IntEnum):
    ROOT_STATE = 0
    LOCAL_CACHE = 1


class GlobalStateAccessMode(IntEnum):
    READ = 0
    WRITE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalStateAccessModeData(Message):
    category: GlobalStateCategory = pb(1, int_enum(GlobalStateCategory))
    access_mode: GlobalStateAccessMode = pb(2, int_enum(GlobalStateAccessMode))


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDesc(Message):
    """``target``: a device. Unknown commands and values are refused."""

    target: ObjectId = pb(1, ID)
    cmd: AdminCommand = pb(5, int_enum(AdminCommand))
    global_state_access_mode: GlobalStateAccessModeData = pb(6, GlobalStateAccessModeData)


def _desc_json(desc: AdminDesc) -> Json:
    return {"target": str(desc.target), "cmd": {show(desc.cmd): show(desc.global_state_access_mode)}}


ADMIN: Final = core_type(33, "Admin", AdminDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=_desc_json)

CODECS: Final = {33: ADMIN}


def make_access_mode_command(
    owner: ObjectId,
    target: ObjectId,
    category: GlobalStateCategory,
    access_mode: GlobalStateAccessMode,
    *,
    create_time: int,
    update_time: int,
) -> NamedObject:
    """``owner``: of the zone, who has yet to sign the desc. Times are bucky µs."""
    data = GlobalStateAccessModeData(category=category, access_mode=access_mode)
    return ADMIN.build(
        AdminDesc(target=target, global_state_access_mode=data),
        NoContent(),
        create_time=create_time,
        update_time=update_time,
        owner=owner,
    )
