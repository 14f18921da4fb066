"""What zone sync says about one object (docs/protocol/core-objects.md §3.17). Not an object itself."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import ID, STRING, UINT32, UINT64, Message, pb


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRecord(Message):
    """``insert_time``: bucky µs. ``access_string``: as a number."""

    insert_time: int = pb(1, UINT64)
    create_dec_id: ObjectId | None = pb(2, ID, optional=True)
    context: str | None = pb(3, STRING, optional=True)
    last_access_rpath: str | None = pb(4, STRING, optional=True)
    access_string: int | None = pb(5, UINT32, optional=True)
