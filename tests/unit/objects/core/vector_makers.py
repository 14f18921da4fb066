"""How the constructors make the objects of ``core-objects.json`` from the inputs that their vectors name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.app_cmd import (
    AddApp,
    AppCmdCode,
    CmdCode,
    InstallApp,
    ModifyAppPermission,
    make_app_cmd,
    make_app_cmd_list,
)
from cyfs_edge.objects.core.app_list import make_app_list, make_app_status
from cyfs_edge.objects.core.app_local import (
    AppLocalStatusCode,
    AppLocalStatusDesc,
    AppPermission,
    AppQuota,
    PermissionState,
    SubErrorCode,
    make_app_local_list,
    make_app_local_status,
    make_app_setting,
)
from cyfs_edge.objects.core.app_manager_action import DecIpInfo, RegisterDec, make_app_manager_action
from cyfs_edge.objects.core.dec_app import DecAppBody, make_dec_app
from cyfs_edge.objects.core.default_app_list import DefaultAppInfo, make_default_app_list
from cyfs_edge.objects.core.friend import (
    make_add_friend,
    make_friend_option,
    make_friend_property,
    make_remove_friend,
)
from cyfs_edge.objects.core.group_block import (
    GROUP_QUORUM_CERTIFICATE,
    BlockCertificate,
    BlockProposal,
    TimeoutCertificate,
    make_group_consensus_block,
    make_group_quorum_certificate,
)
from cyfs_edge.objects.core.group_proposal import GroupProposalDesc, GroupRPath, make_group_proposal
from cyfs_edge.objects.core.msg import make_object_msg, make_text_msg
from cyfs_edge.objects.core.nft import make_nft_list
from cyfs_edge.objects.core.object_shell import make_object_shell
from cyfs_edge.objects.core.text_storage import make_storage, make_text
from cyfs_edge.objects.core.trans_context import (
    ChunkCodecDesc,
    ChunkCodecInfo,
    TransContextDevice,
    make_trans_context,
)
from cyfs_edge.objects.core.zone import OodWorkMode, make_zone
from cyfs_edge.objects.envelope import NamedObject, decode_object, read_desc

Input = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What a vector says beside its input, and the object itself for what it does not say."""

    owner: ObjectId | None
    dec_id: ObjectId | None
    create_time: int | None
    update_time: int
    obj: NamedObject

    @property
    def owned(self) -> ObjectId:
        assert self.owner is not None
        return self.owner

    @property
    def created(self) -> int:
        assert self.create_time is not None
        return self.create_time


def an_id(text: str) -> ObjectId:
    return ObjectId.from_text(text)


def an_id_or_none(text: str | None) -> ObjectId | None:
    return None if text is None else an_id(text)


def from_hex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def text(i: Input, h: Header) -> NamedObject:
    return make_text(
        i["id"],
        i["header"],
        i["value"],
        update_time=h.update_time,
        create_time=h.create_time,
        owner=h.owner,
        dec_id=h.dec_id,
    )


def storage(i: Input, h: Header) -> NamedObject:
    value = bytes.fromhex(i["value_hex"])
    return make_storage(i["id"], value, hashed=i["hash"] is not None, update_time=h.update_time)


def zone(i: Input, h: Header) -> NamedObject:
    return make_zone(
        an_id(i["owner"]),
        [an_id(one) for one in i["ood_list"]],
        [an_id(one) for one in i["known_device_list"]],
        OodWorkMode(i["ood_work_mode"]),
        update_time=h.update_time,
    )


def dec_app(i: Input, h: Header) -> NamedObject:
    body = DecAppBody(
        source={version: an_id(one) for version, one in reversed(i.get("source", {}).items())},
        source_desc=i.get("source_desc", {}),
        icon=i.get("icon"),
        desc=i.get("desc"),
        tags=i.get("tags", {}),
    )
    return make_dec_app(h.owned, i["id"], body, update_time=h.update_time)


def app_status(i: Input, h: Header) -> NamedObject:
    return make_app_status(h.owned, an_id(i["app_id"]), i["version"], bool(i["status"]), update_time=h.update_time)


def app_list(i: Input, h: Header) -> NamedObject:
    statuses = [decode_object(bytes.fromhex(one["app_status_hex"])) for one in i["source"]]
    return make_app_list(h.owned, i["id"], i["category"], reversed(statuses), update_time=h.update_time)


