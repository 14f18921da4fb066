"""Pages of DecApps: ``/a`` (docs/protocol/http-front.md §3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.front.service import FrontCall, FrontService, Page
from cyfs_edge.core.maps.paths import PathTree
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.front import as_id

STORE_PAGE = "/static/DecAppStore/app_detail.html"
"""Where an app that is not installed can be had."""
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class AppPlace:
    """``object_id`` ``None``: not installed. ``wanted``: what was asked for, as the store page is told.

    ``checked``: the object is what the owner has installed, not just any folder that the address names.
    """

    dec: ObjectId | None
    object_id: ObjectId | None
    inner_path: str | None
    wanted: tuple[tuple[str, str], ...]
    checked: bool = True


class AppPages:
    """What the owner has installed stands in the root-state of the system dec."""

    __slots__ = ("_front", "_roots")

    def __init__(self, front: FrontService, roots: StateRoots) -> None:
        """``roots``: those of root-state."""
        self._front = front
        self._roots = roots

    async def find(self, segments: tuple[str, ...]) -> AppPlace:
        """Which object, and which path in it, is meant by ``{dec or name}/{version, dir or path}…``."""
        if len(segments) < 2:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the address of an app page has at least two segments")
        first, second, rest = segments[0], segments[1], segments[2:]
        dec = as_id(first)
        named = ("name", first) if dec is None else ("dec_id", str(dec))
        if dec is None:
            dec = await self._lookup(f"/app/names/{first}")
        if second == "local_status":
            found = None if dec is None else await self._lookup(f"/app/{dec}/local_status")
            return AppPlace(dec, found, None, (named,))
        dir_id = as_id(second)
        if dir_id is not None:
            return AppPlace(dec, dir_id, _inner(rest), (named, ("dir_id", second)), checked=False)
        if _VERSION(second):
            found = None if dec is None else await self._lookup(f"/app/{dec}/versions/{second}")
            return AppPlace(dec, found, _inner(rest), (named, ("version", second)))
        found = None if dec is None else await self._lookup(f"/app/{dec}/versions/current")
        return AppPlace(dec, found, _inner(segments[1:]), (named,))

    async def open(self, call: FrontCall, place: AppPlace) -> Page:
        if place.object_id is None:
            raise CyfsError(ErrorCode.NOT_FOUND, "the app is not installed here")
        return await self._front.show(call, place.object_id, place.inner_path, None)

    async def _lookup(self, path: str) -> ObjectId | None:
        dec_root = await self._roots.dec_root(SYSTEM_DEC_ID)
        if dec_root is None:
            return None
        try:
            return await (await PathTree.open(self._roots.context, dec_root)).get_by_path(path)
        except CyfsError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.ALREADY_EXISTS, ErrorCode.NOT_SUPPORT):
                return None
            raise


def store_location(place: AppPlace, call: FrontCall, scheme: str) -> str:
    """The store page for what is not installed; query pairs of the request are kept where they do not clash."""
    pairs = [("error", "not_installed"), *place.wanted]
    taken = {name for name, _ in pairs}
    pairs += [pair for pair in call.query.pairs if pair[0] not in taken]
    return f"{scheme}{STORE_PAGE}?{urlencode(pairs)}"


def _inner(segments: tuple[str, ...]) -> str | None:
    return "/" + "/".join(segments) if segments else None
