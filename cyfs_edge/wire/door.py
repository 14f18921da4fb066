"""What the owner door reads from requests and writes into replies (docs/door.md). Pure.

Pages of other sites can reach the door through the owner's browser: Host, Origin and Sec-Fetch-Site are looked at
before anything else, and no other site is ever granted a look at a reply.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes, urlsplit

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.browser import FETCH_SITE
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse

LISTENER = "door"
"""``Peer.listener`` of every request that came through the door: never the current device."""
READING_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "PROPFIND"))
AUTHORIZATION_MAX = 1024
SEGMENTS_MAX = 128
"""Most segments of a path in a share."""
NAME_MAX = 200
"""Characters of a file name in a reply."""

PAGE_POLICY = (
    "content-security-policy",
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
)
"""For pages of the door itself: nothing inline, nothing from elsewhere, in no frame."""
NO_SCRIPT_POLICY = (
    "content-security-policy",
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'",
)
"""For pages that show what strangers may have named."""
CONTENT_POLICY = (
    "content-security-policy",
    "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self' data:; style-src 'unsafe-inline'",
)
"""For stored content: no script, no form, an origin of its own, nothing is loaded."""
_ALWAYS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"),
)
HSTS = ("strict-transport-security", "max-age=31536000")


@dataclass(frozen=True, slots=True)
class Credential:
    """The secret of a request. ``basic``: it came as the password of HTTP Basic, whose user name may be anything."""

    secret: str
    basic: bool = False


def read_authorization(headers: Headers) -> Credential | None:
    """``None`` without a header; ``PERMISSION_DENIED`` (401) for one that cannot be read."""
    value = headers.get("authorization")
    if value is None:
        return None
    scheme, _, rest = value.partition(" ")
    rest = rest.strip()
    if len(value) > AUTHORIZATION_MAX:
        raise unauthorized("the Authorization header is too long")
    if scheme.lower() == "bearer" and rest:
        return Credential(rest)
    if scheme.lower() == "basic":
        try:
            _, colon, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            colon, password = "", ""
        if colon:
            return Credential(password, True)
    raise unauthorized("the Authorization header is neither Bearer nor Basic")


def unauthorized(why: str) -> CyfsError:
    return CyfsError(ErrorCode.PERMISSION_DENIED, why, status=401)


def check_host(headers: Headers, names: Collection[str]) -> None:
    """Refuses a Host that is not ours with 421: a name that an attacker made point here (DNS rebinding).

    Addresses pass: who asks for an address gets that machine, whoever owns names. ``names``: lower case.
    """
    host = host_name(headers)
    if host in names or host == "localhost" or host.endswith(".localhost"):
        return
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        text = f"Host {host[:100]!r} is not a name of this box; add it to names in [door]"
        raise CyfsError(ErrorCode.PERMISSION_DENIED, text, status=421) from None


def host_name(headers: Headers) -> str:
    """The Host header without its port, in lower case."""
    host = (headers.get("host") or "").lower()
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0].removesuffix(".")


def check_site(request: HttpRequest, scheme: str) -> None:
    """Refuses what a page of another origin sends: changes, and reads that are no visit of the owner himself."""
    headers = request.headers
    origin, site = headers.get("origin"), headers.get(FETCH_SITE)
    if origin is not None and not _is_same_origin(origin, scheme, headers.get("host") or ""):
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"a page of {origin[:100]!r} may not use this box")
    if site in (None, "same-origin", "none"):
        return
    if request.method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate":
        return
    raise CyfsError(ErrorCode.PERMISSION_DENIED, "a page of another site may not use this box")


def _is_same_origin(origin: str, scheme: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == scheme and parts.netloc.lower() == host.lower()


def with_safe_headers(response: HttpResponse, extra: tuple[tuple[str, str], ...] = ()) -> HttpResponse:
    """Adds what every reply of the door carries, where the reply does not say otherwise itself."""
    there = {name for name, _ in response.headers}
    response.headers += [line for line in (*_ALWAYS, *extra) if line[0] not in there]
    return response


def read_password(body: bytes) -> str:
    """``{"password": "…"}``; ``INVALID_FORMAT`` for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    password = value.get("password") if isinstance(value, dict) else None
    if not isinstance(password, str):
        raise CyfsError(ErrorCode.INVALID_FORMAT, 'the body must be JSON: {"password": "…"}')
    return password


def split_inner(path: str) -> tuple[str, ...] | None:
    """``a%20b/c`` → ``("a b", "c")``, ``""`` → ``()``; ``None`` for what names no place.

    Each segment is decoded by itself, so that an encoded slash does not make two of one.
    """
    parts = path.split("/")
    if parts[-1] == "":
        parts.pop()
    if len(parts) > SEGMENTS_MAX:
        return None
    found: list[str] = []
    for part in parts:
        try:
            segment = unquote_to_bytes(part.encode("latin-1")).decode("utf-8")
        except UnicodeError:
            return None
        if segment in ("", ".", "..") or "/" in segment or "\0" in segment:
            return None
        found.append(segment)
    return tuple(found)


def join_inner(segments: tuple[str, ...]) -> str:
    """The other way; every character that means something elsewhere is encoded."""
    return "/".join(quote(segment, safe="") for segment in segments)


def disposition(kind: str, name: str) -> tuple[str, str]:
    """``content-disposition`` for ``inline`` or ``attachment`` with a name of any alphabet (RFC 6266, RFC 8187)."""
    name = file_name(name)
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='')}"
    return "content-disposition", value


def file_name(name: str) -> str:
    """``name`` as that of one file: no folders, no control characters, no direction marks, not too long."""
    name = "".join("_" if char in '/\\<>:|?*"' or not char.isprintable() else char for char in name).strip(" .")
    if len(name) > NAME_MAX:
        stem, dot, extension = name.rpartition(".")
        tail = dot + extension if stem and len(extension) < 16 else ""
        name = name[: NAME_MAX - len(tail)] + tail
    return name or "file"


def is_etag_listed(header: str | None, etag: str) -> bool:
    """Whether ``If-None-Match`` names ``etag``, which has its quotes."""
    if header is None:
        return False
    return header.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in header.split(","))


def wants_page(headers: Headers) -> bool:
    """A browser that navigates asks for HTML; programs get the bytes."""
    return "text/html" in (headers.get("accept") or "")
