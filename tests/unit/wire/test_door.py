"""What the door reads from requests and writes into replies: hosts, sites, secrets, names of files."""

from __future__ import annotations

import base64

import pytest

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.wire import door
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse, Peer
from tests.node import BytesBody

NAMES = frozenset(("box.example", "box.local"))


def request(method: str = "GET", **headers: str) -> HttpRequest:
    lines = [("host", "box.example:1380"), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return HttpRequest(method, "/", Headers(lines), BytesBody(b""), Peer("192.0.2.1:5", door.LISTENER))


@pytest.mark.parametrize(
    "host",
    ["box.example", "BOX.example:1380", "box.local.", "localhost:80", "127.0.0.1", "192.0.2.7:443", "[fe80::1]:1380"],
)
def test_own_names_and_addresses_pass(host: str) -> None:
    door.check_host(Headers([("host", host)]), NAMES)


@pytest.mark.parametrize("host", ["evil.example", "box.example.evil.net", "127.0.0.1.evil.net", "", "box", "[::1"])
def test_a_name_that_is_not_ours_is_421(host: str) -> None:
    with pytest.raises(CyfsError) as caught:
        door.check_host(Headers([("host", host)]), NAMES)
    assert caught.value.context["status"] == 421


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("POST", {}),
        ("POST", {"origin": "https://box.example:1380"}),
        ("POST", {"origin": "https://box.example:1380", "sec_fetch_site": "same-origin"}),
        ("GET", {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"}),
        ("GET", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}),
    ],
)
def test_own_pages_programs_and_visits_pass(method: str, headers: dict[str, str]) -> None:
    door.check_site(request(method, **headers), "https")


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("POST", {"origin": "https://evil.example"}),
        ("POST", {"origin": "null"}),
        ("POST", {"origin": "http://box.example:1380"}),
        ("POST", {"origin": "https://box.example"}),
        ("POST", {"origin": "https://box.example:1380@evil.example"}),
        ("POST", {"origin": "https://[::1"}),
        ("GET", {"origin": "https://evil.example"}),
        ("GET", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}),
        ("POST", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}),
        ("PROPFIND", {"sec_fetch_site": "same-site", "sec_fetch_mode": "cors"}),
    ],
)
def test_pages_of_other_sites_are_refused(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(CyfsError):
        door.check_site(request(method, **headers), "https")


def read(value: str | None) -> door.Credential | None:
    return door.read_authorization(Headers([] if value is None else [("authorization", value)]))


def test_secrets_of_both_schemes() -> None:
    assert read(None) is None
    assert read("Bearer abc") == door.Credential("abc")
    assert read("bearer  abc ") == door.Credential("abc")
    text = base64.b64encode("any näme:to:ken".encode()).decode()
    assert read(f"Basic {text}") == door.Credential("to:ken", basic=True)


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Digest x", "Basic", "Basic !!", "Basic YWJj", "Basic /w==", "Bearer " + "x" * 2000],
)
def test_what_is_no_secret_is_401(value: str) -> None:
    with pytest.raises(CyfsError) as caught:
        read(value)
    assert caught.value.context["status"] == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"password": 1}', b"[" * 5000, b"\xff"])
def test_what_is_no_password_is_refused(body: bytes) -> None:
    with pytest.raises(CyfsError):
        door.read_password(body)


def test_inner_paths_are_decoded_segment_by_segment() -> None:
    assert door.split_inner("") == ()
    assert door.split_inner("a%20b/%C3%BC/") == ("a b", "ü")
    assert door.join_inner(("a b", "ü?#", "%2e")) == "a%20b/%C3%BC%3F%23/%252e"
    assert door.split_inner(door.join_inner(("a b", "ü?#", "%2e"))) == ("a b", "ü?#", "%2e")


@pytest.mark.parametrize("path", ["..", "a/../b", "%2e%2e", "a//b", "a%2Fb", "a%00", "%FF", "/", "./x"])
def test_a_path_that_leads_elsewhere_is_none(path: str) -> None:
    assert door.split_inner(path) is None


def test_a_path_of_too_many_segments_is_none() -> None:
    assert door.split_inner("/".join(["a"] * door.SEGMENTS_MAX)) is not None
    assert door.split_inner("/".join(["a"] * (door.SEGMENTS_MAX + 1))) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plain.txt", 'attachment; filename="plain.txt"'),
        ("Ü 100%.txt", "attachment; filename=\"_ 100_.txt\"; filename*=UTF-8''%C3%9C%20100%25.txt"),
        ('a"b\\c', 'attachment; filename="a_b_c"'),
        ("../../etc/passwd", 'attachment; filename="_.._etc_passwd"'),
        ("a\r\nset-cookie: x", 'attachment; filename="a__set-cookie_ x"'),
        ("gpj\u202e.exe", 'attachment; filename="gpj_.exe"'),
        ("", 'attachment; filename="file"'),
    ],
)
def test_names_of_downloads(name: str, value: str) -> None:
    assert door.disposition("attachment", name) == ("content-disposition", value)


def test_a_long_name_keeps_its_extension() -> None:
    assert door.file_name("x" * 500 + ".jpeg") == "x" * (door.NAME_MAX - 5) + ".jpeg"
    assert len(door.file_name("x" * 500)) == door.NAME_MAX


def test_etags() -> None:
    assert door.is_etag_listed('"a", W/"b"', '"b"')
    assert door.is_etag_listed("*", '"b"')
    assert not door.is_etag_listed('"a"', '"b"')
    assert not door.is_etag_listed(None, '"b"')


def test_what_a_reply_says_itself_is_not_overruled() -> None:
    own = ("cache-control", "private, no-cache")
    response = door.with_safe_headers(HttpResponse(200, [own, door.CONTENT_POLICY]), (door.HSTS,))
    lines = dict(response.headers)
    assert lines["cache-control"] == own[1]
    assert lines["content-security-policy"] == door.CONTENT_POLICY[1]
    assert lines["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" in lines
    assert "access-control-allow-origin" not in lines
    assert len(lines) == len(response.headers)
