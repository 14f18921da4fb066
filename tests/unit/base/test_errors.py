"""Error codes."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode, normalize_code


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (4, ErrorCode.NOT_FOUND),
        (17, ErrorCode.UNKNOWN),
        (4999, ErrorCode.UNKNOWN),
        (5000, 5000),
        (5999, 5999),
        (6000, ErrorCode.UNKNOWN),
        (14999, ErrorCode.UNKNOWN),
        (15005, 15005),
        (65534, 65534),
        (65535, ErrorCode.UNKNOWN),
        (-1, ErrorCode.UNKNOWN),
    ],
)
def test_codes_of_peers_keep_their_ranges(number: int, code: int) -> None:
    assert normalize_code(number) == code


def test_an_error_says_what_and_which_code() -> None:
    assert str(CyfsError(ErrorCode.NOT_FOUND, "no such thing")) == "no such thing (NOT_FOUND, code 4)"
    assert str(CyfsError(15005, "the app says no")) == "the app says no (15005, code 15005)"
    error = CodecError(ErrorCode.INVALID_DATA, "bad byte", 7, object_type=2)
    assert (error.offset, error.context) == (7, {"object_type": 2})
