"""What a share is, and how it is remembered (docs/door.md)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import Enum

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.text import decode_base58, encode_base58

SECRET_SIZE = 16
"""Bytes of the secret in a link."""
ID_LENGTH = 12
"""Characters of the hash that name a share to people."""
LABEL_MAX = 200
PATH_MAX = 2048
"""Characters of an inner path or a state path."""
_TEXT_MAX = 22


class Audience(Enum):
    """``FRIENDS`` includes the own zone. ``ANYONE``: a browser that has the link, and no peer."""

    ZONE = "zone"
    FRIENDS = "friends"
    ANYONE = "anyone"


@dataclass(frozen=True, slots=True)
class ObjectTarget:
    """An object, or what ``inner_path`` (without a slash in front, may be empty) leads to in it."""

    object_id: ObjectId
    inner_path: str = ""

    def describe(self) -> str:
        return f"{self.object_id}/{self.inner_path}" if self.inner_path else str(self.object_id)


@dataclass(frozen=True, slots=True)
class StateTarget:
    """Whatever is at ``path`` of the root-state of ``dec`` at the time of asking."""

    dec: ObjectId
    path: str

    def describe(self) -> str:
        return f"{self.path} of {self.dec}"


Target = ObjectTarget | StateTarget


@dataclass(frozen=True, slots=True)
class Share:
    """``key``: under which it is kept. Times in bucky µs; ``expires`` 0: never. ``ended``: its rights are taken back
    already."""

    key: str
    audience: Audience
    target: Target
    label: str
    created: int
    expires: int
    ended: bool = False

    @property
    def id(self) -> str:
        return self.key[:ID_LENGTH]

    def expired(self, now: int) -> bool:
        return self.expires != 0 and self.expires <= now


def key_of(secret: bytes) -> str:
    """Of the secret only this is stored: who reads the store, or a copy of it, has no link."""
    return hashlib.sha256(secret).hexdigest()


def secret_text(secret: bytes) -> str:
    """As it stands in a link."""
    return encode_base58(secret)


def read_secret(text: str) -> bytes | None:
    """``None`` for a text that is none."""
    if len(text) > _TEXT_MAX:
        return None
    try:
        secret = decode_base58(text)
    except CyfsError:
        return None
    return secret if len(secret) == SECRET_SIZE and encode_base58(secret) == text else None


def encode_share(share: Share) -> bytes:
    value: dict[str, object] = {
        "version": 1,
        "audience": share.audience.value,
        "label": share.label,
        "created": share.created,
        "expires": share.expires,
        "ended": share.ended,
    }
    if isinstance(share.target, ObjectTarget):
        value |= {"object": str(share.target.object_id), "inner_path": share.target.inner_path}
    else:
        value |= {"dec": str(share.target.dec), "path": share.target.path}
    return json.dumps(value).encode()


def decode_share(key: str, data: bytes) -> Share:
    """``INVALID_DATA`` when the bytes are no share of this version."""
    try:
        value = json.loads(data)
        if value["version"] != 1:
            raise ValueError(f"version {value['version']!r}"[:80])
        if "object" in value:
            target: Target = ObjectTarget(ObjectId.from_text(value["object"]), value["inner_path"])
            text = value["inner_path"]
        else:
            target = StateTarget(ObjectId.from_text(value["dec"]), value["path"])
            text = value["path"]
        share = Share(
            key,
            Audience(value["audience"]),
            target,
            value["label"],
            value["created"],
            value["expires"],
            value["ended"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CyfsError) as error:
        raise CyfsError(ErrorCode.INVALID_DATA, f"the record of share {key[:ID_LENGTH]} is damaged: {error}") from None
    sound = all(type(one) is str for one in (text, share.label)) and type(share.ended) is bool
    if not sound or not all(type(one) is int for one in (share.created, share.expires)):
        raise CyfsError(ErrorCode.INVALID_DATA, f"the record of share {key[:ID_LENGTH]} is damaged")
    return share


def share_json(share: Share, now: int) -> dict[str, object]:
    """For lists: what it opens to whom, and whether it still does."""
    target = share.target
    shown: dict[str, object] = (
        {"object_id": str(target.object_id), "inner_path": target.inner_path or None}
        if isinstance(target, ObjectTarget)
        else {"dec_id": str(target.dec), "path": target.path}
    )
    return {
        "id": share.id,
        "for": share.audience.value,
        "label": share.label or None,
        "target": shown,
        "created": share.created,
        "expires": share.expires or None,
        "state": "expired" if share.expired(now) else "active",
    }
