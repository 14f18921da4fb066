"""What path meta says to a request (docs/protocol/access-and-zone.md §2.1, §4.1, §4.4)."""

from __future__ import annotations

from enum import Enum

from cyfs_edge.base.access import AccessGroup, Permission, group_mask
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.wire.filter import Look
from cyfs_edge.wire.rmeta import AskHandler, Specified
from cyfs_edge.wire.source import Source

_ZONE_GROUPS = (
    AccessGroup.CURRENT_DEVICE,
    AccessGroup.CURRENT_ZONE,
    AccessGroup.FRIEND_ZONE,
    AccessGroup.OTHERS_ZONE,
)


class Decision(Enum):
    """``ASK``: an ACL handler must say; ``NONE``: no item speaks of the request."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"
    NONE = "none"


def wanted_mask(source: Source, owner_dec: ObjectId, permission: Permission) -> int:
    """The bits that must all be granted: in one dec group and in the group of the source's category (§2.1)."""
    mask = group_mask(AccessGroup.OWNER_DEC if source.dec == owner_dec else AccessGroup.OTHERS_DEC, permission)
    if source.verified is not None:
        return (
            mask | group_mask(AccessGroup.CURRENT_DEVICE, permission) | group_mask(AccessGroup.CURRENT_ZONE, permission)
        )
    return mask | group_mask(_ZONE_GROUPS[source.category], permission)


def mask_allows(access: int, source: Source, owner_dec: ObjectId, permission: Permission) -> bool:
    mask = wanted_mask(source, owner_dec, permission)
    return access & mask == mask


def decide_path(record: MetaRecord, source: Source, dec: ObjectId, path: str, permission: Permission) -> Decision:
    """The first item whose path is a prefix of ``path`` (which ends with ``/``) and whose selectors match decides."""
    for item in record.accesses.items:
        if not path.startswith(item.path):
            continue
        access = item.access
        if isinstance(access, AskHandler):
            return Decision.ASK
        if isinstance(access, Specified):
            if access.matches(source):
                return _said(access.access & permission == permission)
        else:
            return _said(mask_allows(access, source, dec, permission))
    return Decision.NONE


def decide_object(
    record: MetaRecord, source: Source, owner_dec: ObjectId, permission: Permission, look: Look
) -> Decision:
    """The first item of object meta whose selector is true decides; a Specified that does not match is passed over."""
    for item in record.objects:
        selector = record.selector(item)
        if selector is None or not selector.matches(look):
            continue
        if isinstance(item.access, Specified):
            if item.access.matches(source):
                return _said(item.access.access & permission == permission)
        else:
            return _said(mask_allows(item.access, source, owner_dec, permission))
    return Decision.NONE


def _said(allowed: bool) -> Decision:
    return Decision.ALLOW if allowed else Decision.DENY
