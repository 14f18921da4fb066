"""The error object of the raw codec."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.bucky_error import BuckyError, ErrorOrigin
from cyfs_edge.base.errors import CodecError, ErrorCode
from tests import strategies


@given(strategies.bucky_errors)
def test_errors_come_back(error: BuckyError) -> None:
    assert BuckyError.decode(error.encode()) == error


@pytest.mark.parametrize(
    ("code", "ordinal"),
    [
        (ErrorCode.OK, "00"),
        (ErrorCode.NOT_CONNECTED, "10"),
        (ErrorCode.ADDR_IN_USE, "11"),
        (ErrorCode.ABORTED, "22"),
        (ErrorCode.CONNECT_FAILED, "23"),
        (ErrorCode.CONFLICT, "28"),
        (ErrorCode.MONGO_DB_ERROR, "2b"),
        (ErrorCode.CODE_ERROR, "38"),
        (ErrorCode.PENDING, "3c"),
        (ErrorCode.DEC_NOT_RUNNING, "4045"),
    ],
)
def test_codes_are_ordinals(code: ErrorCode, ordinal: str) -> None:
    assert BuckyError(code).encode().hex() == ordinal + "0000" + "00"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("4046000a000000", 5010),
        ("404603e7000000", 5999),
        ("404603e8000000", ErrorCode.UNKNOWN),
        ("40470005000000", 15005),
        ("4047ffff000000", ErrorCode.UNKNOWN),
        ("4048000000", ErrorCode.UNKNOWN),
    ],
)
def test_codes_of_other_makers(raw: str, code: int) -> None:
    assert BuckyError.decode(bytes.fromhex(raw)) == BuckyError(code)


def test_an_unknown_code_is_written_as_unknown() -> None:
    assert BuckyError.decode(BuckyError(7000, "seven thousand").encode()) == BuckyError(
        ErrorCode.UNKNOWN, "seven thousand"
    )


def test_origins() -> None:
    for origin, raw in (
        (ErrorOrigin(code=258), "010100000102"),
        (ErrorOrigin(text="io"), "01020002696f"),
        (ErrorOrigin(), "0103"),
    ):
        error = BuckyError(ErrorCode.FAILED, "", origin)
        assert error.encode().hex() == "010000" + raw
        assert BuckyError.decode(error.encode()) == error
    with pytest.raises(CodecError) as caught:
        BuckyError.decode(bytes.fromhex("0100000104"))
    assert caught.value.code == ErrorCode.NOT_SUPPORT


@given(st.binary(max_size=30))
def test_any_bytes_are_an_error_object_or_a_codec_error(raw: bytes) -> None:
    try:
        error = BuckyError.decode(raw)
    except CodecError as refused:
        offset = refused.offset
    else:
        offset = 0
        assert BuckyError.decode(error.encode()) == error
    assert 0 <= offset <= len(raw)
