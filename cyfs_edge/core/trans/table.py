"""The tasks of the node: in memory while it is up, in the store for ever."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.jobs import Job
from cyfs_edge.core.ports import Records, Waits
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.core.trans.record import SPACE, TaskRecord, decode_record, encode_record
from cyfs_edge.core.trans.task import Task
from cyfs_edge.wire.trans import TaskStatus


class TaskTable:
    """Changes are on the disk when a call returns. ``unreadable``: ids of records that were left alone."""

    __slots__ = ("_limits", "_records", "_tasks", "_waits", "unreadable")

    def __init__(self, records: Records, waits: Waits, limits: TransLimits) -> None:
        self._records = records
        self._waits = waits
        self._limits = limits
        self._tasks: dict[str, Task] = {}
        self.unreadable: list[str] = []

    async def load(self) -> None:
        found: list[TaskRecord] = []
        async for task_id, data in self._records.list(SPACE):
            try:
                found.append(decode_record(task_id, data))
            except CyfsError:
                self.unreadable.append(task_id)
        for record in sorted(found, key=lambda one: one.created):
            self._tasks[record.task_id] = self._task(record)

    def _task(self, record: TaskRecord) -> Task:
        job = Job(record.task_id, f"trans-{record.kind.name.lower()}", unit="bytes")
        job.done, job.total = record.done, record.total
        return Task(record, self._waits.bell(), job)

    def all(self) -> list[Task]:
        """In the order in which they were made."""
        return list(self._tasks.values())

    def of_dec(self, dec: ObjectId) -> list[Task]:
        return [task for task in self._tasks.values() if task.record.dec == dec]

    def find(self, task_id: str) -> Task | None:
        return self._tasks.get(task_id)

    async def add(self, record: TaskRecord) -> Task:
        """``OUT_OF_LIMIT`` when there are too many, and none is finished that could be forgotten instead."""
        mine = self.of_dec(record.dec)
        if len(mine) >= self._limits.tasks_per_dec:
            old = next((task for task in mine if task.record.status is TaskStatus.FINISHED), None)
            if old is None:
                text = f"dec {record.dec} has {len(mine)} tasks that are not finished; delete some"
                raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)
            await self.forget(old)
        elif len(self._tasks) >= self._limits.tasks:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"there are {len(self._tasks)} tasks; delete some")
        task = self._task(record)
        await self._records.put(SPACE, record.task_id, encode_record(record))
        self._tasks[record.task_id] = task
        return task

    async def save(self, task: Task) -> None:
        """Also what it has come to. A task that was forgotten meanwhile stays so."""
        if self._tasks.get(task.record.task_id) is task:
            task.record.done, task.record.total = task.job.done, task.job.total
            await self._records.put(SPACE, task.record.task_id, encode_record(task.record))

    async def forget(self, task: Task) -> None:
        await self._records.delete(SPACE, task.record.task_id)
        self._tasks.pop(task.record.task_id, None)
