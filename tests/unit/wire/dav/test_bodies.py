"""Bodies of PROPFIND, PROPPATCH and LOCK, and the replies in XML."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.dav.bodies import (
    NAMES_MAX,
    LockInfo,
    PropChange,
    PropFind,
    Wanted,
    parse_lockinfo,
    parse_propfind,
    parse_proppatch,
)
from cyfs_edge.wire.dav.errors import dav_error
from cyfs_edge.wire.dav.multistatus import error_to_reply, multistatus, propstat, response
from cyfs_edge.wire.dav.xml import parse_xml


def dav(text: str) -> bytes:
    return text.replace(">", ' xmlns="DAV:">', 1).encode()


def test_propfind() -> None:
    assert parse_propfind(b"") == PropFind(Wanted.ALL)
    assert parse_propfind(dav("<propfind><propname/></propfind>")) == PropFind(Wanted.NAMES)
    some = parse_propfind(dav('<propfind><prop><getetag/><x xmlns="u:"/><getetag/></prop></propfind>'))
    assert some == PropFind(Wanted.SOME, (("DAV:", "getetag"), ("u:", "x")))
    more = parse_propfind(dav("<propfind><allprop/><include><quota-used-bytes/></include></propfind>"))
    assert more == PropFind(Wanted.ALL, (("DAV:", "quota-used-bytes"),))


def test_proppatch() -> None:
    changes = parse_proppatch(
        dav(
            '<propertyupdate><set><prop><a xmlns="u:">1</a></prop></set>'
            "<remove><prop><b/></prop></remove></propertyupdate>"
        )
    )
    assert changes == (
        PropChange(("u:", "a"), '<p:a xmlns:p="u:">1</p:a>'),
        PropChange(("DAV:", "b"), None),
    )


def test_lockinfo() -> None:
    text = "<lockinfo><lockscope><%s/></lockscope><locktype><write/></locktype>%s</lockinfo>"
    assert parse_lockinfo(dav(text % ("shared", ""))) == LockInfo(False, "")
    owned = parse_lockinfo(dav(text % ("exclusive", "<owner><href>me</href></owner>")))
    assert owned == LockInfo(True, "<D:owner><D:href>me</D:href></D:owner>")


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_propfind, "<propfind/>"),
        (parse_propfind, "<propfind><prop/><allprop/></propfind>"),
        (parse_propfind, "<lockinfo></lockinfo>"),
        (parse_propfind, f"<propfind><prop>{''.join(f'<a{n}/>' for n in range(NAMES_MAX + 1))}</prop></propfind>"),
        (parse_proppatch, "<propertyupdate></propertyupdate>"),
        (parse_proppatch, "<propertyupdate><set></set></propertyupdate>"),
        (parse_proppatch, f"<propertyupdate><set><prop>{'<a/>' * (NAMES_MAX + 1)}</prop></set></propertyupdate>"),
        (parse_lockinfo, "<lockinfo></lockinfo>"),
        (parse_lockinfo, "<lockinfo><lockscope/><locktype><write/></locktype></lockinfo>"),
        (
            parse_lockinfo,
            "<lockinfo><lockscope><shared/><exclusive/></lockscope><locktype><write/></locktype></lockinfo>",
        ),
        (parse_lockinfo, "<lockinfo><lockscope><shared/></lockscope><locktype><read/></locktype></lockinfo>"),
    ],
)
def test_bodies_that_are_none(read: object, text: str) -> None:
    with pytest.raises(CyfsError) as caught:
        read(dav(text))
    assert caught.value.context["status"] == 400


def test_a_multistatus_can_be_read() -> None:
    reply = multistatus([response("/dav/a&b", [propstat(200, ["<D:x/>"]), propstat(404, [])]), response("/dav/c", [])])
    assert isinstance(reply.body, bytes)
    first, second = parse_xml(reply.body).children
    assert first.child("href").content == ["/dav/a&b"]
    assert [child.name[1] for child in first.children] == ["href", "propstat"]
    assert second.child("propstat").child("status").content == ["HTTP/1.1 200 OK"]


def test_errors_name_their_condition_and_places() -> None:
    reply = error_to_reply(
        dav_error(423, "locked", condition="lock-token-submitted", paths=[("a<b",)], code=ErrorCode.WOULD_BLOCK), "/dav"
    )
    assert reply.status == 423
    assert isinstance(reply.body, bytes)
    condition = parse_xml(reply.body).child("lock-token-submitted")
    assert condition is not None
    assert condition.child("href").content == ["/dav/a%3Cb"]


def test_errors_without_a_condition_are_those_of_the_protocol() -> None:
    reply = error_to_reply(CyfsError(ErrorCode.OUT_OF_LIMIT, "full"), "/dav")
    assert (reply.status, reply.body) == (507, b'{"code":"10","msg":"full"}')
    busy = error_to_reply(CyfsError(ErrorCode.OUT_OF_SESSION_LIMIT, "busy"), "/dav")
    assert (busy.status, ("retry-after", "5") in busy.headers) == (503, True)
    assert error_to_reply(CyfsError(ErrorCode.UNKNOWN, "what"), "/dav").status == 500
