"""Areas: text, raw form, ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.area import Area
from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from tests import strategies


@given(strategies.areas)
def test_areas_come_back_from_text_and_bytes(area: Area) -> None:
    writer = Writer()
    area.write(writer)
    assert len(writer.getvalue()) == 5
    assert Area.read(Reader(writer.getvalue())) == area
    assert Area.from_text(str(area)) == area


@given(st.binary(min_size=5, max_size=5))
def test_any_five_bytes_are_an_area(raw: bytes) -> None:
    area = Area.read(Reader(raw))
    writer = Writer()
    area.write(writer)
    assert Area.read(Reader(writer.getvalue())) == area


@pytest.mark.parametrize(
    "text",
    ["", "1:2:3", "1:2:3:4:5", "512:0:0:0", "0:16:0:0", "0:0:8192:0", "0:0:0:65536", "-1:0:0:0", "a:0:0:0", "1:2:3:"],
)
def test_texts_out_of_form_or_range_are_refused(text: str) -> None:
    with pytest.raises(CyfsError) as caught:
        Area.from_text(text)
    assert caught.value.code == ErrorCode.INVALID_FORMAT


def test_the_inner_part_of_a_text_is_cut_to_a_byte() -> None:
    assert Area.from_text("0:0:0:300") == Area(inner=44)


def test_a_short_area_is_out_of_limit() -> None:
    with pytest.raises(CodecError) as caught:
        Area.read(Reader(bytes(4)))
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


@pytest.mark.parametrize("parts", [(512, 0, 0, 0), (0, -1, 0, 0), (0, 0, 1 << 13, 0), (0, 0, 0, 256)])
def test_an_area_out_of_range_cannot_be_made(parts: tuple[int, int, int, int]) -> None:
    with pytest.raises(CyfsError):
        Area(*parts)
