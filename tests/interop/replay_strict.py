"""Replays the group ``strict``, which was recorded on a reference of its own: fresh, and in browser mode strict."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.gateway_process import running

from .recorded import Recording
from .replay import Outcome, Replay, prepare_root

STRICT = "strict"


def replay_strict(recording: Recording, files: Path) -> list[Outcome]:
    """Every item of the group, in order, against a gateway that is started for it."""
    with tempfile.TemporaryDirectory(prefix="cyfs-strict-") as folder:
        root = Path(folder) / "root"
        prepare_root(root, recording, browser_mode=STRICT)
        with running(root) as gateway:
            outcomes = list(Replay(recording, gateway.http, str(root), files).run(recording.of((STRICT,))))
        log = gateway.log_text()
        if "Traceback" in log:
            raise AssertionError(log)
        return outcomes
