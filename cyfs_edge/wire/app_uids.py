"""``etc/app-uids.json``: which DecApp runs as which user, ``{"20001": "<dec id>", …}``; ood-daemon writes it."""

from __future__ import annotations

import json

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId

TABLE_SIZE_MAX = 1 << 20
"""Longest text that is read, in characters."""


def parse_app_uids(text: str) -> dict[int, ObjectId]:
    """``INVALID_FORMAT`` for anything else; a user stands there once."""
    if len(text) > TABLE_SIZE_MAX:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"more than {TABLE_SIZE_MAX} characters")
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise CyfsError(ErrorCode.INVALID_FORMAT, "not JSON") from None
    if not text.lstrip().startswith("{"):
        raise CyfsError(ErrorCode.INVALID_FORMAT, "not a JSON object")
    table: dict[int, ObjectId] = {}
    for key, value in pairs:
        if not (key.isascii() and key.isdigit() and len(key) <= 10) or not isinstance(value, str):
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"{key[:20]!r} is no user id with a dec id")
        uid = int(key)
        if uid in table:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"user {uid} stands there twice")
        table[uid] = ObjectId.from_text(value)
    return table
