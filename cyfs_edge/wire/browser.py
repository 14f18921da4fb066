"""Host, Origin and the browser sandbox of the local listeners (docs/protocol/http-front.md §5, http-api.md §2).

A page in the owner's browser can reach loopback. It is therefore never believed to be the local user: its origin
decides which dec it speaks for, and an origin that nobody here knows gets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import Headers

_BROWSER_WORDS = ("Mozilla", "WebKit", "Chrome", "Safari", "Gecko", "Firefox", "MSIE")
_NOT_BROWSER_WORDS = ("node-fetch", "okhttp")
FETCH_SITE = "sec-fetch-site"
"""Sent by every browser with every request to this machine. ``Sec-Fetch-Mode`` alone is sent by node, too."""
_PAGE_HEADERS = frozenset(
    ("origin", "referer", "sec-fetch-mode", "sec-fetch-dest", FETCH_SITE, fields.BROWSER_EXTENSION)
)
"""What browsers say of a page. Inside a WebSocket it is the page itself that writes it."""
_DEC_HOST_PREFIXES = ("o.", "r.", "l.", "a.")

PREFLIGHT_GRANT = [
    ("access-control-allow-methods", "GET, POST, PUT, DELETE, OPTIONS"),
    ("access-control-allow-headers", "*"),
    ("access-control-max-age", "86400"),
    ("access-control-allow-credentials", "true"),
    ("access-control-expose-headers", "*"),
]
REPLY_GRANT = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-credentials", "true"),
    ("access-control-expose-headers", "*"),
]


class BrowserMode(Enum):
    """``none`` switches the sandbox off: every page is then the local user."""

    FORBIDDEN = "forbidden"
    STRICT = "strict"
    RELAXED = "relaxed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class BrowserPolicy:
    """``hosts``: names and addresses of this node beside the loopback ones, without port, lower case."""

    mode: BrowserMode = BrowserMode.STRICT
    hosts: frozenset[str] = frozenset()

    def check_host(self, headers: Headers) -> None:
        """Refuses a Host that is not ours: a name that an attacker made point here (DNS rebinding)."""
        host = _without_port(headers.get("host") or "")
        if not self.is_own_host(host):
            raise CyfsError(
                ErrorCode.PERMISSION_DENIED, f"Host {host!r} is not a name of this node; add it to allowed_hosts"
            )

    def is_own_host(self, host: str) -> bool:
        """``host`` without port, in lower case."""
        return host in self.hosts or _is_loopback(host)

    def check_handshake(self, headers: Headers) -> None:
        """A WebSocket may be opened without an origin, or from one that is known; extensions speak HTTP."""
        self.check_host(headers)
        origin = headers.get("origin")
        if origin is None or self.mode is BrowserMode.NONE:
            return
        if self.mode is BrowserMode.FORBIDDEN or not self.knows_origin(origin):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"no WebSocket for pages of {origin!r}")

    def knows_origin(self, origin: str) -> bool:
        """True for origins that may be granted cross-origin access."""
        if self.mode in (BrowserMode.RELAXED, BrowserMode.NONE):
            return True
        parts = _split(origin)
        if parts is None:
            return False
        scheme, host = parts
        return scheme in ("cyfs", "chrome-extension") or self.is_own_host(host.lower())

    def judge(
        self, method: str, path: str, query: list[tuple[str, str]], headers: Headers, app: ObjectId | None
    ) -> ObjectId | None:
        """The dec a browser request speaks for when it names none, or ``None`` to leave the request as it is.

        ``app``: what :func:`app_of_host` says of it.
        ``PERMISSION_DENIED`` when the request is refused, ``INVALID_FORMAT`` for an origin that cannot be read.
        """
        if self.mode is BrowserMode.NONE:
            return app
        if app is not None:
            return self._judge_app(app, method, query, headers)
        agent = headers.get("user-agent")
        origin = headers.get("origin")
        if origin is None:
            origin = headers.get("referer")
        if agent is None and origin is None:
            return None
        extension = fields.BROWSER_EXTENSION in headers
        if not extension and origin is None and not _is_browser(agent):
            return None
        if self.mode is BrowserMode.FORBIDDEN:
            raise CyfsError(
                ErrorCode.PERMISSION_DENIED, "requests of browsers are switched off (browser_mode forbidden)"
            )

        dec = _named_dec(method, query, headers)
        if extension or (origin is not None and origin.startswith("chrome-extension://")):
            _check_extension(dec)
            return None
        # A form of any site can send a POST as a navigation: only opening an address is free.
        if origin is None or (method == "GET" and _is_navigation(headers)):
            if headers.get(FETCH_SITE) == "cross-site" and not _is_navigation(headers):
                raise CyfsError(ErrorCode.PERMISSION_DENIED, "a page of another site may not use this node")
            return _check_dec(_host_dec(unquote(path[1:].partition("/")[0])), dec)
        return self._check_origin(origin, dec)

    def dec_of_page(self, page: str | None, dec: ObjectId | None) -> ObjectId | None:
        """The dec that a message over a WebSocket is from. ``page``: the origin that opened it, ``None`` for programs;
        ``dec``: the dec that the message names. ``PERMISSION_DENIED`` when that is not the page's.
        """
        if page is None or self.mode is BrowserMode.NONE:
            return dec
        if page.startswith("chrome-extension://"):
            _check_extension(dec)
            return dec
        return self._check_origin(page, dec) or dec

    def _judge_app(self, app: ObjectId, method: str, query: list[tuple[str, str]], headers: Headers) -> ObjectId | None:
        """In the origin of an app everything is asked as that app, and by pages of that origin only."""
        if self.mode is BrowserMode.FORBIDDEN and is_browser(headers):
            raise CyfsError(
                ErrorCode.PERMISSION_DENIED, "requests of browsers are switched off (browser_mode forbidden)"
            )
        if app == SYSTEM_DEC_ID:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "a page cannot speak for the system dec")
        if not (method == "GET" and _is_navigation(headers)):
            origin = headers.get("origin") or headers.get("referer")
            if origin is not None and not _is_same_origin(origin, headers.get("host") or ""):
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{origin[:200]!r} may not speak for app {app}")
            if headers.get(FETCH_SITE) not in (None, "same-origin", "none"):
                raise CyfsError(ErrorCode.PERMISSION_DENIED, f"a page of another site may not speak for app {app}")
        return _check_dec(app, _named_dec(method, query, headers))

    def _check_origin(self, origin: str, dec: ObjectId | None) -> ObjectId | None:
        parts = _split(origin)
        if parts is None:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"the origin {origin!r} has no host")
        host = parts[1]
        host_dec = _host_dec(host)
        if host == "static" and parts[0] == "cyfs":
            return None
        if not self.knows_origin(origin):
            raise CyfsError(ErrorCode.PERMISSION_DENIED, f"the origin {origin!r} is not known here")
        if host_dec == SYSTEM_DEC_ID:
            raise CyfsError(ErrorCode.PERMISSION_DENIED, "a page cannot speak for the system dec")
        return _check_dec(host_dec, dec)


def is_app_host(headers: Headers) -> bool:
    """Whether a request was made in the own origin of a DecApp, ``a.<dec base36>.localhost``."""
    return _is_app(_without_port(headers.get("host") or ""))


def app_of_host(headers: Headers) -> ObjectId | None:
    """The DecApp in whose own origin a request was made; ``INVALID_FORMAT`` when the name holds no dec."""
    host = _without_port(headers.get("host") or "")
    return _host_dec(host) if _is_app(host) else None


def _is_app(host: str) -> bool:
    return host.startswith("a.") and host[2:].endswith(".localhost")


def is_browser(headers: Headers) -> bool:
    """Whether the reply may be shown as a page."""
    if _is_browser(headers.get("user-agent")):
        return True
    return any(name in headers for name in ("origin", "referer", "sec-fetch-dest", FETCH_SITE))


def as_page(headers: Headers, origin: str) -> Headers:
    """The headers of a request that came over a WebSocket of a page: it is the page's, whatever stands in it."""
    return Headers([*((name, value) for name, value in headers.items if name not in _PAGE_HEADERS), ("origin", origin)])


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _check_extension(dec: ObjectId | None) -> None:
    if dec is None or dec == SYSTEM_DEC_ID:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"a browser extension must name a dec in {fields.DEC_ID}")


