"""Who may do what: zone gates, path rules and the object check (docs/protocol/access-and-zone.md §2-§5, §12.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from cyfs_edge.base.access import ACCESS_MASK, Permission, access_text
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.rmeta.decide import Decision, decide_object, decide_path, mask_allows, wanted_mask
from cyfs_edge.core.rmeta.record import MetaRecord
from cyfs_edge.core.rmeta.service import MetaService
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID, SYSTEM_DEC_ID
from cyfs_edge.wire.filter import Look
from cyfs_edge.wire.req_path import CATEGORIES, ReqPath
from cyfs_edge.wire.rmeta import AccessItem
from cyfs_edge.wire.source import Source, ZoneCategory

__all__ = [
    "CALL_BY_ANYONE_IN_ZONE",
    "CRYPTO_PATH",
    "AclChain",
    "PathRules",
    "check_crypto",
    "check_object",
    "check_own_dec",
    "is_trusted",
    "mask_allows",
    "require_category",
    "require_system_dec",
    "wanted_mask",
]

ROOT_STATE = CATEGORIES[0]

CRYPTO_PATH = "/.cyfs/api/crypto/"
"""Virtual paths of the system dec that guard the crypto calls (§3)."""

CALL_BY_ANYONE_IN_ZONE = 0o110011
"""Default access of the two crypto calls that ordinary decs may make (§4.7)."""

BUILT_IN_RULES = (
    AccessItem(CRYPTO_PATH + "verify_object/", CALL_BY_ANYONE_IN_ZONE),
    AccessItem(CRYPTO_PATH + "encrypt_data/", CALL_BY_ANYONE_IN_ZONE),
)


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


def check_own_dec(source: Source, target_dec: ObjectId | None, service: str) -> ObjectId:
    """The dec a call is about: the caller's own, or any for the system dec (§2.1, check_target_dec_permission).

    The anonymous dec has no state of its own: ``PERMISSION_DENIED``.
    """
    dec = target_dec or source.dec
    if dec == ANONYMOUS_DEC_ID or source.dec not in (dec, SYSTEM_DEC_ID):
        raise CyfsError(ErrorCode.PERMISSION_DENIED, f"{service} of dec {dec} is not for {source.describe()}")
    return dec


def is_trusted(source: Source, create_dec: ObjectId) -> bool:
    """The first two rules of §12.4: verified for the dec, or that dec itself, or the system dec, in the own zone."""
    if source.verified is not None and (source.verified == create_dec or source.dec == SYSTEM_DEC_ID):
        return True
    return source.category <= ZoneCategory.CURRENT_ZONE and source.dec in (SYSTEM_DEC_ID, create_dec)


def check_object(
    source: Source,
    object_id: ObjectId,
    create_dec: ObjectId,
    access: int,
    permission: Permission,
    rules: MetaRecord | None = None,
    look: Look = lambda word: None,
) -> None:
    """The object check of §12.4; the first rule that applies decides. ``PERMISSION_DENIED`` on refusal.

    ``rules``: the path meta of ``create_dec``, whose object meta comes before the object's own access string;
    ``look`` tells its selectors of the object.
    """
    if is_trusted(source, create_dec):
        return
    decision = Decision.NONE if rules is None else decide_object(rules, source, create_dec, permission, look)
    if decision is Decision.ALLOW:
        return
    if decision is Decision.DENY:
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED,
            f"{source.describe()} may not {_verb(permission)} {object_id}: the object meta of dec {create_dec} refuses",
        )
    if not mask_allows(access, source, create_dec, permission):
        wanted = access_text(wanted_mask(source, create_dec, permission))
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED,
            f"{source.describe()} may not {_verb(permission)} {object_id}: "
            f"its access is {access_text(access & ACCESS_MASK)}, needed {wanted}",
        )


def _verb(permission: Permission) -> str:
    return {Permission.READ: "read", Permission.WRITE: "write"}.get(permission, "call")


class AclChain(Protocol):
    """The ACL handlers, which decide where a path says ``Handler``."""

    async def allows(
        self, source: Source, dec: ObjectId, category: str, path: str, query: str | None, permission: Permission
    ) -> bool:
        """False also when nobody has registered a handler for the path."""
        ...


class Places(Protocol):
    """Where objects lie in the states of this node."""

    async def require(self, path: ReqPath, dec: ObjectId, object_id: ObjectId) -> None:
        """``PERMISSION_DENIED``, ``NOT_FOUND`` or ``UNMATCH`` unless the object lies at the path."""
        ...


class PathRules:
    """Access rules on global-state paths: those of the path meta of each dec. Without a rule everybody is refused."""

    __slots__ = ("_acl", "_meta", "_places")

    def __init__(self, meta: MetaService, places: Places) -> None:
        self._meta = meta
        self._places = places
        self._acl: AclChain | None = None

    def ask(self, acl: AclChain) -> None:
        """Names who decides for items that say ``Handler``; until then they refuse."""
        self._acl = acl

    async def install_built_in(self) -> None:
        """The rules that every node has from its start (§4.7). What the owner has changed stays."""
        held = await self._meta.record(SYSTEM_DEC_ID, ROOT_STATE)
        paths = {item.path for item in held.accesses.items}
        for rule in BUILT_IN_RULES:
            if rule.path not in paths:
                await self._meta.add(SYSTEM_DEC_ID, ROOT_STATE, rule)

    async def check(
        self,
        source: Source,
        dec: ObjectId,
        path: str,
        permission: Permission,
        category: str = ROOT_STATE,
        query: str | None = None,
    ) -> None:
        """``path`` begins and ends with ``/``. The first rule that fits decides; none: ``PERMISSION_DENIED``."""
        record = await self._record(dec, category)
        decision = decide_path(record, source, dec, path, permission)
        if decision is Decision.ALLOW:
            return
        if (
            decision is Decision.ASK
            and self._acl is not None
            and await self._acl.allows(source, dec, category, path, query, permission)
        ):
            return
        raise CyfsError(
            ErrorCode.PERMISSION_DENIED, f"{source.describe()} may not {_verb(permission)} {path} of dec {dec}"
        )

    async def check_request(
        self, source: Source, req_path: str, permission: Permission, object_id: ObjectId | None = None
    ) -> Source:
        """The path check of a request (§5.1, steps 2 and 3); gives the source, verified for the dec of the path.

        ``object_id``: what must lie at the path, so that a right to read one place opens that place only.
        """
        path = ReqPath.parse(req_path)
        dec = path.dec or source.dec
        if not (source.category <= ZoneCategory.CURRENT_ZONE and source.dec in (dec, SYSTEM_DEC_ID)):
            await self.check(source, dec, path.path, permission, path.category, path.query)
            if object_id is not None:
                await self._places.require(path, dec, object_id)
        return replace(source, verified=dec)

    async def object_rules(self, dec: ObjectId) -> MetaRecord | None:
        """The path meta whose object meta goes for the objects of ``dec``; ``None`` when it has no object meta."""
        record = await self._record(dec, ROOT_STATE)
        return record if record.objects else None

    async def _record(self, dec: ObjectId, category: str) -> MetaRecord:
        try:
            return await self._meta.record(dec, category)
        except CyfsError as error:
            if error.code != ErrorCode.INVALID_DATA:
                raise
            raise CyfsError(
                ErrorCode.PERMISSION_DENIED, f"the access rules of dec {dec} cannot be read: {error.message}"
            ) from None


async def check_crypto(rules: PathRules, source: Source, call: str) -> None:
    """Crypto calls: current zone; the system dec freely, others by the rules of the system dec (§5.4)."""
    require_category(source, ZoneCategory.CURRENT_ZONE, "crypto")
    if source.dec != SYSTEM_DEC_ID:
        await rules.check(source, SYSTEM_DEC_ID, f"{CRYPTO_PATH}{call}/", Permission.CALL)
