"""Host, Origin and the browser sandbox (http-front §5 and design of the local listeners)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.wire.browser import BrowserMode, BrowserPolicy, app_of_host, as_page
from cyfs_edge.wire.message import Headers

DEC = ObjectId.from_text("9tGpLNnMXCHncJ4osqjVTr5MWZZVZduWDczRsQQGRFot")
CHROME = "Mozilla/5.0 (X11) Chrome/120"


def headers(**lines: object) -> Headers:
    return Headers((name.replace("_", "-"), str(value)) for name, value in lines.items())


def ask(
    method: str,
    path: str,
    query: list[tuple[str, str]],
    lines: Headers,
    mode: BrowserMode = BrowserMode.STRICT,
) -> ObjectId | None:
    return BrowserPolicy(mode).judge(method, path, query, lines, app_of_host(lines))


def judge(mode: BrowserMode = BrowserMode.STRICT, path: str = "/non/", **lines: object) -> ObjectId | None:
    return ask("GET", path, [], headers(**lines), mode)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:1318",
        "localhost",
        "LOCALHOST:1",
        "[::1]:1318",
        "a.x.localhost:1318",
        "a.localhost",
        "box.lan",
    ],
)
def test_own_hosts(host: str) -> None:
    BrowserPolicy(hosts=frozenset(["box.lan"])).check_host(headers(host=host))


@pytest.mark.parametrize(
    "host", ["evil.example", "192.168.1.5:1318", "localhost.evil.example", "", "127.0.0.1.evil.example"]
)
def test_other_hosts_are_refused(host: str) -> None:
    """A name that somebody pointed at loopback does not open the node (DNS rebinding)."""
    with pytest.raises(CyfsError) as caught:
        BrowserPolicy().check_host(headers(host=host))
    assert caught.value.code == ErrorCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "lines", [{}, {"user_agent": "node"}, {"user_agent": "okhttp/4"}, {"user_agent": "node-fetch Mozilla/5.0"}]
)
@pytest.mark.parametrize("mode", list(BrowserMode))
def test_programs_pass_in_every_mode(mode: BrowserMode, lines: dict[str, str]) -> None:
    assert judge(mode, **lines) is None


@pytest.mark.parametrize(
    ("lines", "dec"),
    [
        ({"origin": f"cyfs://a.{DEC}"}, DEC),
        ({"origin": f"cyfs://a.{DEC}", "cyfs_dec_id": DEC}, DEC),
        ({"referer": f"cyfs://o.{DEC}/index.html"}, DEC),
        ({"origin": f"http://a.{DEC.base36}.localhost:1318"}, DEC),
        ({"origin": "http://127.0.0.1:8080"}, ANONYMOUS_DEC_ID),
        ({"origin": "cyfs://static", "cyfs_dec_id": DEC}, None),
        ({"user_agent": CHROME}, ANONYMOUS_DEC_ID),
        ({"origin": "chrome-extension://abc", "cyfs_dec_id": DEC}, None),
        ({"cyfs_browser_extension": "x", "cyfs_dec_id": DEC, "origin": "https://evil.example"}, None),
    ],
)
def test_the_origin_decides_the_dec(lines: dict[str, object], dec: ObjectId | None) -> None:
    assert judge(**lines) == dec


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ({"origin": f"cyfs://a.{DEC}", "cyfs_dec_id": SYSTEM_DEC_ID}, ErrorCode.PERMISSION_DENIED),
        ({"origin": "http://127.0.0.1:8080", "cyfs_dec_id": DEC}, ErrorCode.PERMISSION_DENIED),
        ({"origin": "cyfs://a.system"}, ErrorCode.PERMISSION_DENIED),
        ({"origin": "https://evil.example"}, ErrorCode.PERMISSION_DENIED),
        ({"referer": "https://evil.example/page"}, ErrorCode.PERMISSION_DENIED),
        ({"origin": "http://static"}, ErrorCode.PERMISSION_DENIED),
        ({"origin": "null"}, ErrorCode.INVALID_FORMAT),
        ({"origin": "http://a.example.com"}, ErrorCode.INVALID_FORMAT),
        ({"origin": "http://[::1"}, ErrorCode.INVALID_FORMAT),
        ({"user_agent": CHROME, "cyfs_dec_id": DEC}, ErrorCode.PERMISSION_DENIED),
        ({"user_agent": CHROME, "sec_fetch_site": "cross-site"}, ErrorCode.PERMISSION_DENIED),
        ({"cyfs_browser_extension": "x", "user_agent": CHROME}, ErrorCode.PERMISSION_DENIED),
        (
            {"cyfs_browser_extension": "x", "user_agent": CHROME, "cyfs_dec_id": SYSTEM_DEC_ID},
            ErrorCode.PERMISSION_DENIED,
        ),
    ],
)
def test_pages_that_are_refused(lines: dict[str, object], code: ErrorCode) -> None:
    with pytest.raises(CyfsError) as caught:
        judge(**lines)
    assert caught.value.code == code


def test_forbidden_mode_refuses_every_page() -> None:
    for lines in (
        {"origin": f"cyfs://a.{DEC}"},
        {"user_agent": CHROME},
        {"cyfs_browser_extension": "x", "origin": "x"},
    ):
        with pytest.raises(CyfsError):
            judge(BrowserMode.FORBIDDEN, **lines)


def test_an_address_that_the_user_opens_is_no_script() -> None:
    """A link on any site may lead here; the opened page is judged by its own address."""
    lines = {"referer": "https://news.example/", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert judge(user_agent=CHROME, **lines) == ANONYMOUS_DEC_ID
    assert judge(path=f"/a.{DEC}/x", user_agent=CHROME, **lines) == DEC


@pytest.mark.parametrize(
    ("origin", "mode", "good"),
    [
        (None, BrowserMode.FORBIDDEN, True),
        ("http://127.0.0.1:8080", BrowserMode.STRICT, True),
        ("http://127.0.0.1:8080", BrowserMode.FORBIDDEN, False),
        ("https://evil.example", BrowserMode.STRICT, False),
        ("null", BrowserMode.STRICT, False),
        ("https://evil.example", BrowserMode.NONE, True),
    ],
)
def test_websocket_handshakes(origin: str | None, mode: BrowserMode, good: bool) -> None:
    lines = headers(host="127.0.0.1:1319", **({"origin": origin} if origin else {}))
    try:
        BrowserPolicy(mode).check_handshake(lines)
        passed = True
    except CyfsError:
        passed = False
    assert passed == good


APP_HOST = f"a.{DEC.base36}.localhost:1318"


@pytest.mark.parametrize(
    "lines",
    [
        {},
        {"user_agent": CHROME},
        {"user_agent": CHROME, "sec_fetch_site": "none"},
        {"origin": f"http://{APP_HOST}", "user_agent": CHROME, "cyfs_dec_id": DEC},
        {"referer": "https://news.example/", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
    ],
)
def test_whatever_is_asked_in_the_origin_of_an_app_is_asked_as_that_app(lines: dict[str, object]) -> None:
    assert judge(host=APP_HOST, **lines) == DEC


@pytest.mark.parametrize(
    "lines",
    [
        {"cyfs_dec_id": SYSTEM_DEC_ID},
        {"origin": "null"},
        {"origin": f"https://{APP_HOST}"},
        {"origin": f"http://a.{DEC.base36}.localhost"},
        {"origin": "http://[::1"},
        {"referer": "http://127.0.0.1:1318/o/x"},
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_nobody_else_asks_in_the_origin_of_an_app(lines: dict[str, object]) -> None:
    with pytest.raises(CyfsError) as caught:
        judge(host=APP_HOST, user_agent=CHROME, **lines)
    assert caught.value.code == ErrorCode.PERMISSION_DENIED


def test_modes_in_the_origin_of_an_app() -> None:
    """``forbidden`` has no pages at all; ``none`` believes what a page says, and else its origin."""
    with pytest.raises(CyfsError):
        judge(BrowserMode.FORBIDDEN, host=APP_HOST, user_agent=CHROME)
    assert judge(BrowserMode.FORBIDDEN, host=APP_HOST) == DEC
    assert judge(BrowserMode.NONE, host=APP_HOST, user_agent=CHROME, origin="null") == DEC


def test_only_opening_an_address_is_free_of_the_origin() -> None:
    """A form of another site is a navigation too, but it posts."""
    lines = headers(origin="https://evil.example", sec_fetch_mode="navigate", sec_fetch_dest="document")
    assert ask("GET", "/o/x", [], lines) == ANONYMOUS_DEC_ID
    with pytest.raises(CyfsError):
        ask("POST", "/util/build_file", [], lines)


@pytest.mark.parametrize(
    ("page", "dec", "found"),
    [
        (None, SYSTEM_DEC_ID, SYSTEM_DEC_ID),
        (None, None, None),
        (f"http://{APP_HOST}", None, DEC),
        (f"http://{APP_HOST}", DEC, DEC),
        ("cyfs://static", SYSTEM_DEC_ID, SYSTEM_DEC_ID),
        ("http://localhost:3000", None, ANONYMOUS_DEC_ID),
        ("chrome-extension://abc", DEC, DEC),
    ],
)
def test_who_speaks_over_a_websocket(page: str | None, dec: ObjectId | None, found: ObjectId | None) -> None:
    assert BrowserPolicy().dec_of_page(page, dec) == found


@pytest.mark.parametrize(
    ("page", "dec"),
    [
        (f"http://{APP_HOST}", SYSTEM_DEC_ID),
        ("http://localhost:3000", DEC),
        ("http://localhost:3000", SYSTEM_DEC_ID),
        ("https://evil.example", None),
        ("chrome-extension://abc", SYSTEM_DEC_ID),
        ("chrome-extension://abc", None),
    ],
)
def test_a_page_speaks_for_no_other_dec_over_a_websocket(page: str, dec: ObjectId | None) -> None:
    with pytest.raises(CyfsError) as caught:
        BrowserPolicy().dec_of_page(page, dec)
    assert caught.value.code == ErrorCode.PERMISSION_DENIED


def test_a_request_inside_a_websocket_is_the_pages_whatever_it_says() -> None:
    told = as_page(headers(origin="cyfs://static", sec_fetch_mode="navigate", cyfs_dec_id=DEC, host="x"), "null")
    assert told.items == [("cyfs-dec-id", str(DEC)), ("host", "x"), ("origin", "null")]


@pytest.mark.parametrize("name", ["dec_id", "cyfs-dec-id"])
@pytest.mark.parametrize("host", ["127.0.0.1:1318", APP_HOST])
def test_a_dec_in_the_query_is_judged_as_one_in_the_header(name: str, host: str) -> None:
    """Downloads and front addresses take it from there."""
    lines = headers(host=host, origin=f"http://{APP_HOST}", user_agent=CHROME)
    assert ask("GET", "/ndn/", [(name, str(DEC))], lines) == DEC
    with pytest.raises(CyfsError):
        ask("GET", "/ndn/", [(name, str(SYSTEM_DEC_ID))], lines)
    lines.add("cyfs-dec-id", str(DEC))
    with pytest.raises(CyfsError):
        ask("GET", "/ndn/", [(name, str(SYSTEM_DEC_ID)), (name, str(DEC))], lines)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_origin_is_judged(origin: str, host: str) -> None:
    """Whatever stands in the headers, the answer is a dec or a coded refusal."""
    policy = BrowserPolicy()
    for check in (lambda: judge(origin=origin, host=host), lambda: policy.check_host(headers(host=host))):
        try:
            check()
        except CyfsError:
            continue
    policy.knows_origin(origin)
