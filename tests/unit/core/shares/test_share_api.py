"""What somebody with a link gets: pages, bytes, archives; and what somebody without one gets."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.shares import api as share_api
from cyfs_edge.core.shares import archive, service
from cyfs_edge.core.shares.api import GUESSES
from cyfs_edge.core.shares.record import Audience, ObjectTarget, StateTarget
from cyfs_edge.core.shares.service import NewShare
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.file import make_file
from cyfs_edge.wire.door import LISTENER
from cyfs_edge.wire.message import Headers, HttpRequest, Peer
from tests.node import DEC, NOW, PEOPLE, BytesBody, Reply
from tests.outside import HOST, PAGE, Outside
from tests.unit.core.placing import OWNER, link, put_dir, put_file

APP = ObjectId.from_text(DEC)
EVIL = "\"'><img src=x onerror=alert(1)><script>alert(2)"


class Tags(HTMLParser):
    """Names of all tags, and of all attributes that hold code or lead somewhere."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def check_page(reply: Reply) -> Tags:
    """That a page runs nothing and loads nothing from elsewhere, whatever the names in it are."""
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" not in reply.headers["content-security-policy"]
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    found = Tags(reply.body)
    assert "script" not in found.tags
    assert not any(name.startswith("on") or name == "style" for name in found.attributes)
    for address in found.links:
        assert re.fullmatch(r"(/[\w./%~-]*|\?[\w=%.~-]*|[\w.%~-]+/?)", address), address
    return found


async def test_a_program_gets_the_file_and_a_browser_a_page(outside: Outside) -> None:
    path = await outside.link_to(await put_file(outside.node, b"hello"), label="gruß.txt")
    reply = await outside.ask("GET", path)
    assert (reply.status, reply.body) == (200, b"hello")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["content-disposition"].startswith("attachment;")
    assert "filename*=UTF-8''gru%C3%9F.txt" in reply.headers["content-disposition"]
    page = await outside.ask("GET", path, PAGE)
    check_page(page)
    assert "gruß.txt" in page.body.decode()
    assert b"hello" in page.body
    raw = await outside.ask("GET", f"{path}?raw", PAGE)
    assert raw.headers["content-disposition"].startswith("inline;")
    assert raw.body == b"hello"
    assert (await outside.ask("GET", f"{path}?download", PAGE)).headers["content-disposition"].startswith("attachment;")
    head = await outside.ask("HEAD", path)
    assert (head.status, head.headers["etag"]) == (200, reply.headers["etag"])


async def test_a_file_without_a_name_gets_one_that_fits(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    reply = await outside.ask("GET", await outside.link_to(file_id))
    assert reply.headers["content-type"] == "image/png"
    assert f'filename="{str(file_id)[:12]}.png"' in reply.headers["content-disposition"]
    named = await outside.ask("GET", await outside.link_to(file_id, label="holiday"))
    assert 'filename="holiday.png"' in named.headers["content-disposition"]


async def put_large(outside: Outside) -> tuple[ObjectId, bytes]:
    """A file of three chunks."""
    pieces = [os.urandom(1000) for _ in range(3)]
    for piece in pieces:
        await put_file(outside.node, piece)
    chunks = [ChunkId.of_data(piece) for piece in pieces]
    data = b"".join(pieces)
    made = make_file(OWNER, len(data), hashlib.sha256(data).digest(), chunks, update_time=NOW)
    assert (await outside.node.put_raw(made.raw)).status == 200
    return made.object_id, data


@pytest.mark.parametrize(
    ("text", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=990-1009", 206, 990, 1010),
        ("bytes=2990-", 206, 2990, 3000),
        ("bytes=-5", 206, 2995, 3000),
        ("bytes=2990-9999", 206, 2990, 3000),
        ("bytes=0-1,5-6", 200, 0, 3000),
        ("bytes=x", 200, 0, 3000),
        ("0-9", 200, 0, 3000),
        ("items=0-9", 200, 0, 3000),
        ("bytes=9-2", 200, 0, 3000),
        ("bytes=3000-", 416, 0, 0),
    ],
)
async def test_ranges(outside: Outside, text: str, status: int, start: int, end: int) -> None:
    file_id, data = await put_large(outside)
    path = await outside.link_to(file_id, label="data.bin")
    reply = await outside.ask("GET", path, {"range": text})
    assert (reply.status, reply.body) == (status, data[start:end])
    if status == 206:
        assert reply.headers["content-range"] == f"bytes {start}-{end - 1}/3000"
    if status == 416:
        assert reply.headers["content-range"] == "bytes */3000"


async def test_an_etag_is_the_content(outside: Outside) -> None:
    file_id, data = await put_large(outside)
    path = await outside.link_to(file_id, label="data.bin")
    etag = (await outside.ask("GET", path)).headers["etag"]
    assert etag == f'"{file_id}"'
    same = await outside.ask("GET", path, {"if-none-match": f'"x", {etag}'})
    assert (same.status, same.body) == (304, b"")
    known = {"range": "bytes=0-9", "if-range": etag}
    assert (await outside.ask("GET", path, known)).body == data[:10]
    assert (await outside.ask("GET", path, {**known, "if-range": '"other"'})).body == data
    assert (await outside.ask("GET", path)).headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("unnamed", b"<!doctype html><script>alert(1)</script>"),
        ("x.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("x.xml", b"<?xml version='1.0'?><x/>"),
        ("x.js", b"alert(1)"),
        ("x.css", b"body{}"),
        ("x.pdf", b"%PDF-1.4"),
        ("x.json", b"{}"),
    ],
)
async def test_content_is_never_run_in_the_origin_of_the_door(outside: Outside, name: str, data: bytes) -> None:
    dir_id = await put_dir(outside.node, {name: data})
    path = await outside.link_to(dir_id)
    for query in ("", "?raw", "?download"):
        reply = await outside.ask("GET", f"{path}/{name}{query}", PAGE if query else {})
        assert reply.body == data
        assert reply.headers["content-security-policy"].startswith("sandbox;")
        assert reply.headers["x-content-type-options"] == "nosniff"
        kind = reply.headers["content-type"]
        assert not kind.startswith(("text/html", "text/xml", "text/javascript", "text/css", "application/json"))
        if not name.endswith((".js", ".css", ".json", ".pdf")):
            assert reply.headers["content-disposition"].startswith("attachment")
    page = await outside.ask("GET", f"{path}/{name}", PAGE)
    check_page(page)


