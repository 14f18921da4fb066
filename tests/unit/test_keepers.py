"""What a node needs only for its backups is not loaded before it takes one."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("asyncssh", "boto3", "cyfs_edge.core.backup.repository", "nacl", "sqlite3")


def test_an_idle_gateway_has_not_loaded_what_backups_need() -> None:
    code = f"import sys, cyfs_edge.services.gateway; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
