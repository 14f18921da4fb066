"""The table of object types."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cyfs_edge.base.ids import ObjectTypeCode
from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import NO_CONTENT
from cyfs_edge.objects.core.registry import CORE_TYPES
from cyfs_edge.objects.core.text_storage import TextBody, TextDesc
from cyfs_edge.objects.registry import STANDARD_TYPES, TypedContent, codec_of, decode_typed, standard_codec


def test_all_standard_types_but_chunks_have_a_codec_under_their_name() -> None:
    codes = set(ObjectTypeCode) - {ObjectTypeCode.UNKNOWN, ObjectTypeCode.RESERVED, ObjectTypeCode.CHUNK}
    assert codes - {ObjectTypeCode.CUSTOM} == STANDARD_TYPES
    for code in STANDARD_TYPES:
        codec = standard_codec(code)
        assert codec is not None
        assert codec.name.upper() == ObjectTypeCode(code).name.replace("_", "")


@pytest.mark.parametrize("obj_type", [0, 4, 7, 16, 17, 32767, 32768, 65535])
def test_other_types_have_none(obj_type: int) -> None:
    assert standard_codec(obj_type) is None
    assert codec_of(obj_type) is None


def test_core_types_have_a_codec_but_are_no_standard_ones() -> None:
    for obj_type in CORE_TYPES:
        assert codec_of(obj_type) is not None
        assert standard_codec(obj_type) is None


def test_contents_by_type() -> None:
    action = build_object(13, body=BodyParts())
    assert decode_typed(action) == TypedContent(NO_CONTENT, NO_CONTENT)
    assert decode_typed(build_object(13)) == TypedContent(NO_CONTENT, None)
    desc, body = TextDesc(id="id", header="header"), TextBody(value="value")
    text = build_object(41, desc_content=desc.encode(), desc_format=1, body=BodyParts(body.encode(), 1, format=1))
    assert text.desc.value is None
    assert decode_typed(text) == TypedContent(desc, body)
    assert decode_typed(build_object(40000, desc_content=b"anything")) is None


def test_families_are_imported_when_they_are_met() -> None:
    """A process pays for the types that it sees."""
    program = (
        "import sys; from cyfs_edge.objects.envelope import decode_object;"
        "decode_object(bytes.fromhex('000d000000000000'));"
        "print(sorted(name for name in sys.modules if name in {'cyfs_edge.objects.%s' % family for family in "
        "('action', 'people', 'dir', 'object_map')}))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['cyfs_edge.objects.action']"
