"""``cyfs-edge openapi``."""

from __future__ import annotations

import json
import sys

from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import Exit


def openapi(context: Context) -> int:
    """The document on standard output. It is part of the program: no root and no gateway is needed."""
    from cyfs_edge.core.api.openapi import openapi_document

    sys.stdout.write(json.dumps(openapi_document(), indent=None if context.out.as_json else 1) + "\n")
    return Exit.OK
