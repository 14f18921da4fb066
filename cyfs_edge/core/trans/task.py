"""A task while the node is up: its record, how far it is, and what runs for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import Bell, Clock
from cyfs_edge.core.trans.ports import Activity
from cyfs_edge.core.trans.record import TaskRecord, Told
from cyfs_edge.core.trans.sources import SourceState
from cyfs_edge.core.trans.speed import SpeedMeter
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.trans import TaskInfo, TaskState, TaskStatus

_JOB_STATES = {
    TaskStatus.STOPPED: "paused",
    TaskStatus.RUNNING: "running",
    TaskStatus.FINISHED: "done",
    TaskStatus.FAILED: "failed",
}


@dataclass(slots=True)
class Task:
    """``settled`` rings when it has ended, or needs other devices and so may take its time (``is_settled``)."""

    record: TaskRecord
    settled: Bell
    job: Job
    meter: SpeedMeter = field(default_factory=SpeedMeter)
    sources: list[SourceState] = field(default_factory=list)
    activity: Activity | None = None
    is_settled: bool = False
    waits_for_turn: bool = False

    def settle(self) -> None:
        self.is_settled = True
        self.settled.ring()

    def refuse(self, name: str, error: CyfsError, told_max: int) -> None:
        """Notes an entry that is left out."""
        self.record.refused_count += 1
        if len(self.record.refused) < told_max:
            self.record.refused.append(Told(name, int(error.code), error.message))

    @property
    def percent(self) -> int:
        """100 only when all is done, the file that was asked for included."""
        if self.record.status is TaskStatus.FINISHED:
            return 100
        return min(99, self.job.done * 100 // self.job.total) if self.job.total else 0

    def state(self, clock: Clock) -> TaskState:
        record = self.record
        return TaskState(
            record.status,
            record.group,
            self.percent,
            self.meter.current(clock.monotonic()),
            0 if record.error is None else record.error[0],
            self.waits_for_turn,
        )

    def info(self) -> TaskInfo:
        record = self.record
        return TaskInfo(record.task_id, record.object_id, record.local_path, record.device_list, record.context)

    def to_json(self, clock: Clock) -> Members:
        """The record of the task as a job, for the administrator."""
        record, job, now = self.record, self.job, clock.monotonic()
        job.state = _JOB_STATES[record.status]
        job.phase = "waiting" if self.waits_for_turn else job.phase
        error = record.error
        job.error = None if error is None else {"code": str(error[0]), "msg": error[1]}
        return {
            **job.to_json(),
            "dec_id": str(record.dec),
            "object_id": str(record.object_id),
            "local_path": record.local_path,
            "device_list": [str(device) for device in record.device_list],
            "group": record.group,
            "context": record.context,
            "priority": record.priority.name.lower(),
            "created": record.created,
            "ended": record.ended,
            "percent": self.percent,
            "fetched": self.meter.total,
            "speed": self.meter.current(now),
            "average_speed": self.meter.average(now),
            "sources": [source.to_json() for source in self.sources],
            "refused": [told.to_json() for told in record.refused],
            "refused_count": record.refused_count,
        }
