"""Global-state request paths (docs/protocol/access-and-zone.md §3).

``[root-state|local-cache]/[current|root:{id}|dec-root:{id}]/[{dec id}]/inner path[?query]``
"""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId

CATEGORIES = ("root-state", "local-cache")


@dataclass(frozen=True, slots=True)
class ReqPath:
    """``root``: ``None`` for the current root, else (``root`` or ``dec-root``, id). ``path`` is ``/`` or ``/a/b/``."""

    category: str
    root: tuple[str, ObjectId] | None
    dec: ObjectId | None
    path: str
    query: str | None

    @classmethod
    def parse(cls, text: str) -> ReqPath:
        """``INVALID_FORMAT`` when a segment that must be an id is none."""
        before, mark, query = text.rpartition("?")
        segments = [segment for segment in (before if mark else text).split("/") if segment]
        category = CATEGORIES[0]
        if segments and segments[0] in CATEGORIES:
            category = segments.pop(0)
        root: tuple[str, ObjectId] | None = None
        if segments:
            kind, colon, root_id = segments[0].partition(":")
            if segments[0] == "current":
                segments.pop(0)
            elif colon and kind in ("root", "dec-root"):
                root = (kind, _id(root_id))
                segments.pop(0)
        dec = None
        if segments and len(segments[0]) in (43, 44):
            dec = _id(segments.pop(0))
        path = "/" + "".join(segment + "/" for segment in segments)
        return cls(category, root, dec, path, query if mark else None)


def _id(text: str) -> ObjectId:
    try:
        return ObjectId.from_text(text)
    except CyfsError as error:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"bad id in request path: {error.message}") from None
