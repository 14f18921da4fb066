"""Names of any bytes go through a Dir and come back, and none leads out of its folder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.objects.inner_names import file_name, file_path, fits, inner_name

# Bytes that meet in valid, broken and escaped sequences.
HARD = st.lists(
    st.sampled_from([b"\xee", b"\xbe", b"\x80", b"\xef", b"\xff", b"\xed", b"\xb2", b"a", b"\xc3", b"\xa9"])
)


@given(st.binary(max_size=60) | HARD.map(b"".join))
def test_every_name_comes_back(name: bytes) -> None:
    text = inner_name(name)
    assert file_name(text) == name
    text.encode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Co"])))
def test_a_utf8_name_is_itself(text: str) -> None:
    assert inner_name(text.encode()) == text
    assert file_name(text) == text.encode()


def test_bytes_that_are_no_utf8_are_private_characters() -> None:
    assert inner_name(b"caf\xe9.txt") == "caf\uefe9.txt"
    assert inner_name("\uefe9".encode()) == "\uefee\uefbf\uefa9"


@pytest.mark.parametrize("inner", ["", ".", "..", "a/..", "../a", "/a", "a//b", "a/", "a\0", "n" * 256, "\uef80" * 256])
def test_what_is_no_path_below_a_folder(inner: str) -> None:
    assert file_path(inner) is None


@given(st.text(max_size=20))
def test_a_path_never_leaves_the_folder(inner: str) -> None:
    try:
        names = file_path(inner)
    except UnicodeEncodeError:
        return  # lone surrogates come out of no decoder
    for name in names or ():
        assert name not in (b"", b".", b"..")
        assert not {0, ord("/")} & set(name)


def test_names_of_255_bytes_and_paths_of_65535_are_the_longest() -> None:
    assert file_path("ü" * 127) == [("ü" * 127).encode()]
    assert file_path("ü" * 128) is None
    assert fits("n" * 65535)
    assert not fits("n" * 65536)
