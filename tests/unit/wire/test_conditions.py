"""Entity tags, conditions on them, and names for saving (http-front §7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.ids import ChunkId
from cyfs_edge.wire.conditions import NAME_MAX, attachment, data_tag, is_held, range_applies
from cyfs_edge.wire.message import Headers

CHUNK = ChunkId.of_data(b"x")
TAG = data_tag(CHUNK, None)


def test_a_part_has_a_tag_of_its_own() -> None:
    assert f'"{CHUNK}"' == TAG
    assert data_tag(CHUNK, (2, 9)) == f'"{CHUNK}:2-9"'


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        ([], False),
        ([TAG], True),
        ([f"W/{TAG}"], True),
        ([f'"other", {TAG}'], True),
        (['"other"', TAG, '"late"'], True),
        (["*"], True),
        ([" * "], True),
        (['"*"'], False),
        (['"other,"'], False),
        ([str(CHUNK)], False),
        ([TAG[:-1]], False),
        ([""], False),
    ],
)
def test_if_none_match(lines: list[str], held: bool) -> None:
    assert is_held(Headers(("if-none-match", line) for line in lines), TAG) is held


@pytest.mark.parametrize(
    ("text", "applies"),
    [
        (None, True),
        (TAG, True),
        (f"W/{TAG}", False),
        ('"other"', False),
        ("Wed, 21 Oct 2026 07:28:00 GMT", False),
        ("", False),
    ],
)
def test_if_range_takes_exactly_the_tag(text: str | None, applies: bool) -> None:
    assert range_applies(text, TAG) is applies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a b-1.txt", 'attachment; filename="a b-1.txt"'),
        ("ü/x.txt", "attachment; filename=\"__x.txt\"; filename*=UTF-8''%C3%BC%2Fx.txt"),
        ('a"\r\nb', "attachment; filename=\"a___b\"; filename*=UTF-8''a%22%0D%0Ab"),
    ],
)
def test_names_for_saving(name: str, value: str) -> None:
    assert attachment(name) == ("content-disposition", value)


@given(st.text())
def test_any_name_gives_one_header_line(name: str) -> None:
    value = attachment(name)[1]
    assert value.isascii()
    assert value.isprintable()
    assert len(value) < 60 + 13 * NAME_MAX
