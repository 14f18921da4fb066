"""Admin (docs/protocol/core-objects.md §3.13). There are no vectors: the bytes are worked out from the table."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.objects.core.admin import (
    ADMIN,
    AdminDesc,
    GlobalStateAccessMode,
    GlobalStateAccessModeData,
    GlobalStateCategory,
    make_access_mode_command,
)
from tests.unit.objects.core.ids import NOW, OOD, PEOPLE

TARGET = b"\x0a\x20" + OOD


@pytest.mark.parametrize(
    ("category", "mode", "tail"),
    [
        (GlobalStateCategory.ROOT_STATE, GlobalStateAccessMode.READ, "3200"),
        (GlobalStateCategory.ROOT_STATE, GlobalStateAccessMode.WRITE, "32021001"),
        (GlobalStateCategory.LOCAL_CACHE, GlobalStateAccessMode.READ, "32020801"),
        (GlobalStateCategory.LOCAL_CACHE, GlobalStateAccessMode.WRITE, "320408011001"),
    ],
)
def test_the_command_on_the_wire(category: GlobalStateCategory, mode: GlobalStateAccessMode, tail: str) -> None:
    """The data message is there even when it is empty; the only command is number 0 and so not written."""
    made = make_access_mode_command(PEOPLE, OOD, category, mode, create_time=NOW, update_time=NOW)
    assert made.desc.content == TARGET + bytes.fromhex(tail)
    assert (made.owner, made.desc.create_time) == (PEOPLE, NOW)
    contents = ADMIN.decode(made)
    data = GlobalStateAccessModeData(category=category, access_mode=mode)
    assert contents.desc == AdminDesc(target=OOD, global_state_access_mode=data)


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        ("", "global_state_access_mode is missing"),
        ("28013200", "1 is no AdminCommand"),
        ("32020802", "2 is no GlobalStateCategory"),
        ("32021002", "2 is no GlobalStateAccessMode"),
    ],
)
def test_what_is_not_understood_is_not_carried_out(tail: str, says: str) -> None:
    with pytest.raises(CodecError, match=says) as refused:
        AdminDesc.decode(TARGET + bytes.fromhex(tail))
    assert refused.value.code == ErrorCode.INVALID_DATA
