"""Addresses: what a request names, as names of the tree, and back again."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from cyfs_edge.wire.dav.errors import Names, dav_error

_ESCAPES = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*+").fullmatch
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)(/[^?#]*)?").match


def parse_path(target: str, prefix: str) -> Names:
    """The names below ``prefix`` (``/dav``, no slash at its end). 400 for what would be another place, 404 outside."""
    path = target.partition("?")[0].partition("#")[0]
    if path != prefix and not path.startswith(prefix + "/"):
        raise dav_error(404, f"{path[:100]!r} is not below {prefix}")
    if _ESCAPES(path) is None:
        raise dav_error(400, "a percent sign in the address is not followed by two hex digits")
    return tuple(_name(segment) for segment in path[len(prefix) :].split("/") if segment)


def _name(segment: str) -> str:
    try:
        name = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise dav_error(400, f"{segment[:100]!r} is not UTF-8") from None
    if name in (".", "..") or "/" in name or "\0" in name:
        raise dav_error(400, f"{segment[:100]!r} is no name of a file")
    return name


def parse_reference(text: str, host: str, prefix: str) -> Names | None:
    """An address in a header, absolute or a path; ``None`` when it is on another host or outside of ``prefix``.

    ``host``: the Host header of the request. 400 for what is no address, or would be another place.
    """
    text = text.strip()
    path = text
    if not text.startswith("/"):
        absolute = _ABSOLUTE(text)
        if absolute is None:
            raise dav_error(400, f"{text[:100]!r} is no address")
        if _plain_host(absolute[1]) != _plain_host(host):
            return None
        path = absolute[2] or "/"
    path = path.partition("?")[0].partition("#")[0]
    if path != prefix and not path.startswith(prefix + "/"):
        return None
    return parse_path(path, prefix)


def _plain_host(authority: str) -> str:
    """Without a user, and without the port when it is the usual one of either scheme."""
    name = authority.rpartition("@")[2].lower()
    return re.sub(r":(?:80|443)?$", "", name)


def href_of(prefix: str, path: Names, is_folder: bool) -> str:
    """The address of an entry, percent-encoded; that of a folder ends in a slash."""
    text = "/".join([prefix, *(quote(name, safe="") for name in path)])
    return text + "/" if is_folder else text