def quota(i: Input) -> AppQuota:
    return AppQuota(mem=int(i["mem"]), disk_space=int(i["disk_space"]), cpu=int(i["cpu"]))


def app_local_status(i: Input, h: Header) -> NamedObject:
    permissions = (
        AppPermission(permission=one["permission"], reason=one["reason"], state=PermissionState(one["state"]))
        for one in reversed(i["permissions"])
    )
    desc = AppLocalStatusDesc(
        id=an_id(i["app_id"]),
        status=AppLocalStatusCode(i["status"]),
        version=i["version"],
        web_dir=an_id_or_none(i["web_dir"]),
        permissions=tuple(permissions),
        quota=quota(i["quota"]),
        last_status_update_time=int(i["last_status_update_time"]),
        sub_error=SubErrorCode(i["sub_error"]),
        auto_update=i["auto_update"],
    )
    return make_app_local_status(h.owned, desc, update_time=h.update_time)


def app_cmd(i: Input, h: Header) -> NamedObject:
    code = i["cmd_code"]
    add, install = code.get("add_app"), code.get("install_app")
    cmd = CmdCode(
        code=AppCmdCode(code["code"]),
        add_app=AddApp(app_owner_id=an_id_or_none(add["app_owner_id"])) if add else None,
        install_app=InstallApp(ver=install["ver"], run_after_install=install["run_after_install"]) if install else None,
        app_permission=ModifyAppPermission(permission=dict(reversed(code["app_permission"])))
        if "app_permission" in code
        else None,
        app_quota=quota(code["app_quota"]) if "app_quota" in code else None,
        auto_update=code.get("auto_update"),
    )
    return make_app_cmd(h.owned, an_id(i["app_id"]), cmd, create_time=h.created, update_time=h.update_time)


def app_cmd_list(i: Input, h: Header) -> NamedObject:
    queue = [(decode_object(bytes.fromhex(one["cmd_hex"])), one["retry_count"]) for one in i["list"]]
    return make_app_cmd_list(h.owned, queue, id=i["id"], update_time=h.update_time)


def app_setting(i: Input, h: Header) -> NamedObject:
    return make_app_setting(h.owned, an_id(i["app_id"]), auto_update=i["auto_update"], update_time=h.update_time)


def app_local_list(i: Input, h: Header) -> NamedObject:
    return make_app_local_list(h.owned, [an_id(one) for one in i["list"]], id=i["id"], update_time=h.update_time)


def app_manager_action(i: Input, h: Header) -> NamedObject:
    register = i["register_dec"]
    action = RegisterDec(
        docker_gateway_ip=register["docker_gateway_ip"],
        dec_list={dec: DecIpInfo(name=info["name"], ip=info["ip"]) for dec, info in register["dec_list"].items()},
    )
    return make_app_manager_action(h.owned, action, create_time=h.created, update_time=h.update_time)


def default_app_list(i: Input, h: Header) -> NamedObject:
    apps = {
        group: DefaultAppInfo(info["name"], info["desc"], info["copyright"], an_id(info["dec_id"]))
        for group, info in i["list"].items()
    }
    return make_default_app_list(h.owned, i["id"], apps, update_time=h.update_time)


def add_friend(i: Input, h: Header) -> NamedObject:
    return make_add_friend(h.owned, an_id(i["to"]), create_time=h.created, update_time=h.update_time)


def remove_friend(i: Input, h: Header) -> NamedObject:
    return make_remove_friend(h.owned, an_id(i["to"]), create_time=h.created, update_time=h.update_time)


def friend_option(i: Input, h: Header) -> NamedObject:
    auto_confirm = None if i["auto_confirm"] is None else bool(i["auto_confirm"])
    return make_friend_option(h.owned, auto_confirm, i["msg"], update_time=h.update_time)


def friend_property(i: Input, h: Header) -> NamedObject:
    return make_friend_property(h.owned, update_time=h.update_time)


def msg(i: Input, h: Header) -> NamedObject:
    content, to = i["content"], an_id(i["to"])
    if content["type"] == 0:
        return make_text_msg(h.owned, to, content["text"], create_time=h.created, update_time=h.update_time)
    return make_object_msg(
        h.owned, to, an_id(content["id"]), content["name"], create_time=h.created, update_time=h.update_time
    )


def nft_list(i: Input, h: Header) -> NamedObject:
    descs = [read_desc(Reader(bytes.fromhex(one))) for one in i["nft_list_desc_hex"]]
    return make_nft_list(h.owned, descs, create_time=h.create_time, update_time=h.update_time)


