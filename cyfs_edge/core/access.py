"""Who may do what: zone gates, path rules and the mask test of objects (docs/protocol/access-and-zone.md §2-§5)."""

from __future__ import annotations

from cyfs_edge.base.access import (
    ACCESS_MASK,
    AccessGroup,
    Permission,
    access_text,
    group_mask,
)
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.dec_app import SYSTEM_DEC_ID
from cyfs_edge.wire.source import Source, ZoneCategory

_ZONE_GROUPS = (
    AccessGroup.CURRENT_DEVICE,
    AccessGroup.CURRENT_ZONE,
    AccessGroup.FRIEND_ZONE,
    AccessGroup.OTHERS_ZONE,
)

CRYPTO_PATH = "/.cyfs/api/crypto/"
"""Virtual paths of the system dec that guard the crypto calls (§3)."""

CALL_BY_ANYONE_IN_ZONE = 0o110011
"""Default access of the two crypto calls that ordinary decs may make (§4.7)."""

BUILT_IN_RULES = {
    CRYPTO_PATH + "verify_object/": CALL_BY_ANYONE_IN_ZONE,
    CRYPTO_PATH + "encrypt_data/": CALL_BY_ANYONE_IN_ZONE,
}


def require_category(source: Source, most: ZoneCategory, service: str) -> None:
    """``PERMISSION_DENIED`` when the source stands outside ``most``."""
    if source.category > most:
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED, f"this {service} is for the {most.text} only, not for {source.describe()}"
        )


def require_system_dec(source: Source, service: str) -> None:
    if source.dec != SYSTEM_DEC_ID:
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED, f"{service} is for the system dec only, not for {source.describe()}"
        )


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


def check_object(
    source: Source, object_id: ObjectId, create_dec: ObjectId, access: int, permission: Permission
) -> None:
    """The object check of §12.4; the first rule that applies decides. ``PERMISSION_DENIED`` on refusal."""
    if source.verified is not None and (source.verified == create_dec or source.dec == SYSTEM_DEC_ID):
        return
    if source.category <= ZoneCategory.CURRENT_ZONE and source.dec in (SYSTEM_DEC_ID, create_dec):
        return
    if not mask_allows(access, source, create_dec, permission):
        wanted = access_text(wanted_mask(source, create_dec, permission))
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED,
            f"{source.describe()} may not {_verb(permission)} {object_id}: "
            f"its access is {access_text(access & ACCESS_MASK)}, needed {wanted}",
        )


def _verb(permission: Permission) -> str:
    return {Permission.READ: "read", Permission.WRITE: "write"}.get(permission, "call")


class PathRules:
    """Access rules on global-state paths, by dec. A dec without rules refuses everybody but itself (§4.1)."""

    __slots__ = ("_defaults",)

    def __init__(self) -> None:
        self._defaults: dict[ObjectId, dict[str, int]] = {SYSTEM_DEC_ID: dict(BUILT_IN_RULES)}

    def check(self, source: Source, dec: ObjectId, path: str, permission: Permission) -> None:
        """``path`` begins and ends with ``/``. The longest rule that fits decides; none: ``PERMISSION_DENIED``."""
        rules = self._defaults.get(dec)
        if rules is not None:
            for prefix in sorted(rules, key=len, reverse=True):
                if path.startswith(prefix):
                    if mask_allows(rules[prefix], source, dec, permission):
                        return
                    break
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED, f"{source.describe()} may not {_verb(permission)} {path} of dec {dec}"
        )


def check_crypto(rules: PathRules, source: Source, call: str) -> None:
    """Crypto calls: current zone; the system dec freely, others by the rules of the system dec (§5.4)."""
    require_category(source, ZoneCategory.CURRENT_ZONE, "crypto")
    if source.dec != SYSTEM_DEC_ID:
        rules.check(source, SYSTEM_DEC_ID, f"{CRYPTO_PATH}{call}/", Permission.CALL)
