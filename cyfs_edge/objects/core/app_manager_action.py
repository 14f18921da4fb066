"""AppManagerAction: what the gateway is told about running DecApps (docs/protocol/core-objects.md §3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BOOL, STRING, Message, map_of, pb
from cyfs_edge.objects.content import DescFlag, Json
from cyfs_edge.objects.core.json_view import show
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class DecIpInfo(Message):
    name: str = pb(1, STRING)
    ip: str = pb(2, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecAclInfo(Message):
    """``acl_info``: permission → whether it is granted."""

    name: str = pb(1, STRING)
    acl_info: Mapping[str, bool] = pb(2, map_of(BOOL))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDec(Message):
    """The keys of ``dec_list`` are dec ids in base58, here and below."""

    docker_gateway_ip: str = pb(1, STRING)
    dec_list: Mapping[str, DecIpInfo] = pb(2, map_of(DecIpInfo))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnregisterDec(Message):
    """``dec_list``: dec id → name."""

    dec_list: Mapping[str, str] = pb(2, map_of(STRING))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyAcl(Message):
    dec_list: Mapping[str, DecAclInfo] = pb(2, map_of(DecAclInfo))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppManagerActionDesc(Message):
    """Exactly one of the three. Makers write the maps in any order, so ids cannot be reproduced."""

    register_dec: RegisterDec | None = pb(1, RegisterDec, optional=True)
    unregister_dec: UnregisterDec | None = pb(2, UnregisterDec, optional=True)
    modify_acl: ModifyAcl | None = pb(3, ModifyAcl, optional=True)

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.register_dec, self.unregister_dec, self.modify_acl)) != 1:
            raise CyfsError(ErrorCode.INVALID_DATA, "an AppManagerAction is exactly one action")

    @property
    def action(self) -> RegisterDec | UnregisterDec | ModifyAcl:
        action = self.register_dec or self.unregister_dec or self.modify_acl
        assert action is not None
        return action


def _action_json(desc: AppManagerActionDesc) -> Json:
    return {"app_manager_action_enum": {type(desc.action).__name__: show(desc.action)}}


APP_MANAGER_ACTION: Final = core_type(
    415, "AppManagerAction", AppManagerActionDesc, NoContent, sub_desc=DescFlag.OWNER, desc_json=_action_json
)

CODECS: Final = {415: APP_MANAGER_ACTION}


def make_app_manager_action(
    owner: ObjectId, action: RegisterDec | UnregisterDec | ModifyAcl, *, create_time: int, update_time: int
) -> NamedObject:
    """Times are bucky µs."""
    desc = AppManagerActionDesc(
        register_dec=action if isinstance(action, RegisterDec) else None,
        unregister_dec=action if isinstance(action, UnregisterDec) else None,
        modify_acl=action if isinstance(action, ModifyAcl) else None,
    )
    return APP_MANAGER_ACTION.build(desc, NoContent(), update_time=update_time, create_time=create_time, owner=owner)
