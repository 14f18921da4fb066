"""Object ids as arguments."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.cli.exits import CliError, Exit


def parse_id(text: str) -> ObjectId:
    """An id from the command line; a wrong one is a usage error."""
    try:
        return ObjectId.from_text(text)
    except CyfsError as error:
        raise CliError(
            ErrorCode.INVALID_FORMAT,
            f"Not an object id: {text!r} ({error.message}).",
            Exit.USAGE,
            "`cyfs-edge file put` and `cyfs-edge object list` print ids.",
        ) from None
