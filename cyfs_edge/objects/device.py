"""Device: a node of the network (docs/protocol/objects.md §7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader
from cyfs_edge.base.endpoint import Endpoint
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode, UniqueId
from cyfs_edge.base.keys import PublicKey
from cyfs_edge.base.proto import ID, STRING, UINT32, StandardMessage, pb
from cyfs_edge.base.proto_kinds import NO_ZERO, BytesKind
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import ContentCodec, ContentFormat, DescFlag, Json, read_message
from cyfs_edge.objects.envelope import NamedObject


class DeviceCategory(IntEnum):
    """Stands in the inner part of the area."""

    OOD = 0
    SERVER = 1
    PC = 2
    ROUTER = 3
    ANDROID_MOBILE = 4
    ANDROID_PAD = 5
    ANDROID_WATCH = 6
    ANDROID_TV = 7
    IOS_MOBILE = 8
    IOS_PAD = 9
    IOS_WATCH = 10
    SMART_SPEAKERS = 11
    BROWSER = 12
    IOT = 13
    SMART_HOME = 14
    VIRTUAL_OOD = 15
    UNKNOWN = 255


@dataclass(frozen=True, slots=True)
class DeviceDesc:
    unique_id: UniqueId

    @classmethod
    def read(cls, reader: Reader) -> DeviceDesc:
        return cls(UniqueId.read(reader))

    def encode(self) -> bytes:
        return self.unique_id


def _read_endpoint(data: bytes, start: int, end: int) -> Endpoint:
    return Endpoint.read(Reader(data, start, end))


_ENDPOINT: Final[BytesKind[Endpoint]] = BytesKind("endpoint", NO_ZERO, _read_endpoint, Endpoint.encode)


@dataclass(frozen=True, slots=True)
class DeviceBody(StandardMessage):
    endpoints: tuple[Endpoint, ...] = pb(1, _ENDPOINT, repeated=True)
    sn_list: tuple[ObjectId, ...] = pb(2, ID, repeated=True)
    passive_pn_list: tuple[ObjectId, ...] = pb(3, ID, repeated=True)
    name: str | None = pb(4, STRING, optional=True)
    bdt_version: int | None = pb(5, UINT32, optional=True)


def make_device(
    public_key: PublicKey,
    unique_id: UniqueId,
    *,
    update_time: int,
    category: DeviceCategory,
    area: Area | None = None,
    create_time: int | None = None,
    owner: ObjectId | None = None,
    endpoints: Sequence[Endpoint] = (),
    sn_list: Sequence[ObjectId] = (),
    passive_pn_list: Sequence[ObjectId] = (),
    name: str | None = None,
    bdt_version: int | None = None,
) -> NamedObject:
    """``area`` is always written; its inner part becomes the category. Times are bucky µs.

    Identities made from a mnemonic have no ``create_time``, so that their id can be made again.
    """
    body = DeviceBody(tuple(endpoints), tuple(sn_list), tuple(passive_pn_list), name, bdt_version)
    return build_object(
        ObjectTypeCode.DEVICE,
        desc_content=DeviceDesc(unique_id).encode(),
        create_time=create_time,
        owner=owner,
        area=replace(area or Area(), inner=category),
        public_key=public_key,
        body=device_body(body, update_time),
    )


def device_body(body: DeviceBody, update_time: int) -> BodyParts:
    """For ``build_body``, to change a device object."""
    return BodyParts(body.encode(), update_time, format=ContentFormat.PROTOBUF)


def device_category(device: NamedObject) -> DeviceCategory:
    """``UNKNOWN`` for values without a meaning; an OOD when the device has no area."""
    try:
        return DeviceCategory(device.desc.area.inner if device.desc.area else 0)
    except ValueError:
        return DeviceCategory.UNKNOWN


def _desc_json(desc: DeviceDesc) -> Json:
    return {"unique_id": str(desc.unique_id)}


def _body_json(body: DeviceBody) -> Json:
    view: dict[str, Json] = {
        "endpoints": [str(one) for one in body.endpoints],
        "sn_list": [str(one) for one in body.sn_list],
        "passive_pn_list": [str(one) for one in body.passive_pn_list],
    }
    if body.name is not None:
        view["name"] = body.name
    if body.bdt_version is not None:
        view["bdt_version"] = body.bdt_version
    return view


CODECS: Final = {
    ObjectTypeCode.DEVICE: ContentCodec(
        "Device",
        DeviceDesc.read,
        read_message(DeviceBody),
        sub_desc=DescFlag.OWNER | DescFlag.AREA | DescFlag.PUBLIC_KEY,
        key_required=True,
        desc_json=_desc_json,
        body_json=_body_json,
    )
}
