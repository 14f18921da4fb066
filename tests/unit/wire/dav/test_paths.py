"""Addresses: every name has one, and none leads out of the tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.wire.dav.paths import href_of, parse_path, parse_reference

NAMES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


@given(st.lists(NAMES, max_size=5).map(tuple), st.booleans())
def test_an_address_names_what_it_was_made_of(path: tuple[str, ...], is_folder: bool) -> None:
    href = href_of("/dav", path, is_folder)
    assert href.isascii()
    assert parse_path(href, "/dav") == path
    assert parse_reference(f"https://box.local:443{href}", "box.local", "/dav") == path
    assert href.endswith("/") or not is_folder


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/dav", ()),
        ("/dav/", ()),
        ("/dav/a/b", ("a", "b")),
        ("/dav//a///b//", ("a", "b")),
        ("/dav/a%20b?x=1", ("a b",)),
        ("/dav/%E2%82%AC", ("€",)),
        ("/dav/%61", ("a",)),
        ("/dav/a%3Fb%23", ("a?b#",)),
        ("/dav/%252e", ("%2e",)),
        ("/dav/...", ("...",)),
    ],
)
def test_targets(target: str, path: tuple[str, ...]) -> None:
    assert parse_path(target, "/dav") == path


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/dav/../x", 400),
        ("/dav/a/..", 400),
        ("/dav/%2e%2e/x", 400),
        ("/dav/%2E./x", 400),
        ("/dav/.", 400),
        ("/dav/a%2Fb", 400),
        ("/dav/..%2f..%2fetc%2fpasswd", 400),
        ("/dav/a%00", 400),
        ("/dav/%", 400),
        ("/dav/%4", 400),
        ("/dav/%zz", 400),
        ("/dav/%ff", 400),
        ("/dav/%ed%a0%80", 400),
        ("/dav/%c0%ae%c0%ae", 400),
        ("/davx/a", 404),
        ("/", 404),
        ("*", 404),
    ],
)
def test_targets_that_are_none(target: str, status: int) -> None:
    with pytest.raises(CyfsError) as caught:
        parse_path(target, "/dav")
    assert caught.value.context["status"] == status


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("http://box/dav/a", "box", ("a",)),
        ("HTTPS://Box:443/dav/a", "box", ("a",)),
        ("http://user@box:80/dav/a/", "BOX", ("a",)),
        ("http://[::1]:8080/dav/a", "[::1]:8080", ("a",)),
        ("/dav/a?x", "box", ("a",)),
        ("http://other/dav/a", "box", None),
        ("http://box:8080/dav/a", "box", None),
        ("http://box/else/a", "box", None),
        ("http://box", "box", None),
        ("/davout/a", "box", None),
        ("http://box/dav/../../etc", "box", 400),
        ("http://box/dav/%2e%2e", "box", 400),
        ("dav/a", "box", 400),
        ("//box/dav/a", "box", None),
        ("", "box", 400),
    ],
)
def test_destinations(text: str, host: str, path: tuple[str, ...] | int | None) -> None:
    if isinstance(path, int):
        with pytest.raises(CyfsError) as caught:
            parse_reference(text, host, "/dav")
        assert caught.value.context["status"] == path
    else:
        assert parse_reference(text, host, "/dav") == path
