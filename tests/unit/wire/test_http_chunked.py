"""Chunked bodies: decoded whatever way they arrive, refused when malformed, bounded where the sender chooses sizes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.http_chunked import SIZE_LINE_MAX, TRAILERS_MAX, ChunkedDecoder


def encode(chunks: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    body = b"".join(b"%X%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return body + b"0\r\n" + trailers + b"\r\n"


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.sampled_from([b"", b";a", b" ; a=b", b';a="b c"']),
    st.sampled_from([b"", b"x-a: b\r\n", b"x-a:\r\ny: z\r\n"]),
    st.binary(max_size=5),
    st.integers(1, 50),
)
def test_a_body_is_decoded_in_pieces_of_any_size(
    chunks: list[bytes], extension: bytes, trailers: bytes, rest: bytes, step: int
) -> None:
    data = encode(chunks, extension, trailers) + rest
    decoder = ChunkedDecoder()
    body = b""
    for start in range(0, len(data), step):
        if decoder.finished:
            break
        body += decoder.feed(data[start : start + step])
    assert body == b"".join(chunks)
    assert decoder.finished
    assert rest.startswith(decoder.rest)


def test_what_follows_the_body_is_left_alone() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"3\r\nabc\r\n0\r\n\r\nGET /") == b"abc"
    assert decoder.rest == b"GET /"


@pytest.mark.parametrize(
    "data",
    [
        b"zz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1\n",
        b"1;\x00\r\n",
        b"1000000000000000\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"0\r\nno colon\r\n",
        b"0\r\n folded: x\r\n",
        b"0\r\nx: a\n",
    ],
)
def test_malformed_bodies_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        ChunkedDecoder().feed(data)
    assert error_to_response(caught.value).status == 400


def test_a_size_line_is_bounded() -> None:
    ChunkedDecoder().feed(b"1;".ljust(SIZE_LINE_MAX, b"a"))
    with pytest.raises(CodecError):
        ChunkedDecoder().feed(b"1;".ljust(SIZE_LINE_MAX + 1, b"a"))


def test_trailers_are_bounded() -> None:
    line = b"x: ".ljust(1022, b"a") + b"\r\n"
    decoder = ChunkedDecoder()
    decoder.feed(b"0\r\n" + line * (TRAILERS_MAX // len(line)))
    with pytest.raises(CodecError):
        decoder.feed(line)


@given(st.binary(max_size=100), st.sampled_from([b"", b"3\r\nabc\r\n", b"0\r\n", b"1;a="]))
def test_decoding_is_total(data: bytes, before: bytes) -> None:
    decoder = ChunkedDecoder()
    with suppress(CodecError):
        assert len(decoder.feed(before + data)) + len(decoder.rest) <= len(before + data)
