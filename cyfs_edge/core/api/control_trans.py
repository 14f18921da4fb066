"""Tasks as the administrator sees them, of all decs, on the gateway's UNIX socket (docs/cli.md, ``trans``)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.api.control import Action, Query, json_reply
from cyfs_edge.core.trans.record import Priority
from cyfs_edge.core.trans.service import TransService
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import HttpRequest, HttpResponse
from cyfs_edge.wire.trans import parse_task_id


class ControlTrans:
    """``GET trans[/ID]``, ``POST trans/ID?action=pause|resume|priority``, ``DELETE trans/ID``."""

    __slots__ = ("_service",)

    def __init__(self, service: TransService) -> None:
        self._service = service

    def routes(self) -> Mapping[tuple[str, str], Action]:
        return {("GET", "trans"): self._get, ("POST", "trans"): self._post, ("DELETE", "trans"): self._delete}

    async def _get(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        if not rest:
            return json_reply({"tasks": self._service.list_tasks()})
        return json_reply(self._service.show_task(parse_task_id(rest)))

    async def _post(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        task_id, action = parse_task_id(rest), fields.last(query, "action")
        if action == "pause":
            return json_reply(await self._service.pause_task(task_id))
        if action == "resume":
            return json_reply(await self._service.resume_task(task_id))
        if action == "priority":
            return json_reply(await self._service.set_priority(task_id, _priority(fields.last(query, "value"))))
        raise CyfsError(ErrorCode.INVALID_PARAM, f"?action= must be pause, resume or priority, not {action!r}")

    async def _delete(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        return json_reply(await self._service.cancel_task(parse_task_id(rest)))


def _priority(text: str | None) -> Priority:
    try:
        return Priority[(text or "").upper()]
    except KeyError:
        names = ", ".join(priority.name.lower() for priority in Priority)
        raise CyfsError(ErrorCode.INVALID_PARAM, f"?value= must be one of {names}") from None
