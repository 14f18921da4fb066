"""MetaMinerGroup: the devices that mine a MetaChain (docs/protocol/core-objects.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import ErrorCode
from cyfs_edge.base.ids import ObjectTypeCode
from cyfs_edge.objects.content import ContentFormat
from cyfs_edge.objects.core.types import NoContent, core_type
from cyfs_edge.objects.envelope import HEAD_SIZE, Desc, NamedObject, read_desc

_DESC_SIZE_MIN = HEAD_SIZE + 4


@dataclass(frozen=True, slots=True)
class MinerGroupBody:
    """``members``: descs of Devices."""

    members: tuple[Desc, ...] = ()

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        return cls(tuple(Reader(data, pos, end).vec(_read_device, _DESC_SIZE_MIN)))

    def encode(self) -> bytes:
        return Writer().vec(self.members, lambda writer, desc: writer.raw(desc.raw)).getvalue()


def _read_device(reader: Reader) -> Desc:
    start = reader.pos
    desc = read_desc(reader)
    if desc.obj_type != ObjectTypeCode.DEVICE:
        reader.pos = start
        raise reader.fail(ErrorCode.INVALID_DATA, f"desc of type {desc.obj_type} instead of Device")
    return desc


MINER_GROUP: Final = core_type(
    302,
    "MetaMinerGroup",
    NoContent,
    MinerGroupBody,
    desc_format=ContentFormat.RAW,
    body_format=ContentFormat.RAW,
    desc_json=None,
    body_json=None,
)

CODECS: Final = {302: MINER_GROUP}


def make_miner_group(members: Sequence[Desc], *, update_time: int, create_time: int | None = None) -> NamedObject:
    """Times are bucky µs."""
    return MINER_GROUP.build(
        NoContent(), MinerGroupBody(tuple(members)), create_time=create_time, update_time=update_time
    )
