"""``/util``: what the node is and knows (docs/protocol/http-api.md §8)."""

from __future__ import annotations

from cyfs_edge.base.codec import Writer
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.call import Call, json_response
from cyfs_edge.core.build import BuildService, ChunkMethod
from cyfs_edge.core.util import UtilService
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.requests import UtilCommon


class UtilApi:
    __slots__ = ("_build", "_service")

    def __init__(self, service: UtilService, build: BuildService) -> None:
        self._service = service
        self._build = build

    async def device(self, call: Call) -> HttpResponse:
        device = await self._service.get_device(call.util_common())
        return HttpResponse(200, [fields.OCTET_STREAM, (fields.DEVICE_ID, str(device.object_id))], device.raw)

    async def zone(self, call: Call) -> HttpResponse:
        object_id = fields.optional_id(call.headers, fields.OBJECT_ID)
        zone = await self._service.get_zone(call.util_common(), object_id, await call.body(call.limits.object_size))
        headers = [
            fields.OCTET_STREAM,
            (fields.ZONE_ID, str(zone.zone_id)),
            (fields.OOD_DEVICE_ID, str(zone.oods[0])),
        ]
        return HttpResponse(200, headers, zone.object.raw)

    async def resolve_ood(self, call: Call) -> HttpResponse:
        object_id = fields.required_id(call.headers, fields.OBJECT_ID)
        owner = fields.optional_id(call.headers, fields.OWNER_ID)
        oods = await self._service.resolve_ood(call.util_common(), object_id, owner)
        return json_response({"device_list": [str(ood) for ood in oods]})

    async def ood_status(self, call: Call) -> HttpResponse:
        await self._service.get_ood_status(call.util_common())
        return HttpResponse(200)

    async def noc_info(self, call: Call) -> HttpResponse:
        return json_response({"stat": await self._service.get_noc_info(call.util_common())})

    async def network_access_info(self, call: Call) -> HttpResponse:
        return json_response({"info": await self._service.get_network_access_info(call.util_common())})

    async def device_static_info(self, call: Call) -> HttpResponse:
        return json_response({"info": await self._service.get_device_static_info(call.util_common())})

    async def system_info(self, call: Call) -> HttpResponse:
        return json_response({"info": await self._service.get_system_info(call.util_common())})

    async def update_system_info(self, call: Call) -> HttpResponse:
        value = await call.json(bad_code=ErrorCode.INVALID_DATA)
        await self._service.update_system_info(call.util_common(), value)
        return HttpResponse(200)

    async def version_info(self, call: Call) -> HttpResponse:
        return json_response({"info": await self._service.get_version_info(call.util_common())})

    async def build_file(self, call: Call) -> HttpResponse:
        value = _object(await call.json())
        common = _body_common(call, value)
        access = value.get("access")
        built = await self._build.build_file(
            common,
            _text(value, "local_path"),
            _id(value, "owner"),
            _number(value, "chunk_size"),
            ChunkMethod.parse(value.get("chunk_method")),
            _number(value, "access") if access is not None else None,
        )
        # Rust clients expect the raw codec form of a byte vector here: a length, then the object (§8).
        raw = Writer().var_bytes(built.raw).getvalue()
        return json_response({"object_id": str(built.object_id), "object_raw": raw.hex()})

    async def build_dir(self, call: Call) -> HttpResponse:
        value = _object(await call.json())
        common = _body_common(call, value)
        object_id = await self._build.build_dir(common, _id(value, "object_map_id"))
        return json_response({"object_id": str(object_id)})


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise CyfsError(ErrorCode.INVALID_FORMAT, "the body must be a JSON object")
    return value


def _body_common(call: Call, value: dict[str, object]) -> UtilCommon:
    """In these two calls the body, not the headers, names target, request path and flags (§8)."""
    common = _object(_field(value, "common"))
    target, req_path = common.get("target"), common.get("req_path")
    return UtilCommon(
        call.source,
        _parse_id("target", target) if target is not None else None,
        _number(common, "flags") if "flags" in common else 0,
        req_path if isinstance(req_path, str) else None,
    )


def _field(value: dict[str, object], name: str) -> object:
    if name not in value:
        raise CyfsError(ErrorCode.NOT_FOUND, f"field {name!r} is missing")
    return value[name]


def _text(value: dict[str, object], name: str) -> str:
    item = _field(value, name)
    if not isinstance(item, str):
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"field {name!r} must be a string")
    return item


def _parse_id(name: str, item: object) -> ObjectId:
    if not isinstance(item, str):
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"field {name!r} must be an id")
    return ObjectId.from_text(item)


def _id(value: dict[str, object], name: str) -> ObjectId:
    return _parse_id(name, _field(value, name))


def _number(value: dict[str, object], name: str) -> int:
    """JSON numbers come as numbers or as decimal strings (§0.5)."""
    item = _field(value, name)
    if isinstance(item, str):
        return fields.parse_u32(name, item)
    if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item <= 0xFFFF_FFFF:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"field {name!r} must be a number")
    return item
