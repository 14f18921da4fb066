"""The util service: what this node is and knows (docs/protocol/http-api.md §8)."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import require_category, require_system_dec
from cyfs_edge.core.ports import HostInfo, StatSource
from cyfs_edge.core.zone import Zone, ZoneManager
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.requests import UtilCommon
from cyfs_edge.wire.source import ZoneCategory

_NUMBER_FIELDS = (
    "uptime",
    "boot_time",
    "cpu_usage",
    "total_memory",
    "used_memory",
    "received_bytes",
    "transmitted_bytes",
    "total_received_bytes",
    "total_transmitted_bytes",
    "ssd_disk_total",
    "ssd_disk_avail",
    "hdd_disk_total",
    "hdd_disk_avail",
)
_TEXT_FIELDS = ("name", "device_sn", "mac_address", "cpu_brand")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What does not change while the node runs. ``root``: the directory of its state, as shown to callers."""

    version: str
    channel: str
    target: str
    root: str


class UtilService:
    """Answers as plain JSON values; objects as they are."""

    __slots__ = ("_facts", "_host", "_stat", "_system_overlay", "_zone")

    def __init__(self, zone: ZoneManager, facts: NodeFacts, host: HostInfo, stat: StatSource) -> None:
        self._zone = zone
        self._facts = facts
        self._host = host
        self._stat = stat
        self._system_overlay: dict[str, object] = {}

    async def _gate(self, common: UtilCommon, service: str) -> None:
        require_category(common.source, ZoneCategory.CURRENT_ZONE, f"util {service}")
        await self._zone.require_local(common.target)

    async def get_device(self, common: UtilCommon) -> NamedObject:
        await self._gate(common, "get_device")
        return self._zone.device

    async def get_zone(self, common: UtilCommon, object_id: ObjectId | None, raw: bytes) -> Zone:
        """``raw``: the object of ``object_id``, should this node not hold it. Unknown: ``NOT_FOUND``."""
        await self._gate(common, "get_zone")
        if object_id is None:
            return self._zone.zone
        given = decode_object(raw) if raw else None
        zone = await self._zone.find_zone(object_id, given)
        if zone is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no zone is known for {object_id}")
        return zone

    async def resolve_ood(self, common: UtilCommon, object_id: ObjectId, owner: ObjectId | None) -> list[ObjectId]:
        """The OODs of an object's owner: of the id itself, the owner given, or the owner in the stored object."""
        await self._gate(common, "resolve_ood")
        zone = await self._zone.find_zone(object_id, None)
        if zone is None:
            owner = owner or await self._zone.owner_of(object_id)
            if owner is None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"{object_id} is not here, and no owner was named")
            zone = await self._zone.find_zone(owner, None)
        if zone is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no zone is known for the owner {owner} of {object_id}")
        return list(zone.oods)

    async def get_ood_status(self, common: UtilCommon) -> None:
        """The state of synchronisation with the OOD; an OOD itself has none: ``NOT_SUPPORT``."""
        await self._gate(common, "get_ood_status")
        raise CyfsError(ErrorCode.NOT_SUPPORT, "this device synchronises with no other OOD")

    async def get_noc_info(self, common: UtilCommon) -> dict[str, object]:
        await self._gate(common, "get_noc_info")
        stat = self._stat()
        return {"count": stat.object_count, "storage_size": stat.storage_size}

    async def get_network_access_info(self, common: UtilCommon) -> dict[str, object]:
        """Addresses at which other devices reach this node. It has no listener for them, so there are none."""
        await self._gate(common, "get_network_access_info")
        return {"sn": [], "v4": [], "v6": []}

    async def get_device_static_info(self, common: UtilCommon) -> dict[str, object]:
        await self._gate(common, "get_device_static_info")
        zone, role = self._zone.zone, self._zone.role
        return {
            "cyfs_root": self._facts.root,
            "device": self._zone.device.raw.hex(),
            "device_id": str(self._zone.device_id),
            "is_ood_device": "true" if self._zone.device_id in zone.oods else "false",
            "known_sn_list": [],
            "local_cache_access_mode": "write",
            "ood_device_id": str(zone.oods[0]),
            "ood_work_mode": zone.work_mode,
            "owner_id": str(zone.owner),
            "root_state_access_mode": "write" if role in ("active-ood", "device") else "read",
            "sn_list": [],
            "zone_id": str(zone.zone_id),
            "zone_role": role,
        }

    async def get_system_info(self, common: UtilCommon) -> dict[str, object]:
        await self._gate(common, "get_system_info")
        return {**await self._host.system_info(), **self._system_overlay}

    async def update_system_info(self, common: UtilCommon, value: object) -> None:
        """A host service reports what this process cannot see. System dec only; unknown fields: ``INVALID_DATA``."""
        await self._gate(common, "update_system_info")
        require_system_dec(common.source, "update_system_info")
        if not isinstance(value, dict):
            raise CyfsError(ErrorCode.INVALID_DATA, "system info must be a JSON object")
        update: dict[str, object] = {}
        for name, item in value.items():
            if item is None:
                continue
            number = name in _NUMBER_FIELDS and isinstance(item, int | float) and not isinstance(item, bool)
            if not number and not (name in _TEXT_FIELDS and isinstance(item, str)):
                raise CyfsError(ErrorCode.INVALID_DATA, f"bad field {name!r} in system info")
            update[name] = item
        self._system_overlay.update(update)

    async def get_version_info(self, common: UtilCommon) -> dict[str, object]:
        await self._gate(common, "get_version_info")
        facts = self._facts
        return {"channel": facts.channel, "target": facts.target, "version": facts.version}
