"""The ``index`` of a backup archive of the reference (docs/protocol/services.md §16)."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from cyfs_edge.base.aes import AES_KEY_SIZE, AesKey
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.text import decode_base58

INDEX_MAX = 4 << 20
VOLUMES_MAX = 20_000
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_ROUNDS = 4096


@dataclass(frozen=True, slots=True)
class Volume:
    """``hash``: SHA-256 of the file."""

    name: str
    hash: bytes
    size: int


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """``sealed_device``: the device id, encrypted; only of archives with a password."""

    id: str
    device_id: ObjectId
    folder: str | None
    objects: tuple[Volume, ...]
    chunks: tuple[Volume, ...]
    encrypted: bool
    sealed_device: str | None


def parse_index(data: bytes) -> ArchiveIndex:
    """``INVALID_FORMAT``; ``NOT_SUPPORT`` for archives of another kind than ZIP."""
    try:
        index: Any = json.loads(data)
        if index["format"] != "Zip":
            raise CyfsError(ErrorCode.NOT_SUPPORT, f"an archive of format {index['format']!r} cannot be read")
        crypto = index["crypto"]
        if crypto not in ("None", "AES"):
            raise CyfsError(ErrorCode.NOT_SUPPORT, f"an archive encrypted with {crypto!r} cannot be read")
        folder = index.get("data_folder")
        return ArchiveIndex(
            str(index["id"])[:200],
            ObjectId.from_text(index["device_id"]),
            None if folder is None else _name(folder),
            _volumes(index["object_files"]),
            _volumes(index["chunk_files"]),
            crypto == "AES",
            index.get("en_device_id"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CyfsError(ErrorCode.INVALID_FORMAT, "this is not the index of a backup archive") from None


def _volumes(rows: Any) -> tuple[Volume, ...]:
    if not isinstance(rows, list) or len(rows) > VOLUMES_MAX:
        raise ValueError
    return tuple(Volume(_name(row["name"]), _hash(row["hash"]), _size(row["file_len"])) for row in rows)


def _name(text: Any) -> str:
    """A name in the archive's own folder, never a way out of it."""
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"the archive names a file that is not its own: {text!r:.100}")
    return text


def _size(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError
    return value


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) > 100:
        raise ValueError
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        try:
            digest = decode_base58(text)
        except CyfsError:
            raise ValueError from None
    if len(digest) != 32:
        raise ValueError
    return digest


def archive_key(index: ArchiveIndex, password: str) -> AesKey:
    """``PERMISSION_DENIED`` when the password is wrong."""
    derived = hashlib.pbkdf2_hmac("sha512", password.encode(), str(index.device_id).encode(), _ROUNDS, 64)
    key = AesKey(derived[:AES_KEY_SIZE])
    try:
        sealed = decode_base58(index.sealed_device or "")
        fits = key.decrypt(sealed) == index.device_id
    except CyfsError:
        fits = False
    if not fits:
        raise CyfsError(ErrorCode.PERMISSION_DENIED, "the password of the archive is another one")
    return key
