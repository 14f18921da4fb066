"""Reading front addresses and their parameters (http-front §1, §2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.front import FrontFormat, FrontMode, FrontPath, View, as_id, parse_items, parse_path, parse_query
from tests.node import DEC, PEOPLE

APP = ObjectId.from_text(DEC)


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("/o/x/y", FrontPath(View.OBJECT, None, ("x", "y"))),
        ("/r//x//y/", FrontPath(View.ROOT_STATE, None, ("x", "y"))),
        ("/l/a%2Fb", FrontPath(View.LOCAL_CACHE, None, ("a", "b"))),
        ("/a/x/%C3%BC", FrontPath(View.APP, None, ("x", "ü"))),
        (f"/a.{DEC}/x", FrontPath(View.APP, APP, ("x",))),
        (f"/l.{APP.base36}/x", FrontPath(View.LOCAL_CACHE, APP, ("x",))),
        ("/o.system/x", FrontPath(View.OBJECT, SYSTEM_DEC_ID, ("x",))),
        (f"/{PEOPLE}", FrontPath(View.OBJECT, None, (PEOPLE,))),
        ("/some-name/x", FrontPath(View.OBJECT, None, ("some-name", "x"))),
        ("/order/x", FrontPath(View.OBJECT, None, ("order", "x"))),
    ],
)
def test_paths(path: str, parsed: FrontPath) -> None:
    assert parse_path(path) == parsed


def test_items_of_a_first_segment() -> None:
    assert parse_items(f"name,{PEOPLE},") == ["name", ObjectId.from_text(PEOPLE)]
    assert as_id("0" * 43) is None
    assert as_id(PEOPLE) == ObjectId.from_text(PEOPLE)


def test_query() -> None:
    query = parse_query(
        [("mode", "data"), ("format", "json"), ("x", "1"), ("flags", "+4"), ("y", "a b"), ("page_size", "7")]
    )
    assert (query.mode, query.format, query.flags, query.page_size) == (FrontMode.DATA, FrontFormat.JSON, 4, 7)
    assert query.with_others("/p") == "/p?x=1&y=a+b"
    odd = parse_query([("mode", "eat"), ("format", "xml"), ("action", "eat")])
    assert (odd.mode, odd.format, odd.list, odd.others) == (FrontMode.DEFAULT, FrontFormat.RAW, False, ())


@pytest.mark.parametrize("value", ["x", "-1", "", "4294967296", "9" * 30, "²"])
def test_numbers_that_are_none(value: str) -> None:
    with pytest.raises(CyfsError) as caught:
        parse_query([("flags", value)])
    assert caught.value.code == ErrorCode.INVALID_PARAM


@given(st.text(st.characters(max_codepoint=127), max_size=120))
def test_any_path_is_read_or_refused(text: str) -> None:
    try:
        parsed = parse_path("/x" + text)
    except CyfsError:
        return
    assert all(parsed.segments)