async def test_names_of_strangers_are_text(outside: Outside) -> None:
    names = {f"{EVIL}/{EVIL}.txt": b"<script>alert(3)</script>", "javascript:alert(4)": b"x", "\u202egpj.exe": b"x"}
    path = await outside.link_to(await put_dir(outside.node, names), label=EVIL)
    top = check_page(await outside.ask("GET", f"{path}/", PAGE))
    assert "img" not in top.tags
    folder = f"{path}/{quote(EVIL, safe='')}"
    check_page(await outside.ask("GET", f"{folder}/", PAGE))
    check_page(await outside.ask("GET", f"{folder}/{quote(EVIL + '.txt', safe='')}", PAGE))
    file = await outside.ask("GET", f"{folder}/{quote(EVIL + '.txt', safe='')}")
    assert "\n" not in file.headers["content-disposition"]


async def test_a_folder_lists_what_is_in_it(outside: Outside) -> None:
    path = await outside.link_to(await put_dir(outside.node, {"a.txt": b"1234", "sub/b.txt": b"1"}), label="Photos")
    moved = await outside.ask("GET", path, PAGE)
    assert (moved.status, moved.headers["location"]) == (308, f"{path}/")
    page = await outside.ask("GET", f"{path}/", PAGE)
    found = check_page(page)
    assert {"a.txt", "sub/", "?zip"} <= set(found.links)
    assert b"4 B" in page.body
    below = await outside.ask("GET", f"{path}/sub/", PAGE)
    assert f"{path}/" in check_page(below).links
    assert (await outside.ask("GET", f"{path}/sub", PAGE)).headers["location"] == f"{path}/sub/"
    assert (await outside.ask("GET", f"{path}/sub/b.txt")).body == b"1"
    empty = await outside.link_to(await put_dir(outside.node, {}))
    assert b"empty" in (await outside.ask("GET", f"{empty}/", PAGE)).body


async def test_a_long_folder_is_shown_in_parts(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_api, "PAGE_SIZE", 3)
    names = {f"{number:02}": b"x" for number in range(8)} | {"sub/x": b"x"}
    path = await outside.link_to(await put_dir(outside.node, names))
    seen: list[str] = []
    target = f"{path}/"
    for _ in range(3):
        found = check_page(await outside.ask("GET", target, PAGE))
        seen += [address for address in found.links if address[0] not in "/?"]
        after = [address for address in found.links if address.startswith("?after=")]
        target = f"{path}/{after[0]}" if after else ""
    assert seen == [*(f"{number:02}" for number in range(8)), "sub/"]
    assert target == ""
    assert (await outside.ask("GET", f"{path}/?after=zzzz", PAGE)).status == 200


async def test_a_long_text_is_cut(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_api, "TEXT_SHOWN", 10)
    path = await outside.link_to(await put_file(outside.node, "äöü-the rest".encode()), label="x.txt")
    page = (await outside.ask("GET", path, PAGE)).body.decode()
    assert "äöü-the" in page
    assert "rest" not in page
    assert "Only the beginning" in page


