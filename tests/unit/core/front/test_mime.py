"""Content types by name and by the first bytes (http-front §3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.core.front.mime import OCTET_STREAM, SNIFF_SIZE, by_bytes, by_name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("A.HTM", "text/html; charset=utf-8"),
        ("app.min.js", "text/javascript; charset=utf-8"),
        ("x.svg", "image/svg+xml"),
        ("x.unknown", None),
        ("html", None),
        (".html", None),
        ("x.", None),
    ],
)
def test_by_name(name: str, kind: str | None) -> None:
    assert by_name(name) == kind


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF1234WEBPVP8", "image/webp"),
        (b"RIFF1234AVI ", OCTET_STREAM),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML>", "text/html; charset=utf-8"),
        (b"<ScRiPt>", "text/html; charset=utf-8"),
        (b"<?xml version='1.0'?><svg/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "text/xml; charset=utf-8"),
        (b"<svg onload='x'>", "image/svg+xml"),
        (b"plain\ttext\r\n", "text/plain; charset=utf-8"),
        ("ü".encode() * SNIFF_SIZE, "text/plain; charset=utf-8"),
        (b"x" + "ü".encode() * SNIFF_SIZE, "text/plain; charset=utf-8"),
        (b"", OCTET_STREAM),
        (b"a\0b", OCTET_STREAM),
        (b"\xff\xfe\xfd", OCTET_STREAM),
        ("ü".encode()[:1], OCTET_STREAM),
    ],
)
def test_by_the_first_bytes(start: bytes, kind: str) -> None:
    assert by_bytes(start) == kind


@given(st.binary(max_size=600))
def test_any_bytes_have_a_type(data: bytes) -> None:
    assert "/" in by_bytes(data)
