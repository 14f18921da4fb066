"""Zone: the devices of one owner (docs/protocol/core-objects.md §3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, Message, pb
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.core.kinds import str_enum
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject


class OodWorkMode(StrEnum):
    STANDALONE = "standalone"
    ACTIVE_STANDBY = "active-standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDesc(Message):
    """``owner``: a people or group; for a device without owner the device itself."""

    owner: ObjectId = pb(1, ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneBody(Message):
    """``ood_list``: at least one device; the first is the main OOD."""

    ood_list: tuple[ObjectId, ...] = pb(1, ID, repeated=True)
    known_device_list: tuple[ObjectId, ...] = pb(2, ID, repeated=True)
    ood_work_mode: OodWorkMode = pb(
        3, str_enum(OodWorkMode, ErrorCode.UN_SUPPORT), optional=True, default=OodWorkMode.STANDALONE
    )

    def __post_init__(self) -> None:
        if not self.ood_list:
            raise CyfsError(ErrorCode.INVALID_DATA, "a zone has at least one OOD")

    @property
    def ood(self) -> ObjectId:
        """The main OOD."""
        return self.ood_list[0]

    def is_known_device(self, device: ObjectId) -> bool:
        return device in self.ood_list or device in self.known_device_list


ZONE: Final = core_type(32, "Zone", ZoneDesc, ZoneBody, sub_desc=DescFlag.OWNER)

CODECS: Final = {32: ZONE}


def make_zone(
    owner: ObjectId,
    ood_list: Sequence[ObjectId],
    known_device_list: Sequence[ObjectId] = (),
    work_mode: OodWorkMode = OodWorkMode.STANDALONE,
    *,
    update_time: int,
) -> NamedObject:
    """``update_time``: bucky µs."""
    body = ZoneBody(ood_list=tuple(ood_list), known_device_list=tuple(known_device_list), ood_work_mode=work_mode)
    return ZONE.build(ZoneDesc(owner=owner), body, update_time=update_time)


def zone_id(owner: ObjectId) -> ObjectId:
    """The id of the zone of ``owner``. Zones made by the TypeScript SDK have another: read theirs from the object."""
    return ZONE.build(ZoneDesc(owner=owner)).object_id
