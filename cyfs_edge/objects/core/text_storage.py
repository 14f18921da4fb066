"""Text and Storage: small named values (docs/protocol/core-objects.md §3.1, §3.2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BYTES, HASH, STRING, Message, pb
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDesc(Message):
    id: str = pb(1, STRING)
    header: str = pb(2, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBody(Message):
    value: str = pb(1, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageDesc(Message):
    """``hash``: SHA-256 of the value; then each value makes an object of its own."""

    id: str = pb(1, STRING)
    hash: bytes | None = pb(2, HASH, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBody(Message):
    value: bytes = pb(1, BYTES)


TEXT: Final = core_type(41, "Text", TextDesc, TextBody, sub_desc=DescFlag.OWNER)
STORAGE: Final = core_type(
    40, "Storage", StorageDesc, StorageBody, sub_desc=DescFlag.OWNER, body_json=lambda body: body.value.hex()
)

CODECS: Final = {40: STORAGE, 41: TEXT}


def make_text(
    id: str,
    header: str,
    value: str,
    *,
    update_time: int,
    create_time: int | None = None,
    owner: ObjectId | None = None,
    dec_id: ObjectId | None = None,
) -> NamedObject:
    """Times are bucky µs."""
    return TEXT.build(
        TextDesc(id=id, header=header),
        TextBody(value=value),
        update_time=update_time,
        create_time=create_time,
        owner=owner,
        dec_id=dec_id,
    )


def make_storage(
    id: str,
    value: bytes,
    *,
    update_time: int,
    hashed: bool = False,
    create_time: int | None = None,
    owner: ObjectId | None = None,
    dec_id: ObjectId | None = None,
) -> NamedObject:
    """A plain one keeps its id when the value changes, a ``hashed`` one has one for each value. Times are bucky µs."""
    return STORAGE.build(
        StorageDesc(id=id, hash=hashlib.sha256(value).digest() if hashed else None),
        StorageBody(value=value),
        update_time=update_time,
        create_time=create_time,
        owner=owner,
        dec_id=dec_id,
    )


def storage_hash_holds(desc: StorageDesc, body: StorageBody) -> bool:
    """Whether the value is the one that the hash in the desc, if there is any, speaks of."""
    return desc.hash is None or desc.hash == hashlib.sha256(body.value).digest()
