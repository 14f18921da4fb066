"""Range headers: the grammar of http-api §7.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.wire.data_range import parse_range


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("bytes=0-4", ((0, 5),)),
        ("bytes= 0-4", ((0, 5),)),
        ("0-4", ((0, 5),)),
        ("bytes=10-", ((10, 16),)),
        ("bytes=-4", ((12, 16),)),
        ("bytes=-100", ((0, 16),)),
        ("bytes=0-1,4-5", ((0, 2), (4, 6))),
        ("bytes=0-1,100-200", ((0, 2),)),
        ("bytes=16-20", ()),
        ("bytes=-0", ()),
        ("bytes=5-2", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=1", None),
        ("bytes=" + "0-1," * 1000 + "0-1", None),
    ],
)
def test_grammar(text: str, ranges: tuple[tuple[int, int], ...] | None) -> None:
    parsed = parse_range(text, 16)
    assert parsed is not None
    assert parsed.ranges == ranges


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_range(text: str | None) -> None:
    assert parse_range(text, 16) is None


@given(st.text(max_size=60), st.integers(0, 2**63))
def test_any_text_gives_ranges_inside_the_data(text: str, total: int) -> None:
    """Whatever comes in, no range leaves the data."""
    for line in (text, "bytes=" + text):
        parsed = parse_range(line, total)
        if parsed is not None:
            assert all(0 <= start < end <= total for start, end in parsed.ranges or ())
            parsed.json_text()


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8), st.integers(1, 120))
def test_valid_lists_are_clamped(pairs: list[tuple[int, int]], total: int) -> None:
    spans = [(min(pair), max(pair)) for pair in pairs]
    parsed = parse_range("bytes=" + ",".join(f"{start}-{end}" for start, end in spans), total)
    assert parsed is not None
    expected = [(start, min(end + 1, total)) for start, end in spans if start < total]
    assert list(parsed.ranges or ()) == expected
