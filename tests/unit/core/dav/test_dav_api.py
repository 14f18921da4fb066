"""Files over WebDAV: content, names, conditions, and what a client may get wrong (RFC 4918, RFC 9110)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.times import bucky_from_unix
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.wire.message import Headers, HttpRequest, HttpResponse, Peer
from tests.unit.core.dav.kit import Dav
from tests.unit.core.files.kit import at


def code_of(body: bytes) -> int:
    return int(json.loads(body)["code"])


async def test_a_file_goes_in_and_comes_out(dav: Dav) -> None:
    assert await dav.status("MKCOL", "d") == 201
    put = await dav.ask("PUT", "d/a%20b.txt", [b"hel", b"lo"])
    assert put.status == 201
    got = await dav.ask("GET", "d/a%20b.txt")
    assert (got.status, got.body) == (200, b"hello")
    assert got.header("etag") == put.header("etag")
    assert got.header("content-type") == "text/plain; charset=utf-8"
    assert got.header("last-modified") is not None
    assert got.header("accept-ranges") == "bytes"
    assert await dav.status("PUT", "d/a%20b.txt", b"again") == 204
    assert await dav.files.get("d/a b.txt") == b"again"
    head = await dav.ask("HEAD", "d/a%20b.txt")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", "5")
    assert await dav.status("DELETE", "d/") == 204
    assert await dav.status("GET", "d/a%20b.txt") == 404


async def test_pages_from_the_tree_run_no_scripts(dav: Dav) -> None:
    await dav.ask("PUT", "x.html", "<script>alert(1)</script>")
    got = await dav.ask("GET", "x.html")
    assert got.header("content-type") == "text/html; charset=utf-8"
    assert "sandbox" in (got.header("content-security-policy") or "")
    assert got.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        ("bytes=1-3", 206, b"123", "bytes 1-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("bytes=x", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_ranges(dav: Dav, asked: str, status: int, body: bytes | None, told: str | None) -> None:
    tag = (await dav.ask("PUT", "f", b"0123456789")).header("etag") or ""
    got = await dav.ask("GET", "f", range=asked)
    assert (got.status, got.header("content-range")) == (status, told)
    assert body is None or got.body == body
    assert (await dav.ask("GET", "f", range=asked, if_range=tag)).status == status
    changed = await dav.ask("GET", "f", range=asked, if_range='"other"')
    assert (changed.status, changed.body) == (200, b"0123456789")


async def test_conditions_of_readers(dav: Dav) -> None:
    tag = (await dav.ask("PUT", "f", b"x", x_oc_mtime="1000000000")).header("etag") or ""
    date = "Sun, 09 Sep 2001 01:46:40 GMT"
    assert (await dav.ask("GET", "f")).header("last-modified") == date
    not_modified = await dav.ask("GET", "f", if_none_match=f"W/{tag}")
    assert (not_modified.status, not_modified.body, not_modified.header("etag")) == (304, b"", tag)
    assert await dav.status("GET", "f", if_modified_since=date) == 304
    assert await dav.status("GET", "f", if_modified_since="Sun, 09 Sep 2001 01:46:39 GMT") == 200
    assert await dav.status("GET", "f", if_none_match='"x"', if_modified_since=date) == 200
    assert await dav.status("GET", "f", if_match='"x"') == 412
    assert await dav.status("GET", "f", if_match=tag) == 200
    assert await dav.status("GET", "f", if_unmodified_since="Sun, 09 Sep 2001 01:46:39 GMT") == 412
    assert await dav.status("GET", "f", if_unmodified_since=date) == 200


async def test_conditions_of_writers(dav: Dav) -> None:
    assert await dav.status("PUT", "f", b"x", if_match="*") == 412
    tag = (await dav.ask("PUT", "f", b"x", if_none_match="*")).header("etag") or ""
    assert await dav.status("PUT", "f", b"y", if_none_match="*") == 412
    assert await dav.status("PUT", "f", b"y", if_match='"other"') == 412
    assert await dav.status("DELETE", "f", if_match='"other"') == 412
    assert await dav.status("MOVE", "f", destination="/dav/g", if_match='"other"') == 412
    assert await dav.files.all() == {"f": b"x"}
    assert await dav.status("PUT", "f", b"y", if_match=tag) == 204
    assert await dav.status("DELETE", "f", if_match=tag) == 412
    assert await dav.files.all() == {"f": b"y"}


async def test_a_condition_holds_at_the_moment_of_the_change(dav: Dav) -> None:
    """Not only at its beginning: what another client has put meanwhile is not overwritten."""
    tag = (await dav.ask("PUT", "f", b"first")).header("etag") or ""

    class Slow:
        """While it comes, another client is faster."""

        length = 4

        async def __aiter__(self) -> AsyncIterator[bytes]:
            await dav.files.put("f", b"of another")
            yield b"late"

    assert (await put(dav, "f", Slow(), ("if-match", tag))).status == 412
    assert await dav.files.get("f") == b"of another"


async def put(dav: Dav, path: str, body: object, *headers: tuple[str, str]) -> HttpResponse:
    return await dav.api.handle(HttpRequest("PUT", f"/dav/{path}", Headers(headers), body, Peer("x")), "/dav")


async def test_the_time_of_a_file_may_be_told(dav: Dav) -> None:
    put = await dav.ask("PUT", "f", b"x", x_oc_mtime="1000000000.5")
    assert put.header("x-oc-mtime") == "accepted"
    assert (await dav.files.tree.stat(at("f"))).modified == bucky_from_unix(1_000_000_000)
    for text in ("", "-1", "now", "1e9", "9" * 12):
        assert await dav.status("PUT", "g", b"x", x_oc_mtime=text) == 400
    assert (await dav.ask("PUT", "late", b"x", x_oc_mtime="9" * 11)).status == 201
    assert (await dav.ask("GET", "late")).status == 200
    assert (await dav.ask("PROPFIND", "late", depth="0")).status == 207


async def test_a_body_that_breaks_off_leaves_the_old_file(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"old")

    class Short:
        length = 10

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"new"

    reply = await put(dav, "f", Short())
    assert reply.status == 400
    assert code_of(reply.body) == ErrorCode.UNEXPECTED_EOF
    assert await dav.files.get("f") == b"old"


async def test_no_room(dav: Dav) -> None:
    store = dav.files.store
    assert isinstance(store, MemoryStore)
    store.room = store._kept() + 1000
    for body in (bytes(2000), [bytes(2000)]):
        reply = await dav.ask("PUT", "f", body)
        assert (reply.status, code_of(reply.body)) == (507, ErrorCode.OUT_OF_LIMIT)
    assert await dav.files.names() == []


async def test_copy_and_move(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"1")
    assert await dav.status("COPY", "f", destination="http://memory/dav/g%20h") == 201
    assert await dav.status("COPY", "f", destination="/dav/g%20h", overwrite="F") == 412
    assert await dav.status("COPY", "f", destination="/dav/g%20h") == 204
    assert await dav.status("MOVE", "f", destination="/dav/d/f") == 409
    assert await dav.status("MKCOL", "d") == 201
    assert await dav.status("MOVE", "f", destination="/dav/d/f", overwrite="T") == 201
    assert await dav.files.all() == {"d/": None, "d/f": b"1", "g h": b"1"}
    assert await dav.status("COPY", "d", destination="/dav/e", depth="0") == 201
    assert await dav.status("MOVE", "d", destination="/dav/e", depth="infinity") == 204
    assert await dav.files.all() == {"e/": None, "e/f": b"1", "g h": b"1"}


WRONG = [
    ("PUT", "no/f", {}, 409),
    ("PUT", "d", {}, 405),
    ("PUT", "", {}, 403),
    ("PUT", "f/g", {}, 409),
    ("PUT", "g", {"content_range": "bytes 0-1/5"}, 400),
    ("PUT", "g", {"if_": "garbage"}, 400),
    ("MKCOL", "d", {}, 405),
    ("MKCOL", "f", {}, 405),
    ("MKCOL", "", {}, 405),
    ("MKCOL", "no/d", {}, 409),
    ("DELETE", "no", {}, 404),
    ("DELETE", "no/f", {}, 404),
    ("DELETE", "f/g", {}, 404),
    ("DELETE", "", {}, 403),
    ("DELETE", "d", {"depth": "0"}, 400),
    ("COPY", "f", {}, 400),
    ("COPY", "f", {"destination": "/dav/f"}, 403),
    ("COPY", "d", {"destination": "/dav/d/e"}, 403),
    ("COPY", "f", {"destination": "/dav/"}, 403),
    ("COPY", "no", {"destination": "/dav/x"}, 404),
    ("COPY", "f", {"destination": "/dav/no/x"}, 409),
    ("COPY", "f", {"destination": "http://elsewhere/dav/x"}, 502),
    ("COPY", "f", {"destination": "/etc/passwd"}, 502),
    ("COPY", "f", {"destination": "/dav/../etc/passwd"}, 400),
    ("COPY", "f", {"destination": "/dav/%2e%2e/x"}, 400),
    ("COPY", "f", {"destination": "/dav/x", "overwrite": "yes"}, 400),
    ("COPY", "d", {"destination": "/dav/x", "depth": "1"}, 400),
    ("MOVE", "d", {"destination": "/dav/x", "depth": "0"}, 400),
    ("MOVE", "d", {"destination": "/dav/d/e"}, 403),
    ("GET", "..", {}, 400),
    ("GET", "%2e%2e/x", {}, 400),
    ("GET", "a%2fb", {}, 400),
    ("GET", "a%00", {}, 400),
    ("GET", "%ff", {}, 400),
    ("GET", "x" * 257, {}, 400),
    ("GET", "x/" * 101, {}, 400),
    ("GET", "f/x", {}, 404),
    ("PROPFIND", "no", {"depth": "0"}, 404),
    ("PROPFIND", "", {"depth": "2"}, 400),
    ("PROPPATCH", "f", {}, 400),
    ("UNLOCK", "f", {}, 400),
    ("UNLOCK", "f", {"lock_token": "<urn:x>"}, 409),
    ("LOCK", "f", {}, 412),
    ("LOCK", "f", {"depth": "1"}, 400),
    ("POST", "f", {}, 405),
    ("PATCH", "f", {}, 405),
    ("REPORT", "f", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), WRONG)
async def test_what_is_wrong_is_said_and_changes_nothing(
    dav: Dav, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    await dav.ask("MKCOL", "d")
    await dav.ask("PUT", "f", b"x")
    before = await dav.files.roots.current()
    reply = await dav.ask(method, path, **headers)
    assert reply.status == status
    assert (reply.header("allow") is not None) == (status == 405)
    assert await dav.files.roots.current() == before


async def test_mkcol_takes_no_body(dav: Dav) -> None:
    assert await dav.status("MKCOL", "d", b"<x/>") == 415
    assert await dav.status("MKCOL", "d", [b"x"]) == 415


async def test_options_tell_what_clients_look_for(dav: Dav) -> None:
    reply = await dav.ask("OPTIONS", "")
    assert (reply.status, reply.header("dav"), reply.header("ms-author-via")) == (200, "1, 2", "DAV")
    assert "PROPFIND" in (reply.header("allow") or "")


async def test_a_folder_says_what_it_is(dav: Dav) -> None:
    reply = await dav.ask("GET", "")
    assert (reply.status, reply.header("content-type")) == (200, "text/plain")
    assert (await dav.ask("HEAD", "")).status == 200


async def test_nothing_is_above_the_prefix(dav: Dav) -> None:
    for target in ("/", "/davx", "/da", "/dav/../x"):
        assert (await dav.server.request("GET", target)).status in (400, 404)
    assert (await dav.server.request("PROPFIND", "/dav", [("depth", "0")])).status == 207