def trans_context(i: Input, h: Header) -> NamedObject:
    devices = []
    for one in i["device_list"]:
        codec = ChunkCodecDesc(one["chunk_codec_desc"])
        info = None
        if codec != ChunkCodecDesc.UNKNOWN:
            info = ChunkCodecInfo(start=one["start"], end=one["end"], step=one["step"])
        devices.append(TransContextDevice(target=an_id(one["target"]), chunk_codec_desc=codec, chunk_codec_info=info))
    return make_trans_context(h.dec_id, i["given_path"], devices, update_time=h.update_time)


def group_rpath(i: Input) -> GroupRPath:
    return GroupRPath(group_id=an_id(i["group_id"]), dec_id=an_id(i["dec_id"]), rpath=i["rpath"])


def group_proposal(i: Input, h: Header) -> NamedObject:
    desc = GroupProposalDesc(
        rpath=group_rpath(i["rpath"]),
        method=i["method"],
        params=from_hex(i["params_hex"]),
        meta_block_id=an_id_or_none(i["meta_block_id"]),
        effective_begining=i["effective_begining"],
        effective_ending=i["effective_ending"],
    )
    payload = from_hex(i["payload_hex"])
    return make_group_proposal(h.owned, desc, payload, create_time=h.created, update_time=h.update_time)


def object_shell(i: Input, h: Header) -> NamedObject:
    flags = {name: flag for name, flag in i.items() if name != "object_hex"}
    return make_object_shell(decode_object(bytes.fromhex(i["object_hex"])), update_time=h.update_time, **flags)


def block_rpath(obj: NamedObject) -> GroupRPath:
    """The vectors of blocks do not name it: it is field 1 of the desc, here taken out by hand."""
    size = obj.desc.content[1]
    return GroupRPath.decode(obj.desc.content, 2, 2 + size)


def group_consensus_block(i: Input, h: Header) -> NamedObject:
    shell_id, result_state = an_id(i["group_shell_id"]), an_id(i["result_state"])
    qc = BlockCertificate(
        block_id=an_id(i["qc"]["block_id"]),
        prev_block_id=an_id(i["qc"]["prev_block_id"]),
        round=i["qc"]["round"],
    )
    proposal = BlockProposal(
        proposal_id=an_id(i["proposal"]), proposal_result_state=result_state, context=from_hex(i["context_hex"])
    )
    return make_group_consensus_block(
        h.owned,
        rpath=block_rpath(h.obj),
        proposals=[proposal],
        result_state_id=result_state,
        height=i["height"],
        meta_block_id=an_id(i["meta_block_id"]),
        round=i["round"],
        group_shell_id=shell_id,
        qc=qc,
        tc=TimeoutCertificate(round=i["tc"]["round"], group_shell_id=shell_id),
        create_time=h.created,
        update_time=h.update_time,
    )


def group_quorum_certificate(i: Input, h: Header) -> NamedObject:
    """The vectors do not name the blocks."""
    held = GROUP_QUORUM_CERTIFICATE.decode(h.obj).desc.certificate
    assert isinstance(held, BlockCertificate)
    certificate = BlockCertificate(block_id=held.block_id, prev_block_id=held.prev_block_id, round=i["round"])
    return make_group_quorum_certificate(certificate, update_time=h.update_time)


MAKERS: dict[str, Callable[[Input, Header], NamedObject]] = {
    "Text": text,
    "Storage": storage,
    "Zone": zone,
    "DecApp": dec_app,
    "AppStatus": app_status,
    "AppList": app_list,
    "AppLocalStatus": app_local_status,
    "AppCmd": app_cmd,
    "AppCmdList": app_cmd_list,
    "AppSetting": app_setting,
    "AppLocalList": app_local_list,
    "AppManagerAction": app_manager_action,
    "DefaultAppList": default_app_list,
    "AddFriend": add_friend,
    "RemoveFriend": remove_friend,
    "FriendOption": friend_option,
    "FriendProperty": friend_property,
    "Msg": msg,
    "NFTList": nft_list,
    "TransContext": trans_context,
    "GroupProposal": group_proposal,
    "ObjectShell": object_shell,
    "GroupConsensusBlock": group_consensus_block,
    "GroupQuorumCertificate": group_quorum_certificate,
}
