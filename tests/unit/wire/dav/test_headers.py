"""Headers of WebDAV: what they mean, and that anything else is a 400."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.wire.dav import headers
from cyfs_edge.wire.dav.headers import CONDITIONS_MAX, Condition, Depth, StateList, Tags
from cyfs_edge.wire.http_reply import http_date


def refused(read: object, *arguments: object) -> None:
    with pytest.raises(CyfsError) as caught:
        read(*arguments)
    assert caught.value.context["status"] == 400


def test_depth() -> None:
    assert headers.parse_depth(None) is None
    assert [headers.parse_depth(text) for text in ("0", "1", " Infinity ")] == [*Depth]
    for text in ("", "2", "-1", "00", "infinite", "1" * 10_000):
        refused(headers.parse_depth, text)


def test_overwrite() -> None:
    assert [headers.parse_overwrite(text) for text in (None, "T", "t", "F")] == [True, True, True, False]
    for text in ("", "true", "TF"):
        refused(headers.parse_overwrite, text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 600),
        ("Second-60", 60),
        ("Infinite", 3600),
        ("Infinite, Second-4100000000", 3600),
        ("Second-4100000000", 3600),
        ("Second-0", 1),
        ("Extend-1, Second-5", 5),
        ("Second-99999999999999999999", 600),
        ("Second-²", 600),
        ("nonsense", 600),
    ],
)
def test_timeout(text: str | None, seconds: int) -> None:
    assert headers.parse_timeout(text, 600, 3600) == seconds


def test_lock_token() -> None:
    assert headers.parse_lock_token(" <urn:uuid:1> ") == "urn:uuid:1"
    for text in (None, "", "urn:uuid:1", "<>", "<a b>", "<a><b>"):
        refused(headers.parse_lock_token, text)


def test_tags() -> None:
    assert headers.parse_tags([]) is None
    assert headers.parse_tags([" * "]) == Tags(True)
    assert headers.parse_tags(['"a", W/"b"', '"c"']) == Tags(False, frozenset("ac"), frozenset("b"))
    tags = Tags(False, frozenset("a"), frozenset("b"))
    assert [tags.has(tag, weakly=True) for tag in ("a", "b", "c", None)] == [True, True, False, False]
    assert [tags.has(tag, weakly=False) for tag in ("a", "b")] == [True, False]
    assert Tags(True).has(None, weakly=False)
    for text in ("a", '"a" "b"', '"a', "*,*", '"a",x'):
        refused(headers.parse_tags, [text])
    refused(headers.parse_tags, [f'"a{number}"' for number in range(CONDITIONS_MAX + 1)])


@given(st.integers(0, 253_402_300_799))
def test_dates(seconds: int) -> None:
    assert headers.parse_http_date(http_date(seconds)) == seconds


@pytest.mark.parametrize("text", [None, "", "now", "Sun, 30 Feb 2026 00:00:00 GMT", "Sun, 22 Xxx 2026 04:13:15 GMT"])
def test_dates_that_are_none(text: str | None) -> None:
    assert headers.parse_http_date(text) is None


TOKEN, OTHER = Condition(False, "urn:x"), Condition(False, "urn:y")
TAG = Condition(False, None, "tag")


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        (None, ()),
        ("(<urn:x>)", (StateList(None, (TOKEN,)),)),
        ('(<urn:x> ["tag"])', (StateList(None, (TOKEN, TAG)),)),
        ('(<urn:x>["tag"])(<urn:y>)', (StateList(None, (TOKEN, TAG)), StateList(None, (OTHER,)))),
        ("(Not <urn:x>)", (StateList(None, (Condition(True, "urn:x"),)),)),
        ('(not ["tag"] <urn:x>)', (StateList(None, (Condition(True, None, "tag"), TOKEN)),)),
        ('([W/"tag"])', (StateList(None, (Condition(False, None, ""),)),)),
        (
            "<http://b/dav/a> (<urn:x>) (<urn:y>) </dav/c>(<urn:x>)",
            (
                StateList("http://b/dav/a", (TOKEN,)),
                StateList("http://b/dav/a", (OTHER,)),
                StateList("/dav/c", (TOKEN,)),
            ),
        ),
    ],
)
def test_if(text: str | None, lists: tuple[StateList, ...]) -> None:
    assert headers.parse_if(text) == lists


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "(",
        ")",
        "(<urn:x>",
        "<urn:x>",
        "(<urn:x>) <urn:y>",
        "(<urn:x>) <urn:y> (<urn:x>)",
        "<a> <b> (<urn:x>)",
        "(Not)",
        "(Not Not <urn:x>)",
        "(Notx <urn:x>)",
        "(urn:x)",
        "[tag]",
        "([tag])",
        '(["tag)',
        "((<urn:x>))",
        "(<urn:x>) x",
        "(<urn:x> Not)",
        "(" * 60_000,
        "(<a>)" * (CONDITIONS_MAX + 1),
    ],
    ids=lambda text: text[:20],
)
def test_if_headers_that_are_none(text: str) -> None:
    refused(headers.parse_if, text)
