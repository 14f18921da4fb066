"""The administration API on the gateway's UNIX socket, for the CLI (docs/cli.md). Never on a TCP port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.api.openapi import openapi_document
from cyfs_edge.core.api.router import split_target
from cyfs_edge.core.events.router_events import RouterEvents
from cyfs_edge.core.handlers.registry import Handler, HandlerRegistry
from cyfs_edge.core.jobs import Job, Jobs
from cyfs_edge.core.ports import FileIndexEntry, ObjectRecord, ScrubReport, Store
from cyfs_edge.core.rmeta.service import MetaService
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import File, file_chunks
from cyfs_edge.wire import fields, rmeta
from cyfs_edge.wire.errors import error_to_response
from cyfs_edge.wire.message import HttpHandler, HttpRequest, HttpResponse
from cyfs_edge.wire.req_path import CATEGORIES
from cyfs_edge.wire.router_event import EventCategory

PREFIX = "/control/"
PAGE_MAX = 1000
BODY_MAX = 64 * 1024

Query = list[tuple[str, str]]
Action = Callable[[HttpRequest, str, Query], Awaitable[HttpResponse]]


class ControlPart(Protocol):
    """The calls of one service, in a module of its own."""

    def routes(self) -> Mapping[tuple[str, str], Action]:
        """By method and first name after ``/control/``; an action gets what follows that name."""
        ...


class ControlApi:
    """Everything of the protocol API, and ``/control/…`` beside it. The caller is root or the node's own user."""

    __slots__ = ("_events", "_jobs", "_meta", "_protocol", "_registry", "_routes", "_status_of_node", "_store")

    def __init__(
        self,
        protocol: HttpHandler,
        store: Store,
        jobs: Jobs,
        status: Callable[[], dict[str, object]],
        registry: HandlerRegistry,
        events: RouterEvents,
        meta: MetaService,
        parts: Sequence[ControlPart] = (),
    ) -> None:
        """``protocol``: the API of the node itself. ``status``: what ``/control/status`` tells. ``parts``: the rest."""
        self._protocol = protocol
        self._store = store
        self._jobs = jobs
        self._status_of_node = status
        self._registry = registry
        self._events = events
        self._meta = meta
        self._routes: dict[tuple[str, str], Action] = {
            ("GET", "status"): self._status,
            ("GET", "objects"): self._objects,
            ("GET", "files"): self._files,
            ("POST", "file_index"): self._file_index,
            ("POST", "scrub"): self._scrub,
            ("GET", "jobs"): self._job,
            ("DELETE", "jobs"): self._cancel_job,
            ("GET", "access"): self._access,
            ("GET", "openapi.json"): self._openapi,
            ("GET", "handlers"): self._handlers,
            ("POST", "events"): self._test_event,
        }
        for part in parts:
            self._routes.update(part.routes())

    async def handle(self, request: HttpRequest) -> HttpResponse:
        path, query = split_target(request.target)
        if not path.startswith(PREFIX):
            return await self._protocol(request)
        name, _, rest = path[len(PREFIX) :].partition("/")
        action = self._routes.get((request.method, name))
        try:
            if action is None:
                raise CyfsError(ErrorCode.NOT_FOUND, f"no control call {request.method} {path}")
            return await action(request, rest, fields.parse_query(query) if query else [])
        except CyfsError as error:
            return error_to_response(error)

    async def _status(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply(self._status_of_node())

    async def _objects(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        limit = _limit(query)
        prefix = fields.last(query, "prefix") or ""
        after = _after(query)
        listed: list[dict[str, object]] = []
        last: ObjectId | None = None
        async for object_id in self._store.objects.list_ids(_prefix_bytes(prefix), after):
            record = await self._store.objects.get(object_id)
            if record is None:
                continue
            if len(listed) == limit:
                return json_reply({"objects": listed, "next": str(last)})
            listed.append(_record_json(record))
            last = object_id
        return json_reply({"objects": listed, "next": None})

    async def _files(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        limit, after = _limit(query), _after(query)
        listed: list[dict[str, object]] = []
        last: ObjectId | None = None
        async for object_id in self._store.objects.list_ids(_prefix_bytes("file"), after):
            record = await self._store.objects.get(object_id)
            if record is None:
                continue
            if len(listed) == limit:
                return json_reply({"files": listed, "next": str(last)})
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
        return json_reply({"files": listed, "next": None})

    async def _file_index(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        file_id = fields.required_id(request.headers, fields.OBJECT_ID)
        record = await self._store.objects.get(file_id)
        obj = decode_object(record.raw) if record is not None else None
        content = obj.desc.value if obj is not None else None
        if obj is None or not isinstance(content, File):
            raise CyfsError(ErrorCode.NOT_FOUND, f"file {file_id} is not here")
        await self._store.files.add(
            FileIndexEntry(file_id, content.hash, content.length, obj.owner, chunks=file_chunks(obj))
        )
        return HttpResponse(200)

    async def _scrub(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        stat = self._store.stat()

        async def work(job: Job) -> object:
            job.total = stat.object_count + stat.chunk_count

            def progress(report: ScrubReport) -> None:
                job.done = report.objects + report.chunks

            report = await self._store.scrub(progress)
            job.done = report.objects + report.chunks
            return {
                "objects": report.objects,
                "chunks": report.chunks,
                "bytes": report.bytes,
                "unreachable": report.unreachable,
                "problems": [
                    {"kind": problem.kind, "object_id": str(problem.object_id), "what": problem.what}
                    for problem in report.problems
                ],
            }

        response = json_reply(self._jobs.start("scrub", work).to_json())
        response.status = 202
        return response

    async def _job(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply(self._jobs.get(rest).to_json())

    async def _cancel_job(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply(self._jobs.cancel(rest).to_json())

    async def _access(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """The path meta of ``?dec=``, of root-state or ``?category=``, in the order in which it is tried."""
        dec = fields.last(query, "dec")
        category = fields.last(query, "category") or CATEGORIES[0]
        if dec is None or category not in CATEGORIES:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"?dec= must be there, and ?category= one of {CATEGORIES}")
        dec_id = ObjectId.from_text(dec)
        record = await self._meta.record(dec_id, category)
        lists: dict[str, Sequence[rmeta.MetaItem]] = {
            "access": record.accesses.items,
            "link": record.links.items,
            "object": record.objects,
            "config": record.configs.items,
        }
        items = {name: [rmeta.item_json(item) for item in held] for name, held in lists.items()}
        return json_reply({"dec_id": str(dec_id), "category": category, **items})

    async def _openapi(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply(openapi_document())

    async def _handlers(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply({"handlers": [_handler_json(handler) for handler in self._registry]})

    async def _test_event(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """Sends ``test_event`` to its listeners: shows an administrator, or a test, that events arrive."""
        if rest != EventCategory.TEST_EVENT.value:
            raise CyfsError(ErrorCode.NOT_FOUND, f"no event {rest!r} can be sent by hand")
        return json_reply({"handled": await self._events.test_event()})


def json_reply(value: object) -> HttpResponse:
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


def _handler_json(handler: Handler) -> dict[str, object]:
    key, param = handler.key, handler.param
    return {
        "chain": key.chain.value,
        "category": key.category.value,
        "id": key.id,
        "dec_id": str(key.dec) if key.dec is not None else None,
        "index": param.index,
        "filter": param.filter,
        "req_path": param.req_path,
        "default_action": param.default_action.value,
        "has_routine": handler.routine is not None,
        "failures": handler.failures,
        "last_failure": handler.last_failure or None,
    }


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
