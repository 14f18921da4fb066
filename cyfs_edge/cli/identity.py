"""``cyfs-edge identity show|export``."""

from __future__ import annotations

from pathlib import Path

from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.keys import PublicKey
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.roots import check_root
from cyfs_edge.cli.write import write_file
from cyfs_edge.core.identity import key_kind_text, recovery_text
from cyfs_edge.objects.device import DeviceBody
from cyfs_edge.objects.people import PeopleBody
from cyfs_edge.store.identity_files import (
    DEVICE_DESC,
    DEVICE_SEC,
    EXT_INFO,
    ZONE_OWNER_DESC,
    NodeIdentity,
    load_identity,
)

_RECOVERY_TEXT = "recovery.txt"


def show(context: Context) -> int:
    out = context.out
    identity = _load(context)
    device, owner, info = identity.device, identity.owner, identity.ext_info
    device_body = device.body.value if device.body else None
    owner_body = owner.body.value if owner and owner.body else None
    key = device.desc.public_key
    oods = owner_body.ood_list if isinstance(owner_body, PeopleBody) else ()
    record: dict[str, object] = {
        "root": str(context.root.path),
        "device_id": str(device.object_id),
        "device_name": device_body.name if isinstance(device_body, DeviceBody) else None,
        "owner_id": str(device.owner) if device.owner else None,
        "owner_name": owner_body.name if isinstance(owner_body, PeopleBody) else None,
        "area": str(device.desc.area) if device.desc.area else None,
        "key": key_kind_text(key.kind) if isinstance(key, PublicKey) else None,
        "has_private_key": identity.device_key is not None,
        "network": info.network.text if info and info.network else None,
        "device_id_text": info.unique_id_text if info else None,
    }
    out.document(
        record
        | {
            "ood_list": [str(one) for one in oods],
            "warnings": identity.warnings,
            "device_raw": device.raw.hex(),
            "owner_raw": owner.raw.hex() if owner else None,
        }
    )
    out.fields([(name.replace("_", " "), _text(value)) for name, value in record.items()])
    for one in oods:
        out.line(f"ood              {one}{'  (this device)' if one == device.object_id else ''}")
    for warning in identity.warnings:
        out.note(f"warning: {warning}")
    return Exit.OK


def export(context: Context) -> int:
    """Copies of the identity files and a recovery sheet without words. The private key only when it is asked for."""
    out, secret = context.out, context.args.secret
    identity = _load(context)
    files: dict[str, bytes] = {DEVICE_DESC: identity.device.raw}
    if identity.owner is not None:
        files[ZONE_OWNER_DESC] = identity.owner.raw
        sheet = recovery_text(identity.owner, identity.device, identity.ext_info)
        files[_RECOVERY_TEXT] = sheet.encode()
    if identity.ext_info is not None:
        files[EXT_INFO] = identity.ext_info.to_json().encode()
    if secret:
        files[DEVICE_SEC] = identity.require_key().encode()
    folder = Path(context.args.output)
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise CliError(
            ErrorCode.ALREADY_EXISTS,
            f"{folder} already has {', '.join(there)}; nothing was written.",
            Exit.FAILED,
            "Name an empty or a new folder: -o DIR.",
        )
    for name, data in files.items():
        write_file(folder / name, data, mode=0o600 if name == DEVICE_SEC else 0o644)
    out.document({"folder": str(folder), "files": sorted(files)})
    for name in sorted(files):
        out.line(str(folder / name))
    if secret:
        out.note("device.sec is the private key of this device: whoever has it is this device.")
    return Exit.OK


def _load(context: Context) -> NodeIdentity:
    check_root(context.root)
    return load_identity(context.root.path)


def _text(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
