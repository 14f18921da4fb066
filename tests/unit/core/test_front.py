"""Front addresses on a whole node: objects, data, state, apps, and what a page may do (http-front)."""

from __future__ import annotations

import json

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from tests.node import DEC, DEC2, DEVICE, PEOPLE, Node, Reply, id_of
from tests.unit.core.placing import install, link, put_dir, put_file

CHROME = "Mozilla/5.0 (X11) Chrome/120"
PAGE = b"<!doctype html><script>fetch('/non/')</script>"
APP, APP2 = ObjectId.from_text(DEC), ObjectId.from_text(DEC2)
APP_HOST = f"a.{APP.base36}.localhost:1318"
OPENED = {"user-agent": CHROME, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def get(node: Node, target: str, dec: str | None = DEC, **lines: str) -> Reply:
    named = {} if dec is None else {"cyfs-dec-id": dec}
    return await node.send("GET", target, {**named, **{key.replace("_", "-"): value for key, value in lines.items()}})


async def open_page(node: Node, target: str, host: str = "127.0.0.1:1318", **lines: str) -> Reply:
    """As a browser does when the user opens an address."""
    extra = {key.replace("_", "-"): value for key, value in lines.items()}
    return await node.send("GET", target, {**OPENED, "host": host, **extra})


def is_sandboxed(reply: Reply) -> bool:
    policy = reply.headers.get("content-security-policy", "")
    return (
        policy.startswith("sandbox;")
        and "allow-" not in policy
        and reply.headers["x-content-type-options"] == "nosniff"
    )


# -- objects and data --


async def test_an_object_by_its_id_as_bytes_and_as_json(node: Node) -> None:
    await node.put("text_v1")
    for address in (f"/o/{id_of('text_v1')}", f"/{id_of('text_v1')}", f"/o/{PEOPLE}/{id_of('text_v1')}"):
        reply = await get(node, address)
        assert (reply.status, reply.headers["cyfs-object-id"]) == (200, id_of("text_v1"))
        assert reply.headers["content-type"] == "application/octet-stream"
    view = await get(node, f"/o/{id_of('text_v1')}?format=json")
    assert view.headers["content-type"] == "application/json"
    assert json.loads(view.body)["desc"]["content"] == {"header": "h1", "id": "vec"}


async def test_files_are_data_unless_the_object_is_asked_for(node: Node) -> None:
    file_id = await put_file(node, b"0123456789")
    assert (await get(node, f"/o/{file_id}")).body == b"0123456789"
    part = await get(node, f"/o/{file_id}?range=bytes%3D2-3")
    assert (part.status, part.body) == (206, b"23")
    assert (await get(node, f"/o/{file_id}?range=bytes%3D2-3", range="bytes=4-5")).body == b"45"
    assert (await get(node, f"/o/{file_id}", range="bytes=99-")).code == ErrorCode.RANGE_NOT_SATISFIABLE
    assert (await get(node, f"/o/{file_id}?mode=object")).headers["cyfs-object-id"] == str(file_id)
    assert (await get(node, f"/o/{file_id}?mode=eat")).body == b"0123456789"


async def test_modes_that_do_not_fit(node: Node) -> None:
    await node.put("text_v1")
    assert (await get(node, f"/o/{id_of('text_v1')}?mode=data")).code == ErrorCode.NOT_SUPPORT
    assert (await get(node, f"/o/{id_of('chunk_hello')}?mode=object")).code == ErrorCode.NOT_SUPPORT


async def test_paths_inside_a_folder(node: Node) -> None:
    dir_id = await put_dir(node, {"/a b/ü.txt": b"inside"})
    assert (await get(node, f"/o/{dir_id}/a%20b/%C3%BC.txt")).body == b"inside"
    assert (await get(node, f"/o/{dir_id}/none")).code == ErrorCode.NOT_FOUND


async def test_access_rules_are_those_of_the_object(node: Node) -> None:
    await node.put("text_v1", access="0")
    address = f"/o/{id_of('text_v1')}"
    assert (await get(node, address)).status == 200
    assert (await get(node, address, dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    assert (await get(node, address, dec=None)).code == ErrorCode.PERMISSION_DENIED
    assert (await get(node, f"{address}?dec_id={DEC}", dec=None)).status == 200
    assert (await get(node, f"/o.{DEC}/{id_of('text_v1')}", dec=None)).status == 200
    assert (await get(node, f"/o.{DEC}/{id_of('text_v1')}", dec=DEC2)).code == ErrorCode.PERMISSION_DENIED


async def test_a_request_path_leads_to_a_folder_and_the_files_in_it(node: Node) -> None:
    """What the other dec may read by its path it may read inside, and nothing else."""
    dir_id = await put_dir(node, {"/x.txt": b"inside"})
    await node.send("PUT", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": str(dir_id), "cyfs-access": "0"})
    await link(node, "/open/d", str(dir_id))
    rule = {"common": {"flags": 0}, "item": {"path": "/open/", "access": {"Default": 0o777777}}}
    await node.send("PUT", "/root-state/meta/access", {"cyfs-dec-id": DEC}, json.dumps(rule).encode())
    address = f"/o/{dir_id}/x.txt"
    assert (await get(node, address, dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    assert (await get(node, f"{address}?req_path=%2F{DEC}%2Fopen%2Fd", dec=DEC2)).body == b"inside"
    assert (await get(node, f"{address}?req_path=%2F{DEC}%2Fopen%2Fe", dec=DEC2)).code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/o/zzz", ErrorCode.INTERNAL_ERROR),
        ("/some-name/x", ErrorCode.INTERNAL_ERROR),
        ("/o/" + "z" * 60, ErrorCode.INVALID_FORMAT),
        ("/o/,", ErrorCode.INVALID_PARAM),
        (f"/o/{PEOPLE},{DEVICE}", ErrorCode.INVALID_PARAM),
        ("/o", ErrorCode.INVALID_PARAM),
        ("/o/", ErrorCode.NOT_FOUND),
        ("/system/x", ErrorCode.INVALID_PARAM),
        ("/o.zzz/x", ErrorCode.INVALID_FORMAT),
        (f"/o.{DEC}", ErrorCode.INVALID_PARAM),
        (f"/o/{PEOPLE}?flags=x", ErrorCode.INVALID_PARAM),
        (f"/o/{PEOPLE}?flags=4294967296", ErrorCode.INVALID_PARAM),
        (f"/o/{PEOPLE}?page_size=-1", ErrorCode.INVALID_PARAM),
        ("/o/%ff%fe", ErrorCode.INVALID_FORMAT),
        ("/o/" + "a/" * 300, ErrorCode.INVALID_PARAM),
        (f"/r/{PEOPLE}", ErrorCode.INVALID_PARAM),
        ("/r/$", ErrorCode.INVALID_PARAM),
        (f"/r/{id_of('file_small')}/x", ErrorCode.INVALID_FORMAT),
        (f"/r/$/{PEOPLE}", ErrorCode.INVALID_FORMAT),
        (f"/a/{DEC}", ErrorCode.INVALID_PARAM),
    ],
)
async def test_bad_addresses(node: Node, target: str, code: int) -> None:
    assert (await get(node, target)).code == code


# -- state --


@pytest.mark.parametrize(("view", "category"), [("r", "root-state"), ("l", "local-cache")])
async def test_state_by_path(node: Node, view: str, category: str) -> None:
    file_id = await put_file(node, b"data of state")
    told = await link(node, "/docs/f", str(file_id), category=category)
    for address in (
        f"/{view}/{DEC}",
        f"/{view}/$/{DEC}",
        f"/{view}/$$/{DEC}",
        f"/{view}/{DEVICE}/{DEC}",
        f"/{view}/root",
    ):
        reply = await get(node, f"{address}/docs/f")
        assert (reply.status, reply.body) == (200, b"data of state"), address
        assert (reply.headers["cyfs-root"], reply.headers["cyfs-revision"]) == (told["root"], str(told["revision"]))
    listed = await get(node, f"/{view}/{DEC}/docs?action=list")
    assert json.loads(listed.body) == [{"content_type": "map", "key": "f", "value": str(file_id)}]
    assert json.loads((await get(node, f"/{view}/{DEC}/docs?action=list&page_size=0")).body) == []
    assert (await get(node, f"/{view}/{DEC}/none")).code == ErrorCode.NOT_FOUND


async def test_state_of_another_dec_needs_its_rules_data_included(node: Node) -> None:
    file_id = await put_file(node, b"shared")
    await node.send("PUT", "/non/", {"cyfs-dec-id": DEC, "cyfs-object-id": str(file_id), "cyfs-access": "0"})
    await link(node, "/open/f", str(file_id))
    address = f"/r/{DEC}/open/f"
    assert (await get(node, address, dec=DEC2)).code == ErrorCode.PERMISSION_DENIED
    rule = {"common": {"flags": 0}, "item": {"path": "/open/", "access": {"Specified": {"dec": DEC2, "access": 4}}}}
    await node.send("PUT", "/root-state/meta/access", {"cyfs-dec-id": DEC}, json.dumps(rule).encode())
    assert (await get(node, address, dec=DEC2)).body == b"shared"
    assert (await get(node, address, dec=None)).code == ErrorCode.PERMISSION_DENIED


# -- apps --


async def test_pages_of_an_app_by_id_by_name_and_by_version(node: Node) -> None:
    await install(node, {"/index.html": PAGE, "/js/app.js": b"1"})
    new = await put_dir(node, {"/index.html": b"new"})
    await link(node, f"/app/{DEC}/versions/2.0.0", str(new), dec=str(SYSTEM_DEC_ID))
    await link(node, "/app/names/board", DEC, dec=str(SYSTEM_DEC_ID))
    for address in (f"/a/{DEC}/index.html", "/a/board/index.html", f"/a/{DEC}/1.2.3/index.html"):
        assert (await get(node, address, dec=None)).body == PAGE
    assert (await get(node, f"/a/{DEC}/2.0.0/index.html", dec=None)).body == b"new"
    assert (await get(node, f"/a/{DEC}/{new}/index.html", dec=None)).body == b"new"


@pytest.mark.parametrize(
    ("target", "query"),
    [
        (f"/a/{DEC}/index.html", f"error=not_installed&dec_id={DEC}"),
        ("/a/board/index.html?x=1&name=y", "error=not_installed&name=board&x=1"),
        (f"/a/{DEC}/1.0.0/x?version=2", f"error=not_installed&dec_id={DEC}&version=1.0.0"),
        (f"/a/{DEC}/local_status", f"error=not_installed&dec_id={DEC}"),
    ],
)
async def test_what_is_not_installed_leads_to_the_store_page(node: Node, target: str, query: str) -> None:
    reply = await get(node, target, dec=None)
    assert (reply.status, reply.headers["location"]) == (302, f"/static/DecAppStore/app_detail.html?{query}")
    reply = await get(node, target, dec=None, user_agent="Mozilla/5.0 CYFS Browser/1.0")
    assert reply.headers["location"].startswith("cyfs://static/DecAppStore/")


async def test_the_status_of_an_app_is_an_object(node: Node) -> None:
    await node.put("text_v1")
    await link(node, f"/app/{DEC}/local_status", id_of("text_v1"), dec=str(SYSTEM_DEC_ID))
    reply = await get(node, f"/a/{DEC}/local_status", dec=None)
    assert reply.headers["cyfs-object-id"] == id_of("text_v1")


# -- browsers: what is shown cannot act --


async def test_programs_get_octets_and_browsers_get_types(node: Node) -> None:
    dir_id = await put_dir(node, {"/p.html": PAGE, "/pic": b"\x89PNG\r\n\x1a\nrest", "/x.css": b"a{}"})
    for program in ({}, {"user_agent": "node", "sec_fetch_mode": "cors"}):
        reply = await get(node, f"/o/{dir_id}/p.html", **program)
        assert reply.headers["content-type"] == "application/octet-stream"
    for name, kind in (
        ("p.html", "text/html; charset=utf-8"),
        ("pic", "image/png"),
        ("x.css", "text/css; charset=utf-8"),
    ):
        reply = await open_page(node, f"/o/{dir_id}/{name}")
        assert reply.headers["content-type"] == kind
        assert is_sandboxed(reply)


async def test_the_type_of_a_part_is_not_guessed_from_its_middle(node: Node) -> None:
    file_id = await put_file(node, b"....<script>alert(1)</script>")
    part = await open_page(node, f"/o/{file_id}", range="bytes=4-20")
    assert part.headers["content-type"] == "application/octet-stream"
    assert (await open_page(node, f"/o/{file_id}", range="bytes=0-3")).headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "lines", [{"user_agent": CHROME}, {"sec_fetch_site": "none"}, {"referer": "http://127.0.0.1/"}]
)
async def test_stored_pages_have_no_scripts_and_no_origin_in_the_nodes_own_origin(
    node: Node, lines: dict[str, str]
) -> None:
    """Anybody may have put the file there; a script in it would ask the node as a local page."""
    file_id = await put_file(node, PAGE)
    assert is_sandboxed(await get(node, f"/o/{file_id}", dec=None, **lines))


async def test_a_browser_is_led_to_the_own_origin_of_an_app(node: Node) -> None:
    dir_id = await install(node, {"/a b/index.html": PAGE})
    reply = await open_page(node, f"/a/{DEC}/a%20b/index.html?x=1")
    assert (reply.status, reply.headers["location"]) == (302, f"http://{APP_HOST}/a%20b/index.html?x=1")
    unchecked = await open_page(node, f"/a/{DEC}/{dir_id}/a%20b/index.html")
    assert unchecked.body == PAGE
    assert is_sandboxed(unchecked)


@pytest.mark.parametrize("target", ["/", "/index.html", f"/a/{DEC}/index.html", "/1.2.3/index.html", "/sub/"])
async def test_pages_of_an_app_run_in_its_own_origin(node: Node, target: str) -> None:
    await install(node, {"/index.html": PAGE, "/sub/index.html": PAGE})
    reply = await open_page(node, target, host=APP_HOST)
    assert (reply.status, reply.body) == (200, PAGE)
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["content-security-policy"] == "frame-ancestors 'self'"


async def test_the_cyfs_browser_has_origins_of_its_own(node: Node) -> None:
    dir_id = await install(node, {"/index.html": PAGE})
    agent = "Mozilla/5.0 CYFS Browser/1.0"
    page = await open_page(node, f"/a.{DEC}/{DEC}/index.html", user_agent=agent)
    assert (page.status, page.body) == (200, PAGE)
    assert not is_sandboxed(page)
    assert is_sandboxed(await open_page(node, f"/a.{DEC}/{DEC}/{dir_id}/index.html", user_agent=agent))


async def test_what_the_app_did_not_install_is_sandboxed_in_its_origin_too(node: Node) -> None:
    """A link to somebody's folder or file would else run as the app."""
    await install(node, {"/index.html": PAGE})
    evil = await put_dir(node, {"/evil.html": PAGE})
    file_id = await put_file(node, PAGE)
    await link(node, "/posts/1", str(file_id))
    for target in (f"/{evil}/evil.html", f"/o/{evil}/evil.html", f"/o/{file_id}", f"/r/{DEC}/posts/1"):
        reply = await open_page(node, target, host=APP_HOST)
        assert reply.body == PAGE, target
        assert is_sandboxed(reply), target


async def test_the_origin_of_an_app_is_for_that_app_only(node: Node) -> None:
    await install(node, {"/index.html": PAGE})
    await install(node, {"/index.html": PAGE}, dec=DEC2)
    assert (await open_page(node, f"/a/{DEC2}/index.html", host=APP_HOST)).code == ErrorCode.PERMISSION_DENIED
    assert (await open_page(node, f"/o.{DEC2}/{PEOPLE}", host=APP_HOST)).code != 0
    other = f"a.{APP2.base36}.localhost:1318"
    assert (await open_page(node, "/index.html", host=other)).status == 200
    missing = f"a.{SYSTEM_DEC_ID.base36}.localhost:1318"
    assert (await open_page(node, "/index.html", host=missing)).code == ErrorCode.PERMISSION_DENIED
    assert (await open_page(node, "/index.html", host="a.zzz.localhost")).code == ErrorCode.INVALID_FORMAT


async def test_an_app_that_is_not_installed_has_no_page_and_no_redirect_to_itself(node: Node) -> None:
    assert (await open_page(node, "/index.html", host=APP_HOST)).code == ErrorCode.NOT_FOUND


SAME = {
    "user-agent": CHROME,
    "host": APP_HOST,
    "referer": f"http://{APP_HOST}/index.html",
    "sec-fetch-site": "same-origin",
}


async def test_scripts_of_an_app_ask_as_that_app(node: Node) -> None:
    await node.put("text_v1", access="0")
    wanted = {"cyfs-object-id": id_of("text_v1")}
    assert (await node.send("GET", "/non/", {**SAME, **wanted})).status == 200
    assert (await node.send("GET", "/non/", {**SAME, **wanted, "cyfs-dec-id": DEC})).status == 200
    other = {**SAME, "host": f"a.{APP2.base36}.localhost:1318", "referer": f"http://a.{APP2.base36}.localhost:1318/"}
    assert (await node.send("GET", "/non/", {**other, **wanted})).code == ErrorCode.PERMISSION_DENIED
    for claimed in (DEC2, str(SYSTEM_DEC_ID)):
        reply = await node.send("GET", "/non/", {**SAME, **wanted, "cyfs-dec-id": claimed})
        assert reply.code == ErrorCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "lines",
    [
        {"origin": "null", "user-agent": CHROME},
        {"origin": "https://evil.example", "user-agent": CHROME},
        {"origin": "http://127.0.0.1:1318", "user-agent": CHROME},
        {"origin": f"http://a.{APP2.base36}.localhost:1318", "user-agent": CHROME},
        {"origin": f"http://a.{APP.base36}.localhost:9999", "user-agent": CHROME},
        {"referer": "https://evil.example/x", "user-agent": CHROME},
        {"user-agent": CHROME, "sec-fetch-site": "cross-site"},
        {"user-agent": CHROME, "sec-fetch-site": "same-site"},
    ],
)
async def test_no_other_page_asks_as_the_app(node: Node, lines: dict[str, str]) -> None:
    """Neither another app, nor a site, nor another server of this machine, nor a sandboxed page of the app itself."""
    reply = await node.send("GET", "/util/device", {**lines, "host": APP_HOST})
    assert reply.code == ErrorCode.PERMISSION_DENIED


async def test_a_form_of_another_site_posts_nothing(node: Node) -> None:
    """A form makes a navigation, which a link may do as well; but it sends a body."""
    lines = {**OPENED, "origin": "https://evil.example"}
    for host in ("127.0.0.1:1318", APP_HOST):
        reply = await node.send("POST", "/util/build_file", {**lines, "host": host}, b"{}")
        assert reply.code == ErrorCode.PERMISSION_DENIED
