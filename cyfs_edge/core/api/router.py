"""From a request to the call that answers it: Host and Origin, source, route (docs/protocol/http-api.md §1-§5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import unquote

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api import absent
from cyfs_edge.core.api.call import ApiLimits, Call
from cyfs_edge.core.api.crypto import CryptoApi
from cyfs_edge.core.api.front import FrontApi
from cyfs_edge.core.api.handlers import PREFIX as HANDLER_PREFIX
from cyfs_edge.core.api.handlers import HandlerApi
from cyfs_edge.core.api.meta import MetaApi
from cyfs_edge.core.api.ndn import NdnApi
from cyfs_edge.core.api.non import NonApi
from cyfs_edge.core.api.state import StateApi
from cyfs_edge.core.api.trans import TransApi
from cyfs_edge.core.api.util import UtilApi
from cyfs_edge.core.callers import Callers
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.wire import fields
from cyfs_edge.wire.browser import FETCH_SITE, PREFLIGHT_GRANT, REPLY_GRANT, BrowserPolicy, app_of_host, is_app_host
from cyfs_edge.wire.conditions import CACHE_CONTROL
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.front import is_page
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from cyfs_edge.wire.source import Source, ZoneCategory

Endpoint = Callable[[Call], Awaitable[HttpResponse]]
Pairs = Sequence[tuple[str, str]]

NOT_CACHED = (CACHE_CONTROL, "no-store")
_DOWNLOADS = ("/ndn", "/ndn/")
_BARE_NOT_FOUND = frozenset(("/", "/index.html", "/favicon.ico"))


class HttpApi:
    """The contract of ``cyfs_edge.wire.message`` for the local listeners: ``handle`` answers every request."""

    __slots__ = ("_callers", "_exact", "_front", "_limits", "_policy", "_prefixes", "_zone")

    def __init__(
        self,
        zone: ZoneManager,
        policy: BrowserPolicy,
        callers: Callers,
        limits: ApiLimits,
        non: NonApi,
        ndn: NdnApi,
        util: UtilApi,
        crypto: CryptoApi,
        handlers: HandlerApi,
        meta: MetaApi,
        trans: TransApi,
        states: Sequence[StateApi],
        front: FrontApi,
    ) -> None:
        self._zone = zone
        self._policy = policy
        self._callers = callers
        self._limits = limits
        self._front = front
        self._exact = _exact_routes(non, ndn, util, crypto)
        for method, path, endpoint in (*meta.endpoints(), *trans.endpoints()):
            self._exact[method, path] = endpoint
        self._prefixes = _prefix_routes(ndn, util, handlers)
        for state in states:
            for method, path, endpoint in state.endpoints():
                self._exact[method, path] = self._exact[method, path + "/"] = endpoint
            self._prefixes["GET"].append((state.prefix, state.access))

    async def handle(self, request: HttpRequest) -> HttpResponse:
        origin = request.headers.get("origin")
        path, query = split_target(request.target)
        if path in _BARE_NOT_FOUND and not is_app_host(request.headers):
            return HttpResponse(404)
        try:
            self._policy.check_host(request.headers)
            if request.method == "OPTIONS" and origin is not None:
                return self._preflight(origin)
            pairs = fields.parse_query(query) if query else []
            app = app_of_host(request.headers)
            # What is true of a GET is true of its head.
            method = "GET" if request.method == "HEAD" else request.method
            dec = self._policy.judge(method, path, pairs, request.headers, app)
        except CyfsError as error:
            return error_to_response(error)
        try:
            call = Call(request, path, query, pairs, await self._source(request, pairs, dec), app, self._limits)
            response = await self._endpoint(call)(call)
        except CyfsError as error:
            response = error_to_response(error)
        if FETCH_SITE in request.headers and not any(name == CACHE_CONTROL for name, _ in response.headers):
            # What is asked for stands in headers, which a browser's cache does not look at.
            response.headers.append(NOT_CACHED)
        if origin is not None and self._policy.knows_origin(origin):
            response.headers += REPLY_GRANT
        return response

    def _preflight(self, origin: str) -> HttpResponse:
        if not self._policy.knows_origin(origin):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"the origin {origin!r} is not known here")
        return HttpResponse(200, [("access-control-allow-origin", origin), *PREFLIGHT_GRANT])

    async def _source(self, request: HttpRequest, query: Pairs, page_dec: ObjectId | None) -> Source:
        """The caller is this device; a device of the zone that it forwards for may be named instead (§3.1)."""
        named = fields.optional_id(request.headers, fields.DEC_ID)
        dec = self._callers.dec_for(request.peer.uid, named or page_dec)
        is_app = self._callers.only_dec(request.peer.uid) is not None
        if is_app:
            self._callers.dec_for(request.peer.uid, *_decs_in_query(query))
        source = self._zone.local_source(dec, request.peer.listener)
        device = fields.optional_id(request.headers, fields.SOURCE)
        if device is not None and device != source.device and source.category <= ZoneCategory.CURRENT_ZONE:
            if is_app:
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"an app speaks for no other device than {source.device}")
            return await self._zone.source_of(device, dec, request.peer.listener)
        return source

    def _endpoint(self, call: Call) -> Endpoint:
        method, path = call.request.method, call.path
        if method == "HEAD":
            return self._endpoint_of_head(call)
        found = self._exact.get((method, path))
        if found is not None:
            return found
        for prefix, endpoint in self._prefixes.get(method, ()):
            if path.startswith(prefix):
                return endpoint
        # The origin of an app has a page at its root.
        if method == "GET" and (call.app is not None or (len(path) > 1 and path[1] != "/")):
            return self._front.get
        return _not_handled

    def _endpoint_of_head(self, call: Call) -> Endpoint:
        """Pages and downloads have heads; calls of the API have not, as in the reference."""
        path = call.path
        if path in _DOWNLOADS and fields.NDN_ACTION not in call.headers:
            return self._exact["GET", path]
        taken = ("GET", path) in self._exact or any(path.startswith(prefix) for prefix, _ in self._prefixes["GET"])
        if not taken and (call.app is not None or is_page(path)):
            return self._front.get
        return _not_handled


def _decs_in_query(query: Pairs) -> list[ObjectId]:
    """Some services take the dec from there when no header names one."""
    return [fields.parse_id(key, value) for key, value in query if key in ("dec_id", fields.DEC_ID)]


async def _not_handled(call: Call) -> HttpResponse:
    raise CyfsError(ErrorCode.NOT_FOUND, f"no service for {call.request.method} {call.path}")


def _exact_routes(non: NonApi, ndn: NdnApi, util: UtilApi, crypto: CryptoApi) -> dict[tuple[str, str], Endpoint]:
    routes: dict[tuple[str, str], Endpoint] = {}

    def add(method: str, path: str, endpoint: Endpoint) -> None:
        routes[method, path] = endpoint
        routes[method, path + "/"] = endpoint

    add("GET", "/non", non.get)
    add("PUT", "/non", non.put)
    add("POST", "/non", non.post)
    add("DELETE", "/non", non.delete)
    add("GET", "/ndn", ndn.get)
    add("PUT", "/ndn", ndn.put)
    add("DELETE", "/ndn", ndn.delete)
    add("GET", "/util/resolve_ood", util.resolve_ood)
    add("GET", "/util/system_info", util.system_info)
    add("POST", "/util/system_info", util.update_system_info)
    add("POST", "/crypto/sign", crypto.sign)
    add("POST", "/crypto/verify", crypto.verify)
    add("POST", "/crypto/encrypt", crypto.encrypt)
    add("POST", "/crypto/decrypt", crypto.decrypt)
    add("GET", "/util/device", util.device)
    add("POST", "/util/zone", util.zone)
    add("GET", "/util/ood_status", util.ood_status)
    add("GET", "/util/noc_info", util.noc_info)
    add("GET", "/util/network_access_info", util.network_access_info)
    add("GET", "/util/device_static_info", util.device_static_info)
    add("GET", "/util/version_info", util.version_info)
    add("POST", "/util/build_file", util.build_file)
    add("POST", "/util/build_dir_from_object_map", util.build_dir)
    for operation in absent.ABSENT:
        add(operation.method, operation.path, absent.endpoint(operation))
    return routes


def _prefix_routes(ndn: NdnApi, util: UtilApi, handlers: HandlerApi) -> dict[str, list[tuple[str, Endpoint]]]:
    """Paths that go on after the route (§5), and the ids in the path of SDK 0.5.8 (§15)."""
    return {
        "GET": [
            ("/util/device/", util.device),
            ("/util/ood_status/", util.ood_status),
            ("/util/noc_info/", util.noc_info),
            ("/util/network_access_info/", util.network_access_info),
            ("/util/device_static_info/", util.device_static_info),
            ("/util/version_info/", util.version_info),
        ],
        "PUT": [("/ndn/", ndn.put_by_path)],
        "POST": [
            ("/ndn/", ndn.post_by_path),
            (HANDLER_PREFIX, handlers.add),
            ("/util/zone/", util.zone),
            ("/util/build_file/", util.build_file),
            ("/util/build_dir_from_object_map/", util.build_dir),
        ],
        "DELETE": [("/ndn/", ndn.delete_by_path), (HANDLER_PREFIX, handlers.remove)],
    }


def split_target(target: str) -> tuple[str, str]:
    """Path and raw query; fragment dropped, dot segments resolved the way URL parsers do."""
    path, _, query = target.partition("#")[0].partition("?")
    if "/." in path or "%2e" in path or "%2E" in path:
        path = _without_dots(path)
    return path, query


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for index, segment in enumerate(segments):
        plain = unquote(segment) if "%" in segment else segment
        is_last = index == len(segments) - 1
        if plain == "..":
            if kept:
                kept.pop()
        elif plain != ".":
            kept.append(segment)
            continue
        if is_last:
            kept.append("")
    return "/" + "/".join(kept)
