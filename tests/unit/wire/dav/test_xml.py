"""XML bodies: read whatever a client may mean, refuse what could do harm, write what can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.dav.xml import DEPTH_MAX, ELEMENTS_MAX, XML_MAX, Element, parse_xml, write_xml

NAMES = st.sampled_from(("prop", "a", "x-1", "é"))
SPACES = st.sampled_from(("DAV:", "", "http://x/?a&b", 'urn:"<>'))
# What XML 1.0 can hold, the line ends that it changes on reading included.
TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff")) | (
    st.sampled_from(("\r\n", "\t", "\n", "]]>", "&amp;"))
)


def in_document(text: str) -> bytes:
    """A piece is written for documents that declare ``D``."""
    return f'<D:r xmlns:D="DAV:">{text}</D:r>'.encode()


def merged(content: list[Element | str]) -> list[Element | str]:
    """Neighbouring texts are one when they are read."""
    found: list[Element | str] = []
    for item in content:
        if isinstance(item, str) and found and isinstance(found[-1], str):
            found[-1] += item
        elif item != "":
            found.append(item)
    return found


ELEMENTS = st.recursive(
    st.builds(
        lambda space, name, attributes, text: Element((space, name), attributes, merged([text])),
        SPACES,
        NAMES,
        st.dictionaries(st.tuples(SPACES, NAMES), TEXTS, max_size=3),
        TEXTS,
    ),
    lambda inner: st.builds(
        lambda space, name, content: Element((space, name), {}, merged(content)),
        SPACES,
        NAMES,
        st.lists(inner | TEXTS, max_size=4),
    ),
    max_leaves=10,
)


@given(ELEMENTS)
def test_what_is_written_is_read(element: Element) -> None:
    assert list(parse_xml(in_document(write_xml(element))).content) == [element]


def test_the_language_goes_along() -> None:
    root = parse_xml(b'<a xml:lang="de"><b><c xml:lang="fr"/></b></a>')
    (b,) = root.children
    (c,) = b.children
    assert (root.lang, b.lang, c.lang) == ("de", "de", "fr")
    assert write_xml(b) == '<b xml:lang="de"><c xml:lang="fr"/></b>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "us-ascii", "cp1252"])
def test_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>x</a>'
    assert parse_xml(text.encode(encoding)).content == ["x"]


BOMB = b"".join(
    [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x0 "ha">',
        *(b'<!ENTITY x%d "%b">' % (n, b"&x%d;" % (n - 1) * 10) for n in range(1, 12)),
        b"]><a>&x11;</a>",
    ]
)

BAD = {
    "bomb": BOMB,
    "entity of a file": b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    "document type": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>',
    "parameter entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]><a/>',
    "unknown entity": b"<a>&e;</a>",
    "deep": b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1),
    "very deep": b"<a>" * 50_000,
    "wide": b"<a>" + b"<b/>" * ELEMENTS_MAX + b"</a>",
    "many attributes": b"<a " + b" ".join(b'x%d=""' % n for n in range(ELEMENTS_MAX)) + b"/>",
    "empty": b"",
    "text": b"hello",
    "cut": b"<a><b>",
    "two roots": b"<a/><b/>",
    "crossed": b"<a><b></a></b>",
    "undeclared prefix": b"<x:a/>",
    "undeclared again": b'<x:a xmlns:x=""/>',
    "no UTF-8": b"<a>\xff</a>",
    "control": b"<a>\x01</a>",
    "unknown encoding": b'<?xml version="1.0" encoding="martian"?><a/>',
    "wide encoding": b'<?xml version="1.0" encoding="utf-7"?><a/>',
    "UTF-32": "<a/>".encode("utf-32"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(CodecError) as caught:
        parse_xml(BAD[name])
    assert caught.value.context["status"] == 400


def test_the_size_is_limited() -> None:
    assert parse_xml(b"<a>" + b" " * (XML_MAX - 7) + b"</a>").name == ("", "a")
    with pytest.raises(CodecError) as caught:
        parse_xml(b"<a>" + b" " * (XML_MAX - 6) + b"</a>")
    assert caught.value.context["status"] == 413


def test_the_limits_are_where_they_are_said_to_be() -> None:
    parse_xml(b"<a>" * DEPTH_MAX + b"</a>" * DEPTH_MAX)
    parse_xml(b"<a>" + b"<b/>" * (ELEMENTS_MAX - 1) + b"</a>")
