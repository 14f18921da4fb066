"""WebDAV: XML bodies, addresses and headers give a value or one ``CyfsError`` with a status of the 400s."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.dav.conditions import Conditions
from cyfs_edge.core.dav.props import decode_dead, encode_dead
from cyfs_edge.wire.dav import headers
from cyfs_edge.wire.dav.bodies import parse_lockinfo, parse_propfind, parse_proppatch
from cyfs_edge.wire.dav.paths import href_of, parse_path, parse_reference
from cyfs_edge.wire.dav.xml import parse_xml, write_xml
from cyfs_edge.wire.message import Headers
from fuzz.target import Target, just, texts

T = TypeVar("T")
_PROPFIND = (
    '<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><getetag/><x:a xmlns:x="u:"/></prop></propfind>'
)
_PROPPATCH = (
    '<D:propertyupdate xmlns:D="DAV:" xmlns:x="u:"><D:set><D:prop><x:a xml:lang="de">1 &amp; <b c="d"/></x:a></D:prop>'
    "</D:set><D:remove><D:prop><x:b/></D:prop></D:remove></D:propertyupdate>"
)
_LOCKINFO = (
    '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner><href>me</href>'
    "</owner></lockinfo>"
)
_BOMB = '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>'


def _refusing(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except CyfsError as error:
        status = error.context["status"]
    assert 400 <= status < 500
    return None


def _read_xml(data: bytes) -> None:
    element = _refusing(lambda: parse_xml(data))
    if element is None:
        return
    written = f'<D:r xmlns:D="DAV:">{write_xml(element)}</D:r>'.encode()
    (again,) = parse_xml(written).children
    assert write_xml(again) == write_xml(element)


def _read_bodies(data: bytes) -> None:
    _refusing(lambda: parse_propfind(data))
    _refusing(lambda: parse_proppatch(data))
    _refusing(lambda: parse_lockinfo(data))


def _read_address(data: bytes) -> None:
    """A request target and a Destination, a line each."""
    target, _, destination = data.decode("latin-1").partition("\n")
    paths = (
        _refusing(lambda: parse_path(target, "/dav")),
        _refusing(lambda: parse_reference(destination, "box:8443", "/dav")),
    )
    for path in paths:
        if path is not None:
            assert not {"", ".", ".."} & set(path)
            assert not any("/" in name or "\0" in name for name in path)
            assert parse_path(href_of("/dav", path, True), "/dav") == path


def _read_headers(data: bytes) -> None:
    lines = [line.partition(":") for line in data.decode("latin-1").split("\n")]
    given = Headers((name.strip().lower(), value.strip()) for name, _, value in lines)
    seconds = headers.parse_timeout(given.get("timeout"), 600, 3600)
    assert 1 <= seconds <= 3600
    headers.parse_http_date(given.get("if-modified-since"))
    _refusing(lambda: headers.parse_depth(given.get("depth")))
    _refusing(lambda: headers.parse_overwrite(given.get("overwrite")))
    _refusing(lambda: headers.parse_lock_token(given.get("lock-token")))
    _refusing(lambda: Conditions.of(given, ("a",), "/dav"))


def _read_properties(data: bytes) -> None:
    held = decode_dead(data)
    assert decode_dead(encode_dead(held)) == held


TARGETS: dict[str, Target] = {
    "dav_xml": Target(_read_xml, texts(_PROPFIND, _PROPPATCH, _LOCKINFO, _BOMB)),
    "dav_bodies": Target(_read_bodies, texts(_PROPFIND, _PROPPATCH, _LOCKINFO, "")),
    "dav_address": Target(
        _read_address,
        texts(
            "/dav/a%20b/c\nhttp://box:8443/dav/x%E2%82%AC",
            "/dav/../x\n/dav/%2e%2e",
            "/dav//%2f\nhttps://u@box:8443/dav",
        ),
    ),
    "dav_headers": Target(
        _read_headers,
        texts(
            'host: box\nif: <http://box/dav/a> (<urn:uuid:1> ["tag"]) (Not <DAV:no-lock>)\ndepth: infinity',
            'if: (<urn:uuid:1>)\nif-match: "a", W/"b"\nif-none-match: *\nlock-token: <urn:uuid:1>',
            "timeout: Infinite, Second-600\noverwrite: F\nif-modified-since: Sun, 22 Nov 2026 04:13:15 GMT",
        ),
    ),
    "dav_properties": Target(_read_properties, just(b'{"properties": [["u:", "a", "<a/>"]]}', b"")),
}
