"""Every content of every core type survives being written and read, and no bytes can do worse than be refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError
from cyfs_edge.base.proto import Message
from cyfs_edge.objects.core.registry import CORE_TYPES, core_codec
from tests import vector_count
from tests.unit.objects.core.strategies import RAW_CONTENTS, message_classes, messages

CODES = sorted(CORE_TYPES)
CONTENTS = [
    bytes.fromhex(one["object_hex"])
    for one in vector_count.load("core-objects.json")["objects"]
    if "[A]" in one["name"]
]


@pytest.mark.parametrize("message", message_classes(), ids=lambda message: message.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_messages_survive_being_written_and_read(message: type[Message], data: st.DataObject) -> None:
    content = data.draw(messages(message))
    raw = content.encode()
    read = message.decode(raw)
    assert read == content
    assert read.encode() == raw


@settings(max_examples=150)
@given(st.one_of(RAW_CONTENTS))
def test_raw_contents_survive_being_written_and_read(content: Any) -> None:
    raw = content.encode()
    read = type(content).decode(b"\xff" + raw + b"\xff", 1, 1 + len(raw))
    assert read == content
    assert read.encode() == raw


def offset_of_refusal(code: int, part: str, data: bytes) -> int | None:
    codec = core_codec(code)
    assert codec is not None
    try:
        (codec.desc if part == "desc" else codec.body)(Reader(data))
    except CodecError as error:
        return error.offset
    return None


@settings(max_examples=400)
@given(st.sampled_from(CODES), st.sampled_from(["desc", "body"]), st.binary(max_size=150))
def test_any_bytes_give_a_content_or_a_codec_error(code: int, part: str, data: bytes) -> None:
    offset = offset_of_refusal(code, part, data)
    assert offset is None or 0 <= offset <= len(data)


@settings(max_examples=400)
@given(st.sampled_from(CODES), st.sampled_from(["desc", "body"]), st.sampled_from(CONTENTS), st.data())
def test_pieces_of_objects_give_a_content_or_a_codec_error(
    code: int, part: str, raw: bytes, data: st.DataObject
) -> None:
    """Bytes that look like contents reach further into the decoders than arbitrary ones."""
    start = data.draw(st.integers(0, len(raw)))
    piece = bytearray(raw[start : data.draw(st.integers(start, len(raw)))])
    if piece:
        piece[data.draw(st.integers(0, len(piece) - 1))] = data.draw(st.integers(0, 255))
    offset = offset_of_refusal(code, part, bytes(piece))
    assert offset is None or 0 <= offset <= len(piece)
