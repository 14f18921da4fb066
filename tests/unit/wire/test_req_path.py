"""Global-state request paths (access-and-zone §3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.req_path import ReqPath

DEC = "9tGpLNnMXCHncJ4osqjVTr5MWZZVZduWDczRsQQGRFot"


@pytest.mark.parametrize(
    ("text", "category", "root", "dec", "path", "query"),
    [
        ("/a/b", "root-state", None, None, "/a/b/", None),
        ("", "root-state", None, None, "/", None),
        ("//a//b//", "root-state", None, None, "/a/b/", None),
        ("/local-cache/x", "local-cache", None, None, "/x/", None),
        ("/root-state/current/x", "root-state", None, None, "/x/", None),
        (f"/{DEC}/x", "root-state", None, DEC, "/x/", None),
        (f"/root-state/root:{DEC}/{DEC}/x?q=1", "root-state", ("root", DEC), DEC, "/x/", "q=1"),
        (f"dec-root:{DEC}/x", "root-state", ("dec-root", DEC), None, "/x/", None),
        ("/a?b?c", "root-state", None, None, "/a?b/", "c"),
    ],
)
def test_parts(
    text: str, category: str, root: tuple[str, str] | None, dec: str | None, path: str, query: str | None
) -> None:
    parsed = ReqPath.parse(text)
    expected_root = (root[0], ObjectId.from_text(root[1])) if root else None
    assert (parsed.category, parsed.root, parsed.path, parsed.query) == (category, expected_root, path, query)
    assert parsed.dec == (ObjectId.from_text(dec) if dec else None)


@pytest.mark.parametrize("text", ["/" + "z" * 44, "/root:xyz/a"])
def test_a_segment_in_the_place_of_an_id_must_be_one(text: str) -> None:
    with pytest.raises(CyfsError) as caught:
        ReqPath.parse(text)
    assert caught.value.code == ErrorCode.INVALID_FORMAT


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        parsed = ReqPath.parse(text)
    except CyfsError:
        return
    assert parsed.path.startswith("/")
    assert parsed.path.endswith("/")
