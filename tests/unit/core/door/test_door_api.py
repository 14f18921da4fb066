"""The door lets in who has the password or a token, and shows everybody else as little as it can."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace

import pytest

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.door.sessions import DoorUser, Kind
from cyfs_edge.core.shares.record import Audience, ObjectTarget
from cyfs_edge.core.shares.service import NewShare
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse, Peer
from tests.node import BytesBody, read_body
from tests.outside import HOST, PASSWORD, Outside
from tests.unit.core.door.test_password import QuickHasher
from tests.unit.core.placing import put_file

SAFE = ("content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options", "cache-control")


async def seen(request: HttpRequest, user: DoorUser) -> HttpResponse:
    """A mount that tells what it was given."""
    value = {"target": request.target, "user": user.name, "kind": user.kind.value}
    return HttpResponse(200, [], json.dumps(value).encode())


@pytest.fixture
def mounted(outside: Outside) -> Outside:
    outside.door.api._mounts = {"/dav/": seen}
    return outside


async def test_the_owner_page_and_its_files_are_for_everybody(outside: Outside) -> None:
    page = await outside.ask("GET", "/")
    assert page.status == 200
    assert b'<form id="login">' in page.body
    assert b"<script src=" in page.body
    assert b"unsafe-inline" not in page.headers["content-security-policy"].encode()
    for path in ("/door.css", "/door.js", "/favicon.svg"):
        assert (await outside.ask("GET", path)).status == 200
    again = await outside.ask("GET", "/", {"if-none-match": page.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert (await outside.ask("POST", "/")).status == 405


@pytest.mark.parametrize(
    "target", ["/", "/nothing", "/api/shares", "/api/nothing", "/s/wrong", "/s/", "/dav/", "/non/", "//x", "*"]
)
async def test_every_reply_is_safe_and_grants_nothing(mounted: Outside, target: str) -> None:
    for method in ("GET", "POST", "OPTIONS", "DELETE", "BREW"):
        reply = await mounted.ask(method, target)
        assert all(name in reply.headers for name in SAFE), (method, target, reply.headers)
        assert not any(name.startswith("access-control") for name in reply.headers)
        assert "strict-transport-security" not in reply.headers


@pytest.mark.parametrize(
    "target", ["/non/", "/ndn/", "/root-state", "/util/device_static_info", "/o/x", "/control/status"]
)
async def test_the_services_of_the_node_are_not_here(outside: Outside, target: str) -> None:
    session = await outside.session()
    for method in ("GET", "PUT", "POST", "DELETE"):
        assert (await outside.ask(method, target, session)).status == 404


async def test_other_names_are_421_before_anything_else(outside: Outside) -> None:
    session = await outside.session()
    for host in ("evil.example", "a.evil.example:1380", ""):
        reply = await outside.ask("GET", "/api/shares", {**session, "host": host})
        assert reply.status == 421
    assert (await outside.ask("GET", "/api/shares", {**session, "host": "203.0.113.4"})).status == 200


async def test_pages_of_other_sites_change_nothing_even_with_the_secret(outside: Outside) -> None:
    session = await outside.session()
    evil = {"origin": "https://evil.example"}
    assert (await outside.ask("POST", "/api/logout", {**session, **evil})).status == 403
    assert (await outside.ask("POST", "/api/logout", {**session, "sec-fetch-site": "cross-site"})).status == 403
    assert (await outside.ask("GET", "/api/shares", {**session, **evil})).status == 403
    own = {"origin": f"https://{HOST}", "sec-fetch-site": "same-origin"}
    assert (await outside.ask("POST", "/api/logout", {**session, **own})).status == 204


async def test_log_in_and_out(outside: Outside) -> None:
    assert (await outside.ask("GET", "/api/shares")).status == 401
    nothing_set = await outside.login()
    assert nothing_set.status == 403
    assert b"door password" in nothing_set.body
    await outside.door.password.set(PASSWORD)
    session = {"authorization": f"Bearer {(await outside.login()).json['token']}"}
    reply = await outside.ask("GET", "/api/shares", session)
    assert reply.json == {"shares": []}
    assert reply.headers["cache-control"] == "no-store"
    assert (await outside.login("wrong wrong wrong")).status == 401
    assert (await outside.ask("POST", "/api/logout", session)).status == 204
    assert (await outside.ask("GET", "/api/shares", session)).status == 401


async def test_a_form_cannot_log_in(outside: Outside) -> None:
    await outside.door.password.set(PASSWORD)
    body = json.dumps({"password": PASSWORD}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert (await outside.ask("POST", "/api/login", {"content-type": kind}, body)).status == 415


async def test_brute_force_is_429_with_the_time_to_wait(outside: Outside) -> None:
    await outside.door.password.set(PASSWORD)
    statuses = [(await outside.login("wrong wrong wrong")).status for _ in range(10)]
    assert statuses == [401] * 6 + [429] * 4
    assert int((await outside.login()).headers["retry-after"]) >= 1
    outside.address = "198.51.100.1:1"
    assert (await outside.login()).status == 200


async def test_bad_bodies_are_told_and_bounded(outside: Outside) -> None:
    headers = {"content-type": "application/json"}
    for body, status in ((b"", 400), (b"[]", 400), (b'{"password":1}', 400), (b"x" * 5000, 413)):
        assert (await outside.ask("POST", "/api/login", headers, body)).status == status


async def test_shares_are_listed_and_revoked(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    session = await outside.session()
    path, share = await outside.link(ObjectTarget(file_id), "a <b>label</b>")
    (shown,) = (await outside.ask("GET", "/api/shares", session)).json["shares"]  # type: ignore[misc]
    assert shown["id"] == share.id
    assert shown["label"] == "a <b>label</b>"
    assert shown["state"] == "active"
    assert path.rpartition("/")[2] not in json.dumps(shown)
    assert (await outside.ask("DELETE", f"/api/shares/{share.id}")).status == 401
    assert (await outside.ask("DELETE", f"/api/shares/{share.id}", session)).status == 200
    assert (await outside.ask("DELETE", f"/api/shares/{share.id}", session)).status == 404
    assert (await outside.ask("GET", path)).status == 404


# -- mounts -----------------------------------------------------------------------------------------------------------


def basic(secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"anybody:{secret}".encode()).decode()}


async def test_a_mount_asks_for_basic_and_takes_tokens_of_both_schemes(mounted: Outside) -> None:
    reply = await mounted.ask("PROPFIND", "/dav/x")
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Basic realm=")
    token, _ = await mounted.door.sessions.create_token("phone", read_only=False)
    for headers in (basic(token), {"authorization": f"Bearer {token}"}):
        told = (await mounted.ask("PUT", "/dav/a%20b?c", headers)).json
        assert told == {"target": "/dav/a%20b?c", "user": "phone", "kind": "app"}
    session = await mounted.session()
    assert (await mounted.ask("GET", "/dav/", session)).json["kind"] == Kind.SESSION.value
    assert (await mounted.ask("GET", "/dav", session)).status == 200


async def test_what_a_mount_shows_runs_nothing_in_a_browser(mounted: Outside) -> None:
    reply = await mounted.ask("GET", "/dav/evil.html", await mounted.session())
    assert reply.headers["content-security-policy"].startswith("sandbox;")
    for target in ("/api/shares", "/api/x"):
        policy = (await mounted.ask("GET", target, await mounted.session())).headers["content-security-policy"]
        assert "script-src" not in policy
        assert "default-src 'none'" in policy


async def test_wrong_secrets_are_401_at_a_mount(mounted: Outside) -> None:
    await mounted.door.password.set(PASSWORD)
    secret = (await mounted.session())["authorization"].removeprefix("Bearer ")
    for headers in (
        basic("wrong"),
        basic(PASSWORD),
        basic(secret),
        {"authorization": "Bearer x"},
        {"authorization": "Digest x"},
    ):
        reply = await mounted.ask("GET", "/dav/", headers)
        assert reply.status == 401, headers
        assert "www-authenticate" in reply.headers


async def test_a_read_only_token_reads(mounted: Outside) -> None:
    token, _ = await mounted.door.sessions.create_token("viewer", read_only=True)
    for method in ("GET", "HEAD", "OPTIONS", "PROPFIND"):
        assert (await mounted.ask(method, "/dav/x", basic(token))).status == 200
    for method in ("PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "LOCK", "UNLOCK", "POST", "PATCH", "BREW"):
        assert (await mounted.ask(method, "/dav/x", basic(token))).status == 403
    bearer = {"authorization": f"Bearer {token}"}
    assert (await mounted.ask("GET", "/api/shares", bearer)).status == 200
    assert (await mounted.ask("DELETE", "/api/shares/x", bearer)).status == 403


async def test_a_token_cannot_log_out(outside: Outside) -> None:
    token, user = await outside.door.sessions.create_token("script", read_only=False)
    reply = await outside.ask("POST", "/api/logout", {"authorization": f"Bearer {token}"})
    assert reply.status == 403
    assert user.id.encode() in reply.body


async def test_a_page_of_another_site_does_not_use_what_the_browser_remembers(mounted: Outside) -> None:
    token, _ = await mounted.door.sessions.create_token("phone", read_only=False)
    sites = ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})
    for headers in sites:
        for method in ("GET", "PUT", "PROPFIND"):
            assert (await mounted.ask(method, "/dav/x", {**basic(token), **headers})).status == 403


@pytest.mark.parametrize("target", ["/dav/../dav/x", "/x/../dav/x", "/dav/./x", "/dav/y/%2e%2e/x"])
async def test_dot_segments_are_gone_before_a_mount_sees_them(mounted: Outside, target: str) -> None:
    session = await mounted.session()
    assert (await mounted.ask("GET", target, session)).json["target"] == "/dav/x"
    assert (await mounted.ask("GET", "/dav/../non/", session)).status == 404


# -- the administrator's calls ----------------------------------------------------------------------------------------


async def control(outside: Outside, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
    data = b"" if body is None else json.dumps(body).encode()
    request = HttpRequest(method, f"/control/{path}", Headers([("host", "localhost")]), BytesBody(data), Peer("local"))
    response = await outside.node.stack.control.handle(request)
    return response.status, json.loads(await read_body(response))


async def test_the_administrator_sets_the_password_which_ends_sessions(outside: Outside) -> None:
    session = await outside.session()
    assert await control(outside, "PUT", "door/password", {"password": "another long one"}) == (
        200,
        {"ended_sessions": 1},
    )
    assert (await outside.ask("GET", "/api/shares", session)).status == 401
    assert (await outside.login("another long one")).status == 200
    assert (await control(outside, "PUT", "door/password", {"password": "short"}))[0] == 400


async def test_the_administrator_sees_the_door_and_keeps_tokens(outside: Outside) -> None:
    status, shown = await control(outside, "GET", "door")
    assert status == 200
    assert shown["url"] == "https://box.example:1380"
    assert shown["password_set"] is False
    assert shown["certificate"] is None
    status, made = await control(outside, "POST", "door/tokens", {"name": "phone", "read_only": True})
    assert (status, made["name"], made["read_only"]) == (200, "phone", True)
    status, listed = await control(outside, "GET", "door/tokens")
    assert "token" not in json.dumps(listed["tokens"])
    assert (await control(outside, "DELETE", f"door/tokens/{made['id']}"))[0] == 200
    assert (await control(outside, "DELETE", f"door/tokens/{made['id']}"))[0] == 404
    for path, body in (("door/tokens", {"name": 1}), ("door/tokens", [1]), ("door/x", {"name": "x"})):
        assert (await control(outside, "POST", path, body))[0] in (400, 404)


async def test_the_administrator_makes_shares(outside: Outside) -> None:
    file_id = str(await put_file(outside.node, b"data"))
    status, made = await control(outside, "POST", "shares", {"for": "anyone", "object_id": file_id, "life_s": 60})
    assert status == 200
    url = str(made["url"])
    assert url.startswith("https://box.example:1380/s/")
    assert (await outside.ask("GET", url.removeprefix("https://box.example:1380"))).body == b"data"
    assert url not in json.dumps((await control(outside, "GET", "shares"))[1])
    status, made = await control(outside, "POST", "shares", {"for": "zone", "object_id": file_id})
    assert (status, made["objects"], "url" in made) == (200, 1, False)
    assert (await control(outside, "DELETE", f"shares/{made['id']}"))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"for": "all", "object_id": "x"},
        {"for": "anyone", "object_id": "x"},
        {"for": "anyone", "path": "/x"},
        {"for": "anyone", "object_id": "ID", "life_s": 0},
        {"for": "anyone", "object_id": "ID", "life_s": True},
        {"for": "anyone", "object_id": "ID", "label": "x" * 300},
        {"for": "anyone", "object_id": "ID", "inner_path": "../x"},
    ],
)
async def test_shares_that_make_no_sense_are_told(outside: Outside, body: dict[str, object]) -> None:
    file_id = str(await put_file(outside.node, b"data"))
    filled = {key: file_id if value == "ID" else value for key, value in body.items()}
    assert (await control(outside, "POST", "shares", filled))[0] == 400
    assert await outside.door.shares.shares() == []


async def test_a_link_needs_the_door(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    outside.door.config = replace(outside.door.config, enabled=False)
    status, error = await control(outside, "POST", "shares", {"for": "anyone", "object_id": str(file_id)})
    assert status == 409
    assert "enabled = true" in str(error["msg"])
    made = await outside.door.shares.create(NewShare(Audience.ZONE, ObjectTarget(ObjectId(file_id))))
    assert made.objects == 1


async def test_who_logs_in_with_the_old_password_while_it_is_changed_stays_out(outside: Outside) -> None:
    hasher = outside.door.password._hasher = QuickHasher()
    await outside.door.password.set(PASSWORD)
    hasher.gate.clear()
    coming = asyncio.ensure_future(outside.login())
    while not hasher.verified:
        await asyncio.sleep(0)
    await outside.door.password.set("another " + PASSWORD)
    assert await outside.door.sessions.end_all_sessions() == 0
    hasher.gate.set()
    assert (await coming).status == 401
    assert await outside.door.sessions.end_all_sessions() == 0, "nothing is left of it"
    assert (await outside.login("another " + PASSWORD)).status == 200
