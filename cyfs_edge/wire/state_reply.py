"""What state calls answer: roots, entries and figures of maps (docs/protocol/http-api.md §11)."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members

_U64_MAX = (1 << 64) - 1
_TYPES = {kind.text: kind for kind in MapContentType}


@dataclass(frozen=True, slots=True)
class RootInfo:
    """What calls tell of a dec root: the global root that first held it, and its revision.

    Of an isolate or single env both roots are its own map, and the revision is 0.
    """

    root: ObjectId
    revision: int
    dec_root: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class MapItem:
    """An entry. ``key``: of maps only. ``value``: of maps and sets; a difference has the other three."""

    content_type: MapContentType
    key: str | None = None
    value: ObjectId | None = None
    prev: ObjectId | None = None
    altered: ObjectId | None = None
    diff: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class MapInfo:
    """What is known of a map without reading it. ``size``: bytes; ``hub``: it is divided into sub maps."""

    content_type: MapContentType
    hub: bool
    count: int
    size: int
    depth: int


def root_json(info: RootInfo) -> Members:
    dec_root = {} if info.dec_root is None else {"dec_root": str(info.dec_root)}
    return {**dec_root, "revision": info.revision, "root": str(info.root)}


def read_root(found: Members) -> RootInfo:
    return RootInfo(
        values.object_id(found, "root"),
        values.number(found, "revision", 0, _U64_MAX),
        values.optional_id(found, "dec_root"),
    )


def map_info_json(info: MapInfo) -> Members:
    return {
        "content_mode": "hub" if info.hub else "simple",
        "content_type": info.content_type.text,
        "count": str(info.count),
        "depth": str(info.depth),
        "size": str(info.size),
    }


def read_map_info(found: Members) -> MapInfo:
    return MapInfo(
        content_type=_content_type(values.text(found, "content_type")),
        hub=values.text(found, "content_mode") == "hub",
        count=values.number(found, "count", 0, _U64_MAX),
        size=values.number(found, "size", 0, _U64_MAX),
        depth=values.number(found, "depth", 0, _U64_MAX),
    )


def read_items(found: object) -> list[MapItem]:
    """``INVALID_FORMAT`` for anything that is no list of entries."""
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise CyfsError(ErrorCode.INVALID_FORMAT, "the reply is no list of entries")
    return [
        MapItem(
            _content_type(values.text(item, "content_type")),
            values.optional_text(item, "key"),
            *(values.optional_id(item, name) for name in ("value", "prev", "altered", "diff")),
        )
        for item in found
    ]


def _content_type(name: str) -> MapContentType:
    if name not in _TYPES:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"unknown content type {name[:40]!r}")
    return _TYPES[name]
