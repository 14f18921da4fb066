"""Access strings and permissions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.access import (
    ACCESS_DEFAULT,
    ACCESS_FULL,
    ACCESS_FULL_EXCEPT_WRITE,
    ACCESS_MASK,
    AccessGroup,
    Permission,
    access_text,
    group_mask,
    parse_access,
    parse_permission,
    permission_text,
)
from cyfs_edge.base.errors import CyfsError, ErrorCode


@given(st.integers(0, ACCESS_MASK))
def test_access_comes_back_from_its_text(access: int) -> None:
    text = access_text(access)
    assert len(text) == 18
    assert parse_access(text) == access
    assert parse_access("_".join(text[start : start + 3] for start in range(0, 18, 3))) == access


def test_the_first_group_of_the_text_is_the_lowest_of_the_number() -> None:
    only_read = group_mask(AccessGroup.CURRENT_DEVICE, Permission.READ)
    assert only_read == 0b100
    assert access_text(only_read) == "r--" + 15 * "-"
    assert access_text(group_mask(AccessGroup.OTHERS_DEC, Permission.CALL)) == 15 * "-" + "--x"


def test_the_named_access_strings() -> None:
    assert access_text(ACCESS_FULL) == 6 * "rwx"
    assert access_text(ACCESS_DEFAULT) == "rwxrwxrwx---rwxrwx"
    assert access_text(ACCESS_FULL_EXCEPT_WRITE) == "rwxrwxrwxr-xrwxr-x"


def test_missing_groups_are_zero_and_more_than_six_are_ignored() -> None:
    assert parse_access("rwx") == 7
    assert parse_access("") == 0
    assert parse_access(7 * "rwx") == ACCESS_FULL
    assert parse_access("rwx r-x") == 7 | 5 << 3


@pytest.mark.parametrize("text", ["x", "wr-", "rwz", "r-X"])
def test_letters_out_of_place_are_refused(text: str) -> None:
    with pytest.raises(CyfsError) as caught:
        parse_access(text)
    assert caught.value.code == ErrorCode.INVALID_FORMAT


def test_a_permission_has_three_letters_at_most() -> None:
    assert parse_permission("r") == Permission.READ
    assert permission_text(parse_permission("-w-")) == "-w-"
    with pytest.raises(CyfsError):
        parse_permission("rwxr")
