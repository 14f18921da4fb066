"""Long actions of the node: one record that CLI, web and SDK read alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Job:
    """``state``: running, paused, done, failed or cancelled. ``done`` and ``total`` in ``unit``."""

    id: str
    kind: str
    phase: str = ""
    unit: str = "items"
    done: int = 0
    total: int = 0
    state: str = "running"
    result: object = None
    error: dict[str, str] | None = None

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "kind": self.kind,
            "phase": self.phase,
            "unit": self.unit,
            "done": self.done,
            "total": self.total,
            "state": self.state,
            "result": self.result,
            "error": self.error,
        }


class Jobs(Protocol):
    """Runs at most one job of a kind at a time."""

    def start(self, kind: str, work: Callable[[Job], Awaitable[object]]) -> Job:
        """``work`` updates the job's progress and gives its result. A running job of the kind is given instead."""
        ...

    def get(self, job_id: str) -> Job:
        """``NOT_FOUND`` for an unknown id."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Asks a running job to stop; its state tells when it has."""
        ...
