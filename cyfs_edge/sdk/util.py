"""Util: the device, its zone, what the stack knows of itself (docs/protocol/http-api.md §8)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.sdk.caller import OCTETS, Caller, Fields, reply_id
from cyfs_edge.wire import fields
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members


def bucky_now() -> int:
    """The time of objects: microseconds since 1601."""
    return bucky_from_unix(time.time())


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """A zone, its id, and the OOD that answers for it."""

    zone_id: ObjectId
    ood_device_id: ObjectId
    zone: NamedObject


class Util:
    """Infos that are for people and charts come as the JSON object of the spec."""

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def wait_online(self, timeout: float | None = None, *, interval: float = 5.0) -> NamedObject:
        """The device, as soon as the stack answers, which is tried every ``interval`` seconds. ``TIMEOUT`` after
        ``timeout`` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        return await self.get_device()
                    except CyfsError as error:
                        if error.code not in (ErrorCode.CONNECT_FAILED, ErrorCode.CONNECTION_ABORTED):
                            raise
                    await asyncio.sleep(interval)
        except TimeoutError:
            raise CyfsError(ErrorCode.TIMEOUT, f"the stack does not answer within {timeout:g} s") from None

    async def get_device(self, target: ObjectId | None = None) -> NamedObject:
        """The Device object of this stack, or of ``target``."""
        return decode_object((await self._caller.call("GET", "/util/device", _common(target))).body)

    async def get_zone(self, object_id: ObjectId | None = None, raw: bytes | None = None) -> ZoneInfo:
        """The zone of a device or a person, whose object is ``raw`` if the stack may not know it; own by default."""
        headers = {**_common(None), fields.OBJECT_ID: object_id}
        kind = None if raw is None else OCTETS
        reply = await self._caller.call("POST", "/util/zone", headers, b"" if raw is None else raw, kind)
        zone_id, ood = reply_id(reply, fields.ZONE_ID), reply_id(reply, fields.OOD_DEVICE_ID)
        if zone_id is None or ood is None:
            raise CyfsError(ErrorCode.INVALID_DATA, "a zone without its id or its OOD")
        return ZoneInfo(zone_id, ood, decode_object(reply.body))

    async def resolve_ood(self, object_id: ObjectId, owner_id: ObjectId | None = None) -> list[ObjectId]:
        """The OODs that answer for an object, a device or a person."""
        headers = {**_common(None), fields.OBJECT_ID: object_id, fields.OWNER_ID: owner_id}
        found = await self._caller.call_json("GET", "/util/resolve_ood", headers)
        return [fields.parse_id("device_list", str(item)) for item in found.get("device_list", [])]

    async def get_device_static_info(self) -> Members:
        return await self._info("device_static_info", "info")

    async def get_ood_status(self) -> Members:
        return await self._info("ood_status", "status")

    async def get_noc_info(self) -> Members:
        """``count`` of objects and their ``storage_size`` in bytes."""
        return await self._info("noc_info", "stat")

    async def get_network_access_info(self) -> Members:
        return await self._info("network_access_info", "info")

    async def get_system_info(self) -> Members:
        return await self._info("system_info", "info")

    async def get_version_info(self) -> Members:
        return await self._info("version_info", "info")

    async def build_file(
        self, local_path: str, owner: ObjectId, chunk_size: int = 4 << 20, access: int | None = None
    ) -> ObjectId:
        """Makes a File object of a file on the stack's machine and stores it; its id."""
        body: Members = {
            "common": {"flags": 0},
            "local_path": local_path,
            "owner": str(owner),
            "chunk_size": chunk_size,
        }
        if access is not None:
            body["access"] = access
        return values.object_id(
            await self._caller.call_json("POST", "/util/build_file", _common(None), body), "object_id"
        )

    async def build_dir_from_object_map(self, object_map_id: ObjectId) -> ObjectId:
        """Makes a Dir of an object map and stores it; its id."""
        body: Members = {"common": {"flags": 0}, "object_map_id": str(object_map_id), "dir_type": 0}
        reply = await self._caller.call_json("POST", "/util/build_dir_from_object_map", _common(None), body)
        return values.object_id(reply, "object_id")

    async def _info(self, name: str, member: str) -> Members:
        return values.inner(await self._caller.call_json("GET", f"/util/{name}", _common(None)), member)


def _common(target: ObjectId | None) -> Fields:
    return {fields.FLAGS: 0, fields.TARGET: target}
