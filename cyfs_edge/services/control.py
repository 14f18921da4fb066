"""The administration API on the gateway's UNIX socket, for the CLI (docs/cli.md). Never on a TCP port."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.api.router import split_target
from cyfs_edge.core.ports import FileIndexEntry, ObjectRecord, ScrubReport
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import File, file_chunks
from cyfs_edge.services.jobs import Job, Jobs
from cyfs_edge.wire import fields
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from cyfs_edge.stack import Stack

PREFIX = "/control/"
PAGE_MAX = 1000
BODY_MAX = 64 * 1024

Query = list[tuple[str, str]]
Action = Callable[[HttpRequest, str, Query], Awaitable[HttpResponse]]


class ControlApi:
    """Everything of the protocol API, and ``/control/…`` beside it. The caller is root or the node's own user."""

    __slots__ = ("_jobs", "_routes", "_stack")

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._jobs = Jobs()
        self._routes: dict[tuple[str, str], Action] = {
            ("GET", "status"): self._status,
            ("GET", "objects"): self._objects,
            ("GET", "files"): self._files,
            ("POST", "file_index"): self._file_index,
            ("POST", "scrub"): self._scrub,
            ("GET", "jobs"): self._job,
            ("DELETE", "jobs"): self._cancel_job,
        }

    async def handle(self, request: HttpRequest) -> HttpResponse:
        path, query = split_target(request.target)
        if not path.startswith(PREFIX):
            return await self._stack.handle(request)
        name, _, rest = path[len(PREFIX) :].partition("/")
        action = self._routes.get((request.method, name))
        try:
            if action is None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"no control call {request.method} {path}")
            return await action(request, rest, fields.parse_query(query) if query else [])
        except CyfsError as error:
            return error_to_response(error)

    async def close(self) -> None:
        await self._jobs.close()

    async def _status(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        stack = self._stack
        return _json(
            {
                "version": stack.version,
                "pid": os.getpid(),
                "root": stack.config.root,
                "device_id": str(stack.zone.device_id),
                "owner_id": str(stack.zone.zone.owner),
                "zone_id": str(stack.zone.zone.zone_id),
                "zone_role": stack.zone.role,
                "http": stack.addresses.get("http"),
                "ws": stack.addresses.get("ws"),
                "started": stack.started,
                "uptime_s": (stack.clock.now() - stack.started) // 1_000_000,
                "requests": {"total": stack.requests, "errors": stack.errors},
                "store": asdict(stack.store.stat()),
                "store_failure": stack.store.failure.message if stack.store.failure else None,
            }
        )

    async def _objects(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        limit = _limit(query)
        prefix = fields.last(query, "prefix") or ""
        after = _after(query)
        listed: list[dict[str, object]] = []
        last: ObjectId | None = None
        async for object_id in self._stack.store.objects.list_ids(_prefix_bytes(prefix), after):
            record = await self._stack.store.objects.get(object_id)
            if record is None:
                continue
            if len(listed) == limit:
                return _json({"objects": listed, "next": str(last)})
            listed.append(_record_json(record))
            last = object_id
        return _json({"objects": listed, "next": None})

    async def _files(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        limit, after = _limit(query), _after(query)
        listed: list[dict[str, object]] = []
        last: ObjectId | None = None
        async for object_id in self._stack.store.objects.list_ids(_prefix_bytes("file"), after):
            record = await self._stack.store.objects.get(object_id)
            if record is None:
                continue
            if len(listed) == limit:
                return _json({"files": listed, "next": str(last)})
            obj = decode_object(record.raw)
            content = obj.desc.value
            if isinstance(content, File):
                listed.append(
                    {
                        "file_id": str(object_id),
                        "length": content.length,
                        "hash": content.hash.hex(),
                        "owner": str(obj.owner) if obj.owner is not None else None,
                    }
                )
            last = object_id
        return _json({"files": listed, "next": None})

    async def _file_index(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        file_id = fields.required_id(request.headers, fields.OBJECT_ID)
        record = await self._stack.store.objects.get(file_id)
        obj = decode_object(record.raw) if record is not None else None
        content = obj.desc.value if obj is not None else None
        if obj is None or not isinstance(content, File):
            raise CyfsError(ErrorCode.NOT_FOUND, f"file {file_id} is not here")
        await self._stack.store.files.add(FileIndexEntry(
                file_id, content.hash, content.length, obj.owner, chunks=file_chunks(obj)
            ))
        return HttpResponse(200)

    async def _scrub(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        stat = self._stack.store.stat()

        async def work(job: Job) -> object:
            job.total = stat.object_count + stat.chunk_count

            def progress(report: ScrubReport) -> None:
                job.done = report.objects + report.chunks

            report = await self._stack.store.scrub(progress)
            job.done = report.objects + report.chunks
            return {
                "objects": report.objects,
                "chunks": report.chunks,
                "bytes": report.bytes,
                "problems": [
                    {"kind": problem.kind, "object_id": str(problem.object_id), "what": problem.what}
                    for problem in report.problems
                ],
            }

        response = _json(self._jobs.start("scrub", work).to_json())
        response.status = 202
        return response

    async def _job(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return _json(self._jobs.get(rest).to_json())

    async def _cancel_job(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return _json(self._jobs.cancel(rest).to_json())


def _json(value: object) -> HttpResponse:
    return HttpResponse(200, [fields.JSON_TYPE], fields.json_body(value))


def _limit(query: Query) -> int:
    text = fields.last(query, "limit")
    return PAGE_MAX if text is None else max(1, min(PAGE_MAX, fields.parse_u32("limit", text)))


def _after(query: Query) -> ObjectId | None:
    text = fields.last(query, "after")
    return ObjectId.from_text(text) if text else None


def _prefix_bytes(prefix: str) -> bytes:
    """Of a type name (``file``, ``dir`` …), or of an id."""
    if not prefix:
        return b""
    try:
        kind = ObjectTypeCode[prefix.upper()]
    except KeyError:
        return bytes(ObjectId.from_text(prefix))
    return bytes(((0b010000 | kind) << 2,))


def _record_json(record: ObjectRecord) -> dict[str, object]:
    obj = decode_object(record.raw)
    return {
        "object_id": str(record.object_id),
        "obj_type": obj.obj_type,
        "size": len(record.raw),
        "owner": str(obj.owner) if obj.owner is not None else None,
        "dec_id": str(record.create_dec_id),
        "insert_time": record.insert_time,
        "update_time": record.object_update_time,
        "access": record.access,
    }
