"""Copies, heads, resumed downloads and saving, on a whole node (http-front §7)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange, make_dir
from tests.node import DEC, DEC2, NOW, PEOPLE, Node, Reply, id_of
from tests.unit.core.placing import install, link, put_dir, put_file

DATA = b"0123456789"
CHROME = "Mozilla/5.0 (X11) Chrome/120"
OPENED = {"user-agent": CHROME, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none"}
IMMUTABLE, NO_CACHE = "private, max-age=31536000, immutable", "private, no-cache"
APP = ObjectId.from_text(DEC)
APP_HOST = f"a.{APP.base36}.localhost:1318"


async def ask(node: Node, target: str, method: str = "GET", dec: str | None = DEC, **lines: str) -> Reply:
    named = {} if dec is None else {"cyfs-dec-id": dec}
    return await node.send(method, target, {**named, **{key.replace("_", "-"): value for key, value in lines.items()}})


async def test_programs_that_ask_for_none_of_it_get_the_plain_reply(node: Node) -> None:
    file_id = await put_file(node, DATA)
    for target in (f"/o/{file_id}", f"/ndn/?cyfs-object-id={file_id}&cyfs-dec-id={DEC}"):
        reply = await ask(node, target)
        assert not {"etag", "cache-control", "accept-ranges"} & reply.headers.keys()


@pytest.mark.parametrize("address", ["/o/{}", "/{}", "/ndn/?cyfs-object-id={}&cyfs-dec-id=" + DEC])
async def test_data_by_its_id_is_asked_for_once(node: Node, address: str) -> None:
    """A tag with the first reply, a 304 for it, an address that caches need not ask about again."""
    file_id = await put_file(node, DATA)
    target = address.format(file_id)
    first = await ask(node, target, if_none_match='"other"')
    assert (first.status, first.body, first.headers["etag"]) == (200, DATA, f'"{file_id}"')
    assert (first.headers["cache-control"], first.headers["accept-ranges"]) == (IMMUTABLE, "bytes")
    again = await ask(node, target, if_none_match=first.headers["etag"], range="bytes=0-3")
    assert (again.status, again.body) == (304, b"")
    assert (again.headers["etag"], again.headers["cache-control"]) == (first.headers["etag"], IMMUTABLE)
    chunk = ChunkId.of_data(DATA)
    assert (await ask(node, address.format(chunk), if_none_match=f'W/"{chunk}"')).status == 304


async def test_who_may_not_read_is_not_told_that_nothing_changed(node: Node) -> None:
    file_id = await put_file(node, DATA)
    await node.put_raw((await node.get(file_id)).body, access="0")
    assert (await ask(node, f"/o/{file_id}", dec=DEC2, if_none_match="*")).status == 403
    assert (await ask(node, f"/o/{file_id}", "HEAD", dec=DEC2)).status == 403
    assert (await ask(node, f"/o/{ChunkId.of_data(b'not here')}", if_none_match="*")).status == 404


async def test_a_head_tells_what_a_get_would(node: Node) -> None:
    file_id = await put_file(node, DATA)
    for target in (f"/o/{file_id}", f"/{file_id}", f"/ndn?cyfs-object-id={file_id}&cyfs-dec-id={DEC}"):
        head = await ask(node, target, "HEAD")
        got = await ask(node, target, if_none_match='""')
        for headers in (head.headers, got.headers):
            headers.pop("cyfs-task-group")
        assert (head.status, head.headers, len(head.body)) == (200, got.headers, len(DATA))
    part = await ask(node, f"/o/{file_id}", "HEAD", range="bytes=2-3")
    assert (part.status, part.headers["content-range"], part.headers["etag"]) == (
        206,
        "bytes 2-3/10",
        f'"{file_id}"',
    )
    assert (await ask(node, f"/o/{file_id}", "HEAD", range="bytes=99-")).status == 416
    await node.put("text_v1")
    assert (await ask(node, f"/o/{id_of('text_v1')}", "HEAD")).status == 200


@pytest.mark.parametrize("target", ["/non/", "/util/device", "/root-state/x", "/nothing", "/o"])
async def test_calls_have_no_head(node: Node, target: str) -> None:
    assert (await ask(node, target, "HEAD")).code == 4


async def test_a_call_for_data_has_no_head(node: Node) -> None:
    file_id = await put_file(node, DATA)
    call = {"cyfs-dec-id": DEC, "cyfs-ndn-action": "get-data", "cyfs-object-id": str(file_id)}
    assert (await node.send("HEAD", "/ndn/", call)).code == 4
    reply = await node.send("GET", "/ndn/", {**call, "if-none-match": "*"})
    assert (reply.status, "etag" in reply.headers) == (200, False)


async def test_a_page_of_another_site_gets_no_head_for_a_dec_that_it_names(node: Node) -> None:
    """The query counts for who asks, as it does for a GET."""
    file_id = await put_file(node, DATA)
    lines = {"origin": f"http://a.{ObjectId.from_text(DEC2).base36}.localhost:1318", "user_agent": CHROME}
    for method in ("GET", "HEAD"):
        assert (await ask(node, f"/o/{file_id}?dec_id={DEC}", method, dec=None, **lines)).status == 403


async def test_a_download_goes_on_only_with_the_same_data(node: Node) -> None:
    file_id = await put_file(node, DATA)
    for target in (f"/o/{file_id}", f"/ndn/?cyfs-object-id={file_id}&cyfs-dec-id={DEC}"):
        rest = await ask(node, target, range="bytes=6-", if_range=f'"{file_id}"')
        assert (rest.status, rest.body, rest.headers["etag"]) == (206, b"6789", f'"{file_id}"')
        for other in ('"other"', f'W/"{file_id}"', "Wed, 21 Oct 2026 07:28:00 GMT"):
            whole = await ask(node, target, range="bytes=6-", if_range=other)
            assert (whole.status, whole.body) == (200, DATA)
        assert (await ask(node, target, range="bytes=99-", if_range='"other"')).body == DATA


async def test_several_ranges_are_those_of_the_reference(node: Node) -> None:
    file_id = await put_file(node, DATA)
    reply = await ask(node, f"/o/{file_id}", range="bytes=0-1,4-5", if_range=f'"{file_id}"')
    assert (reply.status, reply.body, reply.headers["content-range"]) == (206, b"0145", "bytes 0-1/10")


async def test_parts_of_one_chunk_are_told_apart(node: Node) -> None:
    await put_file(node, DATA)
    chunk = ChunkId.of_data(DATA)
    entries = {"a": DirEntry(DirRange(0, 4)), "b": DirEntry(DirRange(4, 8))}
    folder = make_dir(ObjectId.from_text(PEOPLE), DirList(entries, chunk), update_time=NOW)
    await node.put_raw(folder.raw)
    replies = [
        await ask(
            node,
            f"/ndn/?cyfs-object-id={folder.object_id}&cyfs-inner-path=/{name}&cyfs-dec-id={DEC}",
            if_none_match='""',
        )
        for name in "ab"
    ]
    assert [reply.body for reply in replies] == [b"0123", b"4567"]
    assert [reply.headers["etag"] for reply in replies] == [f'"{chunk}:0-4"', f'"{chunk}:4-8"']


async def test_what_a_path_of_state_leads_to_is_asked_for_each_time(node: Node) -> None:
    first, second = await put_file(node, DATA), await put_file(node, b"another")
    await link(node, "/docs/f", str(first))
    reply = await ask(node, f"/r/{DEC}/docs/f", "HEAD")
    assert (reply.headers["etag"], reply.headers["cache-control"]) == (f'"{first}"', NO_CACHE)
    held = await ask(node, f"/r/{DEC}/docs/f", if_none_match=reply.headers["etag"])
    assert (held.status, "cyfs-root" in held.headers) == (304, True)
    await link(node, "/docs/f", str(second))
    assert (await ask(node, f"/r/{DEC}/docs/f", if_none_match=reply.headers["etag"])).body == b"another"


async def test_browsers_keep_pages_and_ask_whether_the_app_was_updated(node: Node) -> None:
    folder = await install(node, {"/index.html": b"<!doctype html>"})
    page = await node.send("GET", "/", {**OPENED, "host": APP_HOST})
    assert (page.status, page.headers["cache-control"]) == (200, NO_CACHE)
    held = await node.send("GET", "/", {**OPENED, "host": APP_HOST, "if-none-match": page.headers["etag"]})
    assert (held.status, held.headers["content-security-policy"]) == (304, page.headers["content-security-policy"])
    by_id = await node.send("GET", f"/{folder}/index.html", {**OPENED, "host": APP_HOST})
    assert by_id.headers["cache-control"] == IMMUTABLE
    assert (await node.send("HEAD", "/index.html", {**OPENED, "host": APP_HOST})).status == 200


async def test_for_another_site_it_is_asked_again(node: Node) -> None:
    file_id = await put_file(node, DATA)
    host = {"host": APP_HOST, "user-agent": CHROME, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
    same = await node.send("GET", f"/o/{file_id}", {**host, "sec-fetch-site": "same-origin"})
    assert same.headers["cache-control"] == IMMUTABLE
    other = await node.send("GET", f"/o/{file_id}", {**OPENED, "host": APP_HOST, "sec-fetch-site": "cross-site"})
    assert other.headers["cache-control"] == NO_CACHE
    call = await node.send("GET", f"/o/{file_id}?mode=object", {**host, "sec-fetch-site": "same-origin"})
    assert call.headers["cache-control"] == "no-store"


async def test_saving_under_a_name(node: Node) -> None:
    file_id = await put_file(node, DATA)
    folder = await put_dir(node, {"/a/b.txt": DATA})
    named = {
        f"/o/{folder}/a/b.txt?download": 'attachment; filename="b.txt"',
        f"/o/{file_id}?download=x.bin": 'attachment; filename="x.bin"',
        f"/ndn/?cyfs-object-id={file_id}&cyfs-dec-id={DEC}&download": f'attachment; filename="{file_id}"',
        f"/ndn/?cyfs-object-id={file_id}&cyfs-dec-id={DEC}&download=y": 'attachment; filename="y"',
    }
    for target, value in named.items():
        assert (await ask(node, target)).headers["content-disposition"] == value
    assert "content-disposition" not in (await ask(node, f"/o/{file_id}?download", if_none_match="*")).headers
