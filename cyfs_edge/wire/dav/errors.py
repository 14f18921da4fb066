"""Errors as WebDAV tells them: a status, and where RFC 4918 §16 names one the condition that was not met."""

from __future__ import annotations

from collections.abc import Sequence

from cyfs_edge.base.errors import CyfsError, ErrorCode

Names = tuple[str, ...]
"""Names from the top of the tree."""


def dav_error(
    status: int,
    message: str,
    *,
    condition: str | None = None,
    paths: Sequence[Names] = (),
    code: ErrorCode = ErrorCode.INVALID_FORMAT,
) -> CyfsError:
    """``condition``: the name of the element that says what was not met, with the places that it concerns."""
    return CyfsError(code, message, status=status, condition=condition, paths=tuple(paths))
