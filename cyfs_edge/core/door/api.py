"""Everything that is behind the owner door: its page, log-in, links, and what is mounted there (docs/door.md).

The protocol's own services are not: a request here is somebody from outside, whatever its address is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.api.router import split_target
from cyfs_edge.core.door.password import OwnerPassword
from cyfs_edge.core.door.sessions import DoorSessions, DoorUser, Kind
from cyfs_edge.core.ports import Clock
from cyfs_edge.core.shares.api import PREFIX as SHARE_PREFIX
from cyfs_edge.core.shares.api import ShareApi
from cyfs_edge.core.shares.pages import not_found_page
from cyfs_edge.core.shares.record import share_json
from cyfs_edge.core.shares.service import ShareService
from cyfs_edge.wire import fields
from cyfs_edge.wire.door import (
    CONTENT_POLICY,
    HSTS,
    NO_SCRIPT_POLICY,
    PAGE_POLICY,
    READING_METHODS,
    Credential,
    check_host,
    check_site,
    is_etag_listed,
    read_authorization,
    read_password,
    unauthorized,
    with_safe_headers,
)
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import HttpRequest, HttpResponse

Mount = Callable[[HttpRequest, DoorUser], Awaitable[HttpResponse]]
"""Answers what is below a prefix, for somebody who has been let in. The path has no dot segments any more."""

BODY_MAX = 4096
"""Bytes of a request to ``/api/``."""
_API = "/api/"
LOGIN = "/api/login"
_REALM = 'Basic realm="cyfs-edge", charset="UTF-8"'
_JSON_ONLY = "the body must be sent as application/json"


@dataclass(slots=True)
class DoorSite:
    """How the door is reached; told when it opens. ``names``: lower case.

    ``hsts``: the certificate is one that browsers accept by themselves.
    """

    names: Collection[str] = ()
    scheme: str = "https"
    hsts: bool = False


@dataclass(frozen=True, slots=True)
class StaticFile:
    kind: str
    data: bytes
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", f'"{hashlib.sha256(self.data).hexdigest()[:32]}"')


class DoorApi:
    """The contract of ``cyfs_edge.wire.message`` for the owner door."""

    __slots__ = ("_clock", "_mounts", "_password", "_routes", "_sessions", "_shares", "_shares_api", "_static", "site")

    def __init__(
        self,
        password: OwnerPassword,
        sessions: DoorSessions,
        shares: ShareService,
        share_api: ShareApi,
        clock: Clock,
        static: Mapping[str, StaticFile],
        mounts: Mapping[str, Mount],
    ) -> None:
        """``static``: by path, ``/`` the owner's page. ``mounts``: by prefix, which begins and ends with a slash."""
        self._password = password
        self._sessions = sessions
        self._shares = shares
        self._shares_api = share_api
        self._clock = clock
        self._static = static
        self._mounts = mounts
        self.site = DoorSite()
        self._routes = {
            ("POST", "login"): self._login,
            ("POST", "logout"): self._logout,
            ("GET", "shares"): self._list_shares,
            ("DELETE", "shares"): self._revoke_share,
        }

    async def handle(self, request: HttpRequest) -> HttpResponse:
        try:
            check_host(request.headers, self.site.names)
            response = await self._answer(request)
        except CyfsError as error:
            response = error_to_response(error)
            seconds = error.context.get("retry_after")
            if seconds is not None:
                response.headers.append(("retry-after", str(seconds)))
        return with_safe_headers(response, (HSTS,) if self.site.hsts else ())

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        path, query = split_target(request.target)
        if path.startswith(SHARE_PREFIX):
            # A link works from wherever it stands, and there is nothing behind it that could be changed.
            return await self._shares_api.handle(request)
        check_site(request, self.site.scheme)
        if path.startswith(_API):
            return await self._call(request, path[len(_API) :])
        for prefix, mount in self._mounts.items():
            if path.startswith(prefix) or path + "/" == prefix:
                request.target = f"{path}?{query}" if query else path
                return await self._enter(request, mount)
        found = self._static.get(path)
        if found is None:
            response = not_found_page()
            response.headers.append(NO_SCRIPT_POLICY)
            return response
        return _file(request, found)

    async def _enter(self, request: HttpRequest, mount: Mount) -> HttpResponse:
        try:
            user, _ = await self._user(request)
        except CyfsError as error:
            response = error_to_response(error)
            if response.status == 401:
                response.headers.append(("www-authenticate", _REALM))
            return response
        response = await mount(request, user)
        if not any(name == CONTENT_POLICY[0] for name, _ in response.headers):
            # What is behind a mount may be anybody's: opened in a browser it does nothing.
            response.headers.append(CONTENT_POLICY)
        return response

    async def _user(self, request: HttpRequest) -> tuple[DoorUser, Credential]:
        """Who asks. 401 for nobody, 403 for a change with a token that may only read."""
        credential = read_authorization(request.headers)
        if credential is None:
            raise unauthorized("log in first")
        user = await self._sessions.find(credential.secret)
        # Browsers keep what was typed for Basic and send it on their own: a session is never that.
        if user is None or (credential.basic and user.kind is Kind.SESSION):
            raise unauthorized("the session or token is not known, was revoked, or has expired")
        if user.read_only and request.method not in READING_METHODS:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"the token {user.name!r} may only read")
        return user, credential

    # -- calls --------------------------------------------------------------------------------------------------------

    async def _call(self, request: HttpRequest, path: str) -> HttpResponse:
        name, _, rest = path.partition("/")
        action = self._routes.get((request.method, name))
        if action is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no call {request.method} {_API}{path[:100]}")
        return await action(request, rest)

    async def _login(self, request: HttpRequest, rest: str) -> HttpResponse:
        kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            # A form of another site cannot send this type.
            raise CyfsError(ErrorCode.INVALID_FORMAT, _JSON_ONLY, status=415)
        password = read_password(await request.body.read(BODY_MAX))
        ended_all = self._sessions.ended_all
        await self._password.check(password, request.peer.address)
        secret, user = await self._sessions.open_session(ended_all)
        return _json({"token": secret, "expires": user.expires})

    async def _logout(self, request: HttpRequest, rest: str) -> HttpResponse:
        user, credential = await self._user(request)
        if user.kind is Kind.APP:
            text = f"{user.name!r} is a token; revoke it with `cyfs-edge door token revoke {user.id}`"
            raise CyfsError(ErrorCode.PERMISSION_DENIED, text)
        await self._sessions.end(credential.secret)
        return HttpResponse(204)

    async def _list_shares(self, request: HttpRequest, rest: str) -> HttpResponse:
        await self._user(request)
        now = self._clock.now()
        return _json({"shares": [share_json(share, now) for share in await self._shares.shares()]})

    async def _revoke_share(self, request: HttpRequest, rest: str) -> HttpResponse:
        await self._user(request)
        return _json(share_json(await self._shares.revoke(rest), self._clock.now()))


def _file(request: HttpRequest, found: StaticFile) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        raise CyfsError(ErrorCode.NOT_SUPPORT, "this can only be read", status=405)
    lines = [("etag", found.etag), ("cache-control", "no-cache"), ("content-type", found.kind), PAGE_POLICY]
    if is_etag_listed(request.headers.get("if-none-match"), found.etag):
        return HttpResponse(304, lines)
    return HttpResponse(200, lines, found.data)


def _json(value: object) -> HttpResponse:
    return HttpResponse(200, [fields.JSON_TYPE], fields.json_body(value))
