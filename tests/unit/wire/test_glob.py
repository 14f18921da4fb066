"""Globs of filters: what crosses a slash and what does not, and that no pattern is slow (websocket.md §6.4)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.glob import PATTERN_MAX, VALUE_MAX, Glob


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("/demo/**", "/demo/a/b", True),
        ("/demo/**", "/demo", True),
        ("/demo/**", "/demos", False),
        ("/demo/*", "/demo/a", True),
        ("/demo/*", "/demo/a/b", False),
        ("/demo/?", "/demo/a", True),
        ("/demo?", "/demo/", False),
        ("/demo/", "/demo", True),
        ("/demo", "/demo/", False),
        ("**/x", "x", True),
        ("**/x", "/a/b/x", True),
        ("**/x", "ax", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/c/d/b", True),
        ("a/**/b", "a/cb", False),
        ("**", "a/b/c", True),
        ("a**b", "a/b", False),
        ("a**b", "axxb", True),
        ("***", "a", True),
        ("/DeMo/*", "/dEmO/A", True),
        ("[a-c]x", "bx", True),
        ("[a-c]x", "dx", False),
        ("[!a-c]x", "dx", True),
        ("[^a-c]x", "bx", False),
        ("[]]x", "]x", True),
        ("{one,two}/x", "two/x", True),
        ("{one,two}/x", "three/x", False),
        ("a{b,{c,d}}e", "ade", True),
        ("a{,b}", "a", True),
        ("{a,**}/x", "b/c/x", True),
        ("a,b", "a,b", True),
        (r"\*x", "*x", True),
        (r"\*x", "ax", False),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_what_fits(pattern: str, value: str, fits: bool) -> None:
    assert Glob(pattern).matches(value) is fits


@pytest.mark.parametrize("pattern", ["[a", "[z-a]", "{a", "a}", "a\\", "{" * 17 + "}" * 17, "a" * (PATTERN_MAX + 1)])
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(CyfsError) as caught:
        Glob(pattern)
    assert caught.value.code == ErrorCode.INVALID_FORMAT


def test_a_pattern_that_makes_others_backtrack_is_fast() -> None:
    """The longest pattern of stars on the longest value: every state for every letter, not every way through."""
    glob = Glob("*a" * (PATTERN_MAX // 2))
    began = time.perf_counter()
    assert not glob.matches("a" * (VALUE_MAX - 1) + "b")
    assert time.perf_counter() - began < 2


def test_a_value_beyond_the_limit_fits_nothing() -> None:
    assert not Glob("**").matches("a" * (VALUE_MAX + 1))


@given(st.text("ab/.-", max_size=30))
def test_a_text_without_special_letters_fits_itself(text: str) -> None:
    assert Glob(text).matches(text)
