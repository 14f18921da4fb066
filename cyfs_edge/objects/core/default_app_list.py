"""DefaultAppList: the app of choice for each group (docs/protocol/core-objects.md §3.9). Raw codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.ids import ID_SIZE, ObjectId
from cyfs_edge.objects.content import ContentFormat, DescFlag
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject

_ENTRY_SIZE_MIN = 4 * 2 + ID_SIZE


@dataclass(frozen=True, slots=True)
class DefaultAppInfo:
    name: str
    desc: str
    copyright: str
    dec_id: ObjectId


@dataclass(frozen=True, slots=True)
class DefaultAppListDesc:
    id: str

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        return cls(Reader(data, pos, end).string())

    def encode(self) -> bytes:
        return Writer().string(self.id).getvalue()


@dataclass(frozen=True, slots=True)
class DefaultAppListBody:
    """``list``: group → app; of several for one group the last one counts."""

    list: Mapping[str, DefaultAppInfo] = field(default_factory=dict)

    @classmethod
    def decode(cls, data: bytes, pos: int = 0, end: int | None = None) -> Self:
        reader = Reader(data, pos, end)
        return cls(dict(reader.vec(_read_entry, _ENTRY_SIZE_MIN)))

    def encode(self) -> bytes:
        return Writer().vec(sorted(self.list.items()), _write_entry).getvalue()


def _read_entry(reader: Reader) -> tuple[str, DefaultAppInfo]:
    group = reader.string()
    return group, DefaultAppInfo(reader.string(), reader.string(), reader.string(), ObjectId.read(reader))


def _write_entry(writer: Writer, entry: tuple[str, DefaultAppInfo]) -> None:
    group, info = entry
    writer.string(group).string(info.name).string(info.desc).string(info.copyright).raw(info.dec_id)


DEFAULT_APP_LIST: Final = core_type(
    407,
    "DefaultAppList",
    DefaultAppListDesc,
    DefaultAppListBody,
    sub_desc=DescFlag.OWNER,
    desc_format=ContentFormat.RAW,
    body_format=ContentFormat.RAW,
)

CODECS: Final = {407: DEFAULT_APP_LIST}


def make_default_app_list(
    owner: ObjectId, id: str, apps: Mapping[str, DefaultAppInfo], *, update_time: int
) -> NamedObject:
    """``update_time``: bucky µs."""
    body = DefaultAppListBody(apps)
    return DEFAULT_APP_LIST.build(DefaultAppListDesc(id), body, update_time=update_time, owner=owner)
