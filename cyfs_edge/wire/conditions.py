"""Copies that a client has, and asks about: entity tags, conditions, names for saving (docs/protocol/http-front.md §7).

The tag of data is the id of its file or chunk, which says all about its bytes.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire.message import Headers

IF_NONE_MATCH = "if-none-match"
IF_RANGE = "if-range"
ETAG = "etag"
CACHE_CONTROL = "cache-control"
IMMUTABLE = (CACHE_CONTROL, "private, max-age=31536000, immutable")
"""For this client only, as other clients may have other rights."""
REVALIDATED = (CACHE_CONTROL, "private, no-cache")
NAME_MAX = 255
"""Characters of a name for saving; the rest is cut off."""

_TAGS = re.compile(r'"([^"]*)"').findall
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


def data_tag(object_id: ObjectId, part: tuple[int, int] | None) -> str:
    """``part``: bytes of the data that are all of what is meant, half-open, when that is not the whole of it."""
    return f'"{object_id}"' if part is None else f'"{object_id}:{part[0]}-{part[1]}"'


def is_held(headers: Headers, tag: str) -> bool:
    """Whether ``If-None-Match`` says that the client has this. Tags are compared weakly, as it is defined."""
    lines = headers.get_all(IF_NONE_MATCH)
    return any(line.strip() == "*" or tag[1:-1] in _TAGS(line) for line in lines)


def range_applies(if_range: str | None, tag: str) -> bool:
    """Whether the range asked for is wanted of this: without a condition, or when it names exactly ``tag``.

    No date says as much, so with a date all is sent.
    """
    return if_range is None or if_range.strip() == tag


def attachment(name: str) -> tuple[str, str]:
    """``content-disposition`` of data that is to be saved as ``name``."""
    name = name[:NAME_MAX].encode("utf-8", "replace").decode()
    plain = _NOT_PLAIN.sub("_", name)
    encoded = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return "content-disposition", f'attachment; filename="{plain}"{encoded}'