@pytest.mark.parametrize(
    "inner",
    ["../secret", "%2e%2e/secret", "a/../../x", "..%2Fsecret", "%00", "a.txt/x", "sub/../../..", "%c0%ae", "a.txt%00"],
)
async def test_nothing_outside_of_a_share_is_reachable(outside: Outside, inner: str) -> None:
    path = await outside.link_to(await put_dir(outside.node, {"a.txt": b"1", "sub/b": b"2", "../secret": b"3"}))
    reply = await outside.ask("GET", f"{path}/{inner}")
    assert reply.status in (404, 308) or inner == "sub/../../.."  # which is the page of the door itself
    assert reply.body != b"3"


async def test_only_the_inner_path_of_a_share_is_open(outside: Outside) -> None:
    dir_id = await put_dir(outside.node, {"open/a.txt": b"1", "closed/b.txt": b"2"})
    path = await outside.link_to(dir_id, "open")
    assert (await outside.ask("GET", f"{path}/a.txt")).body == b"1"
    for inner in ("b.txt", "closed/b.txt", "open/a.txt", "../closed/b.txt"):
        assert (await outside.ask("GET", f"{path}/{inner}")).status == 404


async def test_unknown_expired_and_revoked_are_one_page(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    outside.node.clock.time += 1
    expired, _ = await outside.link(ObjectTarget(file_id), expires=outside.node.clock.time + 5)
    revoked, share = await outside.link(ObjectTarget(file_id))
    assert (await outside.ask("GET", expired)).status == 200
    outside.node.clock.time += 5
    await outside.door.shares.revoke(share.id)
    closed = await outside.door.shares.create(NewShare(Audience.ZONE, ObjectTarget(file_id)))
    replies = [
        await outside.ask("GET", target, PAGE)
        for target in (expired, revoked, f"/s/{'1' * 16}", "/s/x", "/s/", f"/s/{closed.share.key}", "/nothing/at/all")
    ]
    assert {reply.status for reply in replies} == {404}
    assert len({reply.body for reply in replies}) == 1
    assert len({str(sorted(reply.headers.items())) for reply in replies}) == 1


async def test_a_share_of_a_newer_release_opens_nothing_and_hurts_no_other(outside: Outside) -> None:
    file_id = await put_file(outside.node, b"data")
    path, share = await outside.link(ObjectTarget(file_id), expires=outside.node.clock.time + 5)
    later, other = await outside.link(ObjectTarget(file_id))
    records = outside.node.store.records
    held = await records.get(service.SPACE, other.key)
    assert held is not None
    await records.put(service.SPACE, other.key, held.replace(b'"version": 1', b'"version": 2'))
    assert (await outside.ask("GET", later)).status == 404
    assert (await outside.ask("GET", path)).status == 200
    assert [one.key for one in await outside.door.shares.shares()] == [share.key]
    outside.node.clock.time += 5
    await outside.door.shares.sweep()
    assert (await outside.door.shares.shares())[0].ended
    assert await records.get(service.SPACE, other.key) is not None


async def test_guessing_is_slowed_down(outside: Outside) -> None:
    path = await outside.link_to(await put_file(outside.node, b"data"))
    statuses = [(await outside.ask("GET", f"/s/guess{number}")).status for number in range(GUESSES.free + 10)]
    assert statuses[: GUESSES.free + 1] == [404] * (GUESSES.free + 1)
    assert set(statuses[GUESSES.free + 1 :]) == {429}
    # Wrong paths of a good link are no guesses, and others are not slowed down.
    outside.address = "198.51.100.9:1"
    for number in range(GUESSES.free + 10):
        assert (await outside.ask("GET", f"{path}/{number}")).status == 404
    assert (await outside.ask("GET", path)).body == b"data"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND", "OPTIONS"])
async def test_a_share_can_only_be_read(outside: Outside, method: str) -> None:
    path = await outside.link_to(await put_file(outside.node, b"data"))
    reply = await outside.ask(method, path)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


async def test_a_link_does_not_get_into_logs(outside: Outside) -> None:
    """Servers write the target of a request that failed."""
    path = await outside.link_to(await put_file(outside.node, b"data"))
    headers = Headers([("host", HOST)])
    request = HttpRequest("GET", f"{path}/x?raw", headers, BytesBody(b""), Peer("192.0.2.1:5", LISTENER))
    await outside.door.api.handle(request)
    assert path not in request.target


async def test_a_link_opens_from_a_page_of_another_site(outside: Outside) -> None:
    path = await outside.link_to(await put_file(outside.node, b"data"))
    visit = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    reply = await outside.ask("GET", path, {**PAGE, **visit, "origin": "https://mail.example"})
    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


# -- state paths ------------------------------------------------------------------------------------------------------


async def test_a_path_of_the_state_is_followed_live(outside: Outside) -> None:
    first, second = await put_file(outside.node, b"first"), await put_file(outside.node, b"second")
    await link(outside.node, "/docs/current.txt", str(first))
    one, _ = await outside.link(StateTarget(APP, "/docs/current.txt"))
    folder, _ = await outside.link(StateTarget(APP, "/docs"))
    assert (await outside.ask("GET", one)).body == b"first"
    await link(outside.node, "/docs/current.txt", str(second))
    await link(outside.node, "/docs/new.txt", str(first))
    assert (await outside.ask("GET", one)).body == b"second"
    assert 'filename="current.txt"' in (await outside.ask("GET", one)).headers["content-disposition"]
    links = check_page(await outside.ask("GET", f"{folder}/", PAGE)).links
    assert {"current.txt", "new.txt"} <= set(links)
    assert (await outside.ask("GET", f"{folder}/new.txt")).body == b"first"


@pytest.mark.parametrize("path", ["/", "", "x", "/a//b", "/.cyfs", "/.cyfs/meta/root-state", "/docs/"])
async def test_paths_that_are_not_shared(outside: Outside, path: str) -> None:
    await link(outside.node, "/docs/a", str(await put_file(outside.node, b"x")))
    with pytest.raises(CyfsError):
        await outside.link(StateTarget(APP, path))


async def test_what_is_not_there_is_not_shared(outside: Outside) -> None:
    dir_id = await put_dir(outside.node, {"a": b"1"})
    missing = ObjectId.from_text(PEOPLE)[:-1] + b"\0"
    for target in (StateTarget(APP, "/no"), ObjectTarget(dir_id, "no"), ObjectTarget(ObjectId(missing))):
        with pytest.raises(CyfsError):
            await outside.link(target)
    assert await outside.door.shares.shares() == []


async def test_the_number_of_shares_is_bounded(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SHARES_MAX", 2)
    file_id = await put_file(outside.node, b"data")
    for _ in range(2):
        await outside.link(ObjectTarget(file_id))
    with pytest.raises(CyfsError) as caught:
        await outside.link(ObjectTarget(file_id))
    assert caught.value.context["status"] == 409


async def test_the_number_of_objects_that_one_share_opens_is_bounded(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "OBJECTS_MAX", 3)
    dir_id = await put_dir(outside.node, {str(number): bytes([number]) for number in range(3)})
    with pytest.raises(CyfsError):
        await outside.door.shares.create(NewShare(Audience.FRIENDS, ObjectTarget(dir_id)))
    assert await outside.door.shares.shares() == []


# -- archives ---------------------------------------------------------------------------------------------------------


async def unpacked(outside: Outside, target: str) -> dict[str, bytes]:
    reply = await outside.ask("GET", target)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.body)) as opened:
        assert opened.testzip() is None
        return {info.filename: opened.read(info) for info in opened.infolist()}


