"""Tasks as the administrator sees them, of all decs, on the gateway's UNIX socket (docs/cli.md, ``trans``)."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.trans.record import Priority
from cyfs_edge.core.trans.service import TransService
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from cyfs_edge.wire.trans import parse_task_id

Query = list[tuple[str, str]]


class TransControl:
    """``GET trans[/ID]``, ``POST trans/ID?action=pause|resume|priority``, ``DELETE trans/ID``."""

    __slots__ = ("_service",)

    def __init__(self, service: TransService) -> None:
        self._service = service

    async def get(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        if not rest:
            return _json({"tasks": self._service.list_tasks()})
        return _json(self._service.show_task(parse_task_id(rest)))

    async def post(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        task_id, action = parse_task_id(rest), fields.last(query, "action")
        if action == "pause":
            return _json(await self._service.pause_task(task_id))
        if action == "resume":
            return _json(await self._service.resume_task(task_id))
        if action == "priority":
            return _json(await self._service.set_priority(task_id, _priority(fields.last(query, "value"))))
        raise CyfsError(ErrorCode.INVALID_PARAM, f"?action= must be pause, resume or priority, not {action!r}")

    async def delete(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return _json(await self._service.cancel_task(parse_task_id(rest)))


def _priority(text: str | None) -> Priority:
    try:
        return Priority[(text or "").upper()]
    except KeyError:
        names = ", ".join(priority.name.lower() for priority in Priority)
        raise CyfsError(ErrorCode.INVALID_PARAM, f"?value= must be one of {names}") from None


def _json(value: object) -> HttpResponse:
    return HttpResponse(200, [fields.JSON_TYPE], fields.json_body(value))
