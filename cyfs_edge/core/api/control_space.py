"""``/control/space`` and ``/control/collect``: use, quotas and collection for the administrator (docs/cli.md)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.control import Action, Query, json_reply
from cyfs_edge.core.jobs import Jobs
from cyfs_edge.core.ports import Account, StatSource
from cyfs_edge.core.space import SpaceService
from cyfs_edge.wire import fields
from cyfs_edge.wire.message import HttpRequest, HttpResponse


class ControlSpace:
    __slots__ = ("_jobs", "_space", "_stat")

    def __init__(self, space: SpaceService, jobs: Jobs, stat: StatSource) -> None:
        self._space = space
        self._jobs = jobs
        self._stat = stat

    def routes(self) -> Mapping[tuple[str, str], Action]:
        return {
            ("GET", "space"): self._show,
            ("PUT", "space"): self._set_quota,
            ("POST", "collect"): self._collect,
        }

    async def _show(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        accounts = [
            {
                "kind": account.kind,
                "id": str(account.id),
                "objects": usage.objects,
                "object_bytes": usage.object_bytes,
                "chunks": usage.chunks,
                "chunk_bytes": usage.chunk_bytes,
                "quota": usage.quota,
            }
            for account, usage in self._space.usage().items()
        ]
        accounts.sort(key=lambda one: (one["kind"], -int(str(one["object_bytes"])) - int(str(one["chunk_bytes"]))))
        stat = self._stat()
        return json_reply({"accounts": accounts, "free": stat.free_space, "used": stat.file_size})

    async def _set_quota(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        """``PUT /control/space/<dec|owner>/<id>?quota=BYTES``; without ``quota`` there is none from now on."""
        kind, _, text = rest.partition("/")
        limit = fields.last(query, "quota")
        if limit is not None and not (limit.isascii() and limit.isdigit() and len(limit) <= 18):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a quota is a number of bytes, not {limit!r}")
        await self._space.set_quota(Account(kind, ObjectId.from_text(text)), None if limit is None else int(limit))
        return HttpResponse(200)

    async def _collect(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        response = json_reply(self._jobs.start("collect", self._space.run).to_json())
        response.status = 202
        return response
