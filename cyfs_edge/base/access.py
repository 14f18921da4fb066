"""Access strings and permissions (docs/protocol/access-and-zone.md §1)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from cyfs_edge.base.errors import CyfsError, ErrorCode

ACCESS_MASK = 0x3FFFF


class Permission(IntFlag):
    """The three bits of one group."""

    NONE = 0
    CALL = 1
    WRITE = 2
    READ = 4


class AccessGroup(IntEnum):
    """Groups in text order; the value is the index, the shift is three times it."""

    CURRENT_DEVICE = 0
    CURRENT_ZONE = 1
    FRIEND_ZONE = 2
    OTHERS_ZONE = 3
    OWNER_DEC = 4
    OTHERS_DEC = 5


ACCESS_DEFAULT = 0o770777
ACCESS_FULL = 0o777777
ACCESS_FULL_EXCEPT_WRITE = 0o575777


def group_mask(group: AccessGroup, permission: int) -> int:
    return permission << 3 * group


def permission_text(permission: int) -> str:
    """``rwx`` form of one group, ``-`` where not granted."""
    return "".join(letter if permission & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))


def parse_permission(text: str) -> int:
    """One group of up to three letters, each in its place."""
    value = 0
    for letter, want, bit in zip(text, "rwx", (4, 2, 1), strict=False):
        if letter == want:
            value |= bit
        elif letter != "-":
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"not a permission text: {text!r}")
    if len(text) > 3:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"not a permission text: {text!r}")
    return value


def access_text(access: int) -> str:
    """The 18-character form."""
    return "".join(permission_text(access >> 3 * group & 7) for group in AccessGroup)


def parse_access(text: str) -> int:
    """Reads the text form: ``_`` and spaces are dropped, missing groups stay 0, more than six are ignored."""
    letters = text.replace("_", "").replace(" ", "")
    access = 0
    for group in AccessGroup:
        access |= group_mask(group, parse_permission(letters[3 * group : 3 * group + 3]))
    return access
