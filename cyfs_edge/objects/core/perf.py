"""PerfOperation: what a DecApp measured (docs/protocol/core-objects.md §3.15). This node never sends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, STRING, UINT32, Message, map_of, pb
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.core.kinds import DECIMAL_U64
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfTimeRange(Message):
    """Bucky µs."""

    begin: int = pb(1, DECIMAL_U64)
    end: int = pb(2, DECIMAL_U64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfAction(Message):
    """``time``: bucky µs; ``err``: an error code."""

    id: str = pb(1, STRING)
    time: int = pb(2, DECIMAL_U64)
    err: int = pb(3, UINT32)
    name: str = pb(4, STRING)
    value: str = pb(5, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfRecord(Message):
    id: str = pb(1, STRING)
    time: int = pb(2, DECIMAL_U64)
    total: int = pb(3, DECIMAL_U64)
    total_size: int | None = pb(4, DECIMAL_U64, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfAccumulation(Message):
    id: str = pb(1, STRING)
    time_range: PerfTimeRange = pb(2, PerfTimeRange)
    total: int = pb(3, UINT32)
    success: int = pb(4, UINT32)
    total_size: int | None = pb(5, DECIMAL_U64, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfRequest(Message):
    """``total_time``: µs."""

    id: str = pb(1, STRING)
    time_range: PerfTimeRange = pb(2, PerfTimeRange)
    total: int = pb(3, UINT32)
    success: int = pb(4, UINT32)
    total_time: int = pb(5, DECIMAL_U64)
    total_size: int | None = pb(6, DECIMAL_U64, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfIsolateEntity(Message):
    id: str = pb(1, STRING)
    time_range: PerfTimeRange = pb(2, PerfTimeRange)
    actions: tuple[PerfAction, ...] = pb(3, PerfAction, repeated=True)
    records: Mapping[str, PerfRecord] = pb(4, map_of(PerfRecord))
    accumulations: Mapping[str, PerfAccumulation] = pb(5, map_of(PerfAccumulation))
    reqs: Mapping[str, PerfRequest] = pb(6, map_of(PerfRequest))


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfDesc(Message):
    """``people``: owner of the zone; ``id``: dec id, ``version``: of the DecApp; ``hash``: of the body. All as text."""

    device: ObjectId = pb(1, ID)
    people: ObjectId = pb(2, ID)
    id: str = pb(3, STRING)
    version: str = pb(4, STRING)
    hash: str = pb(5, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfBody(Message):
    time_range: PerfTimeRange = pb(1, PerfTimeRange)
    all: Mapping[str, PerfIsolateEntity] = pb(2, map_of(PerfIsolateEntity))


PERF_OPERATION: Final = core_type(
    600,
    "PerfOperation",
    PerfDesc,
    PerfBody,
    sub_desc=DescFlag.OWNER | DescFlag.AUTHOR,
    desc_json=None,
    body_json=None,
)

CODECS: Final = {600: PERF_OPERATION}


def make_perf_operation(
    desc: PerfDesc,
    body: PerfBody,
    *,
    create_time: int,
    update_time: int,
    owner: ObjectId | None = None,
    author: ObjectId | None = None,
) -> NamedObject:
    """Times are bucky µs."""
    return PERF_OPERATION.build(
        desc, body, create_time=create_time, update_time=update_time, owner=owner, author=author
    )
