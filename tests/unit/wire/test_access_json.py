"""Access strings as JSON: number, text, list of groups (access-and-zone §1)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.access import ACCESS_DEFAULT
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.access_json import access_from_json


@pytest.mark.parametrize(
    ("value", "access"),
    [
        (258559, ACCESS_DEFAULT),
        ("258559", ACCESS_DEFAULT),
        (0, 0),
        ("rwxrwxrwx---rwxrwx", ACCESS_DEFAULT),
        ("rwx_rwx rwx", 0o777),
        ("", 0),
        ([], ACCESS_DEFAULT),
        ([{"group": "OthersZone", "access": "r--"}], ACCESS_DEFAULT | 0o4000),
        ([{"group": "OthersDec", "access": "---"}, {"group": "OwnerDec", "access": "--x"}], 0o010777),
    ],
)
def test_every_form(value: object, access: int) -> None:
    """A list is applied on top of the default, not on zero."""
    assert access_from_json(value) == access


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1.5, -1, 1 << 32, "rwz", "9" * 30, {}, [1]),
        [{"group": "Moon", "access": "r--"}],
        [{"group": "OwnerDec"}],
        [{"group": "OwnerDec", "access": "rwxr"}],
        [{"group": "OwnerDec", "access": "---"}] * 65,
    ],
)
def test_what_is_none(value: object) -> None:
    with pytest.raises(CyfsError) as caught:
        access_from_json(value)
    assert caught.value.code == ErrorCode.INVALID_FORMAT
