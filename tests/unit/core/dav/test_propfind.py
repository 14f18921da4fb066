"""Properties: those that follow from files, those that clients leave, and folders of any size."""

from __future__ import annotations

import asyncio

import pytest

from cyfs_edge.core.dav import propfind as propfind_module
from cyfs_edge.core.dav.props import decode_dead
from cyfs_edge.core.files.tree import ATTRIBUTES_MAX
from cyfs_edge.wire.dav.xml import Element, parse_xml
from cyfs_edge.wire.message import BodyStream, Headers, HttpRequest, Peer
from tests.memory_server import MemoryBody
from tests.unit.core.dav.kit import Dav, parse_xml_any, text_of
from tests.unit.core.files.kit import at


def update(*, set_: str = "", remove: str = "") -> str:
    parts = [f"<set><prop>{set_}</prop></set>" * bool(set_), f"<remove><prop>{remove}</prop></remove>" * bool(remove)]
    return f'<propertyupdate xmlns="DAV:" xmlns:x="http://x/">{"".join(parts)}</propertyupdate>'


def statuses(element: Element) -> dict[str, str]:
    """Of each property named in the reply of a PROPPATCH."""
    (response,) = element.children
    found = {}
    for part in response.children:
        props = part.child("prop")
        if props is not None:
            found.update({prop.name[1]: text_of(part.child("status"))[9:12] for prop in props.children})
    return found


async def test_what_follows_from_a_file(dav: Dav) -> None:
    tag = (await dav.ask("PUT", "f.txt", b"hello", x_oc_mtime="1000000000")).header("etag")
    (found,) = (await dav.props("f.txt")).values()
    assert {name: text_of(value) for name, value in found.items() if name not in ("supportedlock",)} == {
        "creationdate": "2001-09-09T01:46:40Z",
        "getlastmodified": "Sun, 09 Sep 2001 01:46:40 GMT",
        "getcontentlength": "5",
        "getcontenttype": "text/plain; charset=utf-8",
        "getetag": tag,
        "resourcetype": "",
        "lockdiscovery": "",
    }
    assert len(list(found["supportedlock"].children)) == 2


async def test_a_folder_and_what_is_in_it(dav: Dav) -> None:
    await dav.ask("MKCOL", "d")
    await dav.ask("MKCOL", "d/e%20f")
    await dav.ask("PUT", "d/%26%3C.txt", b"x")
    found = await dav.props(
        "d", "resourcetype", "getcontentlength", "quota-available-bytes", "quota-used-bytes", depth="1"
    )
    assert set(found) == {"/dav/d/", "/dav/d/e%20f/", "/dav/d/%26%3C.txt"}
    assert [child.name[1] for child in found["/dav/d/"]["resourcetype"].children] == ["collection"]
    assert int(text_of(found["/dav/d/"]["quota-available-bytes"])) == dav.files.store.stat().free_space
    assert int(text_of(found["/dav/d/"]["quota-used-bytes"])) > 0
    assert set(found["/dav/d/%26%3C.txt"]) == {"resourcetype", "getcontentlength"}
    assert set(await dav.props("d", depth="0")) == {"/dav/d/"}
    assert set(await dav.props("d/%26%3C.txt", depth="1")) == {"/dav/d/%26%3C.txt"}


@pytest.mark.parametrize("depth", [None, "infinity"])
async def test_a_whole_tree_at_once_is_refused(dav: Dav, depth: str | None) -> None:
    reply = await dav.ask("PROPFIND", "", **({} if depth is None else {"depth": depth}))
    assert reply.status == 403
    assert parse_xml(reply.body).child("propfind-finite-depth") is not None


async def test_what_is_not_there_is_told(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"x")
    body = '<propfind xmlns="DAV:"><prop><getetag/><displayname/><x xmlns="u:"/></prop></propfind>'
    reply = await dav.ask("PROPFIND", "f", body, depth="0")
    assert statuses(parse_xml(reply.body)) == {"getetag": "200", "displayname": "404", "x": "404"}


