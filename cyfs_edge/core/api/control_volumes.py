"""``/control/volumes``: the places of large chunks, for the administrator (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.api.control import BODY_MAX, PAGE_MAX, Action, Query, json_reply
from cyfs_edge.core.jobs import Job, Jobs
from cyfs_edge.core.ports import Store
from cyfs_edge.core.volumes import DrainReport, PlaceState, PlaceUse
from cyfs_edge.wire import fields
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.message import HttpRequest, HttpResponse


class ControlVolumes:
    __slots__ = ("_jobs", "_store")

    def __init__(self, store: Store, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs

    def routes(self) -> Mapping[tuple[str, str], Action]:
        return {("GET", "volumes"): self._show, ("POST", "volumes"): self._change}

    async def _show(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """All places with what they have; ``/control/volumes/<id>/chunks``: a page of what is on one."""
        name, _, what = rest.partition("/")
        if what == "chunks":
            return await self._chunks(name, fields.last(query, "after"))
        if rest:
            raise _no_call(request, rest)
        states, use = await self._store.volumes.refresh(), await self._store.volumes.use()
        return json_reply({"volumes": [_place_json(one, use.get(one.name, PlaceUse())) for one in states]})

    async def _chunks(self, name: str, after: str | None) -> HttpResponse:
        listed: list[dict[str, object]] = []
        start = None if after is None else ChunkId(ObjectId.from_text(after))
        async for chunk_id in self._store.volumes.chunks(name, start):
            if len(listed) == PAGE_MAX:
                return json_reply({"chunks": listed, "next": listed[-1]["chunk_id"]})
            files = [str(entry.file_id) for entry in await self._store.files.by_chunk(chunk_id)]
            listed.append({"chunk_id": str(chunk_id), "files": files})
        return json_reply({"chunks": listed, "next": None})

    async def _change(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """A new one (``{"path", "same_disk"}``), or ``<id>/drain``, ``<id>/keep`` and ``<id>/remove`` (``?lost=1``)."""
        volumes = self._store.volumes
        name, _, what = rest.partition("/")
        if not rest:
            members = values.read_object(await request.body.read(BODY_MAX), "the body")
            added = await volumes.add(values.text(members, "path"), same_disk=members.get("same_disk") is True)
            return json_reply(_place_json(added, PlaceUse()))
        if what == "keep":
            await volumes.set_draining(name, False)
            return HttpResponse(200)
        if what == "drain":
            return self._job(f"drain-{name}", lambda job: self._drain(job, name))
        if what == "remove":
            lost = fields.last(query, "lost") == "1"
            return self._job(f"remove-{name}", lambda job: self._remove(job, name, lost=lost))
        raise _no_call(request, rest)

    def _job(self, kind: str, work: Callable[[Job], Awaitable[object]]) -> HttpResponse:
        response = json_reply(self._jobs.start(kind, work).to_json())
        response.status = 202
        return response

    async def _drain(self, job: Job, name: str) -> object:
        def progress(report: DrainReport) -> None:
            job.done, job.total = report.chunks + report.failed, report.total

        report = await self._store.volumes.drain(name, progress)
        left = [{"chunk_id": str(chunk_id), "what": what} for chunk_id, what in report.left]
        return {"chunks": report.chunks, "bytes": report.bytes, "failed": report.failed, "left": left}

    async def _remove(self, job: Job, name: str, *, lost: bool) -> object:
        def progress(dropped: int) -> None:
            job.done = dropped

        return asdict(await self._store.volumes.remove(name, progress, lost=lost))


def _place_json(place: PlaceState, use: PlaceUse) -> dict[str, object]:
    return {**asdict(place), **asdict(use)}


def _no_call(request: HttpRequest, rest: str) -> CyfsError:
    return CyfsError(ErrorCode.NOT_FOUND, f"no control call {request.method} volumes/{rest}")
