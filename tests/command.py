"""The `cyfs-edge` command as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

COMMAND = [sys.executable, "-m", "cyfs_edge.cli.main"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CYFS_")}


def cli(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [*COMMAND, *(str(one) for one in arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, env=ENVIRONMENT, timeout=60)


def done(*arguments: object, stdin: bytes = b"") -> Any:
    """The document of a command that must succeed."""
    result = cli(*arguments, "--json", stdin=stdin)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)
