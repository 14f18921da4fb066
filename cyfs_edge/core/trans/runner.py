"""Starting and stopping tasks, and going on with them after a restart."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.trans.beside import FetchGate
from cyfs_edge.core.trans.contexts import TransContexts
from cyfs_edge.core.trans.download import Download, Tools
from cyfs_edge.core.trans.ports import PeerAsk
from cyfs_edge.core.trans.sources import Sources
from cyfs_edge.core.trans.table import TaskTable
from cyfs_edge.core.trans.task import Task
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.wire.requests import NonCommon
from cyfs_edge.wire.source import PROTOCOL_NATIVE, Source
from cyfs_edge.wire.trans import TaskStatus

LOCAL_WAIT = 2.0
"""Seconds that a start waits for a task that needs no other device: it is finished when the call returns."""


class Runner:
    __slots__ = ("_contexts", "_table", "_tools", "_turns", "_zone")

    def __init__(self, table: TaskTable, tools: Tools, contexts: TransContexts, zone: ZoneManager) -> None:
        self._table = table
        self._tools = tools
        self._contexts = contexts
        self._zone = zone
        self._turns = FetchGate(tools.waits.bell(), tools.limits.runs, 0)

    async def go_on(self) -> None:
        """Starts the tasks that were running when the node stopped."""
        for task in self._table.all():
            if task.record.status is TaskStatus.RUNNING and task.activity is None:
                self._begin(task)

    async def start(self, task: Task) -> None:
        """Starts a task that does not run. One that was finished looks whether all of it is still there."""
        record = task.record
        if record.status is TaskStatus.RUNNING:
            return
        if task.activity is not None:
            # It has failed, and is still writing that down.
            await task.activity.join()
        before = record.status, record.error, record.held, record.ended
        record.status, record.error, record.held, record.ended = TaskStatus.RUNNING, None, False, None
        try:
            await self._table.save(task)
        except CyfsError:
            record.status, record.error, record.held, record.ended = before
            raise
        self._begin(task)

    async def wait(self, task: Task) -> None:
        """A moment, unless the task needs other devices or has to wait for its turn."""
        if task.record.status is TaskStatus.RUNNING and not task.is_settled:
            await task.settled.wait(LOCAL_WAIT)

    async def stop(self, task: Task) -> None:
        """A running task stops; what it has fetched stays."""
        activity = task.activity
        if activity is not None:
            activity.cancel()
            await activity.join()
        if task.record.status is TaskStatus.RUNNING:
            task.record.status = TaskStatus.STOPPED
            await self._table.save(task)

    async def close(self) -> None:
        """Ends all activity; what ran is still a running task, with which the next start goes on."""
        await self._tools.activities.close()
        self._tools.peers.close()

    def _begin(self, task: Task) -> None:
        task.is_settled = False
        task.activity = self._tools.activities.start(self._run(task))

    async def _run(self, task: Task) -> None:
        """Cancelled from outside it says nothing: who cancels knows why."""
        try:
            await self._end(task, await self._attempt(task))
        finally:
            task.activity = None
            task.settle()

    async def _attempt(self, task: Task) -> CyfsError | None:
        task.waits_for_turn = True
        if self._turns.is_full:
            task.settle()
        try:
            async with self._turns.enter(task.record.priority, 0):
                task.waits_for_turn = False
                task.meter.begin(self._tools.clock.monotonic())
                await self._download(task)
        except CyfsError as error:
            return error
        except Exception:
            await self._end(task, CyfsError(ErrorCode.INTERNAL_ERROR, "internal error; the log says more"))
            raise
        finally:
            task.waits_for_turn = False
            task.meter.end(self._tools.clock.monotonic())
        return None

    async def _end(self, task: Task, error: CyfsError | None) -> None:
        record = task.record
        record.status = TaskStatus.FINISHED if error is None else TaskStatus.FAILED
        record.error = None if error is None else (int(error.code), error.message)
        record.ended = self._tools.clock.now()
        task.job.phase = ""
        await self._table.save(task)

    async def _download(self, task: Task) -> None:
        record, tools = task.record, self._tools
        asking = await self._source(task)
        common = NonCommon(asking, req_path=record.req_path)
        source = await tools.non.enter(common, record.object_id)
        devices = await self._devices(task, asking)
        sources = Sources(
            devices,
            tools.peers,
            PeerAsk(record.dec, record.referers, record.req_path),
            tools.clock,
            tools.waits,
            tools.throttle,
            task.meter,
            tools.limits,
            tools.gate,
            lambda: record.priority,
            task.settle,
        )
        task.sources = sources.states
        await Download(task, source, sources, tools).run()

    async def _source(self, task: Task) -> Source:
        return await self._zone.source_of(task.record.device, task.record.dec, PROTOCOL_NATIVE)

    async def _devices(self, task: Task, asking: Source) -> list[ObjectId]:
        """Those of the context, then those of the task; not this one, whose store is looked at anyway."""
        record = task.record
        named = await self._contexts.devices(asking, record.context) if record.context else []
        found = dict.fromkeys((*named, *record.device_list))
        return [device for device in found if device != self._zone.device_id]
