"""The trans service: tasks that download, and what publishes (docs/protocol/http-api.md §10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.access import require_category
from cyfs_edge.core.non import NonService
from cyfs_edge.core.trans.contexts import TransContexts
from cyfs_edge.core.trans.download import Tools
from cyfs_edge.core.trans.groups import TaskGroups
from cyfs_edge.core.trans.publish import Publisher
from cyfs_edge.core.trans.record import Priority, TaskKind, TaskRecord, task_id_of
from cyfs_edge.core.trans.runner import Runner
from cyfs_edge.core.trans.table import TaskTable
from cyfs_edge.core.trans.task import Task
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.core.dec_app import ANONYMOUS_DEC_ID
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.ndn import referer_text
from cyfs_edge.wire.requests import NdnCommon, NdnLevel, NonCommon
from cyfs_edge.wire.source import Source, ZoneCategory
from cyfs_edge.wire.trans import (
    ControlGroup,
    ControlTask,
    CreateTask,
    GetContext,
    GetGroupState,
    GetTaskState,
    GroupControl,
    GroupState,
    PublishFile,
    PutContext,
    QueryTasks,
    TaskAction,
    TaskInfo,
    TaskState,
    TaskStatus,
    group_name,
)


class TransService:
    """Every task belongs to the dec that made it; others do not see it."""

    __slots__ = ("_contexts", "_groups", "_non", "_publisher", "_runner", "_table", "_tools", "_turn", "_zone")

    def __init__(self, tools: Tools, publisher: Publisher, non: NonService, zone: ZoneManager) -> None:
        self._tools = tools
        self._publisher = publisher
        self._non = non
        self._zone = zone
        self._contexts = TransContexts(non, tools.cache)
        self._table = TaskTable(tools.store.records, tools.waits, tools.limits)
        self._runner = Runner(self._table, tools, self._contexts, zone)
        self._groups = TaskGroups(self._table, self._runner, tools.store.records, tools.clock)
        self._turn = tools.waits.mutex()

    async def load(self) -> list[str]:
        """Takes up the tasks of earlier starts; gives the ids of those whose records cannot be read."""
        await self._table.load()
        await self._groups.load()
        return self._table.unreadable

    async def go_on(self) -> None:
        """Runs the tasks that were running when the node stopped."""
        await self._runner.go_on()

    def held_ids(self) -> list[ObjectId]:
        """What unfinished tasks are about: it is not collected while they last."""
        return [task.record.object_id for task in self._table.all() if task.record.status is not TaskStatus.FINISHED]

    async def close(self) -> None:
        await self._runner.close()

    # ---- calls of the protocol --------------------------------------------------------------------------------------

    async def create_task(self, request: CreateTask) -> str:
        """The same task of the same dec is made once: its id is given again. It takes up newly named devices."""
        await self._gate(request.common, "create_task")
        source, path = request.common.source, request.local_path
        if path:
            _check_path(source, path, "create_task")
        kind = TaskKind.of(request.object_id)
        if kind is None:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{request.object_id} is no chunk, file, dir or object map")
        group = group_name(source.dec, request.group)
        task_id = task_id_of(source.dec, kind, request.object_id, group, request.context, path)
        async with self._turn:
            task = self._table.find(task_id)
            if task is None:
                await self._groups.check_new(group)
                task = await self._table.add(await self._new_record(request, task_id, kind, group))
            elif request.device_list and task.record.status in (TaskStatus.STOPPED, TaskStatus.FAILED):
                task.record.device_list = request.device_list
                await self._table.save(task)
        if request.auto_start:
            await self._start(task)
        return task_id

    async def control_task(self, request: ControlTask) -> None:
        """``ERROR_STATE`` for a stop of what does not run. Deleting what is not there is no error."""
        await self._gate(request.common, "control_task")
        if request.action is TaskAction.DELETE:
            task = self._table.find(request.task_id)
            if task is not None and task.record.dec == request.common.source.dec:
                await self._delete(task)
            return
        task = self._find(request.common.source, request.task_id)
        if request.action is TaskAction.START:
            await self._start(task)
        else:
            await self._stop(task)

    async def get_task_state(self, request: GetTaskState) -> TaskState:
        await self._gate(request.common, "get_task_state")
        return self._find(request.common.source, request.task_id).state(self._tools.clock)

    async def query_tasks(self, request: QueryTasks) -> list[TaskInfo]:
        """The dec's own tasks, in the order in which they were made."""
        await self._gate(request.common, "query_tasks")
        tasks = [
            task
            for task in self._table.of_dec(request.common.source.dec)
            if request.status is None or task.record.status is request.status
        ]
        if request.range is not None:
            offset, length = request.range
            tasks = tasks[offset : offset + length]
        return [task.info() for task in tasks]

    async def publish_file(self, request: PublishFile) -> ObjectId:
        await self._gate(request.common, "publish_file")
        if request.local_path:
            _check_path(request.common.source, request.local_path, "publish_file")
        return await self._publisher.publish(request)

    async def get_context(self, request: GetContext) -> NamedObject:
        await self._gate(request.common, "get_context")
        return await self._contexts.get(request)

    async def put_context(self, request: PutContext) -> None:
        await self._gate(request.common, "put_context")
        await self._contexts.put(request)

    async def get_group_state(self, request: GetGroupState) -> GroupState:
        await self._gate(request.common, "get_task_group_state")
        return self._groups.state(request)

    async def control_group(self, request: ControlGroup) -> GroupControl:
        await self._gate(request.common, "control_task_group")
        async with self._turn:
            return await self._groups.control(request)

    # ---- calls of the administrator, to whom all tasks are shown ----------------------------------------------------

    def list_tasks(self) -> list[Members]:
        return [task.to_json(self._tools.clock) for task in self._table.all()]

    def show_task(self, task_id: str) -> Members:
        return self._any(task_id).to_json(self._tools.clock)

    async def pause_task(self, task_id: str) -> Members:
        return await self._told(task_id, self._stop)

    async def resume_task(self, task_id: str) -> Members:
        return await self._told(task_id, self._start)

    async def cancel_task(self, task_id: str) -> Members:
        return await self._told(task_id, self._delete)

    async def set_priority(self, task_id: str, priority: Priority) -> Members:
        """Counts from the next chunk on."""

        async def change(task: Task) -> None:
            task.record.priority = priority
            await self._table.save(task)

        return await self._told(task_id, change)

    async def _told(self, task_id: str, change: Callable[[Task], Awaitable[None]]) -> Members:
        task = self._any(task_id)
        await change(task)
        return task.to_json(self._tools.clock)

    # ---- the common parts -------------------------------------------------------------------------------------------

    async def _gate(self, common: NdnCommon, service: str) -> None:
        """Trans is for the current zone; at level ndc for this device."""
        most = ZoneCategory.CURRENT_DEVICE if common.level is NdnLevel.NDC else ZoneCategory.CURRENT_ZONE
        require_category(common.source, most, f"trans.{service}")
        await self._zone.require_local(common.target)

    async def _new_record(self, request: CreateTask, task_id: str, kind: TaskKind, group: str) -> TaskRecord:
        common, source = request.common, request.common.source
        devices = request.device_list or await self._owners_oods(request.object_id)
        if kind is not TaskKind.CHUNK:
            await self._check_object(common, request, devices)
        return TaskRecord(
            task_id,
            source.dec,
            source.device,
            request.object_id,
            request.local_path,
            devices,
            group,
            request.context,
            tuple(referer_text(referer) for referer in common.referers),
            common.req_path,
            self._tools.clock.now(),
        )

    async def _check_object(self, common: NdnCommon, request: CreateTask, devices: tuple[ObjectId, ...]) -> None:
        """``NOT_FOUND`` when the object is not here, and the task names no other device that could give it."""
        try:
            await self._non.load(NonCommon(common.source, req_path=common.req_path), request.object_id)
        except CyfsError as error:
            others = [device for device in devices if device != self._zone.device_id]
            if error.code != ErrorCode.NOT_FOUND or not (others or request.context):
                raise

    async def _owners_oods(self, object_id: ObjectId) -> tuple[ObjectId, ...]:
        """Where the data of an owner should be, as far as this node can tell."""
        owner = await self._zone.owner_of(object_id)
        zone = None if owner is None else await self._zone.find_zone(owner, None)
        return () if zone is None else zone.oods

    async def _start(self, task: Task) -> None:
        async with self._turn:
            if self._table.find(task.record.task_id) is task:
                await self._groups.start(task)
        await self._runner.wait(task)

    async def _stop(self, task: Task) -> None:
        async with self._turn:
            record = task.record
            if record.held:
                record.held = False
                await self._table.save(task)
            elif record.status is not TaskStatus.RUNNING:
                text = f"task {record.task_id} does not run: it is {record.status.value.lower()}"
                raise CyfsError(ErrorCode.ERROR_STATE, text)
            await self._runner.stop(task)

    async def _delete(self, task: Task) -> None:
        async with self._turn:
            await self._runner.stop(task)
            await self._table.forget(task)
            await self._groups.forget_empty(task.record.group)

    def _find(self, source: Source, task_id: str) -> Task:
        task = self._table.find(task_id)
        if task is None or task.record.dec != source.dec:
            raise CyfsError(ErrorCode.NOT_FOUND, f"dec {source.dec} has no task {task_id}")
        return task

    def _any(self, task_id: str) -> Task:
        task = self._table.find(task_id)
        if task is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no task {task_id}")
        return task


def _check_path(source: Source, path: str, service: str) -> None:
    """Local files are read and written with the rights of this process: for named decs of this machine only."""
    require_category(source, ZoneCategory.CURRENT_DEVICE, f"trans.{service} of a local path")
    if source.dec == ANONYMOUS_DEC_ID:
        text = f"trans.{service} of a local path needs a dec: the anonymous one may not touch files"
        raise CyfsError(ErrorCode.PERMISSION_DENIED, text)
    if not path.startswith("/"):
        raise CyfsError(ErrorCode.INVALID_PARAM, f"no file {path!r}: the path must be absolute")
