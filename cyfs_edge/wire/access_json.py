"""Access strings as JSON (docs/protocol/access-and-zone.md §1): a number, the text form, or a list of groups."""

from __future__ import annotations

from cyfs_edge.base.access import (
    ACCESS_DEFAULT,
    AccessGroup,
    group_mask,
    parse_access,
    parse_permission,
)
from cyfs_edge.base.errors import CyfsError, ErrorCode

_GROUPS = {
    "CurrentDevice": AccessGroup.CURRENT_DEVICE,
    "CurrentZone": AccessGroup.CURRENT_ZONE,
    "FriendZone": AccessGroup.FRIEND_ZONE,
    "OthersZone": AccessGroup.OTHERS_ZONE,
    "OwnerDec": AccessGroup.OWNER_DEC,
    "OthersDec": AccessGroup.OTHERS_DEC,
}
_LIST_MAX = 64


def access_from_json(value: object) -> int:
    """Any of the forms; ``INVALID_FORMAT`` when it is none.

    A list of ``{"group", "access"}`` is applied on top of the default value, not on zero. A text of digits is a number.
    """
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        return parse_access(value)
    if isinstance(value, list):
        return _from_list(value)
    return number(value, "an access string", 0xFFFF_FFFF)


def number(value: object, what: str, most: int) -> int:
    """A JSON number, or its decimal text; ``INVALID_FORMAT`` beyond ``0..most``."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"{what} must be a number from 0 to {most}, not {str(value)[:80]!r}")
    return value


def _from_list(items: list[object]) -> int:
    access = ACCESS_DEFAULT
    if len(items) > _LIST_MAX:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"an access list of {len(items)} groups")
    for item in items:
        group = _GROUPS.get(str(item.get("group"))) if isinstance(item, dict) else None
        text = item.get("access") if isinstance(item, dict) else None
        if group is None or not isinstance(text, str):
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"not a group of an access list: {str(item)[:80]}")
        access = access & ~group_mask(group, 7) | group_mask(group, parse_permission(text))
    return access
