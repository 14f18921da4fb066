"""``python -m tests.interop.replay_report [FILE] [GROUP …]``: runs the replay, writes what differs, by cause."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.gateway_process import running

from . import compatibility
from .recorded import load
from .replay import Verdict, idle_rows, judge, prepare_root, summary, write_local_files
from .replay_ws import replay_all
from .test_replay import GROUPS


def report(groups: Sequence[str]) -> str:
    """The summary line and the items with problems, those with the same cause together."""
    recording = load()
    with tempfile.TemporaryDirectory(prefix="cyfs-replay-") as folder:
        root, files = Path(folder) / "root", Path(folder) / "vec"
        prepare_root(root, recording)
        write_local_files(files)
        with running(root) as gateway:
            outcomes = replay_all(recording, gateway.http, gateway.ws, str(root), files, groups)
        log = gateway.log_text()
    rows = compatibility.read_rows()
    verdicts = judge(outcomes, rows)
    lines = [summary(verdicts, groups), ""]
    causes: dict[tuple[str, ...], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.problems:
            causes.setdefault(_cause(verdict), []).append(verdict)
    for cause, members in sorted(causes.items(), key=lambda entry: -len(entry[1])):
        lines.append(f"## {len(members)} x {' + '.join(cause)}")
        for verdict in members:
            lines.append(f"- {verdict.outcome.name}  [{_request(verdict)}]")
            lines += [f"    {problem}" for problem in verdict.problems]
        lines.append("")
    lines += [f"idle row, line {row.line}: {row.item}" for row in idle_rows(rows, outcomes)]
    lines += ["", "## log of the gateway", log[-20_000:]]
    return "\n".join(lines) + "\n"


def _cause(verdict: Verdict) -> tuple[str, ...]:
    if verdict.row is not None:
        return ("table",)
    causes = []
    for difference in verdict.outcome.differences:
        exact = difference.part in ("status", "outcome") or difference.part.startswith("header:")
        causes.append(
            f"{difference.part} {difference.expected[:60]} -> {difference.got[:60]}" if exact else difference.part
        )
    return tuple(causes)


def _request(verdict: Verdict) -> str:
    request = verdict.outcome.item.request
    return request.line or repr((request.raw or b"")[:70])


if __name__ == "__main__":
    text = report(sys.argv[2:] or GROUPS)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text, encoding="utf-8")
    print(text.split("\n", 1)[0])
