"""Task groups: all tasks whose group lies at or below a name, controlled and counted together (http-api §10)."""

from __future__ import annotations

from dataclasses import dataclass

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.ports import Clock, Records
from cyfs_edge.core.trans.runner import Runner
from cyfs_edge.core.trans.table import TaskTable
from cyfs_edge.core.trans.task import Task
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.trans import (
    ControlGroup,
    GetGroupState,
    GroupAction,
    GroupControl,
    GroupPhase,
    GroupState,
    GroupType,
    TaskStatus,
    find_group_name,
)

SPACE = "trans-groups"
_UNFINISHED = (TaskStatus.RUNNING, TaskStatus.STOPPED)


@dataclass(frozen=True, slots=True)
class Control:
    """What was done to a group. ``closed``: it takes no new tasks."""

    control: GroupControl = GroupControl.NORMAL
    closed: bool = False


_NOTHING_DONE = Control()


class TaskGroups:
    """A group is there as long as a task is in it."""

    __slots__ = ("_clock", "_held", "_records", "_runner", "_table")

    def __init__(self, table: TaskTable, runner: Runner, records: Records, clock: Clock) -> None:
        self._table = table
        self._runner = runner
        self._records = records
        self._clock = clock
        self._held: dict[str, Control] = {}

    async def load(self) -> None:
        async for name, data in self._records.list(SPACE):
            try:
                members = values.read_object(data, f"the record of group {name}")
                control = Control(GroupControl(values.text(members, "control")), members.get("closed") is True)
            except (CyfsError, ValueError):
                continue  # nothing was done to it, as far as can be told
            self._held[name] = control

    async def check_new(self, group: str) -> None:
        """``ERROR_STATE`` when the group, or one above it, takes no new tasks."""
        closed = next((name for name in _above(group) if self._control(name).closed), None)
        if closed is not None:
            raise CyfsError(ErrorCode.ERROR_STATE, f"the task group {closed} is closed")

    async def start(self, task: Task) -> None:
        """Starts a task, or leaves that to its group if it is paused. ``ERROR_STATE`` if it is cancelled."""
        for name in _above(task.record.group):
            control = self._control(name).control
            if control is GroupControl.CANCELED:
                raise CyfsError(ErrorCode.ERROR_STATE, f"the task group {name} is cancelled; resume it")
            if control is GroupControl.PAUSED and task.record.status is not TaskStatus.RUNNING:
                task.record.held = True
                await self._table.save(task)
                return
        await self._runner.start(task)

    async def forget_empty(self, group: str) -> None:
        """Forgets what was done to groups in which no task is left."""
        for name in _above(group):
            if name in self._held and not self._members(name):
                await self._set(name, _NOTHING_DONE)

    def state(self, request: GetGroupState) -> GroupState:
        name, tasks = self._find(request.common.source.dec, request.group_type, request.group)
        now = self._clock.monotonic()
        current = sum(task.meter.current(now) for task in tasks)
        phase, error = _phase(tasks)
        return GroupState(
            phase,
            self._control(name).control,
            None if request.speed_when is None else current,
            current,
            sum(task.meter.average(now) for task in tasks),
            sum(task.meter.total for task in tasks),
            error,
        )

    async def control(self, request: ControlGroup) -> GroupControl:
        name, tasks = self._find(request.common.source.dec, request.group_type, request.group)
        held = self._control(name)
        unfinished = [task for task in tasks if task.record.status in _UNFINISHED]
        match request.action:
            case GroupAction.RESUME:
                await self._set(name, Control(GroupControl.NORMAL, held.closed))
                for task in tasks:
                    if task.record.held:
                        await self.start(task)
            case GroupAction.PAUSE:
                if unfinished and held.control is GroupControl.NORMAL:
                    await self._set(name, Control(GroupControl.PAUSED, held.closed))
                    await self._hold(unfinished)
            case GroupAction.CANCEL:
                if unfinished:
                    await self._set(name, Control(GroupControl.CANCELED, held.closed))
                for task in unfinished:
                    task.record.held = False
                    await self._runner.stop(task)
            case GroupAction.CLOSE:
                await self._set(name, Control(held.control, closed=True))
            case GroupAction.CLOSE_RECURSIVELY:
                for below in {name, *(_name(task.record.group) for task in tasks)}:
                    await self._set(below, Control(self._control(below).control, closed=True))
        return self._control(name).control

    async def _hold(self, tasks: list[Task]) -> None:
        for task in tasks:
            if task.record.status is TaskStatus.RUNNING:
                task.record.held = True
                await self._runner.stop(task)

    def _find(self, dec: ObjectId, group_type: GroupType, group: str) -> tuple[str, list[Task]]:
        """``NOT_FOUND`` for a group without tasks. Nothing is uploaded by groups here, so no such group is there."""
        name = _name(find_group_name(dec, group))
        tasks = self._members(name) if group_type is GroupType.DOWNLOAD else []
        if not tasks:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no {group_type.value} group {name}")
        return name, tasks

    def _members(self, name: str) -> list[Task]:
        head = name + "/"
        return [task for task in self._table.all() if f"{task.record.group}/".startswith(head)]

    def _control(self, name: str) -> Control:
        return self._held.get(name, _NOTHING_DONE)

    async def _set(self, name: str, control: Control) -> None:
        if control == self._control(name):
            return
        if control == _NOTHING_DONE:
            del self._held[name]
            await self._records.delete(SPACE, name)
            return
        self._held[name] = control
        members = {"control": control.control.value, "closed": control.closed}
        await self._records.put(SPACE, name, values.write(members).encode("utf-8"))


def _name(group: str) -> str:
    return group.rstrip("/")


def _above(group: str) -> list[str]:
    """The group and those above it: ``dec/a/b`` → ``dec/a/b``, ``dec/a``, ``dec``."""
    parts = _name(group).split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _phase(tasks: list[Task]) -> tuple[GroupPhase, tuple[int, str] | None]:
    statuses = {task.record.status for task in tasks}
    if TaskStatus.RUNNING in statuses:
        return GroupPhase.RUNNING, None
    if TaskStatus.STOPPED in statuses:
        return GroupPhase.PAUSED, None
    error = next((task.record.error for task in tasks if task.record.error is not None), None)
    return (GroupPhase.FINISHED, None) if error is None else (GroupPhase.ERROR, error)
