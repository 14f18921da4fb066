"""Opens the place of backups that an address names. The libraries of SFTP and S3 are loaded when they are used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import BackupTarget
from cyfs_edge.host.backup.folder import FolderTarget
from cyfs_edge.wire.backup.address import Address

_MODULES = {"sftp": ("asyncssh", "python3-asyncssh"), "s3": ("boto3", "python3-boto3")}


async def open_target(address: Address, root: Path, environ: Mapping[str, str]) -> BackupTarget:
    """``root``: below its ``etc`` are the keys for SFTP and S3. ``NOT_SUPPORT`` without the library."""
    if address.kind == "folder":
        return FolderTarget(Path(address.path))
    library = _load(address.kind)
    if address.kind == "sftp":
        from cyfs_edge.host.backup.sftp import SftpTarget

        return await SftpTarget.connect(library, address, root)
    from cyfs_edge.host.backup.s3 import S3Target

    return await S3Target.connect(library, address, root, environ)


def _load(kind: str) -> ModuleType:
    name, package = _MODULES[kind]
    try:
        return import_module(name)
    except ImportError:
        raise CyfsError(
            ErrorCode.NOT_SUPPORT,
            f"backups to {kind} need the library {name}: apt install {package}, or pip install 'cyfs-edge[{kind}]'",
        ) from None
