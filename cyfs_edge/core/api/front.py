"""``GET`` of any path that is no service: pages of objects, state and DecApps (docs/protocol/http-front.md).

What a page may do in a browser: pages of an installed app in its own origin run as that app. Everything else that a
browser would show is shown without scripts and without an origin, for anybody may have put it here.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import quote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.call import Call
from cyfs_edge.core.api.ndn import NdnApi
from cyfs_edge.core.front import mime
from cyfs_edge.core.front.apps import AppPages, AppPlace, store_location
from cyfs_edge.core.front.service import FrontCall, FrontService, Page, with_host_dec
from cyfs_edge.core.front.state_view import StateView
from cyfs_edge.core.ndn import Data, NdnService
from cyfs_edge.core.ports import FileRange
from cyfs_edge.core.state.roots import StateRoots
from cyfs_edge.core.state.service import Listed, StateService
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.format_json import format_json
from cyfs_edge.wire import fields, non
from cyfs_edge.wire.browser import is_browser
from cyfs_edge.wire.conditions import IF_RANGE, attachment
from cyfs_edge.wire.front import FrontFormat, FrontPath, View, parse_path, parse_query, split_segments
from cyfs_edge.wire.message import HttpResponse
from cyfs_edge.wire.state import REVISION, ROOT, items_json
from cyfs_edge.wire.state_reply import RootInfo

NOSNIFF = ("x-content-type-options", "nosniff")
SANDBOX = (
    "content-security-policy",
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:",
)
"""For content of unknown origin: no scripts, no forms, no origin, and nothing leaves for another site."""
APP_POLICY = ("content-security-policy", "frame-ancestors 'self'")
INDEX = "index.html"

Peek = Callable[[FileRange], Awaitable[bytes]]
"""The bytes of a short range of a file."""


class FrontApi:
    __slots__ = ("_apps", "_front", "_ndn", "_ndn_api", "_peek", "_states")

    def __init__(
        self,
        front: FrontService,
        ndn: NdnService,
        ndn_api: NdnApi,
        states: Mapping[str, StateService],
        roots: StateRoots,
        zone: ZoneManager,
        peek: Peek,
    ) -> None:
        """``states``: by category; ``roots``: those of root-state."""
        self._front = front
        self._ndn = ndn
        self._ndn_api = ndn_api
        self._states = StateView(front, states, zone)
        self._apps = AppPages(front, roots)
        self._peek = peek

    async def get(self, call: Call) -> HttpResponse:
        app = call.app
        path = parse_path(call.path) if app is None else _path_of_app(call.path, app)
        query = parse_query(call.pairs)
        source = call.source
        dec = fields.last(list(query.pairs), "dec_id")
        if dec is not None and source.dec == ANONYMOUS_DEC_ID:
            source = replace(source, dec=fields.parse_id("dec_id", dec))
        source = with_host_dec(source, path.host_dec, source.dec != ANONYMOUS_DEC_ID)
        front_call = FrontCall(
            source, path, query, call.headers.get("range") or query.range, call.headers.get(IF_RANGE)
        )
        if path.view is View.APP:
            return await self._app_page(call, front_call, app)
        if path.view is View.OBJECT:
            return await self._page(call, front_call, await self._front.open_object(front_call), immutable=True)
        opened = await self._states.open(front_call)
        if isinstance(opened, Listed):
            items = items_json(opened.content_type, opened.items)
            return HttpResponse(200, [fields.JSON_TYPE, *_root_headers(opened.info)], fields.json_body(items))
        response = await self._page(call, front_call, opened.page)
        response.headers += _root_headers(opened.info)
        return response

    async def _app_page(self, call: Call, front_call: FrontCall, app: ObjectId | None) -> HttpResponse:
        place = await self._apps.find(front_call.path.segments)
        cyfs_browser = "CYFS Browser" in (call.headers.get("user-agent") or "")
        if place.object_id is None:
            if app is not None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"the app {app} is not installed here")
            scheme = "cyfs:/" if cyfs_browser else ""
            return HttpResponse(302, [("location", store_location(place, front_call, scheme))])
        if app is None and place.checked and is_browser(call.headers) and not cyfs_browser:
            location = _own_origin(call, place, front_call.path)
            if location is not None:
                return HttpResponse(302, [("location", location)])
        page = await self._apps.open(front_call, place)
        # The CYFS Browser gives each cyfs:// host an origin of its own.
        trusted = place.checked and (app is not None or cyfs_browser)
        return await self._page(call, front_call, page, immutable=not place.checked, trusted=trusted)

    async def _page(
        self, call: Call, front_call: FrontCall, page: Page, *, immutable: bool = False, trusted: bool = False
    ) -> HttpResponse:
        """``immutable``: the address leads to no other data, ever.

        ``trusted``: a page of an installed app in its own origin.
        """
        found = page.object
        if page.data is None:
            if found is None:
                raise CyfsError(ErrorCode.NOT_SUPPORT, "a chunk has no object")
            response = non.get_reply(found)
            if front_call.query.format is FrontFormat.JSON:
                view = json.dumps(
                    format_json(decode_object(found.raw)), sort_keys=True, separators=(",", ":"), ensure_ascii=False
                )
                response.headers[0], response.body = fields.JSON_TYPE, view.encode()
            return response
        # Opened before the reply, which may let go of what it has read.
        kind = await self._content_type(page, page.data) if is_browser(call.headers) else None
        response = await self._ndn_api.page(call, page.data, immutable=immutable)
        if found is not None:
            response.headers += fields.time_headers(found.update_time, found.expires_time)
        if kind is not None:
            if response.status < 300:
                response.headers = [line for line in response.headers if line[0] != "content-type"]
                response.headers.append(("content-type", kind))
            response.headers += [NOSNIFF, APP_POLICY if trusted else SANDBOX]
        name = front_call.query.download
        if name is not None and response.status < 300:
            response.headers.append(attachment(name or page.name))
        return response

    async def _content_type(self, page: Page, data: Data) -> str:
        named = mime.by_name(page.name)
        if named is not None or not data.chunks:
            return named or mime.OCTET_STREAM
        if data.range is not None and (not data.range.ranges or data.range.ranges[0][0] > 0):
            return mime.OCTET_STREAM
        chunk_id, start, end = data.chunks[0]
        first = replace(data, chunks=((chunk_id, start, min(end, start + mime.SNIFF_SIZE)),))
        async for piece in self._ndn.read(first):
            return mime.by_bytes(piece if isinstance(piece, bytes) else await self._peek(piece))
        return mime.OCTET_STREAM


def _path_of_app(path: str, app: ObjectId) -> FrontPath:
    """In an app's own origin paths are those of its pages; ``/o``, ``/r`` and ``/l`` read as the app."""
    if path[:3] in ("/o/", "/r/", "/l/"):
        return parse_path(path)
    segments = split_segments(path[1:])
    if segments[:1] == ("a",) and len(segments) > 1:
        if segments[1] != str(app) and segments[1] != app.base36:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"this is the origin of app {app} only")
        segments = segments[2:]
    if not segments or path.endswith("/"):
        segments = (*segments, INDEX)
    return FrontPath(View.APP, app, (str(app), *segments))


def _own_origin(call: Call, place: AppPlace, path: FrontPath) -> str | None:
    """The address of the same page in the app's own origin, when the browser has asked this very machine."""
    host = call.headers.get("host") or ""
    name, _, port = host.partition(":")
    if place.dec is None or name not in ("127.0.0.1", "localhost") or not (port.isdigit() or not port):
        return None
    rest = "/".join(quote(segment, safe="") for segment in path.segments[1:])
    query = f"?{call.query}" if call.query else ""
    return f"http://a.{place.dec.base36}.localhost{':' + port if port else ''}/{rest}{query}"


def _root_headers(info: RootInfo) -> list[tuple[str, str]]:
    return [(REVISION, str(info.revision)), (ROOT, str(info.root))]
