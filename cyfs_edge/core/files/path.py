"""Where something is in the tree: names from the top, none of which means another place."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.maps.paths import SEGMENT_MAX

NAME_MAX = SEGMENT_MAX
"""Bytes of a name in UTF-8: what other devices can walk through (docs/protocol/object-map.md §3)."""
NAMES_MAX = 100
"""Most names of a path: maps have at most 255 levels, and a large folder takes two or more of them."""

TreePath = tuple[str, ...]
"""Names from the top of the tree; the empty path is the top itself."""


def check_path(path: TreePath) -> None:
    """``INVALID_PARAM`` for what can be no path."""
    if len(path) > NAMES_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"a path has at most {NAMES_MAX} names, not {len(path)}")
    for name in path:
        fault = name_fault(name)
        if fault is not None:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{name[:40]!r} is no name of a file: {fault}")


def name_fault(name: str) -> str | None:
    """Why ``name`` can be no name; ``None`` when it can. Nothing is normalised: other bytes are another name."""
    if name in ("", ".", ".."):
        return "it would mean another place"
    if "/" in name or "\0" in name:
        return "it holds a slash or a NUL"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is no UTF-8"
    return f"it has {size} bytes, at most {NAME_MAX}" if size > NAME_MAX else None


def is_within(path: TreePath, folder: TreePath) -> bool:
    """Whether ``path`` is ``folder`` or below it."""
    return path[: len(folder)] == folder


def shown(path: TreePath) -> str:
    """For messages."""
    return repr("/" + "/".join(path))