async def test_a_folder_as_one_archive(outside: Outside) -> None:
    large, data = await put_large(outside)
    inner = await put_dir(outside.node, {"deep/x.txt": b"deep"})
    files = {"a.txt": b"1", "sub/ü.txt": b"2", "empty": b""}
    entries = {path: DirEntry(await put_file(outside.node, text)) for path, text in files.items()}
    entries |= {"large.bin": DirEntry(large), "inner": DirEntry(inner), "../up": DirEntry(large)}
    made = make_dir(OWNER, DirList(entries), update_time=NOW)
    await outside.node.put_raw(made.raw)
    path = await outside.link_to(made.object_id, label="Ü")
    assert await unpacked(outside, f"{path}?zip") == {**files, "large.bin": data, "inner/deep/x.txt": b"deep"}
    assert await unpacked(outside, f"{path}/sub/?zip") == {"ü.txt": b"2"}
    head = await outside.ask("HEAD", f"{path}?zip")
    assert "filename*=UTF-8''%C3%9C.zip" in head.headers["content-disposition"]


async def test_what_is_not_here_is_named_in_the_archive(outside: Outside) -> None:
    kept = await put_file(outside.node, b"kept")
    lost = await put_file(outside.node, b"lost")
    made = make_dir(OWNER, DirList({"kept": DirEntry(kept), "lost.txt": DirEntry(lost)}), update_time=NOW)
    await outside.node.put_raw(made.raw)
    path = await outside.link_to(made.object_id)
    await outside.node.store.chunks.delete(ChunkId.of_data(b"lost"))
    found = await unpacked(outside, f"{path}?zip")
    assert set(found) == {"kept", "_not here.txt"}
    assert b"lost.txt" in found["_not here.txt"]
    assert (await outside.ask("GET", f"{path}/lost.txt")).status == 404


async def test_an_archive_of_too_many_files_is_refused(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FILES_MAX", 2)
    path = await outside.link_to(await put_dir(outside.node, {str(number): b"x" for number in range(3)}))
    reply = await outside.ask("GET", f"{path}?zip", PAGE)
    assert reply.status == 413
    check_page(reply)
