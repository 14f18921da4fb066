"""State by address: ``/r`` and ``/l`` (docs/protocol/http-front.md §3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.front.service import FrontCall, FrontService, Page, resolve
from cyfs_edge.core.state.service import Listed, StateService
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.front import View, parse_items
from cyfs_edge.wire.requests import GetObjectReply
from cyfs_edge.wire.state import PAGE_SIZE_DEFAULT, StateCommon
from cyfs_edge.wire.state_reply import RootInfo

_TARGETS = (ObjectTypeCode.DEVICE, ObjectTypeCode.PEOPLE, ObjectTypeCode.GROUP)


@dataclass(frozen=True, slots=True)
class StatePage:
    """A page with the root that it was found in."""

    page: Page
    info: RootInfo


@dataclass(frozen=True, slots=True)
class _Place:
    """``dec`` ``None``: that of the request."""

    target: ObjectId | None
    dec: ObjectId | None
    inner_path: str


class StateView:
    """Reads by path under the rules of the accessor."""

    __slots__ = ("_front", "_states", "_zone")

    def __init__(self, front: FrontService, states: Mapping[str, StateService], zone: ZoneManager) -> None:
        """``states``: by category."""
        self._front = front
        self._states = states
        self._zone = zone

    async def open(self, call: FrontCall) -> StatePage | Listed:
        """``/r/[target/]{dec}[/inner/path]``; ``action=list`` lists the map or set there."""
        state = self._states["root-state" if call.path.view is View.ROOT_STATE else "local-cache"]
        place = self._place(call.path.segments)
        common = StateCommon(call.source, place.target, place.dec)
        path, query = call.query.with_others(place.inner_path), call.query
        if query.list:
            size = PAGE_SIZE_DEFAULT if query.page_size is None else query.page_size
            return await state.list(common, path, query.page_index or 0, size)
        found = await state.get_object(common, path)
        req_path = f"/{state.category}/root:{found.info.root}/{common.dec}{place.inner_path}"
        data = await self._front.data_of(call, found.object_id, place.target, req_path)
        reply = None
        if found.record is not None:
            held = found.record
            times = held.object_update_time or None, held.object_expired_time or None
            reply = GetObjectReply(held.object_id, held.raw, *times)
        return StatePage(Page(reply, data, call.path.segments[-1]), found.info)

    def _place(self, segments: tuple[str, ...]) -> _Place:
        first, rest = segments[0], segments[1:]
        if first == "$":
            return _at(self._zone.device_id, rest)
        if first == "$$":
            return _at(self._zone.zone.oods[0], rest)
        if first in ("system", "root"):
            return _at(None, segments)
        items = parse_items(first)
        if not items:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the address names nothing")
        found = resolve(items[0])
        if found.type_code in _TARGETS:
            return _at(found, rest)
        if found.type_code == ObjectTypeCode.CUSTOM:
            return _Place(None, found, _inner(rest))
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{found} is neither a dec nor a target")


def _at(target: ObjectId | None, segments: tuple[str, ...]) -> _Place:
    if not segments:
        raise CyfsError(ErrorCode.INVALID_PARAM, "the address names a target and no dec")
    first, rest = segments[0], _inner(segments[1:])
    if first == "system":
        return _Place(target, SYSTEM_DEC_ID, rest)
    if first == "root":
        return _Place(target, None, rest)
    dec = ObjectId.from_text(first)
    if dec.type_code != ObjectTypeCode.CUSTOM:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{dec} is no dec")
    return _Place(target, dec, rest)


def _inner(segments: tuple[str, ...]) -> str:
    return "/" + "/".join(segments)
