"""Identity files: whatever is in them, the folder loads or one ``CyfsError`` tells what is wrong.

An input is a folder: ``device.desc``, ``device.sec``, ``zone_owner.desc``, ``ext_info`` and one known object, each
behind its length (u16); a part that is cut off is shorter, a missing one is an absent file.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.keys import KeyKind
from cyfs_edge.core.identity import create_identity
from cyfs_edge.store.identity_files import (
    DEVICE_DESC,
    DEVICE_SEC,
    EXT_INFO,
    ZONE_OWNER_DESC,
    identity_folder,
    load_identity,
)

_NAMES = (DEVICE_DESC, DEVICE_SEC, ZONE_OWNER_DESC, EXT_INFO, "known.desc")
_WORDS = "bar cinnamon grow hungry lens danger treat artist hello seminar document gasp"


def seeds() -> list[bytes]:
    """Whole folders of two key kinds."""
    folders = []
    for kind in (KeyKind.SECP256K1, KeyKind.RSA1024):
        one = create_identity(_WORDS, unique_id_text="00:15:5d:01:02:03", now=13329473600000000, key_kind=kind)
        files = (
            one.device.raw,
            one.device_key.encode(),
            one.people.raw,
            one.ext_info.to_json().encode(),
            one.people.raw,
        )
        folders.append(b"".join(len(file).to_bytes(2, "big") + file for file in files))
    return folders


def run(data: bytes) -> None:
    """Raises when the folder neither loads nor gives a ``CyfsError``."""
    root = Path(_scratch().name)
    folder = identity_folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _NAMES:
        path = folder / name
        path.unlink(missing_ok=True)
        if data:
            size = int.from_bytes(data[:2], "big")
            path.write_bytes(data[2 : 2 + size])
            data = data[2 + size :]
    try:
        node = load_identity(root)
    except CyfsError:
        return
    assert node.device_key is None or node.device_key.public() == node.device.desc.public_key
    assert node.owner is None or node.owner.object_id == node.device.owner


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cyfs-fuzz-")
