"""What the typed contents of an object say, in the words of the ``input`` of its vector in ``core-objects.json``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.app_local import AppQuota
from cyfs_edge.objects.core.group_block import BlockCertificate
from cyfs_edge.objects.core.types import CoreContent

Input = dict[str, Any]
Contents = CoreContent[Any, Any]


def text_of(value: ObjectId | None) -> str | None:
    return None if value is None else str(value)


def hex_of(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def read_text(c: Contents) -> Input:
    return {"id": c.desc.id, "header": c.desc.header, "value": c.body.value}


def read_storage(c: Contents) -> Input:
    return {"id": c.desc.id, "hash": hex_of(c.desc.hash), "value_hex": c.body.value.hex()}


def read_zone(c: Contents) -> Input:
    return {
        "owner": str(c.desc.owner),
        "ood_list": [str(one) for one in c.body.ood_list],
        "known_device_list": [str(one) for one in c.body.known_device_list],
        "ood_work_mode": c.body.ood_work_mode.value,
    }


def read_dec_app(c: Contents) -> Input:
    full = {
        "id": c.desc.id,
        "icon": c.body.icon,
        "desc": c.body.desc,
        "source": {version: str(one) for version, one in c.body.source.items()},
        "source_desc": dict(c.body.source_desc),
        "tags": dict(c.body.tags),
    }
    # The vectors of empty apps name the id alone.
    return full if any(value for name, value in full.items() if name != "id") else {"id": c.desc.id}


def read_app_status(c: Contents) -> Input:
    return {"app_id": str(c.desc.id), "version": c.body.version, "status": c.body.status}


def read_app_list(c: Contents) -> Input:
    source = [{"app_id": str(one.app_id), "app_status_hex": one.app_status.raw.hex()} for one in c.body.source]
    return {"id": c.desc.id, "category": c.desc.category, "source": source}


def read_quota(quota: AppQuota) -> Input:
    return {"mem": str(quota.mem), "disk_space": str(quota.disk_space), "cpu": str(quota.cpu)}


def read_app_local_status(c: Contents) -> Input:
    d = c.desc
    return {
        "app_id": str(d.id),
        "status": int(d.status),
        "version": d.version,
        "web_dir": text_of(d.web_dir),
        "permissions": [
            {"permission": one.permission, "reason": one.reason, "state": int(one.state)} for one in d.permissions
        ],
        "quota": read_quota(d.quota),
        "last_status_update_time": str(d.last_status_update_time),
        "sub_error": int(d.sub_error),
        "auto_update": d.auto_update,
    }


def read_app_cmd(c: Contents) -> Input:
    cmd = c.desc.cmd_code
    code: Input = {"code": int(cmd.code)}
    if cmd.add_app is not None:
        code["add_app"] = {"app_owner_id": text_of(cmd.add_app.app_owner_id)}
    if cmd.install_app is not None:
        code["install_app"] = {"ver": cmd.install_app.ver, "run_after_install": cmd.install_app.run_after_install}
    if cmd.app_permission is not None:
        code["app_permission"] = [[name, granted] for name, granted in cmd.app_permission.permission.items()]
    if cmd.app_quota is not None:
        code["app_quota"] = read_quota(cmd.app_quota)
    if cmd.auto_update is not None:
        code["auto_update"] = cmd.auto_update
    return {"app_id": str(c.desc.app_id), "cmd_code": code}


def read_app_cmd_list(c: Contents) -> Input:
    items = [{"cmd_hex": one.cmd.raw.hex(), "retry_count": one.retry_count} for one in c.desc.list]
    return {"id": c.desc.id, "list": items}


def read_app_setting(c: Contents) -> Input:
    return {"app_id": str(c.desc.id), "auto_update": c.desc.auto_update}


def read_app_local_list(c: Contents) -> Input:
    return {"id": c.desc.id, "list": [str(one.app_id) for one in c.desc.list]}


def read_app_manager_action(c: Contents) -> Input:
    register = c.desc.register_dec
    dec_list = {dec: {"name": info.name, "ip": info.ip} for dec, info in register.dec_list.items()}
    return {"register_dec": {"docker_gateway_ip": register.docker_gateway_ip, "dec_list": dec_list}}


def read_default_app_list(c: Contents) -> Input:
    apps = {
        group: {"name": info.name, "desc": info.desc, "copyright": info.copyright, "dec_id": str(info.dec_id)}
        for group, info in c.body.list.items()
    }
    return {"id": c.desc.id, "list": apps}


def read_friend_option(c: Contents) -> Input:
    return {"auto_confirm": c.desc.auto_confirm, "msg": c.desc.msg}


def read_msg(c: Contents) -> Input:
    content = c.desc.content
    view: Input = {"type": int(content.type)}
    if content.text is not None:
        view["text"] = content.text
    if content.content is not None:
        view |= {"id": str(content.content.id), "name": content.content.name}
    return {"to": str(c.desc.to), "content": view}


def read_nft_list(c: Contents) -> Input:
    return {"nft_list_desc_hex": [one.desc.raw.hex() for one in c.desc.nft_list]}


def read_trans_context(c: Contents) -> Input:
    devices = []
    for one in c.body.device_list:
        device: Input = {"target": str(one.target), "chunk_codec_desc": int(one.chunk_codec_desc)}
        if one.chunk_codec_info is not None:
            info = one.chunk_codec_info
            device |= {"start": info.start, "end": info.end, "step": info.step}
        devices.append(device)
    return {"context_path": c.desc.context_path, "device_list": devices}


def read_group_proposal(c: Contents) -> Input:
    d = c.desc
    return {
        "rpath": {"group_id": str(d.rpath.group_id), "dec_id": str(d.rpath.dec_id), "rpath": d.rpath.rpath},
        "method": d.method,
        "params_hex": hex_of(d.params),
        "meta_block_id": text_of(d.meta_block_id),
        "effective_begining": d.effective_begining,
        "effective_ending": d.effective_ending,
        "payload_hex": hex_of(c.body.payload),
    }


def read_object_shell(c: Contents) -> Input:
    names = ("is_object_id_only", "is_desc_sign_fix", "is_body_sign_fix", "is_nonce_fix")
    return {name: getattr(c.desc, name) for name in names}


def read_group_consensus_block(c: Contents) -> Input:
    (proposal,), qc, tc = c.body.proposals, c.body.qc, c.body.tc
    assert proposal.proposal_result_state == c.desc.result_state_id
    assert proposal.proposal_receipt is None
    assert qc.votes == tc.votes == ()
    assert tc.group_shell_id is None
    return {
        "proposal": str(proposal.proposal_id),
        "context_hex": hex_of(proposal.context),
        "result_state": text_of(c.desc.result_state_id),
        "height": c.desc.height,
        "meta_block_id": str(c.desc.meta_block_id),
        "round": c.desc.round,
        "group_shell_id": str(c.desc.group_shell_id),
        "qc": {"block_id": str(qc.block_id), "prev_block_id": text_of(qc.prev_block_id), "round": qc.round},
        "tc": {"round": tc.round, "group_shell_id": "same as block, so omitted"},
    }


def read_group_quorum_certificate(c: Contents) -> Input:
    certificate = c.desc.certificate
    return {"kind": 0 if isinstance(certificate, BlockCertificate) else 1, "round": certificate.round}


def read_nothing(c: Contents) -> Input:
    return {}


def read_friend(c: Contents) -> Input:
    return {"to": str(c.desc.to)}


READERS: dict[str, Callable[[Contents], Input]] = {
    "Text": read_text,
    "Storage": read_storage,
    "Zone": read_zone,
    "DecApp": read_dec_app,
    "AppStatus": read_app_status,
    "AppList": read_app_list,
    "AppLocalStatus": read_app_local_status,
    "AppCmd": read_app_cmd,
    "AppCmdList": read_app_cmd_list,
    "AppSetting": read_app_setting,
    "AppLocalList": read_app_local_list,
    "AppManagerAction": read_app_manager_action,
    "DefaultAppList": read_default_app_list,
    "AddFriend": read_friend,
    "RemoveFriend": read_friend,
    "FriendOption": read_friend_option,
    "FriendProperty": read_nothing,
    "Msg": read_msg,
    "NFTList": read_nft_list,
    "TransContext": read_trans_context,
    "GroupProposal": read_group_proposal,
    "ObjectShell": read_object_shell,
    "GroupConsensusBlock": read_group_consensus_block,
    "GroupQuorumCertificate": read_group_quorum_certificate,
}

BEYOND_CONTENTS = {
    "AddFriend": ("author",),
    "RemoveFriend": ("author",),
    "TransContext": ("given_path",),
    "ObjectShell": ("object_hex",),
}
"""Inputs that are not in the contents: the header or the constructor has them."""
