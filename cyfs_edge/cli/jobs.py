"""Long actions of the stack: start one, show how far it is, cancel it when the command is interrupted."""

from __future__ import annotations

import contextlib
import time

from cyfs_edge.base.errors import CyfsError, ErrorCode, normalize_code
from cyfs_edge.cli.client import Client, call_json
from cyfs_edge.cli.output import printable
from cyfs_edge.cli.progress import Progress

_POLL_S = 0.1
_FINAL_STATES = frozenset({"done", "failed", "cancelled"})


def run_job(client: Client, target: str, label: str, *, quiet: bool, body: object = None) -> dict[str, object]:
    """Starts the job that POST ``target`` makes and waits for its end. Gives its result; raises what it failed with."""
    job = call_json(client, "POST", target, body)
    where = f"/control/jobs/{job.get('id')}"
    try:
        with Progress(label, 0, quiet=quiet, text=str) as bar:
            while job.get("state") not in _FINAL_STATES:
                phase = printable(str(job.get("phase") or ""))
                bar.set(_count(job.get("done")), _count(job.get("total")), f"{label} {phase}".rstrip())
                time.sleep(_POLL_S)
                job = call_json(client, "GET", where)
    except KeyboardInterrupt:
        with contextlib.suppress(CyfsError, OSError):
            call_json(client, "DELETE", where)
        raise
    if job.get("state") != "done":
        raise _failure(job, label)
    result = job.get("result")
    return result if isinstance(result, dict) else {}


def _failure(job: dict[str, object], label: str) -> CyfsError:
    error = job.get("error")
    if isinstance(error, dict):
        return CyfsError(normalize_code(_count(error.get("code"))), str(error.get("msg")))
    if job.get("state") == "cancelled":
        return CyfsError(ErrorCode.USER_CANCELED, f"{label} was cancelled")
    return CyfsError(ErrorCode.FAILED, f"{label} failed: {error}")


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0