def _check_dec(host_dec: ObjectId | None, dec: ObjectId | None) -> ObjectId | None:
    """``host_dec`` ``None`` stands for the system pages, which may name any dec."""
    if host_dec is None:
        return None
    if dec is not None and dec != host_dec:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"a page of dec {host_dec} cannot speak for dec {dec}")
    return host_dec


def _host_dec(host: str) -> ObjectId | None:
    """The dec that a host name stands for: ``a.{dec}``, ``a.{dec}.localhost``, ``a.system``; else the anonymous dec."""
    if host == "static":
        return None
    if host[:2] not in _DEC_HOST_PREFIXES:
        return ANONYMOUS_DEC_ID
    name = host[2:].removesuffix(".localhost")
    if name == "system":
        return SYSTEM_DEC_ID
    try:
        return ObjectId.from_text(name)
    except CyfsError:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"the host {host!r} names no dec") from None


def _named_dec(method: str, query: list[tuple[str, str]], headers: Headers) -> ObjectId | None:
    """The dec that the request itself names, in its header or where some GET calls look for it in the query."""
    header = headers.get(fields.DEC_ID)
    named = [] if header is None else [header]
    if method == "GET":
        named += [value for name, value in query if name in ("dec_id", fields.DEC_ID)]
    found = {fields.parse_id(fields.DEC_ID, value) for value in named}
    if len(found) > 1:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, "a page speaks for one dec, and this request names several")
    return next(iter(found), None)


def _is_same_origin(origin: str, host: str) -> bool:
    """Origins have a port as hosts have: another server on this machine is another origin."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.netloc.lower() == host.lower()


def _is_browser(agent: str | None) -> bool:
    return (
        agent is not None
        and not any(word in agent for word in _NOT_BROWSER_WORDS)
        and any(word in agent for word in _BROWSER_WORDS)
    )


def _is_navigation(headers: Headers) -> bool:
    """The user opens an address, in a tab or a frame; no script of another page sees the reply."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in ("document", "iframe")


def _split(origin: str) -> tuple[str, str] | None:
    """Scheme and host. ``http`` hosts come in lower case, ``cyfs`` ones keep theirs."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    host = _without_port(parts.netloc.rpartition("@")[2], keep_case=parts.scheme == "cyfs")
    return (parts.scheme, host) if parts.scheme and host else None


def _without_port(host: str, keep_case: bool = False) -> str:
    host = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return host if keep_case else host.lower()
