"""Who is asking: the source of a request (docs/protocol/access-and-zone.md §2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cyfs_edge.base.ids import ObjectId

PROTOCOL_NATIVE = "native"
PROTOCOL_HTTP_LOCAL = "http-local"


class ZoneCategory(IntEnum):
    """Where the source device stands. A category includes every smaller one."""

    CURRENT_DEVICE = 0
    CURRENT_ZONE = 1
    FRIEND_ZONE = 2
    OTHER_ZONE = 3

    @property
    def text(self) -> str:
        return ("current-device", "current-zone", "friend-zone", "other-zone")[self]


@dataclass(frozen=True, slots=True)
class Source:
    """``zone``: the owner id of the requesting zone. ``verified``: the dec whose path check has passed."""

    protocol: str
    device: ObjectId
    zone: ObjectId
    category: ZoneCategory
    dec: ObjectId
    verified: ObjectId | None = None

    def describe(self) -> str:
        """For log lines and error texts."""
        return f"dec {self.dec} on {self.category.text} {self.device}"
