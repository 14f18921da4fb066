"""DecApp: a published application; its id is the dec id (docs/protocol/core-objects.md §3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ObjectId
from cyfs_edge.base.proto import ID, STRING, Message, map_of, pb
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.core.app_version import find_version
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NamedObject


@dataclass(frozen=True, slots=True, kw_only=True)
class DecAppDesc(Message):
    """``id``: the name of the app."""

    id: str = pb(1, STRING)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecAppBody(Message):
    """``source``: version → Dir; ``source_desc``: version → text; ``tags``: tag → version."""

    source: Mapping[str, ObjectId] = pb(1, map_of(ID))
    source_desc: Mapping[str, str] = pb(2, map_of(STRING))
    icon: str | None = pb(3, STRING, optional=True)
    desc: str | None = pb(4, STRING, optional=True)
    tags: Mapping[str, str] = pb(5, map_of(STRING))

    def find_source(self, request: str, tag: str | None = None) -> ObjectId:
        """The Dir of the highest version that satisfies a semver request; see :func:`find_version`."""
        return self.source[find_version(self.source, request, tag)]

    def find_tag(self, tag: str) -> str:
        """The version of a tag; ``NOT_FOUND``."""
        if tag not in self.tags:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the app has no tag {tag!r}")
        return self.tags[tag]


DEC_APP: Final = core_type(400, "DecApp", DecAppDesc, DecAppBody, sub_desc=DescFlag.OWNER)

CODECS: Final = {400: DEC_APP}


def dec_id(owner: ObjectId, name: str) -> ObjectId:
    """The id of the app ``name`` of ``owner``; nothing else plays a part in it."""
    return DEC_APP.build(DecAppDesc(id=name), owner=owner).object_id


def make_dec_app(owner: ObjectId, name: str, body: DecAppBody | None = None, *, update_time: int) -> NamedObject:
    """``update_time``: bucky µs."""
    return DEC_APP.build(DecAppDesc(id=name), body or DecAppBody(), update_time=update_time, owner=owner)


SYSTEM_DEC_NAME: Final = "cyfs-system-service"
ANONYMOUS_DEC_NAME: Final = "cyfs-anonymous-service"
SYSTEM_DEC_ID: Final = dec_id(NULL_ID, SYSTEM_DEC_NAME)
ANONYMOUS_DEC_ID: Final = dec_id(NULL_ID, ANONYMOUS_DEC_NAME)


def dec_text(dec: ObjectId) -> str:
    """For logs and names of meta files: ``system``, ``anonymous``, or the id."""
    if dec == SYSTEM_DEC_ID:
        return "system"
    return "anonymous" if dec == ANONYMOUS_DEC_ID else str(dec)