async def test_what_clients_leave_with_a_file_stays_with_it(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"x")
    value = '<x:author xml:lang="de"><b>A &amp; B</b></x:author><x:empty/>'
    reply = await dav.ask("PROPPATCH", "f", update(set_=value))
    assert (reply.status, statuses(parse_xml(reply.body))) == (207, {"author": "200", "empty": "200"})
    await dav.ask("PUT", "f", b"other content")
    await dav.ask("MOVE", "f", destination="/dav/g")
    await dav.ask("COPY", "g", destination="/dav/h")
    for path in ("g", "h"):
        (found,) = (await dav.props(path)).values()
        assert text_of(next(iter(found["author"].children))) == "A & B"
        assert found["author"].lang == "de"
        assert found["empty"].content == []
    assert set(await dav.props("", depth="1")) == {"/dav/", "/dav/g", "/dav/h"}
    found = (await dav.props("", depth="1"))["/dav/g"]
    assert "author" in found
    names = await dav.ask("PROPFIND", "g", '<propfind xmlns="DAV:"><propname/></propfind>', depth="0")
    assert b"author" in names.body
    assert b"A &amp; B" not in names.body
    await dav.ask("PROPPATCH", "g", update(remove="<x:author/><x:empty/>"))
    assert await dav.files.tree.attributes(at("g")) is None
    assert await dav.files.tree.attributes(at("h")) is not None


async def test_changes_are_made_in_their_order(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"x")
    body = update(set_="<x:a>1</x:a><x:a>2</x:a>", remove="<x:b/>")
    await dav.ask("PROPPATCH", "f", body)
    (found,) = (await dav.props("f")).values()
    assert text_of(found["a"]) == "2"


async def test_all_changes_or_none(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"x")
    reply = await dav.ask("PROPPATCH", "f", update(set_="<getetag>x</getetag><x:a>1</x:a>"))
    assert statuses(parse_xml(reply.body)) == {"getetag": "403", "a": "424"}
    assert b"cannot-modify-protected-property" in reply.body
    assert await dav.files.tree.attributes(at("f")) is None
    too_much = update(set_=f"<x:a>{'x' * ATTRIBUTES_MAX}</x:a>")
    assert await dav.status("PROPPATCH", "f", too_much) == 507
    assert await dav.status("PROPPATCH", "no", update(set_="<x:a/>")) == 404
    assert await dav.files.tree.attributes(at("f")) is None


@pytest.mark.parametrize(
    "data", [None, b"", b"{}", b"[]", b"\xff", b'{"properties":[1]}', b'{"properties":[["a","b"]]}']
)
def test_damaged_properties_are_none(data: bytes | None) -> None:
    assert decode_dead(data) == {}


async def test_a_large_folder_is_told_in_pieces(dav: Dav, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propfind_module, "HELD_MAX", 10_000)
    await dav.ask("PUT", "f", b"x")
    for number in range(200):
        await dav.files.tree.copy(at("f"), (f"f{number}",), replace=False)
    await dav.ask("PROPPATCH", "f7", update(set_="<x:a>seven</x:a>"))
    request = HttpRequest("PROPFIND", "/dav/", Headers([("depth", "1")]), MemoryBody([]), Peer("x"))
    reply = await dav.api.handle(request, "/dav")
    assert isinstance(reply.body, BodyStream)
    # What is changed while it is told makes no difference to its length.
    await dav.files.tree.remove(at("f8"))
    await dav.ask("PROPPATCH", "f9", update(set_="<x:a>nine</x:a>"))
    await dav.lock("f10")
    data = b"".join([piece async for piece in reply.body.pieces])
    assert len(data) == reply.body.length
    assert len(list(parse_xml_any(data).children)) == 202
    assert b"seven" in data
    assert b"nine" not in data


async def test_others_are_served_while_a_large_folder_is_told(dav: Dav) -> None:
    await dav.ask("PUT", "f", b"x")
    for number in range(400):
        await dav.files.tree.copy(at("f"), (f"f{number}",), replace=False)
    telling = asyncio.ensure_future(dav.ask("PROPFIND", "", depth="1"))
    turns = 0
    while not telling.done():
        await asyncio.sleep(0)
        turns += 1
    assert telling.result().status == 207
    assert turns > 400 // 64
