"""The zone of this node, and where devices and targets stand in it (docs/protocol/access-and-zone.md §2.2, §8)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.ports import ObjectStore
from cyfs_edge.core.verify import signed_by
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.objects.core.registry import decode_core
from cyfs_edge.objects.core.zone import OodWorkMode, make_zone
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.objects.people import PeopleBody
from cyfs_edge.wire.source import PROTOCOL_HTTP_LOCAL, Source, ZoneCategory


@dataclass(frozen=True, slots=True)
class Zone:
    """``oods[0]`` is the main OOD. ``object`` is the Zone object as it is handed out."""

    owner: ObjectId
    oods: tuple[ObjectId, ...]
    work_mode: str
    object: NamedObject

    @property
    def zone_id(self) -> ObjectId:
        return self.object.object_id


class ZoneManager:
    """Knows this device and its zone; resolves sources and targets."""

    __slots__ = ("_objects", "device", "owner", "zone")

    def __init__(self, objects: ObjectStore, device: NamedObject, owner: NamedObject | None, now: int) -> None:
        """``owner``: the People object of ``device``'s owner. Without owner the device is a zone of its own."""
        self._objects = objects
        self.device = device
        self.owner = owner
        self.zone = _own_zone(device, owner, now)

    async def take_up_held_zone(self) -> None:
        """Goes on with the Zone object of an earlier start when it says the same: its update time stays."""
        held = await self._load(self.zone.zone_id)
        if held is None:
            return
        content = decode_core(held)
        own = decode_core(self.zone.object)
        if content is not None and own is not None and content.body == own.body:
            self.zone = replace(self.zone, object=held)

    @property
    def device_id(self) -> ObjectId:
        return self.device.object_id

    @property
    def role(self) -> str:
        """``active-ood``, ``standby-ood``, ``reserved-ood`` or ``device`` (§8.1)."""
        if self.device_id not in self.zone.oods:
            return "device"
        if self.zone.oods[0] == self.device_id:
            return "active-ood"
        return "standby-ood" if self.zone.work_mode == "active-standby" else "reserved-ood"

    def local_source(self, dec: ObjectId | None, protocol: str = PROTOCOL_HTTP_LOCAL) -> Source:
        """A caller on this machine."""
        return Source(protocol, self.device_id, self.zone.owner, ZoneCategory.CURRENT_DEVICE, dec or ANONYMOUS_DEC_ID)

    async def source_of(self, device: ObjectId, dec: ObjectId | None, protocol: str = PROTOCOL_HTTP_LOCAL) -> Source:
        """The source for a request that ``device`` makes (§2.2)."""
        if device == self.device_id:
            return self.local_source(dec, protocol)
        dec = dec or ANONYMOUS_DEC_ID
        if device in self.zone.oods:
            return Source(protocol, device, self.zone.owner, ZoneCategory.CURRENT_ZONE, dec)
        held = await self._load(device)
        owner = device if held is None else held.owner or device
        category = ZoneCategory.OTHER_ZONE
        if held is not None and owner == self.zone.owner and self._signed_by_owner(held):
            category = ZoneCategory.CURRENT_ZONE
        return Source(protocol, device, owner, category, dec)

    def _signed_by_owner(self, device: NamedObject) -> bool:
        return self.owner is not None and signed_by(self.owner, device.desc_hash, device.desc_signs)

    async def resolve_target(self, target: ObjectId | None) -> ObjectId:
        """The device that serves a request for ``target`` (§8.3). ``TARGET_NOT_FOUND`` when it cannot be told."""
        if target is None or target in (self.device_id, self.zone.owner, self.zone.zone_id):
            return self.device_id
        kind = target.type_code
        if kind == ObjectTypeCode.DEVICE:
            if target in self.zone.oods or await self._load(target) is not None:
                return target
        elif kind in (ObjectTypeCode.PEOPLE, ObjectTypeCode.GROUP):
            zone = await self.find_zone(target, None)
            if zone is not None:
                return zone.oods[0]
        raise CyfsError(ErrorCode.TARGET_NOT_FOUND, f"the target {target} is not known on this node")

    async def require_local(self, target: ObjectId | None) -> None:
        """Requests to other devices need a connection, which this node does not have: ``CONNECT_FAILED``."""
        device = await self.resolve_target(target)
        if device != self.device_id:
            inside = device in self.zone.oods
            raise CyfsError(
                ErrorCode.CONNECT_FAILED if inside else ErrorCode.CONNECT_INTER_ZONE_FAILED,
                f"no connection to device {device}",
            )

    async def find_zone(self, object_id: ObjectId, given: NamedObject | None) -> Zone | None:
        """The zone of a people, device or zone id; ``given`` is used when the store does not hold the object."""
        if object_id in (self.device_id, self.zone.owner, self.zone.zone_id) or object_id in self.zone.oods:
            return self.zone
        obj = await self._load(object_id)
        if obj is None and given is not None and given.object_id == object_id:
            obj = given
        if obj is None:
            return None
        if obj.type_code == ObjectTypeCode.DEVICE:
            owner_id = obj.owner
            owner = await self._load(owner_id) if owner_id is not None else None
            if owner is None or not signed_by(owner, obj.desc_hash, obj.desc_signs):
                return None
            obj = owner
        if obj.type_code != ObjectTypeCode.PEOPLE or obj.body is None or obj.body_hash is None:
            return None
        if not signed_by(obj, obj.body_hash, obj.body_signs):
            return None
        return _zone_of_people(obj, obj.update_time)

    async def owner_of(self, object_id: ObjectId) -> ObjectId | None:
        held = await self._load(object_id)
        return held.owner if held is not None else None

    async def _load(self, object_id: ObjectId) -> NamedObject | None:
        record = await self._objects.get(object_id)
        return decode_object(record.raw) if record is not None else None


def _zone_of_people(people: NamedObject, update_time: int) -> Zone | None:
    body = people.body.value if people.body is not None else None
    if not isinstance(body, PeopleBody) or not body.ood_list:
        return None
    mode = body.ood_work_mode or "standalone"
    return Zone(
        people.object_id,
        tuple(body.ood_list),
        mode,
        make_zone(people.object_id, body.ood_list, (), OodWorkMode(mode), update_time=update_time),
    )


def _own_zone(device: NamedObject, owner: NamedObject | None, now: int) -> Zone:
    if owner is not None:
        zone = _zone_of_people(owner, now)
        if zone is not None:
            return zone
    owner_id = device.owner or device.object_id
    oods = (device.object_id,)
    return Zone(owner_id, oods, "standalone", make_zone(owner_id, oods, (), OodWorkMode.STANDALONE, update_time=now))
